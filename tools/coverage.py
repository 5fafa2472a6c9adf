"""What of the code ran: coverage.py BUILD

Branches of csrc, as gcov counts them, from the objects in BUILD, and lines of
lua/stopmsg, from the files in BUILD/lines. What did not run has to stand in
tools/coverage.txt with a reason, a file's name and * for all of it; an entry
that ran has to go. Fails where less than LEAST percent of what is not listed ran.
"""

import collections
import glob
import gzip
import json
import os
import re
import subprocess
import sys

LIST = "tools/coverage.txt"
LEAST = 95.0


def c_branches(build):
    """(file, function and text of the line) -> [branches, taken]"""
    found = collections.OrderedDict()
    for notes in sorted(glob.glob(f"{build}/csrc/**/*.gcno", recursive=True)):
        out = subprocess.run(
            ["gcov", "--json-format", "--stdout", "--branch-probabilities", notes],
            check=True, capture_output=True).stdout
        if out[:2] == b"\x1f\x8b":
            out = gzip.decompress(out)
        for file in json.loads(out)["files"]:
            if not file["file"].startswith("csrc/"):
                continue
            with open(file["file"], encoding="utf-8") as source:
                text = source.read().split("\n")
            for line in file["lines"]:
                if not line["branches"]:
                    continue
                key = file["file"], "{}: {}".format(
                    line["function_name"], statement(text, line["line_number"]))
                counts = found.setdefault(key, [0, 0])
                counts[0] += len(line["branches"])
                counts[1] += sum(b["count"] > 0 for b in line["branches"])
    return found


def statement(text, number):
    return re.sub(r"\s+", " ", text[number - 1].strip())


def lua_lines(build):
    """(file, text of the line) -> [lines, run]; the same line twice is one"""
    ran = collections.defaultdict(set)
    for path in glob.glob(f"{build}/lines/*"):
        with open(path, encoding="utf-8") as file:
            # Who is killed while it writes leaves half a line.
            for name, line in re.findall(r"^(\S+) (\d+)$", file.read(), re.M):
                ran[name].add(int(line))
    found = collections.OrderedDict()
    for path in sorted(glob.glob("lua/stopmsg/**/*.lua", recursive=True)):
        listing = subprocess.run(["luac5.4", "-l", "-p", path], check=True,
                                 capture_output=True, text=True).stdout
        with open(path, encoding="utf-8") as source:
            text = source.read().split("\n")
        lines = {int(n) for n in re.findall(r"^\t\d+\t\[(\d+)\]\t(?!VARARGPREP)", listing, re.M)}
        for number in sorted(lines):
            counts = found.setdefault((path, statement(text, number)), [0, 0])
            counts[0] += 1
            counts[1] += number in ran[path]
    return found


def listed():
    """(file, text) -> reason"""
    reasons, reason, name = {}, None, None
    with open(LIST, encoding="utf-8") as file:
        for line in file.read().split("\n"):
            if line.startswith("# ") or not line.strip():
                continue
            if not line.startswith(" "):
                name, reason = line.split(": ", 1)
            else:
                reasons[name, line.strip()] = reason
    return reasons


def report(what, found, reasons):
    """Prints the totals and what is missing. Returns how many that are."""
    total = sum(n for n, _ in found.values())
    taken = sum(n for _, n in found.values())
    missing = {key: counts for key, counts in found.items() if counts[0] > counts[1]}
    unknown = [key for key in missing if key not in reasons and (key[0], "*") not in reasons]
    excused = sum(n - m for key, (n, m) in missing.items() if key not in unknown)
    for name, text in unknown:
        n, m = found[name, text]
        print(f"{name}: {text}   ({n - m} of {n})")
    print(f"{what}: {total}, {100 * taken / total:.1f} % ran, {excused} more are listed in {LIST}, "
          f"{total - taken - excused} are not; {100 * taken / (total - excused):.1f} % of the others")
    return 100 * taken / (total - excused)


def main():
    build = sys.argv[1]
    reasons = listed()
    branches, lines = c_branches(build), lua_lines(build)
    shares = report("branches of C", branches, reasons), report("lines of Lua", lines, reasons)
    known = {key for found in (branches, lines) for key, (n, m) in found.items() if n > m}
    for name, text in reasons:
        if text != "*" and (name, text) not in known:
            print(f"{LIST}: {name}: this is covered, or gone: {text}")
    sys.exit(min(shares) < LEAST)


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main()
