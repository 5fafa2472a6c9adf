-- Stops messages while a luv loop goes on with its other work:
--
--   lua examples/under_luv.lua 2a28d557-22a1-4be6-8908-1481723043dd
local stopmsg = require("stopmsg")
local uv = require("luv")

if not arg[1] then
  io.stderr:write("usage: lua under_luv.lua UUID...\n")
  os.exit(2)
end

-- Called in a coroutine: lets the loop run for so many seconds.
local function sleep(seconds)
  local thread, timer = coroutine.running(), uv.new_timer()
  timer:start(math.ceil(seconds * 1000), 0, function()
    timer:close(function()
      return timer -- kept until the loop has let go of it
    end)
    assert(coroutine.resume(thread))
  end)
  coroutine.yield()
end

local client = stopmsg.new({
  provider = "revicom",
  token = os.getenv("STOPMSG_TOKEN"),
  base_url = os.getenv("STOPMSG_BASE_URL"), -- of a sandbox; without it, the provider's own
  sleep = sleep,
})

-- The other work of this program.
local beats, ticker = 0, uv.new_timer()
ticker:start(0, 5, function()
  beats = beats + 1
end)

assert(coroutine.resume(coroutine.create(function()
  local ids = {}
  for i, id in ipairs(arg) do
    ids[i] = id
  end
  local report = client:stop(ids)
  for _, item in ipairs(report) do
    print(item.id, item.outcome, item.code)
  end
  client:close()
  ticker:close()
end)))
uv.run()
io.stderr:write(("the timer went on meanwhile: %d times\n"):format(beats))
