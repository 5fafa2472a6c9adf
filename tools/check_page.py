"""Looks at `stopmsg report --format html` in headless Chromium, as `make check-page` does.

    python3 tools/check_page.py FOLDER COMMAND...

COMMAND runs stopmsg. Journals are made in FOLDER, and pictures of the pages are left there. Each page
is rendered at the size of a desktop, of a phone, and on paper: nothing is wider than the screen, no
error is told, nothing is fetched, and its figures are those of the journal.
"""

import base64
import json
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time

# Seconds within which a browser has to answer.
PATIENCE = 60

SIZES = {"desktop": (1280, 900, False), "phone": (390, 844, True)}

WORDS = ["stopped", "stopped", "stopped", "stopped", "too_late", "not_found", "failed", "unknown"]
REASONS = {"failed": ["connect", "http_403"], "unknown": ["timeout", "lost"]}

LOOK = """JSON.stringify({
  wide: document.documentElement.scrollWidth, inner: window.innerWidth,
  figures: Object.fromEntries([...document.querySelectorAll('[data-figure]')]
    .map(e => [e.dataset.figure, e.textContent])),
  counts: Object.fromEntries([...document.querySelectorAll('[data-count]')]
    .map(e => [e.dataset.count, e.textContent])),
  reasons: Object.fromEntries([...document.querySelectorAll('[data-reason]')]
    .map(e => [e.dataset.reason, e.textContent])),
  drawings: [...document.querySelectorAll('svg')].map(e => e.getBoundingClientRect().width),
  cut: [...document.querySelectorAll('td,th,b,span,p')]
    .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display != 'inline')
    .map(e => e.textContent.slice(0, 40)),
  small: [...document.querySelectorAll('td,th,p,span')]
    .filter(e => parseFloat(getComputedStyle(e).fontSize) < 11).length,
  broken: [...document.querySelectorAll('td.w,td.n')].filter(e => e.clientHeight > 0 &&
    [...e.childNodes].some(c => { const r = document.createRange(); r.selectNodeContents(c);
      return new Set([...r.getClientRects()].map(b => Math.round(b.top))).size > 1; }))
    .map(e => e.textContent),
  letters: Math.min(...[...document.querySelectorAll('svg text')].map(e =>
    parseFloat(getComputedStyle(e).fontSize) * e.ownerSVGElement.getBoundingClientRect().width / 720)),
  beyond: [...document.querySelectorAll('svg text')].filter(e => { const b = e.getBBox();
    return b.width > 0 && (b.x < 0 || b.x + b.width > 721); }).map(e => e.textContent),
  scripts: document.scripts.length, title: document.title})"""


class Wrong(Exception):
    pass


class Browser:
    """A Chromium that is spoken to through two pipes."""

    def __init__(self, folder):
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        if program is None:
            raise Wrong("no chromium: install chromium")
        to_read, self.writer = os.pipe()
        self.reader, to_write = os.pipe()

        def prepare():
            # As numbers 3 and 4, whatever they are now.
            first, second = os.dup(to_read), os.dup(to_write)
            os.dup2(first, 3)
            os.dup2(second, 4)
            for end in (3, 4):
                os.set_inheritable(end, True)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--remote-debugging-pipe", "--user-data-dir=" + os.path.join(folder, "profile"),
             "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=prepare, close_fds=False)
        os.close(to_read)
        os.close(to_write)
        self.held, self.number, self.events, self.session = b"", 0, [], None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(domain + ".enable")

    def message(self):
        till = time.monotonic() + PATIENCE
        while b"\0" not in self.held:
            if not select.select([self.reader], [], [], max(0, till - time.monotonic()))[0]:
                raise Wrong("the browser does not answer")
            more = os.read(self.reader, 1 << 20)
            if not more:
                raise Wrong("the browser is gone")
            self.held += more
        one, self.held = self.held.split(b"\0", 1)
        return json.loads(one)

    def ask(self, method, **given):
        self.number += 1
        asked = {"id": self.number, "method": method, "params": given}
        if self.session:
            asked["sessionId"] = self.session
        os.write(self.writer, json.dumps(asked).encode() + b"\0")
        while True:
            said = self.message()
            if said.get("id") == self.number:
                if "error" in said:
                    raise Wrong("%s: %s" % (method, said["error"]))
                return said["result"]
            self.events.append(said)

    def open(self, path):
        self.events = []
        self.ask("Page.navigate", url="file://" + os.path.abspath(path))
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.message())

    def look(self):
        return json.loads(self.ask("Runtime.evaluate", expression=LOOK)["result"]["value"])

    def complaints(self):
        """Errors, and requests for anything but the page itself."""
        found = []
        for event in self.events:
            kind, about = event.get("method"), event.get("params", {})
            if kind == "Runtime.exceptionThrown" or (
                    kind == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning")):
                found.append(json.dumps(about)[:300])
            if kind == "Network.requestWillBeSent" and not about["request"]["url"].startswith(
                    ("file:", "data:")):
                found.append("fetched " + about["request"]["url"])
        return found

    def close(self):
        self.process.kill()
        self.process.wait()


def grouped(number):
    return "{:,}".format(number)


def make_journal(path, count, seconds, evil=""):
    """A journal of a run, and what has to be told of it."""
    start = 1764407519000
    told = {"counts": {}, "reasons": {}, "requests": 0, "slowest": 0.0}
    with open(path, "w") as file:
        def write(record):
            file.write(json.dumps(record, separators=(",", ":")) + "\n")

        write({"journal": "stopmsg", "version": 2, "provider": "revicom" + evil, "operation": "stop",
               "address": "00", "input": "00", "ids": count})
        write({"start": {"ids": count, "settled": 0}, "at": start})
        write({"intent": [1, count]})
        for second in range(seconds):
            at = start + second * 1000
            for n in range(second * count // seconds, (second + 1) * count // seconds):
                word = random.choice(WORDS)
                record = {"n": n + 1, "id": "id%d" % n, "outcome": word}
                if word in REASONS:
                    record["reason"] = random.choice(REASONS[word])
                    told["reasons"][record["reason"]] = told["reasons"].get(record["reason"], 0) + 1
                record["at"] = at + random.randrange(1000)
                told["counts"][word] = told["counts"].get(word, 0) + 1
                write(record)
            slowest = round(random.uniform(0.01, 2), 3)
            told["requests"] += 40
            told["slowest"] = max(told["slowest"], slowest)
            write({"request": {"count": 40, "ids": 40, "slowest": slowest}, "at": at + 999})
        write({"pause": {"seconds": seconds / 4}, "at": start + seconds * 250})
        write({"outage": {"phase": "begin", "reason": "connect", "message": "gone" + evil},
               "at": start + seconds * 600})
        write({"outage": {"phase": "end", "elapsed": seconds / 10}, "at": start + seconds * 700})
        write({"end": {"total": count}, "at": start + seconds * 1000})
    return told


def check(seen, told, count, name):
    def same(what, found, expected):
        if found != expected:
            raise Wrong("%s: %s is %r, not %r" % (name, what, found, expected))

    same("the number of scripts", seen["scripts"], 0)
    if seen["wide"] > seen["inner"]:
        raise Wrong("%s: %d wide on a screen of %d" % (name, seen["wide"], seen["inner"]))
    same("text that is cut off", seen["cut"], [])
    same("text that is too small", seen["small"], 0)
    same("words that are broken", seen["broken"], [])
    same("numbers beyond their drawing", seen["beyond"], [])
    if seen["letters"] < 9:
        raise Wrong("%s: letters of %.1f in a drawing" % (name, seen["letters"]))
    same("counts", seen["counts"], {w: grouped(n) for w, n in told["counts"].items()})
    same("reasons", seen["reasons"], {w: grouped(n) for w, n in told["reasons"].items()})
    stopped = told["counts"].get("stopped", 0)
    same("figures", seen["figures"], {
        "stopped": grouped(stopped), "missed": grouped(count - stopped), "total": grouped(count),
        "requests": grouped(told["requests"]), "slowest": "%.3f s" % told["slowest"]})
    same("the number of drawings", len(seen["drawings"]), 2)
    if min(seen["drawings"]) < 250:
        raise Wrong("%s: a drawing is %d wide" % (name, min(seen["drawings"])))


def main():
    folder, command = sys.argv[1], sys.argv[2:]
    os.makedirs(folder, exist_ok=True)
    random.seed(7)
    scratch = tempfile.mkdtemp(prefix="stopmsg-page-")
    browser = Browser(scratch)
    looked = 0
    try:
        for name, count, seconds, evil in (
                ("small", 12, 3, ""), ("large", 60000, 1800, ""),
                ("strange", 500, 30, "<script>document.title='gone'</script>" + "w" * 200)):
            journal = os.path.join(folder, name + ".journal")
            page = os.path.join(folder, name + ".html")
            told = make_journal(journal, count, seconds, evil)
            subprocess.check_call(command + ["report", journal, "--format", "html", "-o", page])
            for size, (width, height, is_mobile) in SIZES.items():
                browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                            deviceScaleFactor=1, mobile=is_mobile)
                browser.open(page)
                check(browser.look(), told, count, "%s, %s" % (name, size))
                shot = browser.ask("Page.captureScreenshot", captureBeyondViewport=True)
                with open(os.path.join(folder, "%s-%s.png" % (name, size)), "wb") as file:
                    file.write(base64.b64decode(shot["data"]))
                if browser.complaints():
                    raise Wrong("%s, %s: %s" % (name, size, "; ".join(browser.complaints())))
                looked += 1
            browser.ask("Emulation.setEmulatedMedia", media="print")
            browser.ask("Emulation.setDeviceMetricsOverride", width=718, height=1000,
                        deviceScaleFactor=1, mobile=False)
            check(browser.look(), told, count, name + ", paper")
            paper = browser.ask("Page.printToPDF", printBackground=True)
            with open(os.path.join(folder, name + ".pdf"), "wb") as file:
                file.write(base64.b64decode(paper["data"]))
            browser.ask("Emulation.setEmulatedMedia", media="")
            looked += 1
    except Wrong as wrong:
        print("check-page: %s" % wrong, file=sys.stderr)
        sys.exit(1)
    finally:
        browser.close()
        shutil.rmtree(scratch, ignore_errors=True)
    print("check-page: %d renderings, pictures in %s" % (looked, folder))


main()
