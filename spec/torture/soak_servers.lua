-- The servers of soak.lua, in a process of their own: what they take is not taken for a leak.
--
--   lua5.4 spec/torture/soak_servers.lua FILE KEYS
--
-- A sandbox, one that answers late, TLS in front of the first, with the certificate `good` of the
-- folder KEYS, and a port that refuses whoever connects: a line each in FILE. They end with stdin.

local nginx = require("spec.support.nginx")
local server = require("spec.support.server")
local uv = require("luv")

local FILE, KEYS = arg[1], arg[2]

local sandbox = server.start({ log = false })
local late = server.start({ log = false, delay = 1 })
local proxy = nginx.start_tls(sandbox.url, KEYS)
local nobody = uv.new_tcp() -- bound, and never listening
assert(nobody:bind("127.0.0.1", 0))

local file = assert(io.open(FILE .. ".new", "w"))
file:write(sandbox.url, "\n", late.url, "\n", proxy.url, "\n", "http://127.0.0.1:",
  nobody:getsockname().port, "\n")
file:close()
assert(os.rename(FILE .. ".new", FILE))

io.read("*a")
proxy:stop()
late:stop()
sandbox:stop()
