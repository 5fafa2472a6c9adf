-- Tracks whether the provider is working, as one client sees it, and sets the pace while it is not.
-- All calls of a client share one tracker. Pure: times and randomness are passed in.
--
-- A response is usable if it has the provider's form, whatever it says. Requests that end without
-- one form a spell of failures, which the next usable response ends. A spell becomes an outage once
-- five different requests, or all that are in flight, have failed. During an outage single probes
-- are sent, with growing pauses; after it, the number of requests in flight grows from one.
--
-- Each batch stores its part of the history: `spell` and `in_spell` (its failures in that spell),
-- `failures` (in earlier spells, excluding outages), `excused` (past outages that it was part of),
-- `is_to_blame`, `probe`.

local outage = {}

-- Different failed requests in a row that make an outage.
local ENOUGH = 5

-- Outages for which a batch is excused if no id is left that was never sent. One that was part of
-- more is likely at fault itself: others were answered after each.
local EXCUSED = 3

-- First and longest pause between probes, in seconds. Up to a tenth is subtracted at random, so
-- that many clients do not return at the same moment.
local FIRST_PAUSE, LONGEST_PAUSE, CHANCE = 0.05, 2, 0.1

-- First and longest pause after a 429 without Retry-After, in seconds.
local FIRST_THROTTLE, LONGEST_THROTTLE = 1, 1.5

-- Seconds that a call waits before it probes the same ids again, to let other calls go first.
local YIELD = 0.02

-- Refused certificates in a row that end a call.
local MOST_REFUSALS = 3

local Outage = {}
Outage.__index = Outage

-- options: slots (maximum requests in flight), random (a function like math.random)
function outage.new(options)
  return setmetatable({
    is_troubled = false, -- in a spell, or limited by a window
    is_shut = false, -- in an outage: only probes may be sent
    spell = nil,
    usable_at = -math.huge, -- time of the last usable response
    window = nil, -- maximum requests in flight; nil for no limit
    due_at = 0, -- during an outage: time of the next probe
    takes_failed = false, -- the next probe should take ids that failed instead of ids never sent
    refused_at = -math.huge, -- time of the last refused certificate
    _refusals = 0, -- refused certificates in a row
    _slots = options.slots,
    _random = options.random or math.random,
    _ramp = math.huge, -- the window doubles up to here, then grows by one
    _pause = FIRST_PAUSE, -- pause after the next probe
    _wait = 0, -- pause after the last probe
    fresh_probes = 0, -- probes of this outage with ids never sent
    _probes = 0,
    _throttles = 0, -- pauses after a 429 since the last usable response
    _throttled_at = -math.huge,
    _still = 0, -- total seconds of all Retry-After pauses
    _still_till = -math.huge, -- end of the last of them
    _held = setmetatable({}, { __mode = "k" }), -- runs waiting for the outage to end
  }, Outage)
end

-- A clock that stops during Retry-After pauses. Valid for times since the last pause began.
function Outage:clock(now)
  return now - (self._still - math.max(0, self._still_till - now))
end

-- Stops that clock for this many seconds.
local function stand_still(self, now, seconds)
  local from = math.max(now, self._still_till)
  if now + seconds > from then
    self._still = self._still + (now + seconds - from)
    self._still_till = now + seconds
  end
end

local function jitter(self, pause)
  return pause * (1 - CHANCE * self._random())
end

local function grow(self)
  local window = self.window + (self.window < self._ramp and 1 or 1 / self.window)
  if window >= self._slots then
    window, self._ramp = nil, math.huge
  end
  self.window = window
end

-- Records a usable response to `batch`, which may be nil if there is no trouble.
function Outage:answered(now, batch)
  self.usable_at = now
  if not self.is_troubled then
    return
  end
  local spell = self.spell
  if spell and spell.count == 1 and batch.spell ~= spell then
    spell.is_outage = false -- only one batch failed: the cause is the batch
  end
  self.spell, self._refusals, self._throttles = nil, 0, 0
  if self.is_shut then
    self.is_shut, self.window = false, 1
  elseif self.window then
    grow(self)
  end
  self.is_troubled = self.window ~= nil
end

-- Returns whether a failure of `batch` says something about the provider. Ids that failed before
-- others were answered say nothing as long as there are ids never sent.
local function is_witness(batch, is_end)
  return batch.failures == 0 and batch.excused < (is_end and EXCUSED or 1)
end

-- Makes a batch part of the current spell and closes its account of the previous one.
local function join(spell, batch, is_end)
  local before = batch.spell
  if before and before.is_outage then
    batch.excused = batch.excused + 1
  elseif before then
    batch.failures = batch.failures + batch.in_spell
  end
  batch.spell, batch.in_spell = spell, 0
  spell.count = spell.count + 1
  spell.has_fresh = spell.has_fresh or is_witness(batch, is_end)
end

-- Returns whether the failure of `batch` completes an outage. is_alone: nothing else is in flight.
local function is_outage(spell, batch, is_alone)
  if spell.count >= ENOUGH then
    return spell.has_fresh
  elseif not is_alone then
    return false
  elseif spell.count > 1 then
    return spell.has_fresh
  end
  return spell.has_fresh and not batch.is_to_blame
end

-- Records that a request of `batch` ended without a usable response.
--
-- failure: reason, message (for people; nil if it came from a body), is_alone (nothing else is in
-- flight), is_end (no id is left that was never sent), is_free (not counted as an attempt),
-- is_refused (the server's certificate was refused).
function Outage:failed(now, batch, failure)
  local spell = self.spell
  if not spell then
    local was_used = self.usable_at > -math.huge -- the stopping clock does not know this time
    spell = { count = 0, is_outage = false, has_fresh = false, reason = nil, message = nil,
      since = was_used and self:clock(self.usable_at) or -math.huge }
    self.spell, self.is_troubled = spell, true
  end
  if batch.spell ~= spell then
    join(spell, batch, failure.is_end)
  end
  if not failure.is_free then
    batch.in_spell = batch.in_spell + 1
  end
  if batch.started < self.usable_at then
    batch.is_to_blame = true -- others succeeded while it was in flight
  end
  spell.reason, spell.message = failure.reason, failure.message
  self._refusals = failure.is_refused and self._refusals + 1 or 0
  if failure.is_refused then
    self.refused_at = now
  end
  if self.is_shut then
    if batch.probe == self._probes then
      self.due_at = math.min(self.due_at, now + self._wait)
    end
  elseif is_outage(spell, batch, failure.is_alone) then
    spell.is_outage, self.is_shut, self.takes_failed = true, true, false
    self._probes = self._probes + 1 -- no probe is in flight
    self.fresh_probes = 0
    self.due_at, self._pause = now + jitter(self, FIRST_PAUSE), 2 * FIRST_PAUSE
  end
end

-- Obeys Retry-After during an outage: no probe for this many seconds.
function Outage:hold(now, seconds)
  stand_still(self, now, seconds)
  self.due_at = math.max(self.due_at, now + seconds)
end

-- How many more requests may be sent, given those in flight.
function Outage:room(now, in_flight)
  if self.is_shut then
    return now >= self.due_at and 1 or 0
  end
  return self.window and math.max(0, math.floor(self.window) - in_flight) or math.huge
end

-- Returns whether the client has a free slot, given all its requests in flight.
function Outage:has_slot(in_flight)
  return in_flight < self._slots
end

-- Returns whether the last probe was this batch.
function Outage:was_last(batch)
  return batch.probe == self._probes
end

-- Records that a run waits for the outage to end, or no longer does.
function Outage:queue(run, is_held)
  self._held[run] = is_held or nil
end

-- Earliest time to probe the ids of the last probe again: other calls may have ids, too.
function Outage:repeats_at()
  local first = next(self._held)
  local is_contended = first and next(self._held, first)
  return self.due_at + (is_contended and YIELD or 0)
end

-- Records a request in times of trouble. is_fresh: of ids never sent. A probe may hang: the next
-- one waits at most the longest pause for it.
function Outage:sent(now, batch, is_fresh)
  self.takes_failed = is_fresh
  if not self.is_shut then
    return
  elseif is_fresh then
    self.fresh_probes = self.fresh_probes + 1
  end
  self._probes = self._probes + 1
  batch.probe = self._probes
  self._wait = jitter(self, self._pause)
  self._pause = math.min(2 * self._pause, LONGEST_PAUSE)
  self.due_at = now + LONGEST_PAUSE
end

-- pause = :throttled(now, started, in_flight, retry_after)
--
-- Records HTTP 429 to a request sent at `started`, with this many others in flight. Returns the
-- seconds for which nothing may be sent. Several 429s of one burst count once.
function Outage:throttled(now, started, in_flight, retry_after)
  local is_new = started >= self._throttled_at
  if is_new then
    self._throttled_at, self._throttles = now, self._throttles + 1
    self._ramp = math.max(1, math.floor((in_flight + 1) / 2))
    self.window = math.min(self.window or math.huge, self._ramp)
    self.is_troubled = true
  end
  if retry_after then
    stand_still(self, now, retry_after)
    return retry_after
  end
  return is_new and self._random()
    * math.min(LONGEST_THROTTLE, FIRST_THROTTLE * 2 ^ (self._throttles - 1)) or 0
end

-- Seconds without a usable response, or since `began`, on the stopping clock. Only in a spell.
function Outage:waited(now, began)
  return self:clock(now) - math.max(self.spell.since, began)
end

-- Seconds until that clock runs again.
function Outage:pause_left(now)
  return math.max(0, self._still_till - now)
end

-- Returns whether the last requests failed because the server's certificate was refused.
function Outage:is_refused()
  return self._refusals >= MOST_REFUSALS
end

-- Returns whether the spell is an outage regardless of requests in flight.
function Outage:is_wide()
  return self.spell.count >= ENOUGH
end

return outage
