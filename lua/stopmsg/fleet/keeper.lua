-- Keeps one process's share of a shared rate: requests slots from Redis ahead of time, hands them
-- out, and shares the pauses that providers ask for.
--
-- A caller runs the script: { run(self, arguments, on_reply) -> whether it was sent, step(self) or
-- nil, trouble(self) -> text or nil, due(self) -> seconds until the next check, connection or nil
-- (for a wait to watch) }. It may call on_reply(value, err, is_lost) before run() returns.

local fault = require("stopmsg.fleet.fault")
local script = require("stopmsg.fleet.script")
local slots = require("stopmsg.fleet.slots")

local keeper = {}

-- Seconds of back-off after an error of Redis: first and longest.
local FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1

local Keeper = {}
Keeper.__index = Keeper

-- made = keeper.new(options): rate (requests per second), name (of the Redis, in messages), caller,
-- clock, password (to be removed from messages) or nil.
function keeper.new(options)
  return setmetatable({
    connection = options.caller.connection,
    requests = 0, -- sent to Redis
    _rate = options.rate,
    _name = options.name,
    _caller = options.caller,
    _clock = options.clock,
    _redact = fault.redactor(options.password),
    _slots = slots.new(),
    _fault = nil, -- error that Redis returned instead of slots
    _is_final = false, -- waiting does not help
    _retry_at = -math.huge,
    _retry_pause = FIRST_PAUSE,
    _tell_till = -math.huge, -- end of a pause not yet shared with Redis
  }, Keeper)
end

local function fail(self, now, message, is_final)
  self._fault, self._is_final = self._redact(message), is_final
  self._retry_at = now + self._retry_pause
  self._retry_pause = math.min(2 * self._retry_pause, LONGEST_PAUSE)
end

-- Requests `count` slots and shares a pause. Returns whether it was sent.
local function ask_redis(self, count)
  local now, till = self._clock(), self._tell_till
  local pause = math.max(0, till - now)
  if count > 0 then
    self._slots:asked()
  end
  self.requests = self.requests + 1
  local was_sent = self._caller:run(script.arguments(self._rate, count, pause),
    function(value, err, is_lost)
      now = self._clock()
      local first, interval, longer = script.read(value)
      if first then
        self._slots:granted(now, count, first, interval, longer)
        self._fault, self._is_final, self._retry_pause = nil, false, FIRST_PAUSE
        if self._tell_till == till then
          self._tell_till = -math.huge
        end
        return
      end
      self._slots:failed()
      if is_lost then
        fail(self, now, err, false)
      elseif err then
        local message, is_final = fault.of(err)
        fail(self, now, self._name .. " " .. message, is_final)
      else
        fail(self, now, self._name .. " answers as no Redis does", true)
      end
    end)
  if not was_sent then
    self.requests = self.requests - 1
    self._slots:failed()
  end
  return was_sent
end

-- seconds, trouble, keeper = :ask(): the result of a rate function. 0: a request may go. trouble:
-- why there are no slots, as one line.
function Keeper:ask()
  local caller, held = self._caller, self._slots
  if caller.step then
    caller:step()
  end
  local now = self._clock()
  local seconds = held:take(now)
  local count = seconds ~= 0 and now >= self._retry_at and held:wanted(now)
  if count and ask_redis(self, count) then
    now = self._clock()
    seconds = held:take(now) or seconds
  end
  if seconds then
    return seconds, nil, self
  elseif held.paused_till > now then
    return held.paused_till - now, nil, self
  end
  local due = self._retry_at > now and self._retry_at - now or caller:due()
  return math.max(due, 1e-3), self._fault or caller:trouble(), self
end

-- Handles a pause that the provider asked for: no process sends before it is over.
function Keeper:pause(seconds)
  local till = self._clock() + seconds
  self._slots:pause(till)
  self._tell_till = math.max(self._tell_till, till)
  ask_redis(self, 0)
end

-- Returns the end, by our clock, of the last pause that any process was asked for.
function Keeper:paused_until()
  return self._slots.paused_till
end

-- Returns why there are no slots, nil if there may be some, and whether waiting is useless.
function Keeper:trouble()
  return self._fault or self._caller:trouble(), self._is_final
end

return keeper
