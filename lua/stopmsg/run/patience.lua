-- Decides how long a call waits for a provider that is down, and reports the outage.

local text = require("stopmsg.text")

local patience = {}

-- Seconds for which a call without patience still retries single failures.
local QUICK = 0.5

-- Minimum time left, in seconds, for sending a probe.
local LEAST = 0.05

-- Pauses in seconds: those above TOLD are reported, one above LONGEST ends the run.
local TOLD, LONGEST = 2, 900

local Patience = {}
Patience.__index = Patience

-- hooks: see run/hooks.lua
function patience.new(session, hooks)
  return setmetatable({
    _hooks = hooks,
    _session = session,
    _task = nil,
    _started = 0,
    _began = 0, -- the same on the outage's clock
    _since = nil, -- when the call reported that it waits
    _longest = 0, -- longest pause that the provider asked for
    rate_trouble = nil, -- why the rate function cannot decide, as reported
    _rate_since = nil, -- when it was reported
    _has_rate_fault = false, -- a fault of that function was reported
  }, Patience)
end

function Patience:begin(task, now)
  self._task = task
  self._started, self._began = now, self._session.outage:clock(now)
  self._since, self._longest = nil, 0
  self.rate_trouble, self._rate_since, self._has_rate_fault = nil, nil, false
end

-- Returns when a call without patience gives up. A few single failures are normal.
local function quick_end(self)
  return math.max(self._session.outage.usable_at, self._started) + QUICK
end

-- Returns when this call gives up, or would send a probe for which it has no patience. Valid only
-- during an outage.
function Patience:ends_at(now)
  local outage, seconds = self._session.outage, self._task.patience
  if seconds == 0 then
    return outage:is_wide() and outage.due_at or quick_end(self)
  end
  return now + seconds - outage:waited(now, self._began) + outage:pause_left(now)
end

-- Returns the seconds that a probe may take; nil if too few are left.
function Patience:left(now)
  if self._task.patience == 0 then
    return math.huge
  end
  local left = self:ends_at(now) - now
  return left >= LEAST and left or nil
end

-- of: "rate" for trouble with the keeper of a shared rate.
local function tell_end(self, reason, elapsed, of)
  self._hooks:note({ type = "outage", phase = "end", reason = reason, of = of, elapsed = elapsed })
end

-- Returns whether a call without patience gives up. A call that has sent nothing may send a probe
-- that is due.
local function is_quick_over(self, now, sends, in_flight)
  local outage = self._session.outage
  local goes_at = math.max(outage.due_at, self._session.pacer.paused_till)
  if goes_at <= now and sends == 0 then
    return false
  elseif outage:is_wide() then
    return in_flight == 0 or goes_at <= now
  end
  return now >= quick_end(self) or (in_flight == 0 and goes_at > quick_end(self))
end

-- During an outage, returns why the call gives up at `now`, or nil to go on. sends, in_flight: its
-- requests so far, and those unanswered. Reports the start of the outage.
function Patience:watch(now, sends, in_flight)
  local outage, is_over = self._session.outage
  if not self._since then
    self._since = now
    self._hooks:note({ type = "outage", phase = "begin", reason = outage.spell.reason,
      message = outage.spell.message })
  end
  if outage:is_refused() and outage.refused_at >= self._started then
    return "tls"
  end
  if self._task.patience == 0 then
    is_over = is_quick_over(self, now, sends, in_flight)
  else
    is_over = now >= self:ends_at(now)
  end
  if is_over then
    return outage.spell.reason == "rate_limited" and "rate_limited" or "outage"
  end
end

-- Reports the end of the outage once the provider responds, or the call ends for this reason.
function Patience:look(now, ended)
  local outage = self._session.outage
  if self._since and (ended or not outage.is_shut) then
    tell_end(self, outage.is_shut and ended or "answered", now - self._since)
    self._since = nil
  end
end

-- Returns whether the call gives up on a rate function that cannot decide. Reports the start and
-- end of the trouble, and a fault of the function.
function Patience:watch_rate(now, pacer)
  local trouble = pacer.trouble
  if pacer.fault and not self._has_rate_fault then
    self._has_rate_fault = true
    self._hooks:warn(pacer.fault)
  end
  if not trouble then
    if self.rate_trouble then
      tell_end(self, "answered", now - self._rate_since, "rate")
      self.rate_trouble, self._rate_since = nil, nil
    end
    return false
  end
  if not self.rate_trouble then
    self._rate_since = now
    self._hooks:note({ type = "outage", phase = "begin", of = "rate",
      message = text.clean(trouble, self._session.redact) })
  end
  self.rate_trouble = trouble
  return now - math.max(pacer.trouble_since, self._started) >= self._task.patience
end

-- Returns whether a pause of so many seconds ends the run.
function patience.is_endless(seconds)
  return seconds > LONGEST
end

-- 3600 as "3600 s"
local function seconds_of(seconds)
  return ("%.0f s"):format(math.ceil(seconds))
end

-- Records a pause that the provider asked for.
function Patience:pause(seconds)
  if seconds > LONGEST then
    self._hooks:warn(("the provider asked for a pause of %s (Retry-After): run again after %s")
      :format(seconds_of(seconds), os.date("%Y-%m-%d %H:%M:%S", os.time() + math.ceil(seconds))))
  elseif seconds > TOLD then
    self._longest = math.max(self._longest, seconds)
  end
end

-- Ends the reports of a call. ended: why it stopped before all ids settled, or nil.
function Patience:finish(now, ended)
  self:look(now, ended or "settled")
  if self.rate_trouble then
    tell_end(self, ended or "settled", now - self._rate_since, "rate")
    if not self._session.pacer.fault then
      self._hooks:warn("no shared rate: " .. self.rate_trouble)
    end
  end
  if self._longest > 0 then
    self._hooks:warn(("the provider asked for pauses (Retry-After), the longest %s"):format(
      seconds_of(self._longest)))
  end
end

return patience
