"""Tables for the terminal and for the page, and the plots of the page."""

import datetime
import os
import platform
import re
import subprocess

import clients
import rows
import targets

HERE = os.path.dirname(os.path.abspath(__file__))

TITLES = {client.name: client.title for client in clients.ALL}


def _number(one, name, form, scale=1):
    value = one.get(name)
    return "–" if value is None else format(value * scale, form)


def _cells(one):
    return [
        _number(one, "rate", ",.0f"),
        _number(one, "of_floor", ".3f"),
        _number(one, "cpu_100k", ".4f"),
        _number(one, "cpu_of_floor", ".2f"),
        _number(one, "peak", ".1f"),
        _number(one, "p50", ".2f", 1e3),
        _number(one, "p99", ".2f", 1e3),
        _number(one, "first", ".1f", 1e3),
    ]


HEADS = ["ids/s", "of the floor", "CPU s / 100k ids", "of the floor", "peak MB", "p50 ms",
         "p99 ms", "first ms"]


def text(row, results):
    """One row, for the terminal."""
    lines = [f"\n{row.name}: {row.title}",
             f"{'':18}" + "".join(f"{head:>17}" for head in HEADS)]
    for name, one in results.items():
        cells = _cells(one) if one else ["void"]
        lines.append(f"{name:18}" + "".join(f"{cell:>17}" for cell in cells))
    return "\n".join(lines)


def _table(heads, lines, left=1):
    rule = ["---" if i < left or not head else "---:" for i, head in enumerate(heads)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, rule, *lines])


def _row(row, results):
    lines = []
    for client in clients.ALL:
        if client.name not in results:
            cells = ["–"] * len(HEADS)
        elif results[client.name] is None:
            cells = ["void"] + ["–"] * (len(HEADS) - 1)
        else:
            cells = _cells(results[client.name])
        if client.name in results or not (row.only_own or row.kind == "command"):
            lines.append([client.title, *cells])
    return f"### {row.title[0].upper()}{row.title[1:]}\n\n" + _table(["", *HEADS], lines)


def _first_line(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()[0]


def _machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(re.search(r"MemTotal:\s*(\d+)", file.read()).group(1)) / 2**20
    curl = re.search(r"libcurl/\S+.*", _first_line("curl", "--version")).group(0)
    nginx = subprocess.run(["nginx", "-v"], check=True, capture_output=True, text=True).stderr
    release = platform.release().split("-")[0]
    return [
        f"{os.cpu_count()} cores, {model.group(1) if model else platform.machine()}, "
        f"{memory:.0f} GB, Linux {release}",
        " ".join(curl.split()[:2]),
        nginx.split(": ")[1].strip(),
        _first_line("lua5.4", "-v").split("  ")[0] + ", "
        + " ".join(_first_line("luajit", "-v").split()[:2]),
    ]


PLOTS = [
    ("one-by-one", "One by one: ids per second", "rate", ["one1", "one16", "one64"]),
    ("slow", "One by one, 50 ms server: ids per second", "rate", ["slow64", "slow256"]),
    ("tls", "One by one over TLS: ids per second", "rate", ["tls64", "h2"]),
    ("batches", "Batches of 10,000: ids per second", "rate", ["batches1", "batches4"]),
    ("cpu", "CPU seconds of the client per 100,000 ids, one by one, 64 connections", "cpu_100k",
     ["one64"]),
    ("memory", "Peak memory in MB, ids from a file", "peak", ["first1", "each1m", "each10m"]),
]

SCRIPT = """
set terminal svg size 860,460 font "sans-serif,12" background "white"
set output "{output}"
set title "{title}"
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.85 noborder
set boxwidth 0.9
set grid ytics linecolor "#dddddd"
set border 3 linecolor "#888888"
set tics nomirror
set xtics rotate by -35
set yrange [0:*]
set format y "{form}"
set decimalsign "."
set key outside top center horizontal
set rmargin 10
set datafile missing "-"
$data << EOD
{data}
EOD
plot {curves}
"""

COLOURS = ["#9ecae1", "#4292c6", "#08519c"]


def _plot(folder, name, title, figure, names, results):
    """One cluster of bars a client, one bar a row; the rows' titles are the key."""
    titles = {row.name: row.title for row in rows.ROWS}
    lines = []
    for client in clients.ALL:
        values = [(results.get(row, {}).get(client.name) or {}).get(figure) for row in names]
        if any(value is not None for value in values):
            told = " ".join("-" if value is None else f"{value:.6g}" for value in values)
            lines.append(f'"{client.title}" {told}')
    curves = ", ".join(
        f'$data using {i + 2}:xtic(1) title "{titles[row]}" linecolor rgb "{COLOURS[i]}"'
        for i, row in enumerate(names))
    output = os.path.join(folder, name + ".svg")
    script = SCRIPT.format(output=output, title=title, data="\n".join(lines), curves=curves,
                           form="%'.0f" if figure == "rate" else "%g")
    subprocess.run(["gnuplot"], input=script, check=True, text=True)


def _target_lines(results):
    for row, lua, target, value, is_reached in targets.all_of(results):
        verdict = "not measured" if value is None else "reached" if is_reached else "not reached"
        yield [row, lua, target, "–" if value is None else f"{value:.3g}", verdict]


PAGE = """# Performance

`make bench` wrote this page on {date}, in {minutes:.0f} minutes: medians of {rounds} rounds in which the clients
took turns. Ratios are to the floor's run in the same round.

{machine}

The server is nginx with one worker on one core; the client is alone on another. One by one is
Clickatell's `DELETE`, answered with the id from the request; batches are Revicom's `POST` of 10,000
uuids. One id in a hundred is answered as too late, and a client whose final counts are not exactly
right is marked void. The floor is `bench/floor.c`, a bare C program on libcurl's multi interface that
sends the same requests and records the same codes. h2load and wrk do not read responses: they show
the limit of the server.

CPU is the client's, user and system. Peak memory is of the whole process. p50 and p99 are per
request; stopmsg's are measured in a separate run, since listening to events costs time. "first" is
the time to the first outcome. A dash: this client cannot do it, or cannot measure it.

## Targets

{targets}

{names}

## Figures

{plots}

{rows}
"""


def page(folder, told):
    """Writes performance.md into the folder, and the plots into performance/ beside it."""
    results = told["results"]
    pictures = os.path.join(folder, "performance")
    os.makedirs(pictures, exist_ok=True)
    plots = []
    for name, title, figure, names in PLOTS:
        _plot(pictures, name, title, figure, names, results)
        plots.append(f"![{title}](performance/{name}.svg)")
    date = datetime.datetime.fromtimestamp(told["began"], datetime.timezone.utc)
    with open(os.path.join(HERE, "profile.md"), encoding="utf-8") as file:
        profile = file.read()
    with open(os.path.join(folder, "performance.md"), "w", encoding="utf-8") as file:
        file.write(PAGE.format(
            date=date.strftime("%Y-%m-%d"), minutes=told["took"] / 60, rounds=told["rounds"],
            machine="\n".join("- " + line for line in _machine()),
            targets=_table(["row", "on", "target", "measured", ""], _target_lines(results), 3),
            names="\n".join(f"- `{row.name}`: {row.title}" for row in rows.ROWS),
            plots="\n\n".join(plots),
            rows="\n\n".join(_row(row, results.get(row.name, {})) for row in rows.ROWS)))
        file.write("\n" + profile)
