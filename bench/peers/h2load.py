"""h2load: how much the server answers. It counts answers, and does not read them.

It asks for the same ids one by one, and for one batch again and again.
"""

import os
import re
import resource
import subprocess
import tempfile
from itertools import islice
from urllib.parse import urlsplit

import common

given = common.Given()
requests = given.count // common.BATCH if given.is_batch else given.count
argv = ["h2load", "-t", "1", "-n", str(requests)]
if given.version == "2":
    argv += ["-c", "1", "-m", str(given.in_flight)]
else:
    argv += ["--h1", "-m", "1", "-c", str(min(given.in_flight, requests))]
for name, value in given.headers.items():
    argv += ["-H", f"{name}: {value}"]
with tempfile.NamedTemporaryFile("w", encoding="ascii") as paths:
    if given.is_batch:
        argv += ["-d", os.path.join(os.path.dirname(given.file), "body.json"), given.url]
    else:
        prefix = urlsplit(given.url).path
        with open(given.file, encoding="ascii") as ids:
            paths.writelines(prefix + one for one in islice(ids, given.count))
        paths.flush()
        argv += ["-H", ":method: DELETE", "-B", given.url, "-i", paths.name]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
used = resource.getrusage(resource.RUSAGE_CHILDREN)
elapsed, unit = re.search(r"finished in ([\d.]+)(us|ms|s),", text).groups()
answered = int(re.search(r"(\d+) 2xx", text).group(1))
print(f"elapsed={float(elapsed) * {'us': 1e-6, 'ms': 1e-3, 's': 1}[unit]} "
      f"cpu={used.ru_utime + used.ru_stime:.6f} "
      f"answered={answered * (common.BATCH if given.is_batch else 1)}")
