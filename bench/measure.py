"""Runs clients, one at a time and in turn, and keeps what they say."""

import os
import signal
import statistics
import subprocess

import work

TIMEOUT = 120

# Ids of a run over TLS: with fewer, most of it would be handshakes.
TLS_LEAST = 5000

# Rounds of requests at a slow server that do for Client.at_least.
WARM_WAVES = 40

# The part of a run that is done again for the latencies of a client that cannot tell them for
# nothing.
LATENCY_PART = 4


# The command says by its exit status that some ids were too late.
COMMAND_GOOD = (0, 3)


class Void(Exception):
    """A run whose figures say nothing: it failed, or its outcomes are wrong."""


def _figures(line):
    for pair in line.split():
        name, _, value = pair.partition("=")
        try:
            yield name, float(value)
        except ValueError:
            pass


def _spawn(argv, env, core, folder, good):
    """The output of a program on one core, and what GNU time says: wall and CPU seconds, peak MB.

    time starts the program out of a small process: the peak of a child is never below that of the
    process that it was forked from.
    """
    usage = os.path.join(folder, "usage")
    process = subprocess.Popen(
        ["taskset", "-c", str(core), "time", "-q", "-o", usage, "-f", "%e %U %S %M", *argv],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **env}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    except BaseException as fault:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(fault, subprocess.TimeoutExpired):
            raise Void(f"no end after {TIMEOUT} s") from None
        raise
    if process.returncode not in good:
        raise Void(f"exit status {process.returncode}: {err.strip()[-300:]}")
    with open(usage, encoding="ascii") as file:
        wall, user, system, peak = map(float, file.read().split()[-4:])
    return out, {"elapsed": wall, "cpu": user + system, "peak": peak / 1024}


def _check(figures, expected):
    for name, wanted in expected.items():
        if figures.get(name) != wanted:
            raise Void(f"{name}: {figures.get(name)} instead of {wanted}")


class Bench:
    """Runs on one core against a server on another."""

    def __init__(self, server, core, rounds, seconds, say):
        self.server, self.core = server, core
        self.rounds, self.seconds, self.say = rounds, seconds, say

    def _run(self, client, row, count, prefix=""):
        """One run: a dictionary of figures. Raises Void."""
        folder = self.server.folder
        argv = client.command(row, row.url(self.server), row.file(folder), count, self.server.ca)
        if prefix:
            argv = [prefix + word if word == row.kind else word for word in argv]
        if row.kind == "command":
            for path in (work.journal(folder), work.results(folder)):
                if os.path.exists(path):
                    os.remove(path)
        out, figures = _spawn(argv, client.env, self.core, folder, COMMAND_GOOD
                              if row.kind == "command" else (0,))
        figures.update(_figures(out))
        if row.kind == "command":
            figures.update(work.command_counts(folder, row.file(folder), row.is_batch))
        if client.kind == "limit":
            del figures["peak"]
            count = int(figures.pop("count", count))
            _check(figures, {"answered": count})
        else:
            _check(figures, {"stopped": count - work.late(count), "too_late": work.late(count)})
        figures["rate"] = count / figures["elapsed"]
        figures["cpu_100k"] = figures["cpu"] * 1e5 / count
        return figures

    def _count(self, row, rate, seconds):
        """Ids for about `seconds`, in whole waves at a slow server, else in whole hundreds."""
        unit = row.in_flight if row.delay else 100
        count = max(1, round(seconds * rate / unit)) * unit
        return max(unit, min(count, work.SINGLES // unit * unit))

    def _count_for(self, client, row):
        """How many ids this client gets: the row's number, or what takes it about that long."""
        if row.count:
            return row.count
        trial = 4 * row.in_flight if row.delay else 1000
        rate = self._run(client, row, trial)["rate"]
        if row.delay:
            waves = WARM_WAVES if client.at_least > 1 else 1
            return max(self._count(row, rate, self.seconds), waves * row.in_flight)
        trial = self._count(row, rate, self.seconds / 4)
        least = max(client.at_least, TLS_LEAST if row.is_tls else 1)
        rate = self._run(client, row, max(trial, least))["rate"]
        return max(self._count(row, rate, self.seconds), least)

    def _latencies(self, client, row, count):
        """p50 and p99 of a run of their own: listening costs our own clients time."""
        if client.kind != "own" or row.kind in ("stream", "command"):
            return {}
        if not row.count:
            count = self._count(row, count / LATENCY_PART, 1)
        told = self._run(client, row, count, "latency-")
        return {name: told[name] for name in ("p50", "p99", "first")}

    def measure(self, clients, row):
        """{ client: figures } of all clients that can do the row; None where a run was void."""
        runs, counts = {}, {}

        def attempt(client, task, *arguments):
            try:
                return task(client, row, *arguments)
            except Void as fault:
                self.say(f"{row.name}: {client.title}: void: {fault}")
                runs[client] = None
                return None

        for client in clients:
            if client.command(row, "", "", 0, "") is not None and (
                    not row.only_own or client.kind in ("own", "floor")):
                runs[client] = []
                counts[client] = attempt(client, lambda c, r: self._count_for(c, r))
        for _ in range(self.rounds):
            for client, count in counts.items():
                if runs[client] is None:
                    continue
                one = attempt(client, self._run, count)
                more = attempt(client, self._latencies, count) if one else None
                if more is not None:
                    runs[client].append({**one, **more})
        floors = next((runs[client] for client in runs if client.kind == "floor"), None)
        return {client: _medians(list_, floors) if list_ else None
                for client, list_ in runs.items()}


def _medians(runs, floors):
    """Medians of a client's runs, and of their ratios to the floor's run of the same round."""
    result = {name: statistics.median(one[name] for one in runs if name in one)
              for name in runs[0]}
    result["slowest"] = min(one["rate"] for one in runs)
    result["fastest"] = max(one["rate"] for one in runs)
    if floors:
        pairs = list(zip(runs, floors))
        result["of_floor"] = statistics.median(a["rate"] / b["rate"] for a, b in pairs)
        result["cpu_of_floor"] = statistics.median(a["cpu_100k"] / b["cpu_100k"] for a, b in pairs)
    return result
