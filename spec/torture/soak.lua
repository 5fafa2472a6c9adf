-- Stops without end in one process, and what they leave behind.
--
--   lua5.4 spec/torture/soak.lua SECONDS [STOPS]
--
-- Clients are made, used in every way and closed, until the time is over or so many stops are made:
-- plain, over TLS and over HTTP/2, against a sandbox that is well, one that answers too late, and a
-- port where nobody listens. The memory that is resident is noted all along, and its slope after
-- the first third is that of the line with the least squares. Neither memory nor descriptors may
-- grow. The last line says what was done; the exit code is 1 where something grew.

require("spec.support.transport")
local certificates = require("spec.support.certificates")
local core = require("stopmsg.core")
local patience = require("spec.support.patience")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local SECONDS = assert(tonumber(arg[1]), "how many seconds?")
local STOPS = tonumber(arg[2]) or math.huge

-- Bytes a stop that the slope may show, and in all: pages come and go by these, the more in the few
-- stops of a short form.
local SLOPE, NOISE = 4, (arg[2] and 16 or 4) * 1024 * 1024

-- How often memory is looked at.
local SAMPLES = 60

-- Clients that are kept over many calls, and calls after which each is made anew.
local USES = 200

-- Calls between two in which something goes wrong.
local TROUBLE = 41

-- Ids after which the sandbox, which forgets none, is started anew.
local REMEMBERED = 200000

-- doubt: the ending of an id that only a lookup settles.
local REVICOM = { provider = "revicom", id = "%08x-22a1-4be6-8908-%08x8001", count = 100,
  doubt = "0000" }
local IDIGITAL = { provider = "idigital", id = "7%07d%04d8001", count = 4, call = "stop_dispatch",
  kind = "dispatch" }
local PROVIDERS = {
  REVICOM,
  IDIGITAL,
  { provider = "pushwoosh", id = "1A2B-3C4D%08X-%04X8001", count = 4 },
  { provider = "clickatell", id = "d7a1c4e2b8f9%08x%08x8001", count = 4, doubt = "0999" },
  { provider = "clickatell", id = "d7a1c4e2b8fa%08x%08x8001", count = 4, format = "xml",
    doubt = "0999" },
  setmetatable({ tls = true }, { __index = REVICOM }),
  setmetatable({ tls = true }, { __index = IDIGITAL }), -- over HTTP/2
}

-- Nothing but stopmsg and Lua's own library is used from here on.

local function count_descriptors()
  local count = 0
  for number = 0, 255 do
    local file = io.open("/proc/self/fdinfo/" .. number)
    if file then
      count = count + 1
      file:close()
    end
  end
  return count
end

local function resident_memory()
  local file = assert(io.open("/proc/self/statm"))
  local pages = tonumber(file:read("*a"):match("^%d+ (%d+)"))
  file:close()
  return pages * 4096
end

local keys, addresses = certificates.make(), os.tmpname()
local servers, sandbox, late, proxy, nobody

local function start_servers()
  os.remove(addresses)
  servers = assert(io.popen(("%s spec/torture/soak_servers.lua %s %s"):format(server.interpreter(),
    addresses, keys), "w"))
  local file, till = io.open(addresses), core.now() + patience.SECONDS
  while not file and core.now() < till do
    os.execute("sleep 0.05")
    file = io.open(addresses)
  end
  assert(file, "the servers did not start")
  sandbox, late, proxy, nobody = file:read("*l"), file:read("*l"), file:read("*l"), file:read("*l")
  file:close()
end

local function stop_servers()
  servers:close()
  os.remove(addresses)
end

local calls, ids_sent, troubles = 0, 0, 0

-- The last of them with another ending, if one is given.
local function make_ids(p, ending)
  local ids = {}
  for i = 1, p.count do
    ids[i] = p.id:format(calls, i)
  end
  if ending then
    ids[p.count] = ids[p.count]:gsub("8001$", ending)
  end
  ids_sent = ids_sent + p.count
  return ids
end

local function new_client(p, url, timeout)
  return stopmsg.new({
    provider = p.provider,
    format = p.format,
    application = "A",
    token = "sandbox",
    base_url = url or p.tls and proxy or sandbox,
    ca_file = p.tls and keys .. "/ca.pem" or nil,
    max_attempts = url and 2 or nil,
    patience = url and 0 or nil,
    timeout = timeout,
  })
end

-- Every item has one of these outcomes.
local function check_all(report, ...)
  for _, item in ipairs(report) do
    local is_right = false
    for _, outcome in ipairs({ ... }) do
      is_right = is_right or item.outcome == outcome
    end
    if not is_right then
      error(("%s is %s (%s), not %s"):format(item.id, item.outcome, tostring(item.reason),
        table.concat({ ... }, " or ")))
    end
  end
end

local SURE = { verify = { timeout = patience.SECONDS, interval = 0.01 } }

-- What the provider, the network or the caller may do to a stop.
local TROUBLES = {
  function(client, p)
    check_all(client[p.call or "stop"](client, make_ids(p, "0500"), SURE), "stopped")
  end,
  function(client, p)
    check_all(client[p.call or "stop"](client, make_ids(p, p.doubt), SURE), "stopped")
  end,
  function(client, p)
    local ids = make_ids(p)
    check_all(client[p.call or "stop"](client, ids), "stopped")
    check_all(client:status(ids, { kind = p.kind }), "stopped")
  end,
  function(_, p)
    local client = new_client(p, late, 0.02)
    check_all(client[p.call or "stop"](client, make_ids(p), { verify = { timeout = 0.02 } }),
      "unknown", "failed") -- on a busy machine it may not even connect in that time
    client:close()
  end,
  function(_, p)
    local client = new_client(p, late)
    check_all(client[p.call or "stop"](client, make_ids(p), { deadline = 0.02 }), "unknown",
      "failed", "skipped")
    client:close()
  end,
  function(_, p)
    local client = new_client(p, nobody)
    check_all(client[p.call or "stop"](client, make_ids(p)), "failed", "skipped")
    client:close()
  end,
  function(_, p)
    -- Nobody has vouched for the certificate; and the client is left to the collector.
    local client = new_client({ provider = p.provider, format = p.format }, proxy)
    check_all(client[p.call or "stop"](client, make_ids(p)), "failed", "skipped")
  end,
}

-- One call of each kind in its turn.
local function use(client, p)
  calls = calls + 1
  if calls % TROUBLE == 0 then
    troubles = troubles + 1
    -- All of them at each of the providers, in the end.
    local which = (troubles + math.floor(troubles / #PROVIDERS)) % #TROUBLES + 1
    return TROUBLES[which](client, p)
  end
  local ids = make_ids(p)
  local kind = calls % 4
  if kind == 0 then
    for item in client:each(ids, { kind = p.kind }) do
      assert(item.outcome == "stopped")
    end
  elseif kind == 1 then
    client:each(ids, { kind = p.kind })() -- and never more
  elseif kind == 2 then
    pcall(client[p.call or "stop"], client, ids, {
      on_item = function()
        error("in the hook")
      end,
    })
  else
    assert(client[p.call or "stop"](client, ids).ok)
  end
end

local function settle()
  collectgarbage()
  collectgarbage()
end

local began, samples, runs = nil, {}, 1
local clients, used = {}, {}
local descriptors = { least = math.huge, most = 0 }

local function sample(at)
  settle()
  local bytes = resident_memory()
  samples[#samples + 1] = { calls = calls, bytes = bytes }
  if SECONDS > 60 then
    print(("%6.0f s: %d stops, %.0f KiB"):format(at, calls, bytes / 1024))
    io.stdout:flush()
  end
  -- As after a round in which all clients are closed.
  local count = count_descriptors()
  descriptors.least, descriptors.most = math.min(descriptors.least, count),
    math.max(descriptors.most, count)
end

-- What is loaded or set up at first use is no growth.
local function warm_up()
  for i, trouble in ipairs(TROUBLES) do
    local p = PROVIDERS[(i - 1) % #PROVIDERS + 1]
    local client = new_client(p)
    calls = calls + 1
    trouble(client, p)
    client:close()
  end
end

local function work()
  -- Of what is done, from 0 to 1.
  local function progress()
    return math.max((core.now() - began) / SECONDS, calls / STOPS)
  end
  local due = 0
  repeat
    local now = progress()
    for i, p in ipairs(PROVIDERS) do
      clients[i] = clients[i] or new_client(p)
      use(clients[i], p)
      used[i] = (used[i] or 0) + 1
      if used[i] % USES == 0 then
        clients[i]:close()
        clients[i] = nil
      end
    end
    if now >= due then
      for i in ipairs(PROVIDERS) do
        if clients[i] and calls % 2 == 0 then
          clients[i]:close()
        end
        clients[i] = nil -- closed, or to be collected
      end
      sample(core.now() - began)
      due = now + 1 / SAMPLES
      if ids_sent > runs * REMEMBERED then
        stop_servers()
        start_servers()
        runs = math.floor(ids_sent / REMEMBERED) + 1
      end
    end
  until now >= 1
end

start_servers()
local done, why = pcall(function()
  warm_up()
  began = core.now()
  work()
end)
stop_servers()
certificates.remove(keys)
assert(done, why)

-- The slope of bytes over calls, from the samples after the first third, and its standard error.
local n, sx, sy, sxx, sxy = 0, 0, 0, 0, 0
local first = math.floor(#samples / 3) + 1
for i = first, #samples do
  n, sx, sy = n + 1, sx + samples[i].calls, sy + samples[i].bytes
end
for i = first, #samples do
  local x, y = samples[i].calls - sx / n, samples[i].bytes - sy / n
  sxx, sxy = sxx + x * x, sxy + x * y
end
local slope, rest = sxy / sxx, 0
for i = first, #samples do
  rest = rest + (samples[i].bytes - sy / n - slope * (samples[i].calls - sx / n)) ^ 2
end
local deviation = math.sqrt(rest / (n - 2) / sxx)
local growth = slope * (samples[#samples].calls - samples[first].calls)
print(("%d stops of %d ids, %d with trouble, in %.0f s: %.2f +- %.2f bytes a stop, %.0f KiB in "
  .. "all, of %.1f MiB; %d to %d descriptors"):format(calls, ids_sent, troubles,
  core.now() - began, slope, deviation, growth / 1024, samples[#samples].bytes / 2 ^ 20,
  descriptors.least, descriptors.most))
-- A sanitizer, which is preloaded, keeps what was freed.
local has_grown = slope > SLOPE and growth > NOISE and not os.getenv("LD_PRELOAD")
os.exit((has_grown or descriptors.most > descriptors.least) and 1 or 0)
