-- What is repeated, and when. Pure: the time and the randomness are passed in.

local retry = {}

-- Seconds: the first pause at most, the longest one, and the first after a 429.
local BASE, CAP, THROTTLED_BASE = 0.05, 5, 1

-- How many repeats an outage may add to the requests that are due anyway.
local BUDGET_LEAST, BUDGET_SHARE = 10, 0.2

local Retry = {}
Retry.__index = Retry

-- options: max_attempts (first try included), random (a function like math.random)
function retry.new(options)
  return setmetatable({}, Retry):begin(options)
end

-- The same for a new call.
function Retry:begin(options)
  self._max = options.max_attempts
  self._random = options.random or math.random
  self._requests = 0
  self._repeats = 0
  return self
end

-- Full jitter: anything up to the pause that doubles with each try.
local function backoff(self, base, tries)
  return self._random() * math.min(CAP, base * 2 ^ (tries - 1))
end

-- Counts a request that is about to be sent; the budget grows with these.
function Retry:request()
  self._requests = self._requests + 1
end

-- delay = :again(tries, retry_after, time_left) | nil
-- Seconds until a batch that was tried `tries` times is repeated; nil when it is not.
function Retry:again(tries, retry_after, time_left)
  if tries >= self._max then
    return nil
  end
  if self._repeats >= math.max(BUDGET_LEAST, BUDGET_SHARE * self._requests) then
    return nil
  end
  local delay = retry_after or backoff(self, BASE, tries)
  if delay >= time_left then
    return nil
  end
  self._repeats = self._repeats + 1
  return delay
end

-- pause, is_repeated = :throttled(tries, retry_after, time_left)
-- After a 429: seconds in which the client sends nothing at all, and whether this batch is then
-- sent again. It costs no budget, as the provider itself sets the pace.
function Retry:throttled(tries, retry_after, time_left)
  local pause = retry_after or backoff(self, THROTTLED_BASE, tries)
  return pause, tries < self._max and pause < time_left
end

return retry
