"""wrk: how much the server answers in two seconds. It counts answers, and does not read them."""

import os
import re
import resource
import subprocess

import common

given = common.Given()
script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wrk.lua")
argv = ["wrk", "-t", "1", "-c", str(given.in_flight), "-d", "2s", "--latency", "-s", script]
for name, value in given.headers.items():
    argv += ["-H", f"{name}: {value}"]
text = subprocess.run([*argv, given.url, "--", given.file], check=True, capture_output=True,
                      text=True).stdout
used = resource.getrusage(resource.RUSAGE_CHILDREN)


def seconds(pattern):
    number, unit = re.search(pattern + r"\s+([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]


count, elapsed = re.search(r"(\d+) requests in ([\d.]+)s", text).groups()
if "Non-2xx" in text or "Socket errors" in text:
    raise SystemExit(text)
print(f"elapsed={elapsed} cpu={used.ru_utime + used.ru_stime:.6f} count={count} answered={count} "
      f"p50={seconds('50%')} p99={seconds('99%')}")
