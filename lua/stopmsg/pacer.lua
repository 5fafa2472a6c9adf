-- Decides when the next request may be sent: by the rate, and by pauses that the provider asked
-- for. All calls of a client share one pacer. Pure: times are passed in, in seconds.

local compat = require("stopmsg.compat")

local pacer = {}

-- Waiting loops wake up late. They may catch up on this much, or a high rate would never be
-- reached.
local LATENESS = 0.01

local Pacer = {}
Pacer.__index = Pacer

-- Shared pauses longer than ours by this many seconds count as news; our own come back slightly
-- longer.
local NEWS = 0.5

-- Seconds until a function that raised is asked again.
local AGAIN = 0.1

-- rate: requests/s, nil for no limit, or a user function called before each request: returns
-- seconds until it may be called again, or 0 for "go". burst: requests that may be sent at once
-- after idle time, if the rate is a number.
--
-- A function may return two more values: one line that says why it cannot decide, which a call
-- tolerates for as long as its patience lasts; and a keeper that shares the rate with other
-- processes: { pause(self, seconds), paused_until(self) -> time, connection (that a wait may watch)
-- or nil }. One that raises, or returns no seconds, cannot decide.
function pacer.new(rate, burst)
  local ask = type(rate) == "function" and rate or nil
  local interval = rate and not ask and 1 / rate
  return setmetatable({
    is_free = not rate, -- requests may go many at a time, pauses apart
    _ask = ask,
    _may_go = false, -- the user function said "go", not used yet
    _interval = interval,
    _allowance = interval and math.max(((burst or 1) - 1) * interval, LATENESS),
    keeper = nil, -- of a shared rate
    trouble = nil, -- why the rate function cannot decide
    trouble_since = nil,
    paused_till = -math.huge, -- end of the last pause
    fault = nil, -- the same, if it is the function's own
    _news = nil, -- length of another process's pause, in seconds
    _due = -math.huge, -- time of the next request at an even pace
  }, Pacer)
end

-- Asks the user function: seconds, trouble, keeper, fault.
local function ask(self)
  local called, seconds, trouble, keeper = compat.try_question(self._ask)
  if not called then
    return AGAIN, nil, nil, "the rate function raised an error: " .. compat.words_of(seconds)
  elseif type(seconds) ~= "number" or seconds ~= seconds then
    return AGAIN, nil, nil, "the rate function must return seconds, got "
      .. (seconds ~= seconds and "no number" or "a " .. type(seconds))
  end
  return seconds, trouble and compat.words_of(trouble), type(keeper) == "table" and keeper or nil
end

-- Earliest time for the next request; not later than `now` means at once.
function Pacer:ready_at(now)
  if self.paused_till > now then
    return self.paused_till
  end
  if self._interval then
    return self._due - self._allowance
  end
  if self._ask and not self._may_go then
    local seconds, trouble, keeper, fault = ask(self)
    self.trouble, self.fault = fault or trouble, fault
    self.trouble_since = self.trouble and (self.trouble_since or now)
    if keeper then
      self.keeper = keeper
      self:_hear(now, keeper:paused_until())
    end
    -- Nothing may be ready to send: keep the permission for the next request.
    self._may_go = seconds <= 0
    return now + math.max(0, seconds)
  end
  return now
end

-- Counts a request sent at `now`.
function Pacer:sent(now)
  self._may_go = false
  if self._interval then
    self._due = math.max(self._due, now) + self._interval
  end
end

-- Another process was told to pause.
function Pacer:_hear(now, time)
  if time - NEWS > math.max(now, self.paused_till) then
    self._news = time - now
  end
  self.paused_till = math.max(self.paused_till, time)
end

-- Returns the length of another process's pause, once.
function Pacer:take_news()
  local news = self._news
  self._news = nil
  return news
end

-- Allows no request before `time`, which is in this many seconds.
function Pacer:pause(time, seconds)
  self.paused_till = math.max(self.paused_till, time)
  if self.keeper and seconds and seconds > 0 then
    self.keeper:pause(seconds)
  end
end

-- A connection that a wait should watch besides the provider's; nil for none.
function Pacer:connection()
  return self.keeper and self.keeper.connection
end

return pacer
