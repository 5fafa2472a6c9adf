-- What stopping a campaign costs that is still being made, against the sandbox in a process of its
-- own: LUA bench/campaign.lua [MESSAGES [CREATED_PER_SECOND [SECONDS [LEAVE_PER_SECOND]]]], from a
-- tree that is built. It tells what is left at the end that could have been stopped, what was
-- stopped twice, how many bytes are kept an id, and when the first stop left.

local core = require("stopmsg.core")
local http10 = require("spec.support.http10")
local json = require("stopmsg.json")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local size, per_second, seconds, leave = tonumber(arg[1]) or 1000000, tonumber(arg[2]) or 1000,
  tonumber(arg[3]) or 20, tonumber(arg[4]) or 500

local sandbox = server.start({
  log = false,
  campaign = ("{ size = %d, created_per_second = %d, create_seconds = %d, leave_per_second = %d }")
    :format(size, per_second, seconds, leave),
})

-- The sets of ids that are kept meanwhile.
local sets, new_set = {}, core.seen
core.seen = function()
  local set = new_set()
  sets[#sets + 1] = set
  return set
end

local started, first_stop = nil, nil
local client = stopmsg.new({
  provider = "revicom",
  token = "sandbox",
  base_url = sandbox.url,
  on_event = function(event)
    if event.type == "request" and event.operation == "stop" and not first_stop then
      first_stop = core.now() - started
    end
  end,
})

-- The sandbox makes its messages when it is first asked.
client:find({ dispatch = 17 })()

local bytes, kept, memory = 0, 0, 0
started, sets = core.now(), {}
local next_item, report = client:stop_where({ dispatch = 17 })
local count, told = 0, 0
for _ in next_item do
  count = count + 1
  if count % 10000 == 0 then
    local ids, size_now = sets[1]:count()
    bytes, kept = math.max(bytes, size_now / ids), ids
    memory = math.max(memory, collectgarbage("count"))
  end
  if report.rounds > told then
    told = report.rounds
    io.stderr:write(("%7.1f s  look %d: %d found, %d stopped\n"):format(core.now() - started, told,
      report.found, report.counts.stopped))
  end
end
local elapsed = core.now() - started

local answer = http10.ask(sandbox.port, "GET", "/sandbox/campaign")
local held = json.decode(answer.body).revicom
sandbox:stop()

print(report)
print(("complete: %s, looks: %d, pages: %d, %.1f s, %s"):format(tostring(report.is_complete),
  report.rounds, report.pages, elapsed, _VERSION))
print(("made %d: stopped %d, left by themselves %d"):format(held.created, held.stopped, held.sent))
print(("left that could have been stopped: %d"):format(held.open))
print(("stopped more than once: %d"):format(held.again))
print(("bytes an id: %.1f of %d ids at most; the Lua heap %.1f MiB at most"):format(bytes, kept,
  memory / 1024))
print(("first stop after %.1f ms"):format(first_stop * 1000))
os.exit(held.open == 0 and held.again == 0 and report.is_complete)
