-- When an id that failed by itself is sent again. What fails in an outage is outage.lua's matter.
-- Pure: chance is passed in.

local retry = {}

-- Seconds: the first pause at most, and the longest one.
local BASE, CAP = 0.05, 2

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
  return self
end

-- delay = :again(tries, retry_after, time_left) | nil, is_used_up
-- Seconds until a batch that was tried `tries` times is repeated; nil when it is not, and whether
-- that is for its tries. Without Retry-After it is anything up to the pause that doubles with each
-- try (full jitter).
function Retry:again(tries, retry_after, time_left)
  if tries >= self._max then
    return nil, true
  end
  local delay = retry_after or self._random() * math.min(CAP, BASE * 2 ^ math.max(0, tries - 1))
  return delay < time_left and delay or nil
end

return retry
