-- Keeps the part that one process has in a shared rate: asks Redis for slots ahead of time, hands
-- them out, and passes on the pauses that providers ask for.
--
-- A caller runs the script: { run(self, arguments, on_reply) -> whether it was sent, step(self) or
-- nil, trouble(self) -> text or nil, due(self) -> seconds until it is worth looking again,
-- connection or nil (what a wait may watch) }. on_reply(value, err, is_lost) may be called before
-- run() returns.

local fault = require("stopmsg.fleet.fault")
local script = require("stopmsg.fleet.script")
local slots = require("stopmsg.fleet.slots")

local keeper = {}

-- Seconds until Redis is asked again after an error, and where that rises to.
local FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1

local Keeper = {}
Keeper.__index = Keeper

-- made = keeper.new(options): rate (requests a second), name (of the Redis, in messages), caller,
-- clock, password (which messages must not repeat) or nil.
function keeper.new(options)
  return setmetatable({
    connection = options.caller.connection,
    requests = 0, -- made of Redis
    _rate = options.rate,
    _name = options.name,
    _caller = options.caller,
    _clock = options.clock,
    _redact = fault.redactor(options.password),
    _slots = slots.new(),
    _fault = nil, -- what Redis answered in place of slots
    _is_final = false, -- and waiting does not mend it
    _retry_at = -math.huge,
    _retry_pause = FIRST_PAUSE,
    _tell_till = -math.huge, -- the end of a pause that Redis does not know of yet
  }, Keeper)
end

local function fail(self, now, message, is_final)
  self._fault, self._is_final = self._redact(message), is_final
  self._retry_at = now + self._retry_pause
  self._retry_pause = math.min(2 * self._retry_pause, LONGEST_PAUSE)
end

-- Asks for `count` slots, and passes a pause on. Whether that was sent.
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

-- seconds, trouble, keeper = :ask(): what a rate function gives. 0: a request may go. trouble: why
-- no slots come, as one line.
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

-- The provider asked for a pause of so many seconds: nobody sends before it is over.
function Keeper:pause(seconds)
  local till = self._clock() + seconds
  self._slots:pause(till)
  self._tell_till = math.max(self._tell_till, till)
  ask_redis(self, 0)
end

-- When the last pause ends that somebody was asked for, by our clock.
function Keeper:paused_until()
  return self._slots.paused_till
end

-- Why no slots come, and whether waiting does not mend it; nil where they may come.
function Keeper:trouble()
  return self._fault or self._caller:trouble(), self._is_final
end

return keeper
