-- What nothing but the tables costs: LUA bench/tables.lua FILE COUNT NANOSECONDS makes the result
-- list of COUNT ids of a file, in plain Lua, and by the core in batches as a run does. Lua's
-- collector is as it is, and nothing is requested. NANOSECONDS: what the floor takes for an id, or
-- nothing. No client that makes such a list can have a larger part of the floor's rate.

local core = require("stopmsg.core")

local file, count, floor = ...
count, floor = tonumber(count), tonumber(floor)

-- As many ids as a batch has, a slice at a time.
local BATCH, SLICE = 10000, 256

local ids = {}
for id in io.lines(file) do
  ids[#ids + 1] = id
  if #ids == count then
    break
  end
end

local ways = {}

function ways.Lua(result)
  for i = 1, count do
    result[i] = { id = ids[i], outcome = "stopped", code = 200 }
  end
end

function ways.C(result)
  local batch, places = {}, {}
  for first = 0, count - 1, BATCH do
    local size = math.min(BATCH, count - first)
    for i = 1, size do
      batch[i], places[i] = ids[first + i], first + i
    end
    for from = 1, size, SLICE do
      core.make_alike(batch, places, from, math.min(size, from + SLICE - 1), "stopped", 200, nil,
        result, nil, nil, 0)
    end
  end
end

-- Nanoseconds of the processor for each id.
local function time(way)
  collectgarbage()
  collectgarbage()
  local result = {}
  local began = os.clock()
  way(result)
  local took = os.clock() - began
  assert(#result == count and result[count].id == ids[count])
  return took * 1e9 / count
end

for _, name in ipairs({ "Lua", "C" }) do
  local took = time(ways[name])
  print(("a table for each id, made by %s: %.0f ns of the processor"):format(name, took)
    .. (floor and (", at most %.2f of the floor's rate"):format(floor / took) or ""))
end
