-- Schedules retries of single failures; outage.lua handles outages. Pure: randomness is passed in.

local retry = {}

-- In seconds: limit of the first back-off, and of any back-off.
local BASE, CAP = 0.05, 2

-- delay = retry.delay(task, tries, retry_after, time_left)
-- nil, is_used_up
-- Returns the seconds until the retry after `tries` attempts. nil: no retry; is_used_up: because
-- all attempts are used. Without Retry-After, the delay is random, up to a back-off that doubles
-- with each attempt (full jitter). Of the task: max_attempts (first try included) and random (a
-- function like math.random), or nil.
function retry.delay(task, tries, retry_after, time_left)
  if tries >= task.max_attempts then
    return nil, true
  end
  local delay = retry_after or (task.random or math.random)()
    * math.min(CAP, BASE * 2 ^ math.max(0, tries - 1))
  return delay < time_left and delay or nil
end

return retry
