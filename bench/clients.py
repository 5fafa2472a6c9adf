"""The clients that are compared, and how each is started.

A client is given KIND URL FILE COUNT IN_FLIGHT VERSION CA and prints one line of `name=value`:
elapsed and cpu (seconds of the work alone), first (seconds to the first outcome), p50 and p99
(seconds of a request), stopped and too_late (ids), or answered (ids) where it does not read answers.
What it cannot tell it leaves out.
"""

import os
from dataclasses import dataclass
from typing import Callable

import work

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.join(ROOT, "build", "bench")
PEERS_DIR = os.path.join(HERE, "peers")

# The system's own: the packages of its distribution are for no other.
PYTHON = "/usr/bin/python3"


@dataclass(frozen=True, eq=False)
class Client:
    name: str
    title: str
    # argv = command(row, url, file, count, ca); None where the client cannot do the row
    command: Callable
    env: dict
    kind: str = "peer"  # floor, own, peer, or limit, which reads no answers
    at_least: int = 1  # ids of a run: with fewer, most of it would be its compiler warming up


def _usual(*program, kinds=("one", "batch"), versions=("1.1", "2"), most=1024):
    """A program that can do rows of these kinds and HTTP versions, with so many in flight."""

    def command(row, url, file, count, ca):
        if row.kind not in kinds or row.version not in versions or row.in_flight > most:
            return None
        return [*program, row.kind, url, file, str(count), str(row.in_flight), row.version,
                ca if row.is_tls else "-"]

    return command


def _lua_env(*folders):
    return {"LUA_PATH": "".join(f"{one}/?.lua;{one}/?/init.lua;" for one in folders) + ";"}


def _own(interpreter, title):
    """The module and the command in this tree, built for the interpreter."""
    env = _lua_env(os.path.join(ROOT, "lua"))
    env["LUA_CPATH"] = os.path.join(ROOT, "build", interpreter, "?.so") + ";;"
    env["STOPMSG_TOKEN"] = "bench-token"
    usual = _usual(interpreter, os.path.join(HERE, "stopmsg.lua"), kinds=("one", "batch", "stream"))

    def command(row, url, file, count, ca):
        if row.kind != "command":
            return usual(row, url, file, count, ca)
        folder = os.path.dirname(file)
        return [interpreter, os.path.join(ROOT, "bin", "stopmsg"), "stop",
                "-p", "revicom" if row.is_batch else "clickatell",
                "--base-url", url.removesuffix(row.path), "-i", file, "--yes", "-q",
                "--journal", work.journal(folder), "--format", "ndjson",
                "-o", work.results(folder), "--concurrency", str(row.in_flight)]

    return Client(f"stopmsg-{interpreter}", title, command, env, "own")


def _go(row, url, file, count, ca):
    if row.kind != "command":
        return _usual(os.path.join(BUILD, "nethttp"))(row, url, file, count, ca)
    folder = os.path.dirname(file)
    return [os.path.join(BUILD, "command"), "batch" if row.is_batch else "one", url, file,
            work.journal(folder), work.results(folder), str(row.in_flight)]


def _lua(name, title, interpreter, script, **limits):
    return Client(name, title, _usual(interpreter, os.path.join(PEERS_DIR, script), **limits),
                  _lua_env(PEERS_DIR))


def _python(name, title, script, kind="peer", **limits):
    return Client(name, title, _usual(PYTHON, os.path.join(PEERS_DIR, script), **limits), {}, kind)


FLOOR = Client("floor", "C on libcurl, the floor",
               _usual(os.path.join(BUILD, "floor"), kinds=("one", "batch", "stream")), {}, "floor")

OWN = [_own("lua5.4", "stopmsg, Lua 5.4"), _own("luajit", "stopmsg, LuaJIT")]

PEERS = [
    _lua("ffi-curl", "libcurl by FFI, cjson, LuaJIT", "luajit", "ffi_curl.lua"),
    _lua("lua-curl-luajit", "lua-curl, cjson, LuaJIT", "luajit", "lua_curl.lua", most=1),
    _lua("lua-curl-lua5.1", "lua-curl, cjson, Lua 5.1", "lua5.1", "lua_curl.lua", most=1),
    _lua("lua-http", "lua-http, cjson, LuaJIT", "luajit", "lua_http.lua"),
    _lua("luasocket-luajit", "LuaSocket, cjson, LuaJIT", "luajit", "luasocket.lua", most=1),
    _lua("luasocket-lua5.4", "LuaSocket, cjson, Lua 5.4", "lua5.4", "luasocket.lua", most=1),
    _python("curl", "curl --parallel", "curl_parallel.py", kinds=("one",)),
    _python("pycurl", "Python, pycurl", "pycurl_multi.py"),
    _python("aiohttp", "Python, aiohttp", "aiohttp_client.py", versions=("1.1",)),
    _python("httpx", "Python, httpx", "httpx_client.py"),
    # Its HTTP/2 is experimental, and ends in a failed assertion with many streams.
    Client("undici", "Node, undici",
           _usual("node", os.path.join(BUILD, "undici", "client.mjs"), versions=("1.1",)), {},
           at_least=30_000),
    Client("net-http", "Go, net/http", _go, {}),
]

LIMITS = [
    _python("h2load", "h2load, the limit", "h2load.py", "limit"),
    _python("wrk", "wrk, the limit", "wrk.py", "limit", kinds=("one",), versions=("1.1",)),
]

ALL = [FLOOR, *OWN, *PEERS, *LIMITS]
