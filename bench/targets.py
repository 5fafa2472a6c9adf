"""What is to be reached, as a sentence, and whether the figures say that it is."""

import work

LUAS = (("luajit", "LuaJIT"), ("lua5.4", "Lua 5.4"))
STEADY = 1.1


def _figure(results, row, client, name):
    one = results.get(row, {}).get(client)
    return one.get(name) if one else None


def _ratio(a, b):
    return a / b if a is not None and b else None


def _of_floor(results, row, name, least):
    """At least so much of the floor, for each Lua."""
    for (lua, title), wanted in zip(LUAS, least):
        value = _figure(results, row, f"stopmsg-{lua}", name)
        yield title, f"at least {wanted:.2f} of the floor", value, value and value >= wanted


def _peers(results):
    """The client that does the same with a Lua binding to libcurl, on the nearest Lua it is for."""
    for title, row, own, peer, about in (
            ("LuaJIT", "batches4", "stopmsg-luajit", "ffi-curl", "libcurl by FFI and cjson"),
            ("LuaJIT", "batches1", "stopmsg-luajit", "lua-curl-luajit", "lua-curl and cjson"),
            ("Lua 5.4", "batches1", "stopmsg-lua5.4", "lua-curl-lua5.1",
             "lua-curl and cjson on Lua 5.1")):
        value = _ratio(_figure(results, row, own, "rate"), _figure(results, row, peer, "rate"))
        yield row, title, f"at least 4 times {about}", value, value and value >= 4


def _cpu(results, row, most):
    for lua, title in LUAS:
        value = _figure(results, row, f"stopmsg-{lua}", "cpu_of_floor")
        yield title, f"at most {most} of the floor's CPU", value, value and value <= most


def _command(results, row):
    """Beside Go's net/http, which writes the same files."""
    for lua, title in LUAS:
        for name, target in (("rate", "at least Go's rate"), ("cpu_100k", "at most Go's CPU")):
            value = _ratio(_figure(results, row, f"stopmsg-{lua}", name),
                           _figure(results, row, "net-http", name))
            yield title, target, value, value and (value >= 1) == (name == "rate")


def _memory(results):
    for lua, title in LUAS:
        small = _figure(results, "each1m", f"stopmsg-{lua}", "peak")
        large = _figure(results, "each10m", f"stopmsg-{lua}", "peak")
        yield title, "at most 32 MB", large, large and large <= 32
        value = _ratio(large, small)
        yield (title, f"no more than 1 million ids take, within {STEADY - 1:.0%}", value,
               value and value <= STEADY)


def _first(results):
    for lua, title in LUAS:
        value = _ratio(_figure(results, "each1m", f"stopmsg-{lua}", "first"),
                       _figure(results, "first1", f"stopmsg-{lua}", "first"))
        yield (title, f"at most 1.2 times the time of a single batch of {work.BATCH:,}", value,
               value and value <= 1.2)


def all_of(results):
    """(row, Lua, target, value, whether it is reached) for each; None where it was not measured."""
    found = []
    for row, least in (("one1", (1.1, 1.1)), ("one64", (1.6, 1.6)), ("tls64", (1.3, 1.3)),
                       ("slow256", (0.97, 0.97)), ("batches4", (0.27, 0.28))):
        found += [(row, *one) for one in _of_floor(results, row, "of_floor", least)]
    found += _peers(results)
    for row, most in (("one1", 1.1), ("one16", 0.7), ("one64", 0.6)):
        found += [(row, *one) for one in _cpu(results, row, most)]
    for row in ("command", "command64"):
        found += [(row, *one) for one in _command(results, row)]
    found += [("each10m", *one) for one in _memory(results)]
    found += [("each1m", *one) for one in _first(results)]
    return found
