"""Counts the instructions that an id costs: those of the processor by callgrind, and those of Lua.

A busy machine moves neither by much, so a change shows here before it shows in seconds. Each client
runs twice, with fewer and with more ids; what the additional ones took is divided by their number.
The instructions of Lua's machine are those of stopmsg; beside them stand those of the bench's own
loop, which gives ids and looks at items, as a program does.
"""

import argparse
import collections
import os
import re
import subprocess
import sys

import clients
import rows
import upstream

# row: fewer and more ids
ROWS = {"one64": (5000, 15000), "batches4": (100000, 300000), "each1m": (100000, 300000)}

# What a shared object is part of; libcurl and what it uses are the rest.
PARTS = (("core", r"stopmsg/(core|command)\.so$|/bench/floor$"),
         ("Lua", r"lua|cjson"))


def part_of(path):
    return next((part for part, pattern in PARTS if re.search(pattern, path)), "libcurl and libc")


def by_part(path):
    """Part -> instructions of its own, from a file of callgrind's."""
    counts = collections.Counter()
    names, part, is_call = {}, "", False
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            named = re.match(r"ob=\((\d+)\)(?: (.*))?$", line)
            if named:
                names.setdefault(named[1], named[2])
                part = part_of(names[named[1]] or "")
            elif line.startswith("cob="):
                named = re.match(r"cob=\((\d+)\)(?: (.*))?$", line)
                names.setdefault(named[1], named[2])
            elif line.startswith("calls="):
                is_call = True  # the next line holds what the callee took
            elif re.match(r"[+\-*\d]\S* \d+$", line):
                counts[part] += 0 if is_call else int(line.split()[1])
                is_call = False
    return counts


def run(server, client, row, count, prefix=()):
    folder = server.folder
    argv = client.command(row, row.url(server), row.file(folder), count, server.ca)
    done = subprocess.run([*prefix, *argv], env={**os.environ, **client.env}, text=True, check=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    return done.stdout


def machine(server, client, row, count):
    """Part -> instructions of a run."""
    out = os.path.join(server.folder, "callgrind.out")
    run(server, client, row, count,
        ("valgrind", "-q", "--tool=callgrind", "--callgrind-out-file=" + out))
    return by_part(out)


def virtual(server, client, row, count):
    """Instructions of Lua's machine of a run, by a hook: stopmsg's, and the bench's own."""
    env = {**client.env, "BENCH_COUNTS": "1"}
    counted = clients.Client(client.name, client.title, client.command, env, client.kind)
    return [int(n) for n in re.search(r"lua=(\d+) loop=(\d+)",
                                      run(server, counted, row, count)).groups()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="where ids, answers and programs are kept")
    parser.add_argument("rows", nargs="*", metavar="row", default=list(ROWS),
                        help="one of " + ", ".join(ROWS))
    given = parser.parse_args()
    os.makedirs(given.folder, exist_ok=True)
    print(f"{'an id':<10}{'':20}{'all':>10}{'libcurl':>10}{'Lua':>10}{'core':>10}{'floor':>8}"
          f"{'Lua VM':>8}{'its loop':>10}")
    with upstream.Upstream(given.folder, 0) as server:
        for row in rows.ROWS:
            if row.name not in given.rows:
                continue
            few, many = ROWS[row.name]
            floor = None
            for client in (clients.FLOOR, *clients.OWN):
                less, more = (machine(server, client, row, count) for count in (few, many))
                cost = {part: (more[part] - less[part]) / (many - few) for part in more}
                total = sum(cost.values())
                floor = floor or total
                ours = loop = ""
                if client.kind != "floor":
                    less, more = (virtual(server, client, row, count) for count in (few, many))
                    ours, loop = ("%.1f" % ((b - a) / (many - few)) for a, b in zip(less, more))
                print(f"{row.name:<10}{client.title[:19]:<20}{total:>10,.0f}"
                      f"{cost['libcurl and libc']:>10,.0f}{cost.get('Lua', 0):>10,.0f}"
                      f"{cost['core']:>10,.0f}{total / floor:>8.2f}{ours:>8}{loop:>10}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
