-- The script of the state whose memory fails: alloc.c runs before(), act() without the memory, then
-- after(), all with `tell`, which needs none. `SETTING` stands in front: { provider, call, url,
-- format, id, late }; `number` is the try's, so that no try has ids of another.

-- luacheck: globals SETTING number tell before act after warm jit

local setting = SETTING
-- LuaJIT's compiler of traces does not survive the lack of memory.
if jit then
  jit.off()
end
require("spec.support.transport")
local stopmsg = require("stopmsg")
if setting.format == "xml" then
  require("stopmsg.xml")
end

-- Repeats do not wait, and each try asks for memory in the same order.
math.random = function() -- luacheck: ignore
  return 0
end

local options = {
  provider = setting.provider,
  token = "sandbox",
  base_url = setting.url,
  format = setting.format,
  application = "A",
  deadline = 1000, -- whoever waits for it hangs
  timeout = 1000,
  batch_size = setting.provider == "revicom" and 3 or nil,
  concurrency = 2,
}
local kind = setting.call == "stop_dispatch" and "dispatch" or "message"

-- Stopped, too late, stopped, the first again, stopped at the second try, malformed.
local ENDINGS = { "8001", setting.late, "8002", "8001", "0500" }
local MALFORMED = "\1"

local lists = {}
local place, phase
local client, report, next_item, is_over

local function make_ids(name, letter, endings)
  local list = {}
  for i, ending in ipairs(endings) do
    list[i] = setting.id:gsub("%%n", ("%08d"):format(number)):gsub("%%p", letter) .. ending
    tell("id", name, i, list[i])
  end
  lists[name] = list
  return list
end

local function tell_item(item, at)
  tell("item", phase, at, item.id, item.outcome, item.reason, item.ambiguous, item.verified)
end

local function tell_report(name, result)
  phase = name
  for i = 1, #result do
    tell_item(result[i], i)
  end
  local total = 0
  for _, count in pairs(result.counts) do
    total = total + count
  end
  tell("report", name, #result, result.total, total)
end

function before()
  make_ids("stop", "1", ENDINGS)
  make_ids("each", "2", { "8001", "8002", "8003", setting.late, "8005", "8006", "8007" })
  make_ids("used", "3", { "8001", setting.late })
  make_ids("fresh", "4", { "8001", setting.late, "8002" })
  make_ids("once", "5", { "8001" })
  lists.stop[#ENDINGS + 1] = MALFORMED
  tell("id", "stop", #ENDINGS + 1, MALFORMED)
  client, report, next_item, is_over = nil, nil, nil, false
end

local function take_items()
  while true do
    local item
    item, place = next_item()
    if not item then
      break
    end
    tell_item(item, place)
  end
  is_over = true
  tell("over", "each")
end

function act()
  phase = "told"
  client = stopmsg.new(options)
  report = client[setting.call](client, lists.stop, {
    on_item = tell_item,
    verify = { timeout = 0.5, interval = 0.001 },
  })
  phase = "each"
  next_item = client:each(lists.each, { kind = kind })
  take_items()
  client:close()
  if setting.call == "stop" then
    phase = "once"
    stopmsg.stop(options, lists.once, { on_item = tell_item })
  end
  client = nil
end

-- With memory again: what was begun goes on or says that it cannot, the client is of use or says
-- that it is not, and another one is as good as ever.
function after()
  if report then
    tell_report("stop", report)
  end
  phase = "each"
  for _ = 1, 3 do
    if next_item and not is_over then
      local continued, message = pcall(take_items)
      if not continued then
        tell("dead", "each", tostring(message))
      end
    end
  end
  if client then
    local done, result = pcall(client[setting.call], client, lists.used)
    if done then
      tell_report("used", result)
    else
      tell("dead", "used", tostring(result))
    end
    client:close()
    client:close()
  end
  local fresh = stopmsg.new(options)
  tell_report("fresh", fresh[setting.call](fresh, lists.fresh))
  fresh:close()
end

function warm()
  pcall(stopmsg.new, {}) -- what unwinds the stack keeps notes, too
  number = 0
  before()
  act()
  after()
end
