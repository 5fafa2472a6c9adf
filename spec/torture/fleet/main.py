"""Does to a fleet what machines and networks do, and holds what it claims against a judge's log.

    python3 spec/torture/fleet/main.py CASE [--times N] [--ids N] [--seed N] [...]

The judge (judge.py) is a provider that stops each message once. redis-server is real, with an
append-only file written every second; workers, feed and collect are the command. Cases:

  kill      SIGKILL to a worker, feed or collect at random moments, --times of them
  steps     a worker killed at each message between it and Redis, and at each step of a request to
            the provider; --sample takes one in so many
  relapse   two workers killed in a row with the same ids
  pause     SIGSTOP to a worker, feed or collect, longer than a lease
  network   connections to Redis cut in the middle of a message
  restart   redis-server killed; the end of its append-only file is lost, up to a second of it
  forget    the same, at the worst moment: a worker has sent, and Redis forgets that it was to
  young     the same, to jobs that were fed within that second
  memory    redis-server has no memory left for a while
  failover  a replica that lags behind takes over
  clock     the clock of redis-server jumps, forwards and backwards; --clock is the library for it
  mixed     kills, pauses, cuts, restarts that lose the last second, job --pause, side by side
  rate      SIGKILL to workers that share a rate, which the judge measures
  wrong     workers with a wrong token, a wrong proxy, a wrong certificate, another address
  short     some of each, side by side: what `make test` runs

After each: ids lost 0, counted twice 0, outcomes that the judge's log does not bear out 0. The
interpreter is the one named by LUA (lua5.4), with the LUA_PATH and LUA_CPATH around. The last line
says what was done; the exit code is 1 where something was wrong.
"""

import argparse
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import judge as provider
from store import Redis, Refused
from trial import FINISHED, PATIENCE, UNFINISHED, Fleet, Lies, Trial, Wrong
from wire import Wire

TICK = 0.02
# Of one request to the judge: it came, was carried out, was answered.
STEPS = 3
# How many feed at a time, as each waits for the disk at first.
FEEDS = 8
# Requests a second of all workers, and the seconds in which they are counted.
RATE, WINDOW = 30, 5
# Cases in which Redis loses what it was told: it may count an id anew that the file has already.
FORGETFUL = {"restart", "forget", "young", "failover", "mixed"}
# Cases of the short form at a time.
SIDE_BY_SIDE = 4


class Run:
    """What a case needs, and what is told at its end."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.chance = random.Random(options.seed)
        self.outcomes = collections.Counter()
        self.ended = collections.Counter()
        self.jobs = 0
        self.ids = 0
        self.retries = 0  # of dead entries
        self.began = time.monotonic()

    def path(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        return path

    def redis(self, *more, **how):
        return Redis(self.path("redis"), *more, **how)

    def judge(self, name="judge", **how):
        how = dict({"delay": self.options.delay, "lose": self.options.lose,
                    "seed": self.chance.randrange(1 << 30)}, **how)
        return provider.Judge(os.path.join(self.folder, name + ".log"), **how)

    def trial(self, judge, port, **how):
        """A job, fed in small steps so that something is always left to feed."""
        options = self.options
        how = dict({"form": options.provider, "ids": options.ids, "name": "job%d" % self.jobs,
                    "mark": self.jobs, "work": work_options(options),
                    "feed": feed_options(options), "disarm": options.disarm}, **how)
        self.jobs += 1
        self.ids += how["ids"]
        return Trial(self.folder, judge, port, **how)

    def settle(self, trial, fleet=None):
        """The verdict over a job that is finished."""
        is_exact = self.options.case not in FORGETFUL
        if fleet:
            self.ended += fleet.ended
            self.retries += fleet.retries
        self.outcomes += trial.judge_it(is_exact)

    def __str__(self):
        return "%d jobs, %d ids (%s): %s; lost 0, twice 0, lies 0; %d retries; %.0f s" % (
            self.jobs, self.ids, self.options.provider,
            ", ".join("%s %d" % pair for pair in self.outcomes.most_common()),
            self.retries, time.monotonic() - self.began)


def work_options(options):
    words = ["--lease", str(options.lease)]
    return words + (["--batch-size", str(options.batch)] if options.provider == "revicom" else [])


def feed_options(options):
    words = ["--entry", str(options.entry)]
    if options.ahead:
        words += ["--ahead", str(options.ahead)]
    return words


def troubled(run, judge, port, trouble, redis=None, wait=(0.05, 0.6), **how):
    """Jobs, one after the other, with trouble(fleet) at random moments, until there was enough."""
    left = run.options.times
    while left > 0:
        trial = run.trial(judge, port, **how)
        fleet = Fleet(trial, run.options.workers, run.chance)
        try:
            at = time.monotonic() + run.chance.uniform(*wait)
            till = time.monotonic() + PATIENCE
            while not fleet.tend():
                now = time.monotonic()
                if redis and redis.process.poll() is None:
                    redis.note_size()
                if now >= at and left > 0:
                    left -= trouble(fleet) or 0
                    at = time.monotonic() + run.chance.uniform(*wait)
                if now > till:
                    raise fleet.unfinished()
                time.sleep(TICK)
        finally:
            fleet.end()
        run.settle(trial, fleet)


def kill(run):
    judge, redis = run.judge(), run.redis()
    kills = collections.Counter()

    def trouble(fleet):
        # Workers, mostly: what the others do is less.
        process = run.chance.choice(fleet.working() * 2 + fleet.all() or [None])
        if process is None:
            return 0
        # One in five is asked to end, and gives back what it has, if it is not killed before.
        process.send_signal(run.chance.choice([signal.SIGKILL] * 4 + [signal.SIGTERM]))
        kills[process.role] += 1
        return 1

    try:
        troubled(run, judge, redis.port, trouble)
    finally:
        redis.remove()
    return "%d kills (%s), %d answers lost, %s" % (
        sum(kills.values()), ", ".join("%s %d" % pair for pair in sorted(kills.items())),
        judge.lost, run)


def relapse(run):
    """Two workers, one after the other, are lost with the same ids: the first has sent them all, the
    second has just begun."""
    judge, redis = run.judge(lose=0, delay=0.3), run.redis()
    try:
        for _ in range(run.options.times):
            trial = run.trial(judge, redis.port, ids=run.options.entry)
            trial.run(trial.feed(), {0})
            requests = -(-run.options.entry // run.options.batch)
            for step, count in (("acted", requests), ("came", 1)):
                seen = []
                judge.on_step = lambda at, step=step, seen=seen: seen.append(at == step)
                worker = trial.work()
                wait_for(lambda: sum(seen) >= count or worker.poll() is not None, "a request")
                worker.kill()
                worker.wait()
            judge.on_step = None
            trial.run(trial.work(), FINISHED)
            trial.finish()
            run.settle(trial)
    finally:
        redis.remove()
    return "%d times two deaths, %s" % (run.options.times, run)


def pause(run):
    judge, redis = run.judge(), run.redis()
    asleep = set()

    def wake_up(process):
        wake(process)
        asleep.discard(process)

    def trouble(fleet):
        # Workers, mostly.
        awake = [p for p in fleet.working() * 2 + fleet.all()
                 if p.poll() is None and p not in asleep]
        if len(asleep) >= 2 or not awake:
            return 0
        process = run.chance.choice(awake)
        process.send_signal(signal.SIGSTOP)
        asleep.add(process)
        threading.Timer(run.options.lease * run.chance.uniform(1.2, 3), wake_up,
                        [process]).start()
        if process in (fleet.feeder, fleet.collector):
            fleet.replace(process)
        return 1

    try:
        troubled(run, judge, redis.port, trouble, wait=(0.1, 0.5))
    finally:
        redis.remove()
    return "%d pauses longer than the lease, %s" % (run.options.times, run)


def network(run):
    judge, redis = run.judge(), run.redis()
    wire = Wire(redis.port)
    lock = threading.Lock()

    def on_chunk(_, is_reply):
        with lock:
            if wire.cuts >= run.options.times or run.chance.random() > 0.03:
                return None
            return run.chance.choice(["cut", run.chance.randrange(1, 200)])

    wire.on_chunk = on_chunk
    try:
        while wire.cuts < run.options.times:
            trial = run.trial(judge, wire.port)
            fleet = Fleet(trial, run.options.workers)
            try:
                fleet.until_finished()
            finally:
                fleet.end()
            run.settle(trial, fleet)
    finally:
        wire.close()
        redis.remove()
    return "%d cuts in the middle of a message, %s" % (wire.cuts, run)


def restart(run):
    judge, redis = run.judge(), run.redis()
    cut = [0, 0]

    def trouble(fleet):
        redis.kill()
        if run.chance.random() < 0.8:
            cut[0] += redis.cut(run.chance, 1)
            cut[1] += 1
        time.sleep(run.chance.uniform(0, 0.3))
        redis.start()
        fleet.feed_again()
        return 1

    try:
        troubled(run, judge, redis.port, trouble, redis=redis, wait=(0.3, 2.5))
    finally:
        redis.remove()
    return "%d restarts, %d with the end of the file lost (%d bytes), %s" % (
        run.options.times, cut[1], cut[0], run)


def young(run):
    """Redis loses all that it was told of a job in its first second."""
    judge, redis = run.judge(), run.redis()
    gone = 0
    try:
        for _ in range(run.options.times):
            trial = run.trial(judge, redis.port, ids=100)
            fleet = Fleet(trial, run.options.workers)
            # While it is made, or as soon as it is given out.
            asked = judge.requests + run.chance.randrange(1, 8)
            till = time.monotonic() + run.chance.choice([0.3, 0.7, 1.5, 3, 60, 60, 60, 60])
            try:
                while (judge.requests < asked and time.monotonic() < till
                       and not fleet.tend()):
                    redis.note_size()
                    time.sleep(TICK / 4)
                redis.kill()
                redis.cut(run.chance, 1, is_all=True)
                redis.start()
                gone += not redis.call("EXISTS", "stopmsg:{%s}:job" % trial.name)
                fleet.feed_again()
                fleet.until_finished()
            finally:
                fleet.end()
            run.settle(trial, fleet)
    finally:
        redis.remove()
    return "%d young jobs, of which Redis forgot all of %d, %s" % (run.options.times, gone, run)


def forget(run):
    """Redis forgets that a worker was about to send, after it has sent."""
    judge, redis = run.judge(delay=0, lose=0), run.redis()
    try:
        for _ in range(run.options.times):
            trial = run.trial(judge, redis.port)
            trial.run(trial.feed(), {0})
            redis.sizes = [(0, os.path.getsize(redis.log_file()))]
            judge.on_step = lambda step: step == "acted" and redis.process.kill()
            worker = trial.work("--patience", "1")
            wait_for(lambda: redis.process.poll() is not None, "a request")
            judge.on_step = None
            worker.kill()
            worker.wait()
            redis.kill()
            redis.cut(run.chance, 0, is_all=True)
            redis.start()
            trial.run(trial.work(), FINISHED)
            trial.finish()
            run.settle(trial)
    finally:
        redis.remove()
    return "%d intents that Redis forgot, %s" % (run.options.times, run)


def memory(run):
    judge, redis = run.judge(), run.redis()
    redis.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
    refused = [0]

    def trouble(fleet):
        used = int(redis.info("used_memory"))
        redis.call("CONFIG", "SET", "maxmemory", used + run.chance.randrange(1, 60000))
        till = time.monotonic() + run.chance.uniform(0.3, 1.5)
        while time.monotonic() < till:
            fleet.tend()
            time.sleep(TICK)
        refused[0] += sum(int(part.partition("=")[2]) for part in
                          (redis.info("errorstat_OOM") or "count=0").split(",")[:1])
        redis.call("CONFIG", "SET", "maxmemory", 0)
        return 1

    try:
        troubled(run, judge, redis.port, trouble)
    finally:
        redis.remove()
    return "%d times no memory, %s" % (run.options.times, run)


def failover(run):
    judge = run.judge()
    lost = []
    while len(lost) < run.options.times:
        first = Redis(run.path("first"), "--repl-backlog-size", "1mb")
        second = Redis(run.path("second"))
        # What workers talk to, and what the replica talks to.
        front, behind = Wire(first.port), Wire(first.port)
        try:
            second.call("REPLICAOF", "127.0.0.1", behind.port)
            wait_for(lambda: second.info("master_link_status") == "up", "the replica")
            trial = run.trial(judge, front.port)
            fleet = Fleet(trial, run.options.workers)
            try:
                end = time.monotonic() + run.chance.uniform(0.5, 2)
                lag = end - run.chance.uniform(0.05, 1)
                while time.monotonic() < end and not fleet.tend():
                    if time.monotonic() > lag:
                        behind.freeze()
                    time.sleep(TICK)
                behind.freeze()
                was = int(first.info("master_repl_offset"))
                first.kill()
                behind.drop()
                second.call("REPLICAOF", "NO", "ONE")
                lost.append(was - int(second.info("master_repl_offset")))
                front.target = second.port
                front.drop()
                behind.thaw()
                fleet.feed_again()
                fleet.until_finished()
            finally:
                fleet.end()
            run.settle(trial, fleet)
        finally:
            front.close()
            behind.close()
            first.remove()
            second.remove()
    return "%d fail-overs, %d of them without the last writes (%d bytes), %s" % (
        len(lost), sum(1 for bytes in lost if bytes > 0), sum(lost), run)


def clock(run):
    judge, redis = run.judge(), run.redis(clock=os.path.abspath(run.options.clock))
    moved = [0]

    def trouble(fleet):
        moved[0] += run.chance.choice([-3600, -60, -5, 5, 60, 3600, 86400])
        redis.move_clock(moved[0])
        return 1

    try:
        troubled(run, judge, redis.port, trouble, wait=(0.2, 1))
    finally:
        redis.remove()
    return "%d jumps of the clock of Redis, %s" % (run.options.times, run)


def steps(run):
    """One job for each step, so that their leases end together."""
    redis = run.redis()
    try:
        # What comes by where nobody is killed.
        (trial, wire), = stepped(run, redis, 1)
        trial.run(trial.work("--once", port=wire.port), FINISHED)
        trial.finish()
        run.settle(trial)
        wire.close()
        pieces, answers = wire.count, STEPS * trial.judge.requests
        places = [("redis", n) for n in range(1, pieces + 1)]
        places += [("provider", n) for n in range(1, answers + 1)]
        if run.options.sample > 1:
            places = places[run.chance.randrange(run.options.sample)::run.options.sample]
        prepared = stepped(run, redis, len(places))
        killed = 0
        for group in groups(list(zip(prepared, places)), run.options.workers):
            for trial, worker in [(trial, arm(trial, wire, *place))
                                  for (trial, wire), place in group]:
                code, said = trial.run(worker)
                killed += code == -signal.SIGKILL
                if code not in FINISHED | {-signal.SIGKILL}:
                    raise Wrong("a worker: exit code %d: %s" % (code, said))
                trial.judge.on_step = None
        for group in groups([trial for trial, _ in prepared], run.options.workers):
            for trial, worker in [(trial, trial.work()) for trial in group]:
                trial.run(worker, FINISHED)
            for trial, collector in [(trial, trial.collect()) for trial in group]:
                trial.run(collector, FINISHED)
                run.settle(trial)
        for trial, wire in prepared:
            wire.close()
            trial.judge.close()
    finally:
        redis.remove()
    return "%d steps (%d messages of Redis, %d steps of the provider), %d kills, %s" % (
        len(places), pieces, answers, killed, run)


def groups(all, size):
    return [all[at:at + size] for at in range(0, len(all), size)]


def stepped(run, redis, count):
    """Small jobs that are fed, each with a judge of its own and a wire for its worker."""
    jobs = [run.trial(run.judge("judge%d" % run.jobs, delay=0, lose=0), redis.port)
            for _ in range(count)]
    for group in groups(jobs, FEEDS):
        for trial, feed in [(trial, trial.feed()) for trial in group]:
            trial.run(feed, {0})
    return [(trial, Wire(redis.port)) for trial in jobs]


def arm(trial, wire, where, number):
    """A worker that is killed when the n-th message comes by."""
    lock = threading.Lock()
    seen = [0]
    ready = threading.Event()
    box = []

    def shoot():
        ready.wait()
        box[0].kill()

    def on_chunk(count, _):
        if count == number:
            shoot()
            return "cut"
        return None

    def on_step(_):
        with lock:
            seen[0] += 1
            if seen[0] == number:
                shoot()

    if where == "redis":
        wire.on_chunk = on_chunk
    else:
        trial.judge.on_step = on_step
    box.append(trial.work("--once", port=wire.port))
    ready.set()
    return box[0]


def mixed(run):
    """All of it at once."""
    judge, redis = run.judge(), run.redis()
    wire = Wire(redis.port)
    done = collections.Counter()

    def trouble(fleet):
        what = run.chance.choice(["kill", "kill", "term", "sleep", "cut", "restart", "steer"])
        process = run.chance.choice(fleet.working() + [p for p in fleet.all() if p.poll() is None]
                                    or [None])
        if what in ("kill", "term") and process:
            process.send_signal(signal.SIGKILL if what == "kill" else signal.SIGTERM)
        elif what == "sleep" and process:
            process.send_signal(signal.SIGSTOP)
            threading.Timer(run.options.lease * run.chance.uniform(0.2, 3), wake,
                            [process]).start()
            if process in (fleet.feeder, fleet.collector):
                fleet.replace(process)
        elif what == "cut":
            wire.drop()
        elif what == "restart":
            redis.kill()
            redis.cut(run.chance, 1)
            redis.start()
            fleet.feed_again()
        elif what == "steer":
            for option in ("--pause", "--resume"):
                fleet.trial.run(fleet.trial.start("job", fleet.trial.name, option,
                                                  port=redis.port))
        done[what] += 1
        return 1

    try:
        troubled(run, judge, wire.port, trouble, redis=redis, wait=(0.1, 1))
    finally:
        wire.close()
        redis.remove()
    return "%s, %s" % (dict(done), run)


def rate(run):
    """One rate for all workers, some of which are killed. Requests with the judge's answers lost
    count, too."""
    judge, redis = run.judge(), run.redis()
    words = work_options(run.options) + ["--rate", str(RATE), "--shared", "judge"]

    def trouble(fleet):
        workers = fleet.working()
        if not workers:
            return 0
        run.chance.choice(workers).kill()
        return 1

    try:
        troubled(run, judge, redis.port, trouble, wait=(0.2, 1.5), work=words)
    finally:
        redis.remove()
    most = 0
    for at, moment in enumerate(judge.moments):
        most = max(most, sum(1 for other in judge.moments[at:at + 20 * RATE]
                             if other < moment + WINDOW))
    # A busy machine may hand over some of them late, and so together with the next ones.
    if most > WINDOW * RATE * 1.1 + 5:
        raise Wrong("%d requests within %d s, at a rate of %d" % (most, WINDOW, RATE))
    return "%d kills, at most %d requests within %d s at a rate of %d, %s" % (
        run.options.times, most, WINDOW, RATE, run)


def wake(process):
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)


def wrong(run):
    """Workers that cannot work settle nothing, say so, and the others finish."""
    keys, other = certificates(run.path("keys")), certificates(run.path("other"))
    judge, stranger = run.judge(keys=keys), run.judge("stranger")
    redis = run.redis()
    told = []
    lease, ours = work_options(run.options), ["--ca-file", keys + "/ca.pem"]
    try:
        for name, options, how, expected in (
            ("token", ours, {"env": {"STOPMSG_TOKEN": "wrong"}}, 6),
            ("proxy", ours + ["--proxy", "http://127.0.0.1:1"], {}, 5),
            ("certificate", ["--ca-file", other + "/ca.pem"], {}, 5),
            ("address", ours, {"url": stranger.url}, 2),
        ):
            trial = run.trial(judge, redis.port, work=lease + options + ["--patience", "2"])
            feeder = trial.feed()
            wait_for(trial.knows, "the job")
            code, said = trial.run(trial.work(**how))
            if code != expected:
                raise Wrong("a wrong %s: exit code %d: %s" % (name, code, said))
            trial.run(trial.collect(), {UNFINISHED})
            # Those without a right form are for feed to settle.
            outcomes = trial.verdict(partly=True)[1]
            settled = sum(outcomes.values()) - outcomes["invalid"]
            if settled or any(id in judge.stopped for id in trial.ids) or stranger.requests:
                raise Wrong("a wrong %s: %d ids were settled" % (name, settled))
            trial.work_options = lease + ours
            workers = [trial.work() for _ in range(2)]
            trial.run(feeder, {0})
            for worker in workers:
                trial.run(worker, FINISHED)
            trial.finish()
            run.settle(trial)
            told.append("%s: exit code %d" % (name, code))
    finally:
        redis.remove()
    return "a wrong %s; settled nothing; %s" % (", ".join(told), run)


def certificates(folder):
    """An authority, and a server's certificate that it signed: the folder of both."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, cwd=folder)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "2", "-subj", "/CN=judge's authority")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr",
            "-subj", "/CN=127.0.0.1")
    with open(folder + "/names", "w") as file:
        file.write("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem")
    return folder


def wait_for(done, about, seconds=60):
    till = time.monotonic() + seconds
    while not done():
        if time.monotonic() > till:
            raise Wrong("waited in vain for " + about)
        time.sleep(TICK)


# Little of each, and the last one has to see lies.
SHORT = [words.split() for words in (
    "steps --ids 6 --batch 3 --entry 4 --sample 6",
    "steps --ids 2 --provider clickatell --sample 9",
    "kill --times 5 --ids 500",
    "kill --times 3 --ids 60 --provider clickatell",
    "relapse --times 1 --entry 80",
    "pause --times 3 --ids 500 --lease 1",
    "network --times 6 --ids 500",
    "restart --times 2 --ids 500",
    "young --times 2",
    "memory --times 2 --ids 500",
    "failover --times 1 --ids 500",
    "wrong --ids 50",
    "forget --times 1 --ids 30",
    "forget --times 1 --ids 30 --disarm",
)]


def short(run):
    """Each is a program of its own. What they do most of the time is wait."""
    waiting, running, wrong = list(SHORT), [], []
    try:
        while waiting or running:
            while waiting and len(running) < SIDE_BY_SIDE:
                words = waiting.pop(0)
                running.append((words, subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, sys.argv[0], *words,
                     "--seed", str(run.options.seed)], stdout=subprocess.PIPE, text=True)))
            words, process = running.pop(0)
            said = process.communicate()[0]
            print("%s: %s" % (" ".join(words), said), end="", flush=True)
            if process.returncode != 0:
                wrong.append(words)
    finally:
        for _, process in running:
            process.kill()
    if wrong:
        raise Wrong("wrong are: %s" % wrong)
    return "%d cases are right" % len(SHORT)


CASES = {f.__name__: f for f in (kill, steps, relapse, pause, network, restart, forget, young, memory,
                                 failover, clock, mixed, rate, wrong, short)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--provider", default="revicom", choices=["revicom", "clickatell"])
    parser.add_argument("--ids", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=10, help="ids a request, of revicom")
    parser.add_argument("--entry", type=int, default=25, help="ids an entry")
    parser.add_argument("--ahead", type=int, default=0)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--lease", type=float, default=2)
    parser.add_argument("--sample", type=int, default=1)
    parser.add_argument("--delay", type=float, default=0.05, help="of the judge's answers")
    parser.add_argument("--lose", type=float, default=0.02, help="share of answers that are lost")
    parser.add_argument("--clock", help="the library of spec/torture/clock.c")
    parser.add_argument("--disarm", action="store_true",
                        help="without the epoch rule: there have to be lies")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.randrange(1 << 30)
    folder = tempfile.mkdtemp()
    try:
        said = CASES[options.case](Run(options, folder))
        if options.disarm:
            raise Wrong("the judge saw no lie without the epoch rule: " + said)
        print(said)
    except Lies as lies:
        if not options.disarm:
            print("%s: %s\nseed %d, files in %s" % (options.case, lies, options.seed, folder))
            sys.exit(1)
        print("without the epoch rule, as it must be: %s" % lies)
    except (Wrong, Refused, OSError) as fault:
        print("%s: %s\nseed %d, files in %s" % (options.case, fault, options.seed, folder))
        sys.exit(1)
    shutil.rmtree(folder)


main()
