-- Stops messages at two providers at once, in threads of copas:
--
--   lua examples/under_copas.lua 2a28d557-22a1-4be6-8908-1481723043dd C3F8-C3863ED4-334AD4F1
local copas = require("copas")
local socket = require("socket")
local stopmsg = require("stopmsg")

if not arg[2] then
  io.stderr:write("usage: lua under_copas.lua UUID PUSHWOOSH-CODE\n")
  os.exit(2)
end

-- Since 2.0 copas can sleep. Before that, who sleeps is kept here, and woken between its steps.
local sleeping = {}
local sleep = copas.sleep or function(seconds)
  sleeping[coroutine.running()] = socket.gettime() + seconds
  coroutine.yield()
end

local function wake()
  local ready = {}
  for thread, at in pairs(sleeping) do
    if at <= socket.gettime() then
      ready[#ready + 1] = thread
    end
  end
  for _, thread in ipairs(ready) do
    sleeping[thread] = nil
    copas.addthread(thread)
  end
end

local function stop(provider, id)
  local report = stopmsg.stop({
    provider = provider,
    token = os.getenv("STOPMSG_TOKEN"),
    base_url = os.getenv("STOPMSG_BASE_URL"), -- of a sandbox; without it, the provider's own
    sleep = sleep,
  }, id)
  print(provider, report[1].outcome, report[1].code)
end

for i, provider in ipairs({ "revicom", "pushwoosh" }) do
  copas.addthread(function()
    stop(provider, arg[i])
  end)
end
if copas.sleep then
  copas.loop()
else
  while next(sleeping) do
    copas.step(0.001)
    wake()
  end
end
