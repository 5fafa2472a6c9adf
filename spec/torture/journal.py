"""Kills the command at random moments, fills its disk, tears its journal; then judges.

    python3 spec/torture/journal.py kill --kills 1000 --ids 100000 --provider revicom
    python3 spec/torture/journal.py full --times 100 --ids 20000
    python3 spec/torture/journal.py torn --ids 12

Each starts a sandbox of its own, runs `stopmsg stop --journal` against it until that ends by
itself, and holds the journal against the input and the sandbox's log:

  - the last outcomes of the journal are those of the input, each id once;
  - an id whose outcome was settled in the journal when the command died is never sent again;
  - an id that was asked for had its intent in the journal;
  - an id that had an intent and no outcome then ends up marked `ambiguous`, and no other does;
  - what the journal held, it still holds later: it only grows, but for a torn last line;
  - an id that ends up as stopped was asked for, by the sandbox's log;
  - the results of all runs that were killed, in one file, have the last outcome of every id.

The interpreter is the one named by LUA (lua5.4), with the LUA_PATH and LUA_CPATH around. The last
line says what was done; the exit code is 1 where something was wrong.
"""

import argparse
import bisect
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

LUA = os.environ.get("LUA", "lua5.4")
# What is not sent again.
KEPT = {"stopped", "accepted", "recalled", "too_late", "not_stoppable", "not_found", "invalid"}
# Lines that say how a run went.
TOLD = {"start", "request", "pause", "outage", "end"}
# Endings that the sandbox knows, among many that it stops.
FATES = ["0202", "0403", "0404"]


class Wrong(Exception):
    pass


def make_ids(provider, count):
    """Distinct ids, one in fifty with a fate of its own."""
    ids = []
    for n in range(count):
        if provider == "revicom":
            end = FATES[n // 50 % len(FATES)] if n % 50 == 7 else "%04x" % (n % 0x8000 + 0x8000)
            ids.append("2a28d557-22a1-4be6-8908-%08x%s" % (n, end))
        elif provider == "clickatell":
            ids.append("d7a1c4e2b8f94a1e%08x%08x" % (n, 0x5EED8000))
        else:
            ids.append("70%08d8000" % n)
    return ids


class Sandbox:
    def __init__(self, folder, delay):
        self.path = os.path.join(folder, "sandbox.log")
        self.process = subprocess.Popen(
            [LUA, "bin/stopmsg", "sandbox", "--log", self.path, "--log-bodies", "--until-eof",
             "--delay", str(delay)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = self.process.stdout.readline().decode().split()[-1]
        self.file = None
        self.asked = {}  # id -> moments of the requests that held it
        self.requests = 0

    def read(self):
        """Takes in what was logged since: the ids that were asked for."""
        new = set()
        self.file = self.file or open(self.path)
        while True:
            at = self.file.tell()
            line = self.file.readline()
            if not line.endswith("\n"):
                self.file.seek(at)
                return new
            record = json.loads(line)
            self.requests += 1
            if record.get("body"):
                ids = [i.lower() for i in json.loads(record["body"])["uuids"]]
            else:
                ids = re.findall(r"[0-9a-f]{12,}", record["path"])
            new.update(ids)
            for i in ids:
                self.asked.setdefault(i, []).append(record["started"])

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


class Journal:
    """What a journal says, read again from where the last look ended."""

    def __init__(self, path, ids):
        self.path = path
        self.ids = ids
        self.known = set(ids)
        self.held = b""
        self.intended = set()  # with an intent and no outcome since
        self.last = {}  # id -> its last record
        self.kept = set()  # what is not to be sent again
        self.records = 0

    def read(self):
        try:
            with open(self.path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            data = b""
        if not data.startswith(self.held):
            raise Wrong("the journal no longer holds what it held")
        whole = data[: data.rfind(b"\n") + 1]
        for line in whole[len(self.held):].splitlines():
            self.take(json.loads(line))
        self.held = whole
        return len(data) - len(whole)

    def take(self, record):
        self.records += 1
        if "id" in record and "outcome" in record:
            if record["id"] not in self.known:
                raise Wrong("the journal names %r, which is not in the input" % record["id"])
            self.last[record["id"]] = record
            self.intended.discard(record["id"])
            (self.kept.add if is_kept(record) else self.kept.discard)(record["id"])
        elif "intent" in record:
            first, last = record["intent"]
            self.intended.update(i for i in self.ids[first - 1:last] if i not in self.kept)
        elif self.records > 1 and not TOLD & set(record):
            raise Wrong("the journal has a line that is neither intent nor outcome: %s" % record)


def is_kept(record):
    return record["outcome"] in KEPT


class Trial:
    """One input, one journal, the runs of the command over them, and the judgement."""

    def __init__(self, options, folder, sandbox, name="journal"):
        self.options = options
        self.folder = folder
        self.sandbox = sandbox
        self.ids = make_ids(options.provider, options.ids)
        self.input = os.path.join(folder, "ids.txt")
        with open(self.input, "w") as file:
            file.write("\n".join(self.ids) + "\n")
        self.path = os.path.join(folder, name)
        if os.path.exists(self.path):
            os.remove(self.path)
        self.results = os.path.join(folder, "results") if options.how == "kill" else None
        if self.results and os.path.exists(self.results):
            os.remove(self.results)
        self.journal = Journal(self.path, self.ids)
        self.settled_before = set()  # by the journal that the first life found
        self.settled_at = {}  # id -> when it was first seen settled, the command being dead
        self.in_flight = set()  # had an intent and no outcome when the command died
        self.lives = []
        self.torn = 0

    def argv(self):
        argv = [LUA, "bin/stopmsg", "stop", "-p", self.options.provider, "-i", self.input,
                "--journal", self.path, "--base-url", self.sandbox.url, "--format", "ndjson",
                "--yes", "-q"]
        if self.options.provider == "idigital":
            argv += ["--dispatch"]
        if self.options.batch:
            argv += ["--batch-size", str(self.options.batch)]
        if self.results:
            argv += ["-o", self.results]
        return argv

    def spawn(self, **more):
        self.lives.append(time.monotonic())
        env = dict(os.environ, STOPMSG_TOKEN="sandbox")
        return subprocess.Popen(self.argv(), env=env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **more)

    def end(self, process):
        """The command has ended, one way or the other: (its exit code, what it said)."""
        said = process.stderr.read().decode("utf-8", "replace")
        process.stderr.close()
        return process.wait(), said

    def look(self):
        """What the journal says, now that nobody writes to it."""
        now = time.monotonic()
        self.torn += self.journal.read() > 0
        for i in self.journal.kept - self.settled_at.keys():
            self.settled_at[i] = now
        self.in_flight |= self.journal.intended
        unwritten = self.sandbox.read() - self.journal.intended - self.journal.last.keys()
        if unwritten:
            raise Wrong("%s was asked for without an intent" % unwritten.pop())

    def judge(self, code, said):
        """After the run that ended by itself."""
        self.journal.read()
        self.sandbox.read()
        last = self.journal.last
        missing = [i for i in self.ids if i not in last]
        if missing:
            raise Wrong("%d ids have no outcome, such as %s; %d: %s"
                        % (len(missing), missing[0], code, said))
        if self.journal.intended:
            raise Wrong("%d intents are left open" % len(self.journal.intended))
        lives = [0] + self.lives
        for i in self.ids:
            asked = [t for t in self.sandbox.asked.get(i, ()) if t >= self.lives[0]]
            record = last[i]
            again = [t for t in asked if t > self.settled_at.get(i, 1e18)]
            if again:
                raise Wrong("%s was settled, and sent again" % i)
            if not asked and i not in self.settled_before:
                raise Wrong("%s is %s, and was never asked for" % (i, record["outcome"]))
            in_lives = {bisect.bisect(lives, t) for t in asked}
            ambiguous = record.get("ambiguous", False)
            if len(in_lives) > 1 and not ambiguous:
                raise Wrong("%s was sent in %d lives, and is not ambiguous" % (i, len(in_lives)))
            if ambiguous != (i in self.in_flight):
                raise Wrong("%s: ambiguous is %s, in flight at a death: %s"
                            % (i, ambiguous, i in self.in_flight))
            wanted = self.wanted(i)
            if ambiguous and wanted not in ("stopped", "accepted"):
                wanted = "unknown"
            if record["outcome"] != wanted:
                raise Wrong("%s is %s, not %s" % (i, record["outcome"], wanted))
        if self.results:
            with open(self.results) as file:
                written = {r["id"]: r["outcome"] for r in map(json.loads, file)}
            lost = [i for i in self.ids if written.get(i) != last[i]["outcome"]]
            if lost:
                raise Wrong("%d ids are not in the results as in the journal, such as %s"
                            % (len(lost), lost[0]))
        outcomes = {last[i]["outcome"] for i in self.ids}
        expected = 4 if outcomes & {"unknown", "accepted"} else 3 if outcomes - {"stopped"} else 0
        if code != expected:
            raise Wrong("exit code %d, not %d: %s" % (code, expected, said))

    def wanted(self, i):
        if self.options.provider != "revicom":
            return "stopped"
        return {"0202": "accepted", "0403": "too_late", "0404": "not_found"}.get(i[-4:], "stopped")


class Counts:
    def __init__(self):
        self.began = time.monotonic()
        self.rounds = self.kills = self.torn = self.in_flight = self.requests = 0

    def add(self, trial):
        self.rounds += 1
        self.torn += trial.torn
        self.in_flight += len(trial.in_flight)

    def __str__(self):
        return "%d journals finished, %d with a torn line, %d ids in flight, %.1f s" % (
            self.rounds, self.torn, self.in_flight, time.monotonic() - self.began)


def kill(options, folder):
    """SIGKILL at random moments, again and again until the command ends by itself."""
    sandbox = Sandbox(folder, options.delay)
    counts = Counts()
    try:
        # How long it takes to send the first request, and all.
        trial = Trial(options, folder, sandbox)
        trial.judge(*trial.end(trial.spawn()))
        whole = time.monotonic() - trial.lives[0]
        start = min(min(t) for t in sandbox.asked.values()) - trial.lives[0]
        while counts.kills < options.times:
            trial = Trial(options, folder, sandbox)
            while True:
                process = trial.spawn()
                try:
                    if counts.kills < options.times:
                        process.wait(random.uniform(start / 2, start + whole * options.life))
                    code, said = trial.end(process)
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    code, said = trial.end(process)
                    counts.kills += 1
                    # Its first line tells that the sandbox is no provider.
                    if said.count("\n") > 1:
                        raise Wrong("the command said: " + said)
                    trial.look()
            trial.judge(code, said)
            counts.add(trial)
        counts.requests = sandbox.requests
    finally:
        sandbox.stop()
    return "%d kills, %d ids (%s), %d requests: %s" % (
        counts.kills, options.ids, options.provider, counts.requests, counts)


def full(options, folder):
    """A disk that is full at random moments, and has a little more room each time."""
    sandbox = Sandbox(folder, options.delay)
    counts = Counts()
    times = 0
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    try:
        while times < options.times:
            trial = Trial(options, folder, sandbox, "disk/journal" if options.mount else "journal")
            room = 0
            while True:
                room += random.randrange(1, options.room)

                def limit():
                    # Whatever it writes beyond this fails, and what fits is written.
                    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

                if options.mount:
                    size = "size=%d" % max(room, 4096)
                    subprocess.check_call(["mount", "-t", "tmpfs", "-o", size + (
                        ",remount" if os.path.ismount(disk) else ""), "none", disk])
                    process = trial.spawn()
                else:
                    process = trial.spawn(preexec_fn=limit)
                code, said = trial.end(process)
                if code not in (0, 3, 4):
                    times += 1
                    # The first line tells that the sandbox is no provider.
                    if code != 1 or said.count("\n") != 2 or "cannot be written" not in said:
                        raise Wrong("a full disk: exit code %d, %r" % (code, said))
                    trial.look()
                    if trial.torn:
                        raise Wrong("a full disk: the last line was left torn")
                else:
                    break
            trial.judge(code, said)
            counts.add(trial)
            if options.mount:
                subprocess.check_call(["umount", disk])
    finally:
        if os.path.ismount(disk):
            subprocess.check_call(["umount", disk])
        sandbox.stop()
    return "%d times a full disk, %d ids: %s" % (times, options.ids, counts)


def torn(options, folder):
    """The journal of a run, cut at every byte, resumed each time."""
    sandbox = Sandbox(folder, 0)
    counts = Counts()
    try:
        trial = Trial(options, folder, sandbox)
        code, said = trial.end(trial.spawn())
        trial.judge(code, said)
        with open(trial.path, "rb") as file:
            whole = file.read()
        cuts = range(len(whole) + 1)
        if options.times and options.times < len(cuts):
            cuts = sorted(random.sample(cuts, options.times))
        for cut in cuts:
            trial = Trial(options, folder, sandbox)
            with open(trial.path, "wb") as file:
                file.write(whole[:cut])
            trial.lives.append(time.monotonic())
            trial.look()
            trial.settled_before = set(trial.settled_at)
            try:
                code, said = trial.end(trial.spawn())
                if code not in (0, 3, 4):
                    raise Wrong("exit code %d: %s" % (code, said))
                trial.judge(code, said)
            except Wrong as wrong:
                raise Wrong("cut at byte %d of %d: %s" % (cut, len(whole), wrong))
            counts.add(trial)
    finally:
        sandbox.stop()
    return "%d cuts of a journal of %d bytes: %s" % (len(cuts), len(whole), counts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("how", choices=["kill", "full", "torn"])
    parser.add_argument("--provider", default="revicom")
    parser.add_argument("--ids", type=int, default=100000)
    parser.add_argument("--times", type=int, default=0)
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0, help="of the sandbox's answers")
    parser.add_argument("--life", type=float, default=0.1,
                        help="how much of a whole run a life may last, at most")
    parser.add_argument("--room", type=int, default=200000, help="bytes the disk gains, at most")
    parser.add_argument("--mount", action="store_true",
                        help="a disk of its own (as root), not a limit of the process")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 30)
    random.seed(seed)
    folder = tempfile.mkdtemp()
    try:
        print({"kill": kill, "full": full, "torn": torn}[options.how](options, folder))
    except Wrong as wrong:
        print("%s\nseed %d, files in %s" % (wrong, seed, folder))
        sys.exit(1)
    shutil.rmtree(folder)


main()
