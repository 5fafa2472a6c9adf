-- What the worker is busy with while somebody asks for its /ping.

local stopmsg = require("stopmsg")

local load = {}

local batches, singles, port
local is_on = false
local counts = {}

-- In the master: two clients of the provider on port `provider`.
function load.open(provider)
  local url = "http://127.0.0.1:" .. provider
  port = provider
  batches = stopmsg.new({ provider = "revicom", token = "bench", base_url = url })
  singles = stopmsg.new({ provider = "clickatell", token = "bench", base_url = url,
    concurrency = 512 })
end

-- Stops the list of so many ids, and again, until it is told to cease.
local function stop_lists(_, path)
  while is_on do
    local file = assert(io.open(path))
    for item in batches:each(file, { deadline = math.huge }) do
      counts[item.outcome] = (counts[item.outcome] or 0) + 1
      if not is_on then
        break
      end
    end
    file:close()
  end
end

function load.begin(ids)
  is_on, counts = true, {}
  assert(ngx.timer.at(0, stop_lists, ("ids-%d.txt"):format(ids)))
  ngx.say("on")
end

-- Answers with the outcomes of all items since it began: "stopped=120000".
function load.cease()
  is_on = false
  for outcome, count in pairs(counts) do
    ngx.say(outcome, "=", count)
  end
end

-- One handler, one call, one id.
function load.one()
  local id = ("%016x%016x"):format(ngx.var.connection, ngx.var.connection_requests)
  local item = singles:stop(id)[1]
  ngx.status = item.outcome == "stopped" and 200 or 500
  ngx.say(item.outcome)
end

-- The same without this library.
function load.bare()
  local id = ("%016x%016x"):format(ngx.var.connection, ngx.var.connection_requests)
  local status, word = require("cosocket").stop(port, id)
  ngx.status = status:find(" 200 ", 1, true) and word == "006" and 200 or 500
  ngx.say(word)
end

return load
