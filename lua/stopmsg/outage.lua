-- Tracks whether the provider answers, as one client sees it, and sets the pace while it does not.
-- All calls of the client share one tracker. Pure: times are passed in, and so is chance.
--
-- Usable is an answer in the provider's form, whatever it says. Requests that end without one make
-- a spell of failures, which the next usable answer ends. A spell is an outage once five different
-- requests, or all that are in flight, have failed in it. During an outage single probes are sent,
-- with growing pauses between them; after it the number of requests in flight grows from one.
--
-- A batch carries its part of the history: `spell` and `in_spell` (its failures in that spell),
-- `failures` (in earlier spells, outages apart), `is_to_blame`, `probe`.

local outage = {}

-- Different requests in a row that make an outage.
local ENOUGH = 5

-- Seconds between two probes: the first pause, and the longest. Up to a tenth is taken off by
-- chance, so that many clients do not come back at the same moment.
local FIRST_PAUSE, LONGEST_PAUSE, CHANCE = 0.05, 2, 0.1

-- Seconds after a 429 without Retry-After: the first pause at most, and the longest.
local FIRST_THROTTLE, LONGEST_THROTTLE = 1, 1.5

-- Seconds by which a call that would probe the same ids once more lets other calls go first.
local YIELD = 0.02

-- Certificates refused in a row that end a call.
local MOST_REFUSALS = 3

local Outage = {}
Outage.__index = Outage

-- options: slots (requests in flight at most), random (a function like math.random)
function outage.new(options)
  return setmetatable({
    is_troubled = false, -- there is a spell or a window
    is_shut = false, -- the spell is an outage: only probes may go
    spell = nil,
    usable_at = -math.huge, -- time of the last usable answer
    window = nil, -- requests in flight at most; nil for no limit
    refused_at = -math.huge, -- time of the last refused certificate
    _refusals = 0, -- of certificates, in a row
    _slots = options.slots,
    _random = options.random or math.random,
    _ramp = math.huge, -- the window doubles up to here, and then grows by one at a time
    _due = 0, -- when the next probe may go
    _pause = FIRST_PAUSE, -- after the probe that goes next
    _wait = 0, -- after the probe that went last
    _probes = 0,
    _takes_failed = false, -- whether the next probe is to take ids that failed
    _throttles = 0, -- pauses after a 429 since the last usable answer
    _throttled_at = -math.huge,
    _still = 0, -- seconds of all pauses that a Retry-After asked for
    _still_till = -math.huge, -- when the last of them ends
    _held = setmetatable({}, { __mode = "k" }), -- runs that wait for the outage to end
  }, Outage)
end

-- A clock that stands still while a Retry-After is obeyed. Right for any time since the last pause
-- began.
function Outage:clock(now)
  return now - (self._still - math.max(0, self._still_till - now))
end

-- Stops that clock for so many seconds.
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

-- A usable answer to `batch`, which may be nil where there is no trouble.
function Outage:answered(now, batch)
  self.usable_at = now
  if not self.is_troubled then
    return
  end
  local spell = self.spell
  if spell and spell.count == 1 and batch.spell ~= spell then
    spell.is_outage = false -- nobody but one batch failed: it is the batch
  end
  self.spell, self._refusals, self._throttles = nil, 0, 0
  if self.is_shut then
    self.is_shut, self.window = false, 1
  elseif self.window then
    grow(self)
  end
  self.is_troubled = self.window ~= nil
end

-- Makes a batch part of the current spell, and closes its account of the last one.
local function join(spell, batch)
  local before = batch.spell
  if before and not before.is_outage then
    batch.failures = batch.failures + batch.in_spell
  end
  batch.spell, batch.in_spell = spell, 0
  spell.count = spell.count + 1
  -- Ids that failed while others were answered prove nothing about the provider.
  spell.has_fresh = spell.has_fresh or batch.failures == 0
end

-- Whether the failure of `batch` completes an outage. is_alone: nothing else is in flight.
local function is_outage(spell, batch, is_alone)
  if spell.count >= ENOUGH then
    return spell.has_fresh
  elseif not is_alone then
    return false
  elseif spell.count > 1 then
    return spell.has_fresh
  end
  return batch.failures == 0 and not batch.is_to_blame
end

-- A request of `batch` ended without a usable answer.
-- failure: reason, message (for people, nil where a body said it), is_alone (nothing else is in
-- flight), is_free (it counts as no attempt), is_refused (the server's certificate was).
function Outage:failed(now, batch, failure)
  local spell = self.spell
  if not spell then
    local was_used = self.usable_at > -math.huge -- the clock cannot tell such a time
    spell = { count = 0, is_outage = false, has_fresh = false, reason = nil, message = nil,
      since = was_used and self:clock(self.usable_at) or -math.huge }
    self.spell, self.is_troubled = spell, true
  end
  if batch.spell ~= spell then
    join(spell, batch)
  end
  if not failure.is_free then
    batch.in_spell = batch.in_spell + 1
  end
  if batch.started < self.usable_at then
    batch.is_to_blame = true -- others were answered while it was in flight
  end
  spell.reason, spell.message = failure.reason, failure.message
  self._refusals = failure.is_refused and self._refusals + 1 or 0
  if failure.is_refused then
    self.refused_at = now
  end
  if self.is_shut then
    if batch.probe == self._probes then
      self._due = math.min(self._due, now + self._wait)
    end
  elseif is_outage(spell, batch, failure.is_alone) then
    spell.is_outage, self.is_shut, self._takes_failed = true, true, false
    self._probes = self._probes + 1 -- no request in flight is a probe
    self._due, self._pause = now + jitter(self, FIRST_PAUSE), 2 * FIRST_PAUSE
  end
end

-- Retry-After during an outage: no probe for so many seconds.
function Outage:hold(now, seconds)
  stand_still(self, now, seconds)
  self._due = math.max(self._due, now + seconds)
end

-- During an outage: when the next probe may go.
function Outage:ready_at()
  return self._due
end

-- How many more requests may go, with so many in flight.
function Outage:room(now, in_flight)
  if self.is_shut then
    return now >= self._due and 1 or 0
  end
  return self.window and math.max(0, math.floor(self.window) - in_flight) or math.huge
end

-- Whether the next probe is to take ids that failed, rather than ids never sent.
function Outage:takes_failed()
  return self._takes_failed
end

-- Whether the last probe was this batch.
function Outage:was_last(batch)
  return batch.probe == self._probes
end

-- A run waits for the outage to end, or no longer does.
function Outage:queue(run, is_held)
  self._held[run] = is_held or nil
end

-- The time from which on the ids of the last probe may be asked about once more: other calls may
-- have ids, too.
function Outage:repeats_at()
  local first = next(self._held)
  local is_contended = first and next(self._held, first)
  return self._due + (is_contended and YIELD or 0)
end

-- A probe is sent. It may hang: the one after it does not wait for longer than the longest pause.
function Outage:probed(now, batch, is_fresh)
  self._probes = self._probes + 1
  batch.probe = self._probes
  self._takes_failed = is_fresh
  self._wait = jitter(self, self._pause)
  self._pause = math.min(2 * self._pause, LONGEST_PAUSE)
  self._due = now + LONGEST_PAUSE
end

-- pause = :throttled(now, started, in_flight, retry_after)
-- HTTP 429 to a request that was sent at `started`, with so many others in flight: seconds for
-- which nothing is sent at all. Several 429s of one burst count once.
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

-- Seconds that a call has waited: since the last usable answer, or since `began` on our clock. Only
-- within a spell.
function Outage:waited(now, began)
  return self:clock(now) - math.max(self.spell.since, began)
end

-- Seconds for which that clock still stands still.
function Outage:pause_left(now)
  return math.max(0, self._still_till - now)
end

-- Whether the server's certificate was refused, by the last requests.
function Outage:is_refused()
  return self._refusals >= MOST_REFUSALS
end

-- Whether the spell has enough different requests to be an outage whatever is in flight.
function Outage:is_wide()
  return self.spell.count >= ENOUGH
end

return outage
