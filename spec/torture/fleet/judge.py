"""A provider with a memory, which judges what a fleet claims.

    python3 spec/torture/fleet/judge.py LOG [--delay SECONDS] [--lose SHARE] [--seed N] [--forget]

The first request to stop a message works. Each later one gets "too late", as a provider answers
that has stopped the message already. So a client that sends an id twice and believes the second
answer tells a lie, and the log proves it. The log is written before the answer leaves; a line is
"stop ID", "late ID" or "none ID". A judge that finds a log goes on from it.

It speaks two forms: Revicom's batches and Clickatell's single ids. Ids that end in 0403 or 0003
left before anybody asked, ids that end in 0404 or 0001 do not exist.

  --delay   seconds that each answer takes
  --lose    the share of answers that are lost after the message was stopped
  --forget  no memory and no log: for lists that are too long for them

Its first line names its address. It ends when its stdin ends.
"""

import argparse
import json
import os
import random
import socket
import ssl
import sys
import threading
import time

TOKEN = "right"
LEFT = ("0403", "0003")
UNKNOWN = ("0404", "0001")

REASONS = {200: "OK", 401: "Unauthorized", 404: "Not Found", 502: "Bad Gateway"}


class Gone(Exception):
    """The client hung up."""


class Judge:
    """url: where it listens. stopped, late: how often each id was stopped, and asked for later.

    on_step(step), where it is set, is called at each step of a request: "came", "acted",
    "answered". What it raises is not caught, so it must not raise.
    """

    def __init__(self, path, delay=0.0, lose=0.0, seed=0, forget=False, keys=None):
        self.path = path
        self.delay = delay
        self.lose = lose
        self.forget = forget
        self.stopped = set()
        self.late = {}
        self.moments = []  # when each request with the right token came
        self.requests = 0
        self.refused = 0
        self.lost = 0
        self.on_step = None
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._log = None if forget else os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._read()
        self._tls = None
        if keys:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(keys + "/server.pem", keys + "/server.key")
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._socket.getsockname()[1]
        self.url = "%s://127.0.0.1:%d" % ("https" if keys else "http", self.port)
        threading.Thread(target=self._accept, daemon=True).start()

    def _read(self):
        if self.forget:
            return
        with open(self.path) as file:
            for line in file:
                word, id = line.split()
                self._remember(word, id)

    def _remember(self, word, id):
        if word == "stop":
            self.stopped.add(id)
        else:
            self.late[id] = self.late.get(id, 0) + 1

    def _accept(self):
        while True:
            try:
                connection = self._socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self):
        """Nobody is answered any more; the log stays."""
        self._socket.close()

    def _serve(self, connection):
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            held = b""
            while True:
                held = self._one(connection, held)
        except (Gone, OSError, ssl.SSLError):
            pass
        finally:
            connection.close()

    def _one(self, connection, held):
        """Answers one request. Gives what was read beyond it."""
        while b"\r\n\r\n" not in held:
            held += receive(connection)
        head, _, rest = held.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("expect"):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = int(headers.get("content-length", 0))
        pieces = [rest]
        size = len(rest)
        while size < length:
            pieces.append(receive(connection))
            size += len(pieces[-1])
        rest = b"".join(pieces)
        self._step("came")
        word = headers.get("authorization", "").split(" ")[-1]
        status, body = self._answer(method, path, rest[:length], word)
        with self._lock:
            is_lost = status == 200 and self._random.random() < self.lose
            how = self._random.randrange(3)
            self.lost += is_lost
        self._step("acted")
        if self.delay:
            time.sleep(self.delay)
        data = ("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                % (status, REASONS[status], len(body))).encode() + body
        if is_lost and how == 0:
            data = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
        elif is_lost:
            # Cut in the middle, or not begun.
            connection.sendall(data[:len(data) // 2] if how == 1 else b"")
            raise Gone()
        connection.sendall(data)
        self._step("answered")
        return rest[length:]

    def _step(self, step):
        if self.on_step:
            self.on_step(step)

    def _answer(self, method, path, body, word):
        is_batch = path == "/api/v1/message/stop"
        with self._lock:
            self.requests += 1
            if word != TOKEN:
                self.refused += 1
            else:
                self.moments.append(time.monotonic())
        if word != TOKEN:
            code = '{"error":{"code":4012,"msg":"Bad credentials"}}' if is_batch \
                else '{"error":{"code":"001","description":"Authentication failed"}}'
            return 401, code.encode()
        if method == "POST" and is_batch:
            ids = json.loads(body)["uuids"]
            codes = self._stop(ids)
            return 200, ('{"errors":%s,"items":[%s]}' % (
                "false" if set(codes) == {200} else "true",
                ",".join('{"messageUuid":"%s","code":%d}' % pair for pair in zip(ids, codes)),
            )).encode()
        if method == "DELETE" and path.startswith("/rest/message/"):
            id = path.rpartition("/")[2]
            status = {200: "006", 403: "004", 404: "001"}[self._stop([id])[0]]
            return 200, ('{"data":{"messageStatus":"%s","description":"-","apiMessageId":"%s"}}'
                         % (status, id)).encode()
        return 404, b'{"error":{"code":4040,"msg":"no such method"}}'

    def _stop(self, ids):
        """Stops what can be stopped, and writes that down: the codes, as Revicom has them."""
        if self.forget:
            return [200] * len(ids)
        codes, lines = [], []
        with self._lock:
            for id in ids:
                if id.endswith(UNKNOWN):
                    codes.append(404)
                    word = "none"
                elif id.endswith(LEFT) or id in self.stopped:
                    codes.append(403)
                    word = "late"
                else:
                    codes.append(200)
                    word = "stop"
                lines.append("%s %s\n" % (word, id))
                self._remember(word, id)
            os.write(self._log, "".join(lines).encode())
        return codes


def receive(connection):
    data = connection.recv(1 << 16)
    if not data:
        raise Gone()
    return data


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("log")
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--lose", type=float, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--forget", action="store_true")
    options = parser.parse_args()
    judge = Judge(**{("path" if name == "log" else name): value
                     for name, value in vars(options).items()})
    print("judge listening on " + judge.url, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
