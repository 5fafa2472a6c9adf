"""Measures stopmsg against bare libcurl and other clients, and writes what came out.

All rows make the page of figures; rows that are named are only printed.
"""

import argparse
import json
import os
import sys
import time

import clients
import measure
import report
import rows
import upstream
import work

SERVER_CORE, CLIENT_CORE = 0, 1


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="where ids, answers and programs are kept")
    parser.add_argument("rows", nargs="*", metavar="row",
                        help="one of " + ", ".join(row.name for row in rows.ROWS))
    parser.add_argument("--page", help="the folder that the page of figures goes into")
    parser.add_argument("--clients", default="", help="names, or all; with rows: our own alone")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.2, help="of one run, about")
    given = parser.parse_args()
    known = {row.name: row for row in rows.ROWS}
    wrong = [name for name in given.rows if name not in known]
    if wrong:
        parser.error("no row is called " + ", ".join(wrong))
    given.work = [known[name] for name in given.rows] or rows.ROWS
    names = given.clients.split()
    if names == ["all"] or not (names or given.rows):
        given.who = clients.ALL
    elif names:
        given.who = [one for one in clients.ALL if one.name in names or one.kind == "floor"]
    else:
        given.who = [clients.FLOOR, *clients.OWN]
    return given


def main():
    given = parse()
    if os.cpu_count() < 2:
        raise SystemExit("bench: two cores are needed, one for the server and one for the clients")
    os.makedirs(given.folder, exist_ok=True)
    begun = time.time()
    results = {}
    with upstream.Upstream(given.folder, SERVER_CORE) as server:
        bench = measure.Bench(server, CLIENT_CORE, given.rounds, given.seconds, say)
        for row in given.work:
            row.file(server.folder)
            if row.kind == "batch":
                work.first_body(server.folder)
            figures = bench.measure(given.who, row)
            results[row.name] = {client.name: one for client, one in figures.items()}
            print(report.text(row, results[row.name]), flush=True)
    if given.page:
        told = {"results": results, "rounds": given.rounds, "began": begun,
                "took": time.time() - begun}
        with open(os.path.join(given.folder, "results.json"), "w", encoding="utf-8") as file:
            json.dump(told, file, indent=1)
        report.page(given.page, told)


if __name__ == "__main__":
    main()
