"""Draws docs/stopmsg.svg: `stopmsg stop` at work, as tmux shows it, against the sandbox.

    picture.py COMMAND... >docs/stopmsg.svg

COMMAND runs stopmsg. The picture shows what happened: the ids are made up, each response is delayed as
long as a provider may take, the sandbox is stopped in the middle and started again, and nothing is
drawn by hand. A viewer without animations shows the end.
"""

import html
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time

COLUMNS, ROWS = 114, 16
IDS = 200_000
DELAY = 0.7  # seconds the sandbox holds each answer back
TOO_LATE, NOT_FOUND = 0.012, 0.0004  # shares of the ids
EVERY = 0.08  # seconds between two looks at the terminal
PAUSE = 4  # seconds the end is shown before all begins again
LIMIT = 90

CELL, LINE, FONT, MARGIN = 7.22, 17, 12, 14
COLORS = {"31": "#ff7b72", "32": "#7ee787", "33": "#f2cc60", "36": "#79c0ff", "2": "#8b949e"}


def write_ids(path):
    chance = random.Random(7)
    with open(path, "w", encoding="ascii") as file:
        for _ in range(IDS):
            digits = "%032x" % chance.getrandbits(128)
            fate = chance.random()
            end = "0403" if fate < TOO_LATE else "0404" if fate < TOO_LATE + NOT_FOUND else "a" + digits[-3:]
            digits = digits[:12] + "4" + digits[13:16] + "8" + digits[17:28] + end
            file.write("-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])) + "\n")


class Terminal:
    """A shell in a tmux of its own, and what it showed: a list of (seconds, lines)."""

    def __init__(self, directory, environment):
        self.socket = os.path.join(directory, "tmux")
        self.frames = []
        self.started = time.monotonic()
        size = ["-x", str(COLUMNS), "-y", str(ROWS)]
        subprocess.run(
            ["tmux", "-f", "/dev/null", "-S", self.socket, "new-session", "-d", *size, "-c", directory, "sh"],
            env=environment,
            check=True,
        )
        self.tmux("set-option", "-g", "status", "off")

    def tmux(self, *arguments):
        done = subprocess.run(
            ["tmux", "-S", self.socket, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout

    def look(self):
        lines = [line.rstrip() for line in self.tmux("capture-pane", "-e", "-p").split("\n")[:ROWS]]
        if not self.frames or self.frames[-1][1] != lines:
            self.frames.append((time.monotonic() - self.started, lines))
        return "\n".join(lines)

    def wait(self, pattern):
        while not re.search(pattern, self.look()):
            if time.monotonic() - self.started > LIMIT:
                raise SystemExit("picture.py: never seen: %s\n%s" % (pattern, self.look()))
            time.sleep(EVERY)

    def type(self, text):
        for piece in re.findall(r"\S+\s*", text):
            self.tmux("send-keys", "-l", "--", piece)
            time.sleep(EVERY)
            self.look()
        self.tmux("send-keys", "Enter")

    def close(self):
        self.tmux("kill-server")


def spans(line):
    """The pieces of a line as (column, text, color, bold)."""
    column, color, bold = 0, None, False
    for codes, text in re.findall(r"\x1b\[([\d;]*)m|([^\x1b]+)", line):
        if text:
            if text.strip():
                lead = len(text) - len(text.lstrip())
                yield column + lead, text.strip(), color, bold
            column += len(text)
            continue
        for code in (codes or "0").split(";"):
            if code in ("0", "39", ""):
                color = None
                bold = bold and code == "39"
            elif code == "1":
                bold = True
            elif code in COLORS:
                color = COLORS[code]


def drawn(row, line):
    parts = []
    for column, text, color, bold in spans(line):
        style = (' fill="%s"' % color if color else "") + (' font-weight="bold"' if bold else "")
        parts.append(
            '<text x="%.1f" y="%d" textLength="%.1f"%s>%s</text>'
            % (column * CELL, (row + 1) * LINE - 5, len(text) * CELL, style, html.escape(text, quote=False))
        )
    return "".join(parts)


def svg(frames):
    """Each line is drawn once, for as long as it stood where it did."""
    start = frames[0][0]
    length = frames[-1][0] - start + PAUSE
    stays = []  # row, line, from, to
    for row in range(ROWS):
        since = None
        for at, lines in frames:
            if since is None or lines[row] != since[1]:
                if since and since[1]:
                    stays.append((row, since[1], since[0], at - start))
                since = (at - start, lines[row])
        if since[1]:
            stays.append((row, since[1], since[0], None))
    times = dict.fromkeys((began, ended) for _, _, began, ended in stays if began > 0 or ended)
    rules, names = [], {}
    for began, ended in times:
        name = names[began, ended] = "t%d" % len(names)
        steps = ["0%{opacity:0}"] if began > 0 else []
        steps.append("%.2f%%{opacity:1}" % (100 * began / length))
        if ended:
            steps.append("%.2f%%,to{opacity:0}" % (100 * ended / length))
        else:
            steps.append("to{opacity:1}")
        rules.append(
            "@keyframes %s{%s}.%s{animation-name:%s%s}"
            % (name, "".join(steps), name, name, ";opacity:0" if ended else "")
        )
    body = []
    for row, line, began, ended in stays:
        name = names.get((began, ended))
        body.append("<g%s>%s</g>" % (' class="%s"' % name if name else "", drawn(row, line)))
    width, height = COLUMNS * CELL + 2 * MARGIN, ROWS * LINE + 2 * MARGIN
    style = (
        "g{animation:%.2fs step-end infinite}"
        "text{font:%dpx ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}"
        "@media(prefers-reduced-motion:reduce){g{animation:none}}" % (length, FONT)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">\n'
        "<title>stopmsg stop: %s messages</title>\n<style>%s\n%s</style>\n"
        '<rect width="100%%" height="100%%" rx="8" fill="#0d1117"/>\n'
        '<g transform="translate(%d %d)" fill="#e6edf3" style="animation:none">\n%s\n</g>\n</svg>\n'
        % (width, height, width, height, format(IDS, ","), style, "\n".join(rules), MARGIN, MARGIN, "\n".join(body))
    )


class Sandbox:
    """The sandbox, which can go away and come back on the same port."""

    def __init__(self, command):
        self.command = command
        self.port = 0
        self.start()

    def start(self):
        arguments = ["sandbox", "--port", str(self.port), "--delay", str(DELAY), "--until-eof"]
        self.process = subprocess.Popen(
            [self.command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self.process.stdout.readline().split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self):
        self.process.kill()
        self.process.communicate()


def show(terminal, sandbox):
    """A stop that goes through an outage, and the ids that were too late."""
    command = "stopmsg stop -p revicom -i ids.txt --journal ids.journal --format csv -o results.csv"
    terminal.wait(r"\$")
    terminal.type("wc -l ids.txt")
    terminal.wait(r"\d ids\.txt")
    terminal.type(command)
    terminal.wait(r"\[y/N\]")
    time.sleep(0.5)
    terminal.type("y")
    terminal.wait(r"[2-6]\d *%")
    sandbox.stop()
    terminal.wait(r"waiting for the provider: [^$]*, [2-9] s")
    sandbox.start()
    terminal.wait(r"--verify[^$]*\n\$")
    time.sleep(1)
    terminal.type("stopmsg report ids.journal --only too_late > went-out.txt; wc -l went-out.txt")
    terminal.wait(r"\d went-out\.txt")


def main():
    command = [os.path.abspath(part) if os.path.exists(part) else part for part in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as directory:
        write_ids(os.path.join(directory, "ids.txt"))
        with open(os.path.join(directory, "prompt"), "w", encoding="ascii") as file:
            file.write("PS1='$ '\n")
        shown = os.path.join(directory, "stopmsg")
        with open(shown, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexec %s \"$@\"\n" % shlex.join(command))
        os.chmod(shown, 0o755)
        sandbox = Sandbox(shown)
        environment = dict(
            os.environ,
            PATH=directory + ":" + os.environ["PATH"],
            ENV=os.path.join(directory, "prompt"),
            STOPMSG_TOKEN="sandbox",
            STOPMSG_BASE_URL=sandbox.url,
            LC_ALL="C.UTF-8",
        )
        terminal = Terminal(directory, environment)
        try:
            show(terminal, sandbox)
        finally:
            terminal.close()
            sandbox.stop()
    sys.stdout.write(svg(terminal.frames))


main()
