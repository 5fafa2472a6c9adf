"""What the Python clients share: arguments, ids, answers made into items, and the line at the end."""

import json
import sys
import time

BATCH = 10000
CODES = {"006": "stopped", "003": "too_late", 200: "stopped", 403: "too_late"}


class Given:
    """The arguments KIND URL FILE COUNT IN_FLIGHT VERSION CA."""

    def __init__(self):
        kind, self.url, self.file, count, in_flight, self.version, ca = sys.argv[1:]
        self.is_batch = kind == "batch"
        self.count, self.in_flight = int(count), int(in_flight)
        self.ca = ca if ca != "-" else None
        self.method = "POST" if self.is_batch else "DELETE"
        self.headers = {
            "Authorization": "Basic bench-token",
            "Content-Type": "application/json",
        } if self.is_batch else {
            "Authorization": "Bearer bench-token",
            "X-Version": "1",
            "Accept": "application/json",
        }


class Request:
    __slots__ = ("url", "body", "first", "last", "started")


class Work:
    """The requests of a run, handed out in order, and what became of each id."""

    def __init__(self, given):
        self.given = given
        with open(given.file, encoding="ascii") as file:
            self.ids = [line.rstrip("\n") for _, line in zip(range(given.count), file)]
        self.items = [None] * given.count
        self.latencies = []
        self.first = None
        self.next = 0
        self.cpu = time.process_time()
        self.started = time.perf_counter()

    def take(self):
        """The next request; None when there are no more."""
        given, first = self.given, self.next
        if first >= given.count:
            return None
        request = Request()
        request.first = first
        request.last = self.next = min(first + (BATCH if given.is_batch else 1), given.count)
        request.started = time.perf_counter()
        if given.is_batch:
            request.url = given.url
            ids = self.ids[first:request.last]
            request.body = ('{"uuids":["' + '","'.join(ids) + '"]}').encode("ascii")
        else:
            request.url = given.url + self.ids[first]
            request.body = None
        return request

    def _unknown(self, request):
        for place in range(request.first, request.last):
            self.items[place] = {"id": self.ids[place], "outcome": "unknown"}

    def finish(self, request, status, body):
        """The items of an answer, each at the place of its id."""
        now = time.perf_counter()
        self.latencies.append(now - request.started)
        if self.first is None:
            self.first = now
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if status != 200 or answer is None:
            self._unknown(request)
        elif self.given.is_batch:
            self._batch(request, answer["items"])
        else:
            one, data = self.ids[request.first], answer["data"]
            code = data["messageStatus"] if data.get("apiMessageId") == one else None
            self.items[request.first] = {
                "id": one, "outcome": CODES.get(code, "unknown"), "code": code}

    def _batch(self, request, answers):
        ids, items, places = self.ids, self.items, None
        for place, one in enumerate(answers, request.first):
            uuid, code = one["messageUuid"], one["code"]
            # In the order asked as a rule: only where it is not, places are looked up.
            if place >= request.last or ids[place] != uuid:
                if places is None:
                    places = {ids[at]: at for at in range(request.first, request.last)}
                place = places.get(uuid)
            if place is not None:
                items[place] = {"id": ids[place], "outcome": CODES.get(code, "unknown"),
                                "code": code}

    def stop(self):
        elapsed = time.perf_counter() - self.started
        cpu = time.process_time() - self.cpu
        latencies = sorted(self.latencies)
        counts = {"stopped": 0, "too_late": 0, "unknown": 0}
        for item in self.items:
            counts[item["outcome"] if item else "unknown"] += 1
        print(f"elapsed={elapsed:.6f} cpu={cpu:.6f} first={self.first - self.started:.6f} "
              f"p50={latencies[len(latencies) // 2]:.6f} "
              f"p99={latencies[len(latencies) * 99 // 100]:.6f} "
              f"stopped={counts['stopped']} too_late={counts['too_late']}")
