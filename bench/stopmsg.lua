-- The client under test: LUA bench/stopmsg.lua one|batch|stream URL FILE COUNT CONCURRENCY
-- 1.1|2 CA|-, from a tree that is built. `one` and `batch` call `stop` with a list, `stream` calls
-- `each` with a file. With `latency-` before the word it listens to events and items, which costs
-- time itself.

local core = require("stopmsg.core")
local stopmsg = require("stopmsg")

local kind, url, file, count, concurrency, version, ca = ...
count, concurrency = tonumber(count), tonumber(concurrency)
local is_latency = kind:find("^latency%-") ~= nil
kind = kind:gsub("^latency%-", "")

local is_one = kind == "one"
local latencies = {}
local function listen(event)
  if event.type == "response" then
    latencies[#latencies + 1] = event.elapsed
  end
end

local options = {
  provider = is_one and "clickatell" or "revicom",
  token = "bench-token",
  base_url = url:gsub(is_one and "/rest/message/$" or "/api/v1/message/stop$", ""),
  concurrency = concurrency,
  http_version = version,
  ca_file = ca ~= "-" and ca or nil,
  on_event = is_latency and listen or nil,
}
local client = stopmsg.new(options)
local CALL = { deadline = 600 }

local ids
if kind ~= "stream" then
  ids = {}
  for id in io.lines(file) do
    ids[#ids + 1] = id
    if #ids == count then
      break
    end
  end
end
collectgarbage()
collectgarbage()

-- With BENCH_COUNTS the instructions of Lua's machine are counted: those of stopmsg, and those of
-- this file, which gives ids and looks at items. Each STEP, a prime, so that no loop falls into
-- step with it, counts for the function in which it ends. Lua 5.4 counts the hook's own, too, so
-- the hook starts the count again. Compiled code calls no hook.
local STEP, HERE = 1009, debug.getinfo(1, "S").source
local ours, loops = 0, 0
if os.getenv("BENCH_COUNTS") then
  local jit = rawget(_G, "jit")
  if jit then
    jit.off()
    jit.flush()
  end
  local function count_step()
    if debug.getinfo(2, "S").source == HERE then
      loops = loops + STEP
    else
      ours = ours + STEP
    end
    debug.sethook(count_step, "", STEP)
  end
  debug.sethook(count_step, "", STEP)
end

-- What is measured begins here, with the first use of the client.
local first
local cpu, started = os.clock(), core.now()
local report
if kind == "stream" then
  local taken, lines = 0, io.lines(file)
  local items, summary = client:each(function()
    taken = taken + 1
    return taken <= count and lines() or nil
  end, CALL)
  -- The item is all that the consumer of a stream gets: it is looked at, and dropped.
  local seen = 0
  for item in items do
    first = first or core.now()
    seen = seen + (item.outcome and 1 or 0)
  end
  assert(seen == count)
  report = summary
else
  if is_latency then
    CALL.on_item = function()
      first = first or core.now()
    end
  end
  report = client:stop(ids, CALL)
end
local ended = core.now()
cpu = os.clock() - cpu
debug.sethook()

local p50, p99 = "-", "-"
if is_latency then
  table.sort(latencies)
  p50 = ("%.6f"):format(latencies[math.floor(#latencies / 2) + 1])
  p99 = ("%.6f"):format(latencies[math.floor(#latencies * 99 / 100) + 1])
end
print(("elapsed=%.6f cpu=%.6f first=%s p50=%s p99=%s requests=%d connections=%d stopped=%d "
  .. "too_late=%d lua=%d loop=%d"):format(ended - started, cpu,
  first and ("%.6f"):format(first - started) or "-", p50, p99, report.requests, report.connections,
  report.counts.stopped, report.counts.too_late, ours, loops))
