-- A job for specs: a provider that keeps its own log, a run that asks it, and machines that die.

local address = require("stopmsg.fleet.address")
local core = require("stopmsg.core")
local feeder = require("stopmsg.fleet.feeder")
local files = require("spec.support.files")
local json = require("stopmsg.json")
local native = require("stopmsg.command")
local patience = require("spec.support.patience")
local results = require("stopmsg.cli.results")
local store = require("stopmsg.fleet.store")
local worker = require("stopmsg.fleet.worker")

local fleet = {}

-- A lease that is over soon.
fleet.LEASE = 0.05

-- made = fleet.store(started, job): a storage in a redis of spec.support.redis.
function fleet.store(started, job)
  return store.new({ address = address.parse(started.url), timeout = patience.SECONDS }, job)
end

-- reply = fleet.ask(made, verb, …); raises where there is none.
function fleet.ask(made, verb, ...)
  local reply, message = made:wait(patience.SECONDS, nil, verb, ...)
  if reply == nil then
    error(verb .. ": " .. tostring(message), 2)
  end
  return reply
end

-- ids = fleet.ids(count)
function fleet.ids(count)
  local ids = {}
  for i = 1, count do
    ids[i] = ("id-%06d"):format(i)
  end
  return ids
end

-- done, why, detail, feed = fleet.feed(made, ids, options): puts them into the job. options: size
-- (of an entry), ahead, me, and what replaces a field of feeder.new.
function fleet.feed(made, ids, options)
  options = options or {}
  local given = {
    store = made,
    me = options.me or "feeder",
    what = options.what or { { "version", "1" }, { "total", tostring(#ids) } },
    size = options.size or 10,
    total = #ids,
    reader = function()
      local at = 0
      return function()
        at = at + 1
        return ids[at]
      end
    end,
    lasting = 0,
    limits = { ahead = options.ahead or 1e6, results = options.results or 1e6 },
    patience = patience.SECONDS,
    clock = core.now,
    on_wait = function() end,
    on_full = function() end,
    line = function(position, id)
      return ('{"n":%d,"id":"%s","outcome":"invalid"}\n'):format(position, tostring(id.shown))
    end,
  }
  for name, value in pairs(options.with or {}) do
    given[name] = value
  end
  local feed = feeder.new(given)
  local done, why, detail = feed:run()
  return done, why, detail, feed
end

-- A provider. The first stop of a message works; whoever asks again is told that it is too late. So
-- is everybody about messages that had left before (late: a set of ids).
local Provider = {}
Provider.__index = Provider

function fleet.provider(late)
  return setmetatable({ asked = {}, late = late or {}, requests = 0 }, Provider)
end

-- The answer to one id, as a run gives it.
function Provider:stop(id)
  local was_asked = self.asked[id]
  self.asked[id] = (was_asked or 0) + 1
  self.requests = self.requests + 1
  if was_asked or self.late[id] then
    return { id = id, outcome = "too_late", code = 403 }
  end
  return { id = id, outcome = "stopped", code = 200 }
end

-- What is raised where a machine dies.
local DEATH = setmetatable({}, { __tostring = function() return "a machine dies" end })

-- A machine dies at its n-th step, a verb or a request: before it is done, or right after. Where a
-- kind is given, only steps of that kind count.
local Fate = {}
Fate.__index = Fate

function fleet.fate(step, is_after, kind)
  return setmetatable({ step = step, is_after = is_after, kind = kind, steps = 0 }, Fate)
end

function Fate:wrap(kind, act)
  if self.kind and self.kind ~= kind then
    return act()
  end
  self.steps = self.steps + 1
  local is_now = self.steps == self.step
  if is_now and not self.is_after then
    error(DEATH, 0)
  end
  act()
  if is_now then
    error(DEATH, 0)
  end
end

-- A storage whose user dies at a verb. The verb leaves the machine, where it dies after it.
local function mortal(made, fate)
  return setmetatable({}, { __index = function(_, name)
    local value = made[name]
    if name ~= "take" and name ~= "intend" and name ~= "settle" and name ~= "claim" then
      return type(value) == "function" and function(_, ...)
        return value(made, ...)
      end or value
    end
    return function(_, ...)
      local arguments, count = { ... }, select("#", ...)
      fate:wrap(name, function()
        local said = false
        local on_done = arguments[count]
        arguments[count] = function(...)
          said = true
          on_done(...)
        end
        value(made, (table.unpack or unpack)(arguments, 1, count)) -- luacheck: ignore
        if fate.is_after and fate.steps == fate.step then
          patience.until_(function()
            made:step()
            return said
          end, "Redis to answer")
        end
      end)
    end
  end })
end

fleet.names = 0

-- made = fleet.worker(given, options): options: me, lease, batch, most, is_once.
function fleet.worker(given, options)
  options = options or {}
  fleet.names = fleet.names + 1
  return worker.new({
    store = given,
    me = options.me or "worker-" .. fleet.names,
    lease = options.lease or fleet.LEASE,
    clock = options.clock or core.now,
    time = native.process.time,
    line = results.writer(),
    most = options.most or 40,
    batch = options.batch or 1,
    is_once = options.is_once,
  })
end

-- A machine works until it has nothing more to do: "ended" and its worker, or "died". fate and
-- options may be nil; options.lose(id): whether an answer is lost, options.during(count): called
-- after each request.
function fleet.work(started, job, provider, fate, options)
  options = options or {}
  local made = fleet.store(started, job)
  fate = fate or fleet.fate(0)
  local batch = options.batch or 1
  local self = fleet.worker(mortal(made, fate), options)
  local place = 0
  local lived, fault = pcall(function()
    local till = core.now() + patience.SECONDS
    while true do
      local chunk = { n = 0 }
      local is_over = self:fill(chunk, batch)
      local first, items = place, {}
      if chunk.n > 0 then
        fate:wrap("request", function()
          for i = 1, chunk.n do
            items[i] = provider:stop(chunk[i])
            if options.lose and options.lose(chunk[i]) then
              items[i] = { id = chunk[i], outcome = "unknown", reason = "lost" }
            end
          end
        end)
      end
      for i = 1, chunk.n do
        place = first + i
        self:take(items[i], place)
      end
      if options.during then
        options.during(place, self)
      end
      if is_over then
        break
      elseif chunk.n == 0 then
        assert(core.now() < till, "a worker never ends")
        made.connection:wait(0.005)
      end
    end
    assert(self:finish(function()
      made.connection:wait(0.005)
      return core.now() >= till
    end), "a worker cannot give back what it holds")
  end)
  made:close()
  if lived then
    return "ended", self
  elseif fault == DEATH then
    return "died", self
  end
  error(fault, 0)
end

local function log_of(started)
  local folder = started.dir .. "/appendonlydir/"
  return folder .. assert(files.read(folder .. "appendonly.aof.manifest"):match(
    "file (%S+incr%S+)"))
end

-- Bytes of the append-only file of a redis that has one.
function fleet.log_size(started)
  return #files.read(log_of(started))
end

-- A power cut: of what was written behind `size`, nothing is left.
function fleet.cut(started, size)
  started:kill("sigkill")
  local path = log_of(started)
  files.write(path, files.read(path):sub(1, size))
  started:restart()
end

-- What became of the ids: { counts, times (id -> how often it has a result), word (id -> outcome),
-- lost, twice (ids), false_no (ids that were stopped, and of which somebody says too_late) }.
function fleet.judge(started, job, ids, provider)
  local made = fleet.store(started, job)
  local totals = fleet.ask(made, "totals")
  local found = { totals = totals, times = {}, item = {}, lost = 0, twice = 0, false_no = 0,
    false_yes = 0 }
  for _, piece in ipairs(fleet.ask(made, "results", 1e6)) do
    for line in piece.lines:gmatch("[^\n]+") do
      local item = json.decode(line)
      found.times[item.id] = (found.times[item.id] or 0) + 1
      found.item[item.id] = item
    end
  end
  for _, id in ipairs(ids) do
    local item = found.item[id]
    local was_stopped = provider.asked[id] and not provider.late[id]
    found.lost = found.lost + (item and 0 or 1)
    found.twice = found.twice + ((found.times[id] or 0) > 1 and 1 or 0)
    if item and item.outcome == "too_late" and was_stopped then
      found.false_no = found.false_no + 1
    elseif item and item.outcome == "stopped" and not was_stopped then
      found.false_yes = found.false_yes + 1
    end
  end
  made:close()
  return found
end

return fleet
