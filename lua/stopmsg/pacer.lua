-- When the next request may go: the asked rate, and pauses that the provider asked for. One
-- pacer serves all calls of a client. Pure: times are passed in, in seconds.

local pacer = {}

-- A waiting loop wakes a little late. What it lost by that it may catch up on, or a high rate
-- would never be reached.
local LATENESS = 0.01

local Pacer = {}
Pacer.__index = Pacer

-- A pause that others were asked for is news from so many seconds on: our own comes back a little
-- longer.
local NEWS = 0.5

-- rate: requests/s, nil for no limit, or a function of the user's that is asked before each
-- request: seconds until it may be asked again, 0 for "go". burst: requests that may go at once
-- after a quiet time, where the rate is a number.
--
-- A function may give two more values: why it cannot tell, as one line, which a call bears for as
-- long as its patience lasts; and a keeper, who shares the rate with other processes: { pause(self,
-- seconds), paused_until(self) -> time, connection (which a wait may watch) or nil }.
function pacer.new(rate, burst)
  local ask = type(rate) == "function" and rate or nil
  local interval = rate and not ask and 1 / rate
  return setmetatable({
    is_free = not rate, -- requests may go many at a time, pauses apart
    _ask = ask,
    _may_go = false, -- said by the user's function, and not used yet
    _interval = interval,
    _allowance = interval and math.max(((burst or 1) - 1) * interval, LATENESS),
    keeper = nil, -- of a shared rate
    trouble = nil, -- why no answer comes from it
    trouble_since = nil,
    _news = nil, -- seconds of a pause that another process was asked for
    _due = -math.huge, -- when the next request would go at an even pace
    _paused = -math.huge,
  }, Pacer)
end

-- The time from which on a request may be sent; not later than `now` means at once.
function Pacer:ready_at(now)
  if self._paused > now then
    return self._paused
  end
  if self._interval then
    return self._due - self._allowance
  end
  if self._ask and not self._may_go then
    local seconds, trouble, keeper = self._ask()
    if type(seconds) ~= "number" then
      error("the rate function has to return seconds, got a " .. type(seconds), 0)
    end
    self.trouble, self.trouble_since = trouble, trouble and (self.trouble_since or now) or nil
    if keeper then
      self.keeper = keeper
      self:_hear(now, keeper:paused_until())
    end
    -- There may be nothing to send just now: what was allowed is kept for the next request.
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

-- Another process was asked for a pause.
function Pacer:_hear(now, time)
  if time - NEWS > math.max(now, self._paused) then
    self._news = time - now
  end
  self._paused = math.max(self._paused, time)
end

-- Seconds of a pause that another process was asked for, once.
function Pacer:take_news()
  local news = self._news
  self._news = nil
  return news
end

-- Nothing is sent before `time`, which is in so many seconds.
function Pacer:pause(time, seconds)
  self._paused = math.max(self._paused, time)
  if self.keeper and seconds and seconds > 0 then
    self.keeper:pause(seconds)
  end
end

-- What a wait may watch, besides the provider's answers; nil for nothing.
function Pacer:connection()
  return self.keeper and self.keeper.connection
end

-- When the last pause ends, or ended.
function Pacer:paused_until()
  return self._paused
end

return pacer
