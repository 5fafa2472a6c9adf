-- Stops without end in one process, and what they leave behind.
--
--   lua5.4 spec/torture/soak.lua SECONDS
--
-- Clients are made, used in every way and closed, against a sandbox in its own process, until the
-- time is over; the memory that is resident is noted all along, and its slope after the first third
-- is that of the line with the least squares. Neither memory nor descriptors may grow. The last
-- line says what was done; the exit code is 1 where something grew.

local server = require("spec.support.server")
local core = require("stopmsg.core")
local stopmsg = require("stopmsg")
local uv = require("luv")

local SECONDS = assert(tonumber(arg[1]), "how many seconds?")

-- Bytes a stop that the slope may show, and in all: pages come and go by these.
local SLOPE, NOISE = 4, 1024 * 1024

-- Clients that are kept over many calls, and calls after which each is made anew.
local USES = 200

local PROVIDERS = {
  { provider = "revicom", id = "%08x-22a1-4be6-8908-%08x8001", count = 100 },
  { provider = "idigital", id = "7%08d%04d", count = 4, call = "stop_dispatch", kind = "dispatch" },
  { provider = "pushwoosh", id = "1A2B-3C4D%08X-%04X8001", count = 4 },
  { provider = "clickatell", id = "d7a1c4e2b8f9%08x%08x8001", count = 4 },
  { provider = "clickatell", id = "d7a1c4e2b8fa%08x%08x8001", count = 4, format = "xml" },
}

local function count_descriptors()
  local count, scan = 0, assert(uv.fs_scandir("/proc/self/fd"))
  while uv.fs_scandir_next(scan) do
    count = count + 1
  end
  return count
end

local sandbox = server.start()
local calls, ids_sent = 0, 0

local function make_ids(p)
  local ids = {}
  for i = 1, p.count do
    ids[i] = p.id:format(calls, i)
  end
  ids_sent = ids_sent + p.count
  return ids
end

local function new_client(p)
  return stopmsg.new({
    provider = p.provider,
    format = p.format,
    application = "A",
    token = "sandbox",
    base_url = sandbox.url,
  })
end

-- One call of each kind in its turn.
local function use(client, p)
  calls = calls + 1
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

local began, samples = core.now(), {}
local clients, used = {}, {}
local descriptors = { least = math.huge, most = 0 }

local function sample(at)
  settle()
  samples[#samples + 1] = { calls = calls, at = at, bytes = uv.resident_set_memory() }
  -- As after a round in which all clients are closed.
  local count = count_descriptors()
  descriptors.least, descriptors.most = math.min(descriptors.least, count),
    math.max(descriptors.most, count)
end

local step = SECONDS / 60
local due = 0
repeat
  local now = core.now() - began
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
    sample(now)
    due = now + step
  end
until now >= SECONDS

-- The slope of bytes over calls, from the samples after the first third.
local n, sx, sy, sxx, sxy = 0, 0, 0, 0, 0
local first = math.floor(#samples / 3) + 1
for i = first, #samples do
  local x, y = samples[i].calls - samples[first].calls, samples[i].bytes
  n, sx, sy, sxx, sxy = n + 1, sx + x, sy + y, sxx + x * x, sxy + x * y
end
local slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
local growth = slope * (samples[#samples].calls - samples[first].calls)
sandbox:stop()

print(("%d stops of %d ids in %.0f s: %.2f bytes a stop, %.0f KiB in all, of %.1f MiB; "
  .. "%d to %d descriptors"):format(calls, ids_sent, SECONDS, slope, growth / 1024,
  samples[#samples].bytes / 2 ^ 20, descriptors.least, descriptors.most))
os.exit((slope > SLOPE and growth > NOISE or descriptors.most > descriptors.least) and 1 or 0)
