"""The clients that are compared, and how each is started.

A client prints one line of `name=value`: elapsed and cpu (seconds of the work alone), first (seconds
to the first outcome), p50 and p99 (seconds of a request), stopped and too_late (ids). What it cannot
tell it leaves out or gives as `-`.
"""

import os
from dataclasses import dataclass
from typing import Callable

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


@dataclass(frozen=True, eq=False)
class Client:
    name: str
    title: str
    # argv = command(row, url, file, count, ca); None where the client cannot do the row
    command: Callable
    env: dict
    kind: str = "peer"  # floor, own, peer or limit


def _usual(program, **limits):
    """The arguments that our own clients take: KIND URL FILE COUNT IN_FLIGHT VERSION CA."""
    kinds = limits.get("kinds", ("one", "batch"))
    versions = limits.get("versions", ("1.1", "2"))
    most = limits.get("most", 1024)

    def command(row, url, file, count, ca):
        if row.kind not in kinds or row.version not in versions or row.in_flight > most:
            return None
        return [*program, row.kind, url, file, str(count), str(row.in_flight), row.version,
                ca if row.is_tls else "-"]

    return command


def _lua(interpreter, script):
    return [interpreter, os.path.join(HERE, script)]


def _lua_env(interpreter):
    """Finds the module in this tree, built for the interpreter."""
    lua, build = os.path.join(ROOT, "lua"), os.path.join(ROOT, "build", interpreter)
    return {"LUA_PATH": f"{lua}/?.lua;{lua}/?/init.lua;;", "LUA_CPATH": f"{build}/?.so;;"}


def _own(interpreter, title):
    return Client(f"stopmsg-{interpreter}", title,
                  _usual(_lua(interpreter, "stopmsg.lua"), kinds=("one", "batch", "stream")),
                  _lua_env(interpreter), "own")


FLOOR = Client("floor", "C on libcurl (the floor)",
               _usual([os.path.join(ROOT, "build", "bench", "floor")],
                      kinds=("one", "batch", "stream")), {}, "floor")

OWN = [_own("lua5.4", "stopmsg, Lua 5.4"), _own("luajit", "stopmsg, LuaJIT")]

PEERS = []
