"""The curl command with --parallel: one process for all requests. What it wrote is read afterwards,
outside the time that is measured.
"""

import re
import resource
import subprocess
import tempfile
import time

import common

given = common.Given()
with open(given.file, encoding="ascii") as file:
    ids = [line.rstrip("\n") for _, line in zip(range(given.count), file)]

with tempfile.TemporaryDirectory() as folder:
    config, output = folder + "/config", folder + "/output"
    with open(config, "w", encoding="ascii") as file:
        file.write('request = "DELETE"\nsilent\nno-progress-meter\nproxy = ""\n')
        file.write("http2\n" if given.version == "2" else "http1.1\n")
        if given.in_flight > 1:
            file.write(f"parallel\nparallel-max = {given.in_flight}\n")
        if given.in_flight > 1 and given.version != "2":
            file.write("parallel-immediate\n")
        if given.ca:
            file.write(f'cacert = "{given.ca}"\n')
        for name, value in given.headers.items():
            file.write(f'header = "{name}: {value}"\n')
        file.writelines(f'url = "{given.url}{one}"\n' for one in ids)
    with open(output, "wb") as file:
        started = time.perf_counter()
        subprocess.run(["curl", "--config", config], stdout=file, check=True)
        elapsed = time.perf_counter() - started
    with open(output, "rb") as file:
        text = file.read().decode("ascii")

used = resource.getrusage(resource.RUSAGE_CHILDREN)
answers = re.findall(r'"messageStatus":"(\d+)","description":"[^"]*","apiMessageId":"(\w+)"', text)
outcomes = {one: common.CODES.get(code) for code, one in answers}
words = [outcomes.get(one) for one in ids]
print(f"elapsed={elapsed:.6f} cpu={used.ru_utime + used.ru_stime:.6f} "
      f"stopped={words.count('stopped')} too_late={words.count('too_late')}")
