"""A server that breaks in exactly the way it is told to, for the specs of stopmsg.

    python3 spec/support/fault_server.py [LOG]

It listens on two ports of 127.0.0.1 that the kernel chooses, and says so in its first line:

    fault server listening on http://127.0.0.1:PORT, control on 127.0.0.1:PORT

It ends on SIGTERM, or when its stdin ends.

The control port takes one JSON document a line, and answers each with one:

    {"do": "set", "port": P, "accept": [...], "requests": [...], "then": SCRIPT,
     "ids": [...], "authorization": "..."}
        Waits until nothing is under way and forgets the log. The n-th connection from now on runs
        accept[n] before anything else is done with it, the n-th request runs requests[n]; further
        requests run `then`. `ids` are looked for in each request, `authorization` is what the
        Authorization header has to be. Without a port: the first one.
    {"do": "take", "wait": SECONDS}
        Waits until nothing is under way: {"records": [...], "busy": N}, the log since the last
        set or take.
    {"do": "go"}
        Ends all that hold, or will, until the next set.
    {"do": "listen", "tls": {"cert": FILE, "key": FILE, "min": "TLSv1", "max": "TLSv1",
     "alpn": [...], "ca": FILE}}
        One more port: {"port": P}. Without `tls`: plain. With "ca" clients need a certificate of
        that authority. With "deaf": true nobody ever takes up a
        connection there, and the kernel's queue is full.

A script is {"do": [ACTION...], "says": ..., "carries": BOOL}. Its actions:

    ["read", N]                until N bytes of the request are there, or "headers", or "all"
    ["write", BYTES]           a string of Latin-1, {"hex": "..."} or {"zeros": N} (gzipped zeros)
    ["drip", BYTES, N, SECONDS]         N bytes, a pause, N bytes, ...
    ["flood", BYTES, LIMIT]             the same bytes again and again, LIMIT bytes altogether
    ["wait", SECONDS]          or until the peer hangs up
    ["hold"]                   until `go`, or until the peer hangs up; nothing is under way meanwhile
    ["hold", FILE]             also until that file is there
    ["tell", FILE]             a line is added to that file
    ["close"]                  the end of the stream: what still comes is thrown away
    ["drop"]                   the same, over TLS without telling that it is the end
    ["reset"]                  a RST at once

Where the peer chose HTTP/2, requests are told apart by their frames, "headers" cannot be read,
paths are not known (ids in bodies are), and the answers are frames that the script has to spell.

After the last action the connection is kept for the next request, unless it was closed.

`says` is what the answer says of the ids once it is written to its last byte: one outcome, or one
an id. `carries` is false where the script refuses: else a request that arrived whole counts as
carried out. These come back in the log, which is the judge of what a client may claim. A record:

    event           "request" or "connection", or "greeting" where a request of HTTP/2 never began
    port, conn      where, and the number of the connection (over all ports)
    request         its number in this connection
    bytes, whole    how many bytes of it were read; whether that was all of it
    method, path, headers (their names), ids (those of `ids` that it held)
    authorized      whether the Authorization header was the one expected
    carried, answered, says
    did             the actions that were begun; error: why they ended early
    time, ended     on the clock of CLOCK_MONOTONIC

The value of the Authorization header is never written anywhere.
"""

import gzip
import json
import os
import select
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import warnings

PATIENCE = 120  # seconds after which whatever stalls is given up


# Of HTTP/2 (RFC 9113)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS = 0, 1
END_STREAM = 1


class Ended(Exception):
    """The peer is gone, or the script closed the connection."""


def to_bytes(value):
    if isinstance(value, str):
        return value.encode("latin-1")
    if "hex" in value:
        return bytes.fromhex(value["hex"])
    if "zeros" in value:
        return zeros(value["zeros"])
    raise ValueError("no bytes: %r" % (value,))


BOMBS = {}


def zeros(count):
    if count not in BOMBS:
        BOMBS[count] = gzip.compress(bytes(count), 9)
    return BOMBS[count]


def told(action):
    """An action for the log, without the bytes it writes: they may hold what nobody may read."""
    name, args = action[0], list(action[1:])
    if name in ("write", "drip", "flood"):
        args[0] = len(to_bytes(args[0]))
    return " ".join(str(word) for word in [name] + args)


def readable(sock, milliseconds):
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(milliseconds))


def is_gone(sock, milliseconds):
    """Whether the peer hangs up within that time."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(milliseconds))


class Journal:
    """The records of what happened, and how many things are under way."""

    def __init__(self, path):
        self.condition = threading.Condition()
        self.records = []
        self.busy = 0
        self.idle = set()  # sockets on which the next thing may come
        self.holders = set()  # sockets of scripts that hold
        self.is_holding = True  # no `go` since the last set
        self.connections = 0
        self.file = open(path, "a", encoding="utf-8") if path else None

    def begin(self):
        with self.condition:
            self.busy += 1

    def end(self):
        with self.condition:
            self.busy -= 1
            self.condition.notify_all()

    def await_bytes(self, sock):
        """Waits for something to come, which is not under way before it is there."""
        with self.condition:
            self.busy -= 1
            self.idle.add(sock)
            self.condition.notify_all()
        readable(sock, None)
        with self.condition:
            self.idle.discard(sock)
            self.busy += 1

    def hold(self, sock, path=None):
        """Waits for `go`, or for that file: false where the peer hung up before."""
        with self.condition:
            if not self.is_holding:
                return True
            self.busy -= 1
            self.holders.add(sock)
            self.condition.notify_all()
        while True:
            has_left = is_gone(sock, 10)
            with self.condition:
                if sock not in self.holders:
                    return True  # go() has counted it
                if has_left or (path and os.path.exists(path)):
                    self.holders.discard(sock)
                    self.busy += 1
                    return not has_left

    def go(self):
        with self.condition:
            self.is_holding = False
            self.busy += len(self.holders)
            self.holders.clear()

    def is_quiet(self):
        """Also what came and was not seen yet, on a busy machine, is under way."""
        return (self.busy == 0 and not any(readable(sock, 0) for sock in self.idle)
                and not any(is_gone(sock, 0) for sock in self.holders))

    def add(self, record):
        with self.condition:
            record = {name: value for name, value in record.items() if value is not None}
            self.records.append(record)
            if self.file:
                self.file.write(json.dumps(record) + "\n")
                self.file.flush()

    def number(self):
        with self.condition:
            self.connections += 1
            return self.connections

    def take(self, patience):
        with self.condition:
            is_quiet = self.condition.wait_for(self.is_quiet, patience)
            records, self.records = self.records, []
            return sorted(records, key=lambda record: record["time"]), 0 if is_quiet else self.busy


class Scenario:
    def __init__(self, given):
        self.lock = threading.Lock()
        self.accept = list(given.get("accept") or [])
        self.requests = list(given.get("requests") or [])
        self.then = given.get("then") or {"do": [["read", "all"], ["reset"]]}
        self.ids = given.get("ids") or []
        self.authorization = given.get("authorization")

    def next_accept(self):
        with self.lock:
            return self.accept.pop(0) if self.accept else None

    def next_request(self):
        with self.lock:
            return self.requests.pop(0) if self.requests else self.then


class Exchange:
    """One request, as far as it came, and what is done with it."""

    def __init__(self, connection, script, scenario):
        self.connection = connection
        self.script = script
        self.scenario = scenario
        self.received = bytearray()
        self.size = None  # of the whole request, once its headers are there
        self.did = []
        self.error = None
        self.is_answered = False
        self.is_begun = not connection.is_http2  # else with the first frame of headers

    def is_whole(self):
        return self.size is not None and len(self.received) >= self.size

    def look_at_frames(self):
        """HTTP/2: whole with the frame that ends the stream, of headers or of the body."""
        at = len(PREFACE) if self.received.startswith(PREFACE) else 0
        while len(self.received) >= at + 9:
            kind, flags = self.received[at + 3], self.received[at + 4]
            self.is_begun = self.is_begun or kind == HEADERS
            at += 9 + int.from_bytes(self.received[at:at + 3], "big")
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                self.size = at
                return

    def look(self):
        if self.size is not None:
            return
        if self.connection.is_http2:
            self.look_at_frames()
            return
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = 0
        for line in bytes(self.received[:end]).split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
        self.size = end + 4 + length

    def read(self, goal):
        while True:
            self.look()
            if goal == "all":
                if self.is_whole():
                    return
                want = self.connection.chunk
                if self.size is not None:
                    want = self.size - len(self.received)
            elif goal == "headers":
                if self.size is not None:
                    return
                want = 1
            else:
                want = goal - len(self.received)
                if want <= 0:
                    return
            self.received += self.connection.receive(want)

    def run(self):
        try:
            for action in self.script["do"]:
                self.did.append(told(action))
                self.act(*action)
            self.is_answered = self.script.get("says") is not None
        except Ended as reason:
            self.error = str(reason) or None
            self.connection.is_over = True
        except (OSError, ssl.SSLError) as reason:
            self.error = str(reason)
            self.connection.is_over = True

    def act(self, name, *args):
        connection = self.connection
        if name == "read":
            self.read(args[0])
        elif name == "write":
            connection.send(to_bytes(args[0]))
        elif name == "drip":
            data, count, pause = to_bytes(args[0]), int(args[1]), args[2]
            for at in range(0, len(data), count):
                connection.send(data[at:at + count])
                connection.pause(pause)
        elif name == "flood":
            data, left = to_bytes(args[0]), args[1]
            data *= max(1, 65536 // len(data))
            while left > 0:
                connection.send(data)
                left -= len(data)
        elif name == "wait":
            connection.pause(args[0])
        elif name == "hold":
            if not connection.journal.hold(connection.sock, *args):
                raise Ended("the peer left")
        elif name == "tell":
            with open(args[0], "a") as file:
                file.write("told\n")
        elif name in ("close", "drop"):
            # All that the script meant to do is done.
            self.is_answered = self.script.get("says") is not None
            connection.finish(name == "close")
        elif name == "reset":
            self.is_answered = self.script.get("says") is not None
            connection.reset()
        else:
            raise ValueError("no action is called " + name)

    def record(self, number, began):
        self.look()
        received = bytes(self.received)
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        first = lines[0].split(b" ")
        path = first[1] if len(first) > 1 else b""
        names, authorization = [], None
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            # A name that was cut, or a value that was: neither is worth much.
            if colon:
                names.append(name.decode("latin-1"))
                if name.lower() == b"authorization":
                    authorization = value.strip().decode("latin-1")
        method = first[0].decode("latin-1")[:16]
        place = (path + b"\n" + body).lower()
        if self.connection.is_http2:
            method, path, names, place = "", b"", [], received.lower()
        is_carried = self.is_whole() and self.script.get("carries", True)
        return {
            "event": "request" if self.is_begun else "greeting",
            "port": self.connection.port,
            "conn": self.connection.number,
            "request": number,
            "bytes": len(received),
            "whole": self.is_whole(),
            "method": method,
            "path": path.decode("latin-1")[:200],
            "headers": names,
            "ids": [i for i in self.scenario.ids if i.lower().encode("latin-1") in place],
            "authorized": authorization is not None
            and authorization == self.scenario.authorization,
            "carried": is_carried,
            "answered": self.is_answered,
            "says": self.script.get("says") if self.is_answered else None,
            "did": self.did,
            "error": self.error,
            "time": began,
            "ended": time.monotonic(),
        }


class Connection(threading.Thread):
    def __init__(self, listener, sock):
        super().__init__(daemon=True)
        self.listener = listener
        self.port = listener.port
        self.journal = listener.journal
        self.number = self.journal.number()
        self.sock = sock
        self.ahead = b""  # bytes that were read to see whether there are any
        self.is_over = False
        self.is_http2 = False
        self.chunk = 65536  # of the bytes that are read at once

    def receive(self, count):
        if self.ahead:
            data, self.ahead = self.ahead[:count], self.ahead[count:]
            return data
        try:
            data = self.sock.recv(count)
        except socket.timeout:
            raise Ended("nothing came") from None
        if not data:
            raise Ended("the peer closed")
        return data

    def send(self, data):
        self.sock.sendall(data)

    def pause(self, seconds):
        """Sleeps, but not longer than the peer is there."""
        if is_gone(self.sock, min(seconds, PATIENCE) * 1000):
            raise Ended("the peer left")

    def finish(self, is_told):
        """Tells the end of the stream, and throws away what still comes."""
        sock = self.sock
        sock.settimeout(0.01)
        try:
            if isinstance(sock, ssl.SSLSocket) and is_told:
                sock.unwrap()  # close_notify; the other side's is not waited for
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        except (OSError, ssl.SSLError, ValueError):
            pass
        raise Ended("")

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise Ended("")

    def skip_frames(self):
        """HTTP/2: what comes between two requests. The head of the next one's first frame stays."""
        while True:
            self.ahead += self.exactly(9 - len(self.ahead))
            if self.ahead[3] == HEADERS or PREFACE.startswith(self.ahead):
                return True
            self.exactly(int.from_bytes(self.ahead[:3], "big"))
            self.ahead = b""

    def next_bytes(self, *how):
        """What comes between two requests."""
        if not isinstance(self.sock, ssl.SSLSocket) or self.sock.pending() == 0:
            self.journal.await_bytes(self.sock)
        return self.sock.recv(*how)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.next_bytes(count - len(data))
            if not more:
                raise OSError("the peer closed")
            data += more
        return data

    def await_bytes(self):
        """Waits for the first byte of a request, without taking it where that can be seen."""
        if self.is_http2:
            return self.skip_frames()
        if isinstance(self.sock, ssl.SSLSocket):
            self.ahead = self.ahead or self.next_bytes(1)
            return len(self.ahead) > 0
        return len(self.ahead) > 0 or len(self.next_bytes(1, socket.MSG_PEEK)) > 0

    def greet(self):
        """What is done with a connection before its first request. False when it is over."""
        began = time.monotonic()
        script = self.listener.scenario.next_accept()
        exchange = None
        error = None
        if script:
            exchange = Exchange(self, script, self.listener.scenario)
            exchange.run()
        if not self.is_over and self.listener.tls:
            try:
                self.sock = self.listener.tls.wrap_socket(self.sock, server_side=True)
                if self.sock.selected_alpn_protocol() == "h2":
                    self.is_http2, self.chunk = True, 1
            except (OSError, ssl.SSLError) as reason:
                error = str(reason)
                self.is_over = True
        self.journal.add({
            "event": "connection",
            "port": self.port,
            "conn": self.number,
            "did": exchange.did if exchange else [],
            "bytes": len(exchange.received) if exchange else 0,
            "error": error or (exchange and exchange.error),
            "time": began,
        })
        return not self.is_over

    def serve(self):
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(PATIENCE)
        if not self.greet():
            return
        count = 0
        self.sock.settimeout(None)
        while not self.is_over and self.await_bytes():
            self.sock.settimeout(PATIENCE)
            count += 1
            scenario = self.listener.scenario
            exchange = Exchange(self, scenario.next_request(), scenario)
            began = time.monotonic()
            try:
                exchange.run()
            finally:
                if self.is_over:
                    self.sock.close()
                self.journal.add(exchange.record(count, began))
            if not self.is_over:
                self.sock.settimeout(None)

    def run(self):
        try:
            self.serve()
        except (OSError, ssl.SSLError):
            pass
        finally:
            self.sock.close()
            self.journal.end()  # the listener has counted it


class Listener(threading.Thread):
    def __init__(self, journal, tls=None):
        super().__init__(daemon=True)
        self.journal = journal
        self.tls = tls and context(tls)
        self.scenario = Scenario({})
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.sock.getsockname()[1]

    def deafen(self):
        self.sock.listen(0)
        self.callers = []
        for _ in range(4):
            caller = socket.socket()
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.1", self.port))
            self.callers.append(caller)

    def run(self):
        self.journal.begin()
        while True:
            self.journal.await_bytes(self.sock)
            sock, _ = self.sock.accept()
            self.journal.begin()
            Connection(self, sock).start()


def version(name):
    return getattr(ssl.TLSVersion, name.replace(".", "_"))


def context(given):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if given.get("min") or given.get("max"):
        warnings.simplefilter("ignore")  # yes, they are old
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = version(given.get("min") or "TLSv1")
        made.maximum_version = version(given.get("max") or "TLSv1.3")
    if given.get("alpn"):
        made.set_alpn_protocols(given["alpn"])
    made.load_cert_chain(given["cert"], given["key"])
    if given.get("ca"):
        made.load_verify_locations(given["ca"])
        made.verify_mode = ssl.CERT_REQUIRED
    return made


class Control(threading.Thread):
    def __init__(self, journal, listener):
        super().__init__(daemon=True)
        self.journal = journal
        self.listeners = {listener.port: listener}
        self.first = listener
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]

    def answer(self, command):
        what = command["do"]
        if what == "set":
            listener = self.listeners[int(command.get("port") or self.first.port)]
            _, busy = self.journal.take(command.get("wait", PATIENCE))
            if busy:
                raise ValueError("%d thing(s) of the last scenario are still under way" % busy)
            listener.scenario = Scenario(command)
            self.journal.is_holding = True
            return {}
        if what == "take":
            records, busy = self.journal.take(command.get("wait", PATIENCE))
            return {"records": records, "busy": busy}
        if what == "go":
            self.journal.go()
            return {}
        if what == "listen":
            listener = Listener(self.journal, command.get("tls"))
            if command.get("deaf"):
                listener.deafen()
            else:
                listener.start()
            self.listeners[listener.port] = listener
            return {"port": listener.port}
        raise ValueError("no command is called " + what)

    def run(self):
        while True:
            sock, _ = self.sock.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for line in sock.makefile("r", encoding="utf-8"):
                try:
                    answer = self.answer(json.loads(line))
                except Exception as reason:  # told to the spec, which shows it
                    answer = {"error": "%s: %s" % (type(reason).__name__, reason)}
                sock.sendall((json.dumps(answer) + "\n").encode())
            sock.close()


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    journal = Journal(sys.argv[1] if len(sys.argv) > 1 else None)
    listener = Listener(journal)
    control = Control(journal, listener)
    listener.start()
    control.start()
    print("fault server listening on http://127.0.0.1:%d, control on 127.0.0.1:%d"
          % (listener.port, control.port), flush=True)
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


main()
