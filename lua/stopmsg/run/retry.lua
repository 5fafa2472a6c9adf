-- Schedules retries of single failures; outage.lua handles outages. Pure: randomness is passed in.

local retry = {}

-- In seconds: limit of the first back-off, and of any back-off.
local BASE, CAP = 0.05, 2

local Retry = {}
Retry.__index = Retry

-- options: max_attempts (first try included), random (a function like math.random)
function retry.new(options)
  return setmetatable({}, Retry):begin(options)
end

-- Resets for a new call.
function Retry:begin(options)
  self._max = options.max_attempts
  self._random = options.random or math.random
  return self
end

-- delay = :again(tries, retry_after, time_left)
-- nil, is_used_up
-- Returns the seconds until the retry after `tries` attempts. nil: no retry; is_used_up: because
-- all attempts are used. Without Retry-After, the delay is random, up to a back-off that doubles
-- with each attempt (full jitter).
function Retry:again(tries, retry_after, time_left)
  if tries >= self._max then
    return nil, true
  end
  local delay = retry_after or self._random() * math.min(CAP, BASE * 2 ^ math.max(0, tries - 1))
  return delay < time_left and delay or nil
end

return retry
