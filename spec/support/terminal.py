"""Runs programs as a person at a terminal does, or as a script without one does, for the specs.

    python3 spec/support/terminal.py

It listens on a port of 127.0.0.1 that the kernel chooses, and says so in its first line. It ends on
SIGTERM, or when its stdin ends. One JSON document a line is taken and answered with one:

    argv, env       the program, its arguments, its whole environment
    terminal        which of "stdin", "stdout", "stderr" are a pseudo-terminal. It is the one the
                    program is controlled by, also where none of the three is; with `null` the
                    program has no terminal at all
    stdin           what is written to its pipe; or {"file": PATH}
    stdout, stderr  {"file": PATH} in place of a pipe; {"lines": N}: the pipe is closed after the
                    first N lines
    size            [rows, columns] of the terminal, [24, 80] by default
    steps           one after the other: {"wait": REGEX} until it is in what the program said, or
                    {"in": FILE}, {"times": N} often, and until no signal waits for the program;
                    then, where given, {"type": TEXT} at the terminal, {"signal": NAME} to the
                    program, or {"write": FILE}, which is made
    limit           seconds after which the program is killed (300)

The answer: `code` (128 and the signal's number where a signal ended it), `signal` (its number, or 0),
`late` (killed at the limit, or a step whose wait was in vain), `stdout`, `stderr`, `terminal` (what
went to each), `elapsed`, `after` (seconds from the last step to the end), `cmdline` and `environ`
(as others see them). Bytes that are not UTF-8 come as \\xNN.
"""

import fcntl
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time


def text_of(data):
    return data.decode("utf-8", "backslashreplace")


def read_file(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def read_proc(pid, name):
    return read_file("/proc/%d/%s" % (pid, name)).replace(b"\0", b"\n")


def has_pending(pid):
    """Whether a signal was sent to the process that it has not taken yet."""
    return any(int(mask, 16) for mask in re.findall(
        rb"^(?:SigPnd|ShdPnd):\s*(\S+)", read_proc(pid, "status"), re.MULTILINE))


class Program:
    """One run of a program: its descriptors, what it said, what is done to it."""

    def __init__(self, job):
        self.job = job
        self.said = {"stdout": bytearray(), "stderr": bytearray(), "terminal": bytearray()}
        self.readers = {}
        self.given = []
        self.steps = list(job.get("steps", ()))
        self.late = False
        self.input = None
        self.to_write = b""
        self.master = None
        names = job.get("terminal")
        self.on_terminal = names or ()
        if names is not None:
            # The slave is kept open to the end: a terminal that nobody holds hangs up.
            self.master, self.slave = os.openpty()
            rows, columns = job.get("size", (24, 80))
            fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            self.readers[self.master] = "terminal"

    def source(self):
        if "stdin" in self.on_terminal:
            return self.slave
        given = self.job.get("stdin", "")
        if isinstance(given, dict):
            end = os.open(given["file"], os.O_RDONLY)
        else:
            end, self.input = os.pipe()
            os.set_blocking(self.input, False)
            self.to_write = given.encode()
        self.given.append(end)
        return end

    def sink(self, name):
        if name in self.on_terminal:
            return self.slave
        where = self.job.get(name, {})
        if "file" in where:
            end = os.open(where["file"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        else:
            reader, end = os.pipe()
            self.readers[reader] = name
        self.given.append(end)
        return end

    def start(self):
        def prepare():
            os.setsid()
            if self.master is not None:
                fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

        ends = self.source(), self.sink("stdout"), self.sink("stderr")
        self.began = self.acted = time.monotonic()
        self.process = subprocess.Popen(
            self.job["argv"], env=self.job["env"],
            stdin=ends[0], stdout=ends[1], stderr=ends[2], preexec_fn=prepare)
        for end in self.given:
            os.close(end)
        self.cmdline = self.environ = b""

    def spy(self):
        # Between fork and exec it is this program's own.
        if not self.cmdline or self.cmdline == read_proc(os.getpid(), "cmdline"):
            self.cmdline = read_proc(self.process.pid, "cmdline")
            self.environ = read_proc(self.process.pid, "environ")

    def write(self):
        try:
            self.to_write = self.to_write[os.write(self.input, self.to_write):]
        except BrokenPipeError:
            self.to_write = b""
        except BlockingIOError:
            return
        if not self.to_write:
            os.close(self.input)
            self.input = None

    def drop(self, reader):
        del self.readers[reader]
        os.close(reader)

    def read(self, reader):
        name = self.readers[reader]
        data = os.read(reader, 65536)
        if not data:
            self.drop(reader)
            return
        self.said[name] += data
        lines = name != "terminal" and self.job.get(name, {}).get("lines")
        if lines and self.said[name].count(b"\n") >= lines:
            self.drop(reader)

    def step(self):
        if not self.steps:
            return
        step = self.steps[0]
        said = read_file(step["in"]) if "in" in step else b"\n".join(
            bytes(s) for s in self.said.values())
        if len(re.findall(step["wait"].encode(), said)) < step.get("times", 1):
            return
        if has_pending(self.process.pid):
            return
        self.steps.pop(0)
        self.acted = time.monotonic()
        try:
            if "type" in step:
                os.write(self.master, step["type"].encode())
            if "signal" in step:
                self.process.send_signal(getattr(signal, step["signal"]))
            if "write" in step:
                open(step["write"], "w").close()
        except (OSError, TypeError):
            self.late = True  # the program is gone

    def run(self):
        self.start()
        limit = self.began + self.job.get("limit", 300)
        ended = None
        while self.readers or self.process.poll() is None:
            if self.process.poll() is not None:
                ended = ended or time.monotonic()
                # What it left in the pipes; a child of its own may keep them open for ever.
                if not select.select(list(self.readers), [], [], 0)[0]:
                    break
            elif time.monotonic() > limit:
                self.late = True
                self.process.kill()
            writers = [self.input] if self.input is not None else []
            ready, writable, _ = select.select(list(self.readers), writers, [], 0.005)
            self.spy()
            if writable:
                self.write()
            for reader in ready:
                self.read(reader)
            self.step()
        ended = ended or time.monotonic()
        for reader in list(self.readers):
            self.drop(reader)
        if self.master is not None:
            os.close(self.slave)
        if self.input is not None:
            os.close(self.input)
        code = self.process.wait()
        answer = {
            "code": code if code >= 0 else 128 - code,
            "signal": -code if code < 0 else 0,
            "late": self.late or bool(self.steps),
            "elapsed": ended - self.began,
            "after": ended - self.acted,
            "cmdline": text_of(self.cmdline),
            "environ": text_of(self.environ),
        }
        for name, data in self.said.items():
            answer[name] = text_of(bytes(data))
        return answer


def serve(listener):
    while True:
        peer, _ = listener.accept()
        with peer, peer.makefile("rwb") as stream:
            for line in stream:
                try:
                    answer = Program(json.loads(line)).run()
                except Exception as error:  # the spec has to see it
                    answer = {"error": "%s: %s" % (type(error).__name__, error)}
                stream.write(json.dumps(answer).encode() + b"\n")
                stream.flush()


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    listener = socket.create_server(("127.0.0.1", 0))
    print("terminal listening on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    sys.stdin.buffer.read()


main()
