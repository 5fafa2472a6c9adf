-- The slots of one process: moments at which it may send one request each. Decides when to ask for
-- more. Pure: times are passed in, in seconds of a monotonic clock.

local slots = {}

-- A slot missed by more seconds than this is lost: used late, it would exceed the rate at that
-- time.
local LATE = 0.2

-- Seconds of use requested at a time, and the maximum number of slots.
local AHEAD, MOST = 0.1, 1000

-- Redis is asked again before a slot that is more than STALE seconds later than the last reply,
-- since a pause may have begun; CONFIRM is how many seconds before the slot.
local STALE, CONFIRM = 1, 0.25

local Slots = {}
Slots.__index = Slots

function slots.new()
  return setmetatable({
    paused_till = -math.huge, -- a pause that a provider asked any process for
    _held = {}, -- { at, interval, count }, in order
    _count = 0,
    _heard_at = -math.huge,
    _is_asking = false,
    _used = 0, -- slots used in the current interval, and in the one before
    _used_before = 0,
    _stretch = -math.huge, -- start of the current interval
  }, Slots)
end

-- Drops slots before `time`.
local function drop(self, time)
  local first = self._held[1]
  while first and first.at < time do
    local missed = first.interval > 0
      and math.min(first.count, math.ceil((time - first.at) / first.interval)) or first.count
    first.at = first.at + missed * first.interval
    first.count = first.count - missed
    self._count = self._count - missed
    if first.count > 0 then
      break
    end
    table.remove(self._held, 1)
    first = self._held[1]
  end
end

local function turn_stretch(self, now)
  if now - self._stretch >= AHEAD then
    local is_next = now - self._stretch < 2 * AHEAD
    self._used_before, self._used = is_next and self._used or 0, 0
    self._stretch = now
  end
end

-- Returns whether to ask Redis about a pause before the next slot.
local function is_stale(self, now)
  return now - self._heard_at > STALE
end

-- seconds = :take(now): 0 takes a slot; more: time until the next one; nil if there is none.
function Slots:take(now)
  drop(self, now - LATE)
  local first = self._held[1]
  if not first then
    return nil
  elseif first.at > now then
    -- In time to ask about a pause.
    local seconds = first.at - now
    return is_stale(self, first.at) and seconds > CONFIRM and seconds - CONFIRM or seconds
  elseif is_stale(self, now) then
    return nil -- no reply has come yet
  end
  first.at, first.count = first.at + first.interval, first.count - 1
  self._count = self._count - 1
  if first.count == 0 then
    table.remove(self._held, 1)
  end
  turn_stretch(self, now)
  self._used = self._used + 1
  return 0
end

-- Returns how many slots to ask for now: as many as the last interval used. 0 only asks about a
-- pause; nil: ask nothing.
function Slots:wanted(now)
  if self._is_asking or now < self.paused_till then
    return nil
  end
  turn_stretch(self, now)
  local batch = math.min(MOST, math.max(1, self._used, self._used_before))
  if self._count <= math.floor(batch / 2) then
    return batch
  end
  local first = self._held[1]
  return is_stale(self, first.at) and first.at - now <= CONFIRM and 0 or nil
end

-- Records that a request to Redis is in flight.
function Slots:asked()
  self._is_asking = true
end

-- Records that the request failed.
function Slots:failed()
  self._is_asking = false
end

-- Adds slots from Redis: the first after `first` seconds, then every `interval`; starts a pause of
-- `pause` seconds.
function Slots:granted(now, count, first, interval, pause)
  self._is_asking, self._heard_at = false, now
  if count > 0 then
    self._held[#self._held + 1] = { at = now + first, interval = interval, count = count }
    self._count = self._count + count
  end
  if pause > 0 then
    self:pause(now + pause)
  end
end

-- Allows nothing before `time`.
function Slots:pause(time)
  self.paused_till = math.max(self.paused_till, time)
  drop(self, time)
end

return slots
