-- Decides which ids are sent next: a batch that is due again, new ids of the source, or what probes
-- an outage or a token.

local waiting = require("stopmsg.wait")

local batches = {}

-- Batches waiting for a retry, per request in flight, at which reading new ids stops.
local MAX_WAITING = 4

-- Further ones where the provider may be away: those that wait may all fail by themselves, and only
-- new ids show it.
local MORE_IN_TROUBLE = 64

-- Ids handed down at a time before other coroutines get a turn.
local FEW = 8

local Batches = {}
Batches.__index = Batches

-- given, settled, again, hooks: see run/ids, run/items, run/repeats and run/hooks.
function batches.new(session, given, settled, again, hooks)
  local self = setmetatable({
    held = nil, -- a batch that found no free slot
    is_cut = false, -- reading ids was interrupted to let others run
    has_begun = false, -- an item was handed out
    _session = session,
    _given = given,
    _settled = settled,
    _repeats = again,
    _hooks = hooks,
    _task = nil,
    _call = nil,
    _partial = nil, -- the batch being read
  }, Batches)
  self._has_answer = function()
    return self:finds_answer()
  end
  return self
end

-- Resets for a new call; the previous one is drained. call: its requests in the engine.
function Batches:begin(task, call)
  self._task, self._call, self.has_begun = task, call, task.sink ~= nil
end

-- Drives all transfers. Returns whether this run has a response.
function Batches:finds_answer()
  waiting.step(self._session)
  return self._call:ready() > 0
end

-- Returns the function that interrupts reading ids, or nil.
local function pause_of(self, in_flight)
  local must_share = self._hooks.must_share
  if not must_share and not self.has_begun and in_flight > 0 then
    return self._has_answer -- deliver the first response without reading more ids first
  end
  return must_share
end

-- Reads the next batch from the source: `most` ids, or as many as a request holds. Returns nil if
-- there are none now.
local function read(self, in_flight, most)
  local batch = self._partial or self._given:batch()
  -- Kept while the source is called: if that raises, the ids read before are not lost.
  self._partial = batch
  self.is_cut = self._given:read(batch, self._settled, pause_of(self, in_flight), most)
  if self.is_cut then
    return nil
  end
  self._partial = nil
  return batch.count > 0 and batch or nil
end

-- pool, first, last = :ahead(room, in_flight): at most `room` new ids that go alone and need no
-- batch; nil if there are none now.
function Batches:ahead(room, in_flight)
  local pool, first, last, is_cut = self._given:ahead(self._settled, pause_of(self, in_flight),
    self._hooks.must_share and math.min(room, FEW) or room)
  self.is_cut = is_cut
  return pool, first, last
end

-- Returns whether the source may have more ids at `now`.
function Batches:is_open(now)
  local given = self._given
  return not given.is_over and (not given.waits_till or now >= given.waits_till)
end

-- Returns whether few enough batches wait for a retry to read more ids. The limit keeps ids from
-- piling up during an outage.
local function has_room(self)
  local outage, room = self._session.outage, MAX_WAITING * self._task.concurrency
  local count = self._repeats:count()
  if count < room or not outage.is_troubled then
    return count < room
  end
  return (outage.is_shut and outage.fresh_probes or count - room) < MORE_IN_TROUBLE
end

local function may_read(self)
  return self:is_open(self._session.clock()) and has_room(self)
end

-- Returns the batch due at `now`, if any. After an outage, ids that failed and ids never sent take
-- turns: should the former fail again, the latter show whether the provider is at fault.
local function due(self, now, in_flight)
  local outage = self._session.outage
  if outage.window and not outage.takes_failed and may_read(self) then
    local fresh = read(self, in_flight)
    if fresh or self.is_cut then
      return fresh
    end
  end
  local batch = self._repeats:due(now)
  if not batch and may_read(self) then
    batch = read(self, in_flight)
  end
  return batch
end

-- Returns the batch that probes whether an outage is over, or nil and when to look again. A probe
-- takes one new id at a time, since its result may stay unknown.
local function probe(self, now, in_flight)
  local outage = self._session.outage
  local failed, is_same = self._repeats:probe(now)
  if may_read(self) and (is_same or not failed or not outage.takes_failed) then
    local fresh = read(self, in_flight, self._task.patience > 0 and 1 or nil)
    if fresh or self.is_cut then
      return fresh
    end
  end
  if is_same and now < outage:repeats_at() then
    return nil, outage:repeats_at()
  end
  return failed and self._repeats:take(failed)
end

-- Returns whether the source has no further id for now. It may itself wait for results of earlier
-- ids.
function Batches:is_exhausted()
  return self._given.is_over or self._given.is_dry
end

-- While a token is on trial and no new id is left, returns one of several refused batches. Ends the
-- trial if there is none.
local function witness(self, now, in_flight)
  if self.is_cut or self._repeats:count() > 0 or not self:is_exhausted() then
    return nil -- one is still to come
  end
  local batch = self._repeats.trial:other()
  if not batch and in_flight == 0 then
    self._repeats.trial:decide(now)
  end
  return batch
end

-- Returns the next batch to send, or nil and perhaps when to look again.
function Batches:next(now, in_flight)
  local batch, at = self.held or self._repeats.trial:take_first(), nil
  local limit = self._given.limit
  self.held = nil
  if not batch then
    if self._session.outage.is_shut then
      batch, at = probe(self, now, in_flight)
    else
      batch = due(self, now, in_flight)
    end
    if not batch and self._repeats.trial.refused then
      batch = witness(self, now, in_flight)
    end
  end
  if batch and batch.count > limit then
    batch = self._repeats:cut(batch, limit, now)
  end
  return batch, at
end

-- Returns when a batch is due or the source has ids again, not before `at` (nil for now).
function Batches:next_at(now, at)
  local time = self._repeats:next_at(at or 0)
  local waits_till = not self._given.is_over and self._given.waits_till
  if waits_till and has_room(self) then
    time = math.min(time, math.max(waits_till, at or now))
  end
  return time
end

-- Returns whether ids of the source are left that can be settled now.
function Batches:can_give_back()
  return not self._given.is_over and self._given:has_room(self._settled)
end

-- Stops sending: settles waiting ids by what is known of them, and unsent ids as skipped. Requests
-- in flight may still finish.
function Batches:give_back(in_flight)
  self._repeats:give_back()
  if self.held then
    self._repeats:give_up(self.held)
    self.held = nil
  end
  while self:can_give_back() do
    local batch = read(self, in_flight)
    if self.is_cut then
      break
    elseif batch then
      self._repeats:give_up(batch)
    end
  end
end

-- Returns whether no id is left to be sent.
function Batches:is_empty()
  return self._given.is_over and not self.held and self._repeats:is_empty()
end

return batches
