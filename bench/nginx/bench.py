"""What stopping messages costs the rest of an nginx worker.

bench.py FOLDER [--page FILE] [--rounds N] [--seconds S]

Two figures, each a median of rounds in turn: how long an unrelated /ping of the same worker takes
while it stops ids, against an idle one, and how many handlers a second get their one id stopped by
a provider 50 ms away, against what that provider gives without us. The worker under test has one
core for itself, all else has the other.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

sys.path.insert(0, os.path.dirname(HERE))
from server import Nginx, free_ports, preamble

LISTS = (10_000, 100_000, 1_000_000)
PING_EVERY = 2000  # microseconds
PING_TARGET = 0.003  # seconds that the 99th percentile may be above that of an idle worker
HANDLERS = 512
RATE_TARGET = 1.0  # of the provider alone
COST_TARGET = 1.4  # of the bare cosocket's processor time

TESTED, OTHERS = 0, 1  # cores


def allowed(*argv):
    """The prefix of a command, where we may use it."""
    tried = subprocess.run([*argv, "true"], check=False, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    return list(argv) if tried.returncode == 0 else []


def go_first():
    """Where sessions share the cores, ours goes before the others: nice counts within one only."""
    try:
        with open("/proc/self/autogroup", "r+", encoding="ascii") as file:
            before = file.read().split()[-1]
            file.seek(0)
            file.write("-20")
        return before
    except OSError:
        return None


def go_back(before):
    """Undoes that."""
    if before is not None:
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(before)


def on_core(core, is_punctual=False):
    """The prefix of a command that runs on that core, before what else the machine is doing."""
    first = allowed("chrt", "-f", "10") if is_punctual else allowed("nice", "-n", "-20")
    return ["taskset", "-c", str(core), *first]


def nginx(folder, name, core, port, values):
    """Runs name.conf with its @values@ filled in."""
    with open(os.path.join(HERE, name + ".conf"), encoding="ascii") as file:
        config = re.sub(r"@(\w+)@", lambda match: str(values[match.group(1)]), file.read())
    return Nginx(folder, name, on_core(core), config, port)


def get(url):
    """The text at an address."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def write_lists(folder):
    """The lists of ids, one a line."""
    for count in LISTS:
        path = os.path.join(folder, f"ids-{count}.txt")
        if not os.path.exists(path):
            with open(path + ".new", "w", encoding="ascii") as file:
                file.writelines(f"{i:08x}-0000-4000-8000-{i:012x}\n" for i in range(count))
            os.rename(path + ".new", path)


def ping(folder, port, seconds):
    """Percentiles of /ping in seconds, by the prober."""
    # Beside the provider it has to be on time.
    told = subprocess.run([*on_core(OTHERS, is_punctual=True), os.path.join(folder, "prober"),
                           str(port), str(PING_EVERY), str(seconds)],
                          check=True, capture_output=True, text=True).stdout
    return {name: float(value) for name, value in (pair.split("=") for pair in told.split())}


def ping_beside(folder, port, seconds, ids):
    """The same while lists of so many ids are stopped, and with the rate of that."""
    if not ids:
        return {**ping(folder, port, seconds), "rate": 0}
    base = f"http://127.0.0.1:{port}"
    get(f"{base}/begin?ids={ids}")
    time.sleep(0.3)
    started = time.monotonic()
    figures = ping(folder, port, seconds)
    outcomes = dict(line.split("=") for line in get(base + "/cease").split())
    elapsed = time.monotonic() - started + 0.3
    time.sleep(0.5)
    if list(outcomes) != ["stopped"]:
        raise SystemExit(f"not all ids were stopped: {outcomes}")
    return {**figures, "rate": int(outcomes["stopped"]) / elapsed}


def handlers(url, seconds):
    """Requests a second that wrk gets through."""
    told = subprocess.run([*on_core(OTHERS), "wrk", "-t1", f"-c{HANDLERS}", f"-d{seconds}s", url],
                          check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(told)
    return float(re.search(r"Requests/sec:\s*([\d.]+)", told).group(1))


def verdict(is_reached):
    """A target's last word."""
    return "reached" if is_reached else "**not reached**"


def ping_table(rounds):
    """Lines of the first table; rounds: {ids: [figures]}."""
    def middle(ids, name):
        return statistics.median(figures[name] for figures in rounds[ids])

    idle = middle(0, "p99")
    lines = ["| ids in a list | /ping p50, ms | p99, ms | above idle | longest, ms | ids/s | target "
             "|", "| --- | --- | --- | --- | --- | --- | --- |"]
    for ids in rounds:
        above = middle(ids, "p99") - idle
        lines.append("| {} | {:.2f} | {:.2f} | {} | {:.2f} | {} | {} |".format(
            f"{ids:,}" if ids else "idle", middle(ids, "p50") * 1e3, middle(ids, "p99") * 1e3,
            f"{above * 1e3:+.2f}" if ids else "", middle(ids, "max") * 1e3,
            f"{middle(ids, 'rate'):,.0f}" if ids else "",
            verdict(above <= PING_TARGET) if ids else ""))
    return lines


def spent(process):
    """Seconds of processor time of an nginx's workers until now."""
    path = f"/proc/{process.pid}/task/{process.pid}/children"
    with open(path, encoding="ascii") as file:
        workers = file.read().split()
    ticks = 0
    for worker in workers:
        with open(f"/proc/{worker}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


WAYS = {"one": "through `stop`", "bare": "through a bare cosocket"}


def handler_table(alone, through):
    """Lines of the second table; alone: [rate]; through: {way: [(rate, seconds a request)]}."""
    lines = ["| | requests/s | of the provider alone | processor time a request, us | target |",
             "| --- | --- | --- | --- | --- |",
             f"| the provider alone | {statistics.median(alone):,.0f} | | | |"]
    costs = {way: statistics.median(cost for _, cost in rounds) for way, rounds in through.items()}
    for way, about in WAYS.items():
        ratio = statistics.median(rate / whole for whole, (rate, _) in zip(alone, through[way]))
        is_reached = ratio >= RATE_TARGET and costs[way] <= COST_TARGET * costs["bare"]
        lines.append("| {} | {:,.0f} | {:.3f} | {:.0f} | {} |".format(
            about, statistics.median(rate for rate, _ in through[way]), ratio, costs[way] * 1e6,
            verdict(is_reached) if way == "one" else ""))
    return lines


def measure(given, folder):
    """All rounds: pings, rates of the provider alone, and through handlers."""
    server, upstream = free_ports(2)
    values = {
        "server": server, "upstream": upstream, "preamble": preamble(),
        "lua": f"{HERE}/?.lua;{ROOT}/lua/?.lua;{ROOT}/lua/?/init.lua",
        "lua_c": f"{ROOT}/build/luajit/?.so",
    }
    pings = {ids: [] for ids in (0, *LISTS)}
    alone, through = [], {way: [] for way in WAYS}
    with nginx(folder, "upstream", OTHERS, upstream, values), \
            nginx(folder, "server", TESTED, server, values) as tested:
        base = f"http://127.0.0.1:{server}/"
        direct = f"http://127.0.0.1:{upstream}/rest/message/{0:032x}"
        ping_beside(folder, server, 3, LISTS[-1])  # the provider keeps its answers from here on
        handlers(base + "one", 1)
        for number in range(given.rounds):
            print(f"round {number + 1} of {given.rounds}", flush=True)
            for ids, rounds in pings.items():
                rounds.append(ping_beside(folder, server, given.seconds, ids))
            alone.append(handlers(direct, given.seconds))
            for way, rates in through.items():
                before = spent(tested.process)
                rate = handlers(base + way, given.seconds)
                cost = (spent(tested.process) - before) / (rate * given.seconds)
                rates.append((rate, cost))
    return pings, alone, through


def main():
    """Measures, prints the tables, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder")
    parser.add_argument("--page", help="where the tables go, too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of one measurement")
    given = parser.parse_args()
    folder = os.path.abspath(given.folder)
    write_lists(folder)
    load = os.getloadavg()[0]
    before = go_first()
    try:
        pings, alone, through = measure(given, folder)
    finally:
        go_back(before)

    with open(os.path.join(HERE, "page.md"), encoding="utf-8") as file:
        page = file.read()
    page = page.format(
        rounds=given.rounds, seconds=given.seconds, load=f"{load:.1f}", every=f"{PING_EVERY / 1000:g}",
        ping_target=f"{PING_TARGET * 1e3:g}", ping_table="\n".join(ping_table(pings)),
        handlers=HANDLERS, rate_target=f"{RATE_TARGET:.0%}", cost_target=f"{COST_TARGET:g}",
        handler_table="\n".join(handler_table(alone, through)))
    print("\n" + page)
    if given.page:
        with open(given.page, "w", encoding="utf-8") as file:
            file.write(page)


if __name__ == "__main__":
    main()
