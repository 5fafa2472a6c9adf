"""What a fleet costs: memory of Redis under a slow collector, and processor beside a journal.

    python3 spec/torture/fleet/cost.py memory [--ids N]
    python3 spec/torture/fleet/cost.py overhead [--ids N]

memory    feeds so many ids while collect stands still most of the time, and watches used_memory.
          Every id is counted once; the peak may not grow with the list.
overhead  the processor time, user and system, of `stop --journal` over a list, and of feed, one
          worker, collect and redis-server together over the same list.

The provider is judge.py without its memory, as a process of its own.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from store import Redis
from trial import FINISHED, LUA, UNFINISHED, Trial, Wrong

MEGABYTE = 1 << 20


class Provider:
    """As a judge has it, in another process."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(__file__), "judge.py"),
             os.path.join(folder, "log"), "--forget"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = self.process.stdout.readline().decode().split()[-1]

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


def count_lines(path, ids):
    """How many ids a file of results holds, and how many of them more than once."""
    seen, twice = bytearray(ids), 0
    with open(path, "rb") as file:
        for line in file:
            if line.startswith(b'{"n":'):
                n = int(line[5:line.index(b",")]) - 1
                twice += seen[n]
                seen[n] = 1
    return sum(seen), twice


def memory(options, folder):
    provider, redis = Provider(folder), Redis(folder + "/redis", "--appendonly", "no")
    try:
        trial = Trial(folder, provider, redis.port, ids=options.ids, work=[],
                      feed=["--results", str(options.results), "--ahead", str(options.ahead)],
                      is_long=True)
        processes = [trial.feed()]
        while not trial.knows():
            time.sleep(0.05)
        processes += [trial.work() for _ in range(2)]
        peak = 0
        began, is_fed, collector, asleep_till = time.monotonic(), False, None, 0
        while True:
            used = int(redis.info("used_memory"))
            peak = max(peak, used)
            now = time.monotonic()
            if processes[0].poll() is not None:
                trial.run(processes[0], {0})
                is_fed = True
            if collector is None:
                collector = trial.collect()
                asleep_till = 0
            if collector.poll() is not None:
                code, _ = trial.run(collector, FINISHED | {UNFINISHED})
                collector = None
                if is_fed and code in FINISHED:
                    break
                time.sleep(0.5)
            elif now >= asleep_till and not is_fed:
                # Awake for a twentieth of the time.
                collector.send_signal(signal.SIGCONT)
                time.sleep(0.05)
                collector.send_signal(signal.SIGSTOP)
                asleep_till = time.monotonic() + 0.95
            elif is_fed:
                collector.send_signal(signal.SIGCONT)
            for place in (1, 2):
                if processes[place].poll() is not None and not is_fed:
                    raise Wrong("a worker ended: " + trial.words(processes[place]))
            time.sleep(0.05)
        seconds = time.monotonic() - began
        for process in processes[1:]:
            process.kill()
            process.wait()
        found, twice = count_lines(trial.output, options.ids)
        if (found, twice) != (options.ids, 0):
            raise Wrong("%d ids of %d, %d twice" % (found, options.ids, twice))
        return ("%d ids, each counted once, in %.0f s; with --results %d --ahead %d used_memory "
                "of Redis is at most %.1f MiB" % (options.ids, seconds, options.results,
                                                  options.ahead, peak / MEGABYTE))
    finally:
        redis.remove()
        provider.stop()


def processor_of(pid):
    """Seconds of a process that lives."""
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds_of(process):
    """Seconds of the processor that a child took from its start to its end."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def scripts_of(redis):
    """How many scripts Redis ran since it was asked last."""
    for line in redis.call("INFO", "commandstats").decode().split("\r\n"):
        if line.startswith("cmdstat_evalsha:"):
            redis.call("CONFIG", "RESETSTAT")
            return int(line.partition("calls=")[2].partition(",")[0])
    return 0


def overhead(options, folder):
    provider, redis = Provider(folder), Redis(folder + "/redis")
    try:
        rows = []
        for form, ids in (("revicom", options.ids), ("clickatell", options.ids // 20)):
            trial = Trial(folder, provider, redis.port, form=form, ids=ids, name=form, work=[])
            stop = subprocess.Popen(
                [LUA, "bin/stopmsg", "stop", "-p", form, "-i", trial.input, "--base-url",
                 provider.url, "--journal", folder + "/" + form + ".journal", "--yes", "-q",
                 "--format", "ndjson", "-o", folder + "/" + form + ".stop"],
                env=trial.env, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            alone = seconds_of(stop)
            before = processor_of(redis.process.pid)
            feed = trial.feed()
            while not trial.knows():
                time.sleep(0.05)
            work = trial.work()
            parts = {"feed": seconds_of(feed), "work": seconds_of(work)}
            collect = trial.collect()
            parts["collect"] = seconds_of(collect)
            parts["redis-server"] = processor_of(redis.process.pid) - before
            for process in (stop, feed, work, collect):
                if process.returncode not in FINISHED:
                    raise Wrong("%s: exit code %d" % (process.args, process.returncode))
            whole = sum(parts.values())
            rows.append("%s, %d ids: stop --journal %.2f s, the fleet %.2f s (%s): %.1f times; "
                        "Redis ran %d scripts" % (
                            form, ids, alone, whole,
                            ", ".join("%s %.2f" % pair for pair in parts.items()), whole / alone,
                            scripts_of(redis)))
        return "\n".join(rows)
    finally:
        redis.remove()
        provider.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["memory", "overhead"])
    parser.add_argument("--ids", type=int, default=500000)
    parser.add_argument("--results", type=int, default=500000, help="that may wait for collect")
    parser.add_argument("--ahead", type=int, default=256, help="entries that may wait for workers")
    options = parser.parse_args()
    folder = tempfile.mkdtemp()
    try:
        print({"memory": memory, "overhead": overhead}[options.what](options, folder))
    except Wrong as wrong:
        print("%s\nfiles in %s" % (wrong, folder))
        sys.exit(1)
    shutil.rmtree(folder)


main()
