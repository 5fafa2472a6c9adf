"""Runs clients, one at a time and in turn, and keeps what they say."""

import os
import signal
import statistics
import subprocess

import work

TIMEOUT = 120


class Void(Exception):
    """A run whose figures say nothing: it failed, or its outcomes are wrong."""


def _number(text):
    try:
        return float(text)
    except ValueError:
        return None


def _spawn(argv, env, core, folder):
    """The output of a program on one core, and its peak memory and CPU seconds by GNU time.

    time starts the program out of a small process: the peak of a child is never below that of the
    process that it was forked from.
    """
    usage = os.path.join(folder, "usage")
    process = subprocess.Popen(
        ["taskset", "-c", str(core), "time", "-q", "-o", usage, "-f", "%e %U %S %M", *argv],
        env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True)
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Void(f"no end after {TIMEOUT} s") from None
    if process.returncode != 0:
        raise Void(f"exit status {process.returncode}: {err.strip()[-300:]}")
    with open(usage, encoding="ascii") as file:
        wall, user, system, peak = map(float, file.read().split()[-4:])
    return out, wall, user + system, peak / 1024


def run(client, row, server, core, count, kind=None):
    """One run: a dictionary of figures. Raises Void."""
    argv = client.command(row, row.url(server), row.file(server.folder), count, server.ca)
    if kind:
        argv = [kind + "-" + word if word == row.kind else word for word in argv]
    out, wall, cpu, peak = _spawn(argv, client.env, core, server.folder)
    figures = {"wall": wall, "cpu": cpu, "elapsed": wall}
    for pair in out.split():
        name, _, value = pair.partition("=")
        if _number(value) is not None:
            figures[name] = _number(value)
    expected = {"stopped": count - work.late(count), "too_late": work.late(count)}
    for outcome, wanted in expected.items():
        if figures.get(outcome) != wanted:
            raise Void(f"{outcome}: {figures.get(outcome)} instead of {wanted}")
    figures.update(count=count, peak=peak, rate=count / figures["elapsed"],
                   cpu_100k=figures["cpu"] * 1e5 / count)
    return figures


def _round_count(row, seconds, rate):
    """Ids for a run of about `seconds`, in whole hundreds, and in whole waves at a slow server."""
    unit = row.in_flight * 100 if row.delay else 1000
    count = max(unit, round(seconds * rate / unit) * unit)
    return min(count, work.SINGLES // unit * unit)


def count_for(client, row, server, core, seconds):
    """How many ids this client gets: the row's number, or what takes it about `seconds`."""
    if row.count:
        return row.count
    if row.delay:
        return _round_count(row, seconds, row.in_flight / row.delay)
    trial = run(client, row, server, core, 1000)
    trial = run(client, row, server, core, _round_count(row, seconds / 5, trial["rate"]))
    return _round_count(row, seconds, trial["rate"])


def medians(runs, floors):
    """Medians of a client's runs, and of their ratios to the floor's run of the same round."""
    result = {}
    for name in {name for one in runs for name in one}:
        values = [one[name] for one in runs if name in one]
        result[name] = statistics.median(values)
    pairs = [(one, floor) for one, floor in zip(runs, floors) if floor]
    if pairs:
        result["of_floor"] = statistics.median(a["rate"] / b["rate"] for a, b in pairs)
        result["cpu_of_floor"] = statistics.median(a["cpu_100k"] / b["cpu_100k"] for a, b in pairs)
    result["spread"] = (min(one["rate"] for one in runs), max(one["rate"] for one in runs))
    return result


def row(clients, one, server, core, rounds, seconds, say):
    """{ client: medians } of all clients that can do the row; None where a run was void."""
    counts, runs = {}, {}
    for client in clients:
        if client.command(one, "", "", 0, "") is None:
            continue
        try:
            counts[client] = count_for(client, one, server, core, seconds)
            runs[client] = []
        except Void as fault:
            say(f"{one.name}: {client.title}: void, {fault}")
            runs[client] = None
    for number in range(rounds):
        for client, count in counts.items():
            if runs[client] is None:
                continue
            try:
                runs[client].append(run(client, one, server, core, count))
            except Void as fault:
                say(f"{one.name}: {client.title}: void in round {number + 1}, {fault}")
                runs[client] = None
    floors = next((runs[c] for c in runs if c.kind == "floor" and runs[c]), [])
    return {client: medians(list_, floors) if list_ else None for client, list_ in runs.items()}
