"""usage: bench.py FOLDER [ROW...]

Measures the rows named, and prints them. FOLDER is where ids, answers and programs are kept.
"""

import argparse
import os
import sys

import clients
import measure
import rows
import upstream

SERVER_CORE, CLIENT_CORE = 0, 1


def say(text):
    print(text, file=sys.stderr, flush=True)


def show(row, results):
    print(f"\n{row.name}: {row.title}")
    print(f"{'':24}{'ids/s':>12}{'of floor':>10}{'CPU s/100k':>12}{'of floor':>10}"
          f"{'peak MB':>9}{'first ms':>10}   slowest..fastest")
    for client, one in results.items():
        if one is None:
            print(f"{client.name:24}{'void':>12}")
            continue
        first = f"{one['first'] * 1e3:10.1f}" if "first" in one else f"{'-':>10}"
        low, high = one["spread"]
        print(f"{client.name:24}{one['rate']:12,.0f}{one.get('of_floor', 0):10.3f}"
              f"{one['cpu_100k']:12.4f}{one.get('cpu_of_floor', 0):10.3f}{one['peak']:9.1f}{first}"
              f"   {low:,.0f}..{high:,.0f}")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("folder")
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.2)
    given = parser.parse_args()
    os.makedirs(given.folder, exist_ok=True)
    chosen = [row for row in rows.ROWS if row.name in given.rows]
    wrong = set(given.rows) - {row.name for row in rows.ROWS}
    if wrong:
        parser.error("no row " + ", ".join(wrong) + "; there are "
                     + ", ".join(row.name for row in rows.ROWS))
    with upstream.Upstream(given.folder, SERVER_CORE) as server:
        for row in chosen:
            row.file(server.folder)
            show(row, measure.row([clients.FLOOR, *clients.OWN], row, server, CLIENT_CORE,
                                  given.rounds, given.seconds, say))


if __name__ == "__main__":
    main()
