"""What is measured: one row, one kind of work."""

from dataclasses import dataclass

import work


STOP = "/api/v1/message/stop"


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    # one: a request an id; batch: 10,000 ids a request; stream: the same from a file; command: from
    # a file to a file and a journal, a request an id or 10,000
    kind: str
    in_flight: int
    count: int = 0  # ids; 0 for as many as take SECONDS
    path: str = "/rest/message/"
    is_tls: bool = False
    version: str = "1.1"
    delay: float = 0.0  # the server's, in seconds
    only_own: bool = False  # too long, or too much our own, for the peers

    @property
    def is_batch(self):
        return self.path == STOP

    def file(self, folder):
        if not self.is_batch:
            return work.singles(folder, self.count if self.kind == "command" else work.SINGLES)
        return work.batches(folder, max(self.count, work.SMALL))

    def url(self, server):
        return (server.tls if self.is_tls else server.plain) + self.path


SLOW = "/slow/rest/message/"

ROWS = [
    Row("one1", "one by one, 1 connection", "one", 1),
    Row("one16", "one by one, 16 connections", "one", 16),
    Row("one64", "one by one, 64 connections", "one", 64),
    Row("slow64", "one by one, 50 ms server, 64 in flight", "one", 64, path=SLOW, delay=0.05),
    Row("slow256", "one by one, 50 ms server, 256 in flight", "one", 256, path=SLOW, delay=0.05),
    Row("tls64", "one by one, TLS, 64 connections", "one", 64, is_tls=True),
    Row("h2", "one by one, HTTP/2 over TLS, 64 in flight", "one", 64, is_tls=True, version="2"),
    Row("batches1", "1 million ids in batches of 10,000, 1 in flight", "batch", 1, work.SMALL,
        STOP),
    Row("batches4", "1 million ids in batches of 10,000, 4 in flight", "batch", 4, work.SMALL,
        STOP),
    Row("first1", "one batch of 10,000 from a file", "stream", 4, work.BATCH, STOP,
        only_own=True),
    Row("each1m", "1 million ids from a file, 4 batches in flight", "stream", 4, work.SMALL, STOP,
        only_own=True),
    Row("each10m", "10 million ids from a file, 4 batches in flight", "stream", 4, work.LARGE,
        STOP, only_own=True),
    Row("command", "the command: 1 million ids, a journal, NDJSON results, 4 batches in flight",
        "command", 4, work.SMALL, STOP),
    Row("command64", "the command: 200,000 ids one by one, 64 connections", "command", 64,
        work.SINGLES // 2),
]
