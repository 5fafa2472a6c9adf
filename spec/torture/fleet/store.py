"""A redis-server that can be killed, cut short, overtaken and moved in time."""

import glob
import mmap
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import time

PATIENCE = 60


class Refused(Exception):
    """An error reply."""


class Client:
    """A connection that waits for each reply."""

    def __init__(self, port, timeout=PATIENCE):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def call(self, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self._socket.sendall(b"*%d\r\n" % len(words)
                             + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return self._read()

    def _read(self):
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("Redis hung up")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._file.read(int(rest) + 2)[:-2]
        return None if rest == b"-1" else [self._read() for _ in range(int(rest))]

    def close(self):
        self._file.close()
        self._socket.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Redis:
    """Its append-only file is written every second, as Redis does unless it is told otherwise."""

    def __init__(self, folder, *more, clock=None, fsync="everysec"):
        self.folder = folder
        self.more = list(more)
        self.fsync = fsync
        self.process = None
        self.is_kept = "--appendonly" not in more
        self.sizes = []  # (moment, bytes of the append-only file)
        self._client = None
        self._clock = None
        self._preload = None
        os.makedirs(folder, exist_ok=True)
        if clock:
            self._preload = clock
            path = os.path.join(folder, "clock")
            with open(path, "wb") as file:
                file.write(struct.pack("l", 0))
            with open(path, "r+b") as file:
                self._clock = mmap.mmap(file.fileno(), 0)
        for attempt in range(5):
            self.port = free_port()
            try:
                self.start()
                break
            except OSError:
                if attempt == 4:
                    raise

    def start(self):
        env = dict(os.environ, LD_PRELOAD="")
        if self._preload:
            env.update(LD_PRELOAD=self._preload, MOVED_CLOCK=os.path.join(self.folder, "clock"))
        # It does not read its stdin, and would outlive a harness that is killed.
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", "redis-server", "--bind", "127.0.0.1",
             "--port", str(self.port), "--dir", self.folder, "--save", "", "--appendonly", "yes",
             "--appendfsync", self.fsync, "--maxmemory-policy", "noeviction",
             "--repl-diskless-sync-delay", "0"] + self.more,
            env=env, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
            stdout=open(os.path.join(self.folder, "log"), "ab"))
        till = time.monotonic() + PATIENCE
        while True:
            if self.process.poll() is not None:
                raise OSError("redis-server did not start: see %s/log" % self.folder)
            try:
                # Another server may have taken the port meanwhile.
                about = self.call("INFO").decode()
                if "process_id:%d\r" % self.process.pid in about and "\nloading:0\r" in about:
                    # What it read at its start is on the disk.
                    self.sizes = [(0, os.path.getsize(self.log_file()) if self.is_kept else 0)]
                    return
            except (OSError, Refused):
                self.hang_up()
            if time.monotonic() > till:
                raise OSError("redis-server does not answer")
            time.sleep(0.02)

    def call(self, *words):
        self._client = self._client or Client(self.port)
        return self._client.call(*words)

    def hang_up(self):
        if self._client:
            self._client.close()
            self._client = None

    def info(self, name):
        for line in self.call("INFO").decode().split("\r\n"):
            if line.startswith(name + ":"):
                return line.partition(":")[2]
        return None

    def kill(self, how=signal.SIGKILL):
        self.hang_up()
        self.process.send_signal(how)
        self.process.wait(PATIENCE)

    def move_clock(self, seconds):
        """Moves its clock, by so many seconds from where it is by itself."""
        self._clock[:8] = struct.pack("l", seconds)

    def log_file(self):
        return max(glob.glob(self.folder + "/appendonlydir/*.incr.aof"), key=os.path.getmtime)

    def note_size(self):
        """Called often, it lets cut() know what was written when."""
        self.sizes.append((time.monotonic(), os.path.getsize(self.log_file())))

    def cut(self, chance, seconds, is_all=False):
        """What a power cut does to a server that is dead: the end of its append-only file is gone,
        up to so many seconds of it, or all of them. Gives the bytes that were cut off."""
        path = self.log_file()
        size = os.path.getsize(path)
        now = time.monotonic()
        kept = max(bytes for moment, bytes in self.sizes if moment < now - seconds)
        # In the middle of an entry, or where one ends.
        cut = kept if is_all else chance.randint(kept, size)
        if chance.random() < 0.5:
            cut = self._entry_before(path, cut)
        os.truncate(path, cut)
        return size - cut

    def _entry_before(self, path, cut):
        """Where the last entry ends that fits into so many bytes."""
        with open(path, "rb") as file:
            data = file.read(cut)
        at = 0
        while True:
            end = entry_end(data, at)
            if end is None:
                return at
            at = end

    def remove(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def entry_end(data, at):
    """The end of the entry that begins there: None where it is not whole."""
    line = data.find(b"\r\n", at)
    if line < 0 or data[at:at + 1] != b"*":
        return None
    count = int(data[at + 1:line])
    at = line + 2
    for _ in range(count):
        line = data.find(b"\r\n", at)
        if line < 0:
            return None
        at = line + 2 + int(data[at + 1:line]) + 2
    return at if at <= len(data) else None


def random_of(seed):
    return random.Random(seed)
