"""One job: its ids, the programs that work at it, and the verdict over what was collected."""

import collections
import json
import os
import signal
import subprocess
import time

import judge as provider

LUA = os.environ.get("LUA", "lua5.4")
# What only the provider's own word proves: no message that was stopped may be called so.
DENIED = {"too_late", "not_stoppable", "not_found", "denied", "invalid", "failed", "skipped"}
# Exit codes of a job that is finished, and of one that goes on. No id of these trials may fail.
FINISHED, UNFINISHED = {0, 3, 4}, 7
# Redis was lost or not reached.
UNREACHABLE = 5
# What no trouble of Redis or the provider excuses: faults of the program, refused tokens.
FAULTS = {1, 6}
# Seconds that anything may take.
PATIENCE = 120


class Wrong(Exception):
    pass


class Lies(Wrong):
    """Outcomes that the judge's log does not bear out, and nothing else."""


def make_id(form, n, mark=0):
    """The n-th of distinct ids. One in 50 left before anybody asked, one in 50 is not known, and
    one in 50 has no right form, where there is one."""
    if form == "revicom":
        if n % 50 == 29:
            return "no-uuid-%d" % n
        end = {7: "0403", 13: "0404"}.get(n % 50, "%04x" % (n % 0x7000 + 0x8000))
        return "2a28d557-22a1-4be6-%04x-%08x%s" % (mark, n, end)
    end = {7: "0003", 13: "0001"}.get(n % 50, "8000")
    return "d7a1c4e2b8f9%04x%012x%s" % (mark, n, end)


class Trial:
    """feed, work: what these get beside what they need. is_long: no ids are kept here."""

    def __init__(self, folder, judge, port, form="revicom", ids=2000, name="job", mark=0,
                 feed=(), work=("--lease", "2"), disarm=False, is_long=False):
        self.folder = folder
        self.judge = judge
        self.port = port
        self.form = form
        self.name = name
        self.ids = [] if is_long else [make_id(form, n, mark) for n in range(ids)]
        self.input = os.path.join(folder, name + ".txt")
        self.output = os.path.join(folder, name + ".ndjson")
        self.feed_options = list(feed)
        self.work_options = list(work)
        self.env = dict(os.environ, STOPMSG_TOKEN=provider.TOKEN,
                        STOPMSG_REDIS="redis://127.0.0.1:%d" % port)
        self.env.pop("STOPMSG_BASE_URL", None)
        if disarm:
            self.env["LUA_INIT"] = "require('stopmsg.fleet.store').has_epochs = false"
        self.started = 0
        self.said = collections.deque(maxlen=40)  # last lines of stderr, for a fault
        with open(self.input, "w") as file:
            file.writelines(make_id(form, n, mark) + "\n" for n in range(ids))

    def start(self, *argv, env=None, port=None):
        """What it says goes to a file: nobody has to read it meanwhile."""
        self.started += 1
        path = os.path.join(self.folder, "%s.%s.%d" % (self.name, argv[0], self.started))
        more = dict(self.env, **(env or {}))
        if port:
            more["STOPMSG_REDIS"] = "redis://127.0.0.1:%d" % port
        with open(path, "wb") as said:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", LUA, "bin/stopmsg", *argv], env=more,
                stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        process.role = argv[0]
        process.path = path
        return process

    def words(self, process):
        with open(process.path, errors="replace") as file:
            return file.read()[-2000:]

    def knows(self):
        """Whether Redis has the job by now."""
        return self.run(self.start("job", self.name))[0] != 2

    def feed(self, *more, **how):
        return self.start("feed", self.name, "-p", self.form, "-i", self.input, "--base-url",
                          self.judge.url, *self.feed_options, *more, **how)

    def work(self, *more, url=None, **how):
        return self.start("work", self.name, "--base-url", url or self.judge.url,
                          *self.work_options, *more, **how)

    def collect(self, *more, **how):
        return self.start("collect", self.name, "-o", self.output, *more, **how)

    def run(self, process, codes=None):
        """Waits for its end: its exit code, and what it said."""
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Wrong("%s has not ended in %d s: %s"
                        % (process.role, PATIENCE, self.words(process)))
        said = self.words(process)
        if codes is not None and code not in codes:
            raise Wrong("%s: exit code %d: %s" % (process.role, code, said))
        return code, said

    def finish(self):
        """Collects until the job says that it is finished."""
        till = time.monotonic() + PATIENCE
        while True:
            code, said = self.run(self.collect(), FINISHED | {UNFINISHED})
            if code != UNFINISHED:
                return code
            if time.monotonic() > till:
                raise Wrong("not finished in %d s: %s" % (PATIENCE, said))
            time.sleep(0.1)

    def records(self):
        records = []
        with open(self.output) as file:
            for line in file:
                record = json.loads(line)
                if "outcome" in record:
                    records.append(record)
        return records

    def verdict(self, partly=False):
        """Counts of what is wrong, and of the outcomes. partly: nothing is lost yet."""
        counted = collections.Counter()
        faults = collections.Counter(lost=0, twice=0, strangers=0, lies=0)
        outcomes = collections.Counter()
        known = set(self.ids)
        examples = {}
        for record in self.records():
            id, outcome = record["id"], record["outcome"]
            counted[id] += 1
            outcomes[outcome] += 1
            was_stopped = id in self.judge.stopped
            fault = None
            if id not in known:
                fault = "strangers"
            elif counted[id] > 1:
                fault = "twice"
            elif (outcome == "stopped" and not was_stopped or outcome in DENIED and was_stopped
                  or outcome not in DENIED | {"stopped", "unknown"}):
                fault = "lies"
            if fault:
                faults[fault] += 1
                examples.setdefault(fault, record)
        if not partly:
            missing = [id for id in self.ids if id not in counted]
            faults["lost"] = len(missing)
            if missing:
                examples["lost"] = missing[0]
        return faults, outcomes, examples

    def standing(self):
        """What `job` says of a finished job; asked again where its connection was cut, too."""
        till = time.monotonic() + PATIENCE
        while True:
            asked = self.start("job", self.name, "--format", "json")
            codes = FINISHED | {UNREACHABLE} if time.monotonic() < till else FINISHED
            if self.run(asked, codes)[0] in FINISHED:
                return json.loads(self.words(asked))

    def judge_it(self, is_exact=True):
        """Raises where anything is lost, counted twice, or not true. is_exact: Redis forgot
        nothing, so that its counts are those of the file."""
        faults, outcomes, examples = self.verdict()
        if any(faults.values()):
            kind = Lies if set(+faults) == {"lies"} else Wrong
            raise kind("%s of %d ids: %s; such as %s"
                       % (dict(faults), len(self.ids), dict(outcomes), examples))
        known = self.standing()
        counts = {word: count for word, count in known["counts"].items() if count}
        if sum(counts.values()) != len(self.ids) or is_exact and counts != outcomes:
            raise Wrong("the job counts %s, the file %s" % (counts, dict(outcomes)))
        return outcomes


class Fleet:
    """The programs of one job, started again whenever they end, until the job is finished."""

    def __init__(self, trial, workers=3, chance=None):
        self.trial = trial
        self.chance = chance
        self.workers = [None] * workers
        self.work_at = time.monotonic()
        self.feeder = trial.feed()
        self.collector = None
        self.replaced = []
        self.collect_at = time.monotonic() + 0.3
        self.is_fed = False
        self.retries = 0
        self.ended = collections.Counter()  # (role, exit code)

    def all(self):
        return [p for p in [*self.workers, self.feeder, self.collector] if p]

    def replace(self, process):
        """Another feed or collect is started beside one that stands still and goes on later."""
        self.replaced.append(process)
        if process is self.feeder:
            self.feeder = self.trial.feed()
        elif process is self.collector:
            self.collector = self.trial.collect()

    def working(self):
        return [p for p in self.workers if p and p.poll() is None]

    def tend(self):
        """Starts again what ended. True when the job is finished and collected."""
        trial = self.trial
        now = time.monotonic()
        for place, worker in enumerate(self.workers):
            if worker and worker.poll() is not None:
                # Where Redis is away, or has no such job yet, there is no hurry.
                self.work_at = max(self.work_at, now + (0.3 if self.note(worker) > 0 else 0))
                self.workers[place] = worker = None
            if worker is None and now >= self.work_at:
                self.workers[place] = trial.work()
        if self.feeder and self.feeder.poll() is not None:
            code = self.note(self.feeder)
            self.is_fed = code == 0
            self.feeder = None if self.is_fed else trial.feed()
        if self.collector and self.collector.poll() is not None:
            code = self.note(self.collector)
            self.collector = None
            self.collect_at = now + 0.3
            if self.is_fed and code in FINISHED:
                return True
        if not self.collector and now >= self.collect_at:
            self.collector = trial.collect()
        return False

    def note(self, process):
        code = process.wait()
        self.ended[process.role, code] += 1
        if code not in FINISHED | {UNFINISHED, -signal.SIGKILL, 143}:
            said = "%s: exit code %d: %s" % (process.role, code, self.trial.words(process))
            self.trial.said.append(said)
            # A collect that stands still holds the file.
            is_fault = code in FAULTS and "another run holds it" not in said
            if is_fault or self.ended[process.role, code] > PATIENCE:
                raise Wrong(said)
        elif code == 0 and "dead entries" in self.trial.words(process):
            # Whoever operates a job looks what killed its workers, and goes on.
            self.retries += 1
            self.trial.run(self.trial.start("job", self.trial.name, "--retry"))
        return code

    def feed_again(self):
        """After a Redis that lost what it held: whoever operates a job runs feed again."""
        if self.feeder is None:
            self.is_fed = False
            self.feeder = self.trial.feed()

    def until_finished(self, seconds=PATIENCE):
        till = time.monotonic() + seconds
        while not self.tend():
            if time.monotonic() > till:
                raise self.unfinished()
            time.sleep(0.02)

    def unfinished(self):
        standing = self.trial.start("job", self.trial.name)
        standing.wait(PATIENCE)
        return Wrong("not finished: %s; %s; %s" % (
            self.trial.words(standing), dict(self.ended), list(self.trial.said)[-5:]))

    def end(self):
        for process in self.all() + self.replaced:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
