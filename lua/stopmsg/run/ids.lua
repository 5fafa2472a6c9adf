-- Groups ids from a source into batches. Checks each id and sends a duplicate only once.

local core = require("stopmsg.core")
local ids = require("stopmsg.ids")

local intake = {}

-- Ids requested from the source in one call.
local CHUNK = 256

-- Ids checked one by one before other coroutines get a turn.
local FEW = 64

-- Maximum read-ahead, in ids, when a request may only hold ids that share a part.
local WINDOW = 2048

-- Places per shelf. One table for a million places would take too long to grow.
local SHELF = 512

local Intake = {}
Intake.__index = Intake

-- fill: a source.
function intake.new(fill)
  return setmetatable({
    is_over = false, -- the source has ended and all its ids are in batches
    is_dry = false, -- the source had nothing when last called
    waits_till = nil, -- time before which the source has nothing more; nil if it gave none
    result = nil,
    seen = nil, -- core object: id -> place of its first occurrence
    twin_count = 0, -- duplicates waiting for the first one's item
    _twins = {}, -- shelf -> place of the first -> its duplicates
    odd = 0, -- ids with an unusual format
    odd_example = nil,
    limit = nil, -- ids per batch
    _admits = nil, -- `seen` or what replaces it for ids of the usual format: admits many at once
    _form = nil,
    _fill = fill,
    _is_single = false, -- one id per request
    _is_alone = false, -- the call has a single id
    _place = 0, -- place of the last id taken
    _chunk = { n = 0 },
    _room = 0, -- capacity of the chunk, in ids
    _from = nil, -- where ids are read from: the chunk, or the caller's list as one chunk
    _taken = 0, -- ids taken from the chunk
    _pool = nil, -- read-ahead batch, when a request holds one id or those sharing a part
    _at = 0, -- index of the last id taken from the pool
    _is_last = false, -- this chunk is the source's last
    _spare = nil, -- recycled batches
    _together = nil, -- which part of the id all ids of a batch share
    _groups = {}, -- batches of ids read ahead, and part -> the one whose ids share it
    _grouped = 0, -- ids in all groups
  }, Intake)
end

-- Resets for a new call; the previous one has fully settled. Without a result, a duplicate is
-- recognised only until the first one settles. See run/loop.lua for `task`.
function Intake:begin(task)
  local form, limit, total, together = task.operation.id, task.limit, task.total,
    task.operation.together
  local list = type(task.source) == "table" and task.source or nil -- read instead of the source
  local room = math.min(total or CHUNK, CHUNK)
  if self._room < room then
    -- Allocates the whole chunk now: an id already taken from the source must not be lost to a
    -- failed allocation.
    self._chunk, self._room = core.table(room, 1), room
  end
  self._from, self._chunk.n = list or self._chunk, list and total or 0
  self.is_over, self.is_dry, self._is_last, self.waits_till = false, false, list ~= nil, nil
  self.result, self.seen = task.result, not total and form.mask and core.seen(form.mask) or nil
  self._admits = total and form.mask and core.known(total, form.mask) or self.seen
  self.odd, self.odd_example = 0, nil
  self._form, self.limit, self._is_single = form, limit, limit == 1
  self._is_alone = total == 1
  self._together = limit > 1 and together and form.place_of[together] or nil
  self._place, self._taken, self._at = 0, 0, 0
  if limit == 1 or together then
    self._pool = self._pool or self:batch()
    self._pool.count = 0
  end
end

-- Drops all references to the caller's data.
function Intake:forget()
  self.result, self.seen, self._admits, self._from = nil, nil, nil, nil
end

-- Returns an empty batch. `ids` (as sent) and `places` are parallel tables.
local function new_batch(ids_of_it, places)
  return {
    count = 0,
    used = 0, -- entries left in the tables from earlier use
    ids = ids_of_it or {},
    places = places or {},
    keys = nil, -- index -> normal form of the id, common to its spellings, if different
    given = nil, -- index -> id as given, if different
    tries = 0, -- attempts of the batch in its present form
    attempts = 0, -- requests sent that held these ids
    is_ambiguous = false, -- an earlier attempt may have taken effect unseen
    spell = nil, -- see outage.lua
    in_spell = 0,
    failures = 0,
    excused = 0,
    verdict = nil, -- result for its ids, once known
    handed = 0, -- ids that already have their items
    asked = nil, -- operation of the request, if it is not the run's
    uuid = nil, -- id of the request, kept across retries
    lines = nil, -- extra header lines of this request
    made = nil, -- texts made for one attempt: time, nonce, signature
  }
end

-- Returns an empty batch, recycled if possible.
function Intake:batch()
  local batch = self._spare
  self._spare = batch and batch.next_spare
  return batch or new_batch()
end

-- Recycles the tables of a batch whose items are all made, but not its history: their memory is
-- already allocated, and large tables cost the collector much time.
function Intake:recycle(batch)
  local kept = new_batch(batch.ids, batch.places)
  kept.used, kept.next_spare = math.max(batch.count, batch.used), self._spare
  self._spare = kept
end

-- Clears stale entries from earlier use.
local function trim(batch)
  for i = batch.count + 1, batch.used do
    batch.ids[i], batch.places[i] = nil, nil
  end
  batch.used = 0
end

local function copy_at(list, i, into, count)
  local value = list and list[i]
  if value ~= nil then
    into = into or {}
    into[count] = value
  end
  return into
end

-- Adds the i-th id of a batch to another one.
local function copy_id(from, i, into)
  local count = into.count + 1
  into.count, into.ids[count], into.places[count] = count, from.ids[i], from.places[i]
  if from.keys or from.given then
    into.keys = copy_at(from.keys, i, into.keys, count)
    into.given = copy_at(from.given, i, into.given, count)
  end
end

-- Returns ids first..last of a batch as a new batch with the same history.
function Intake.part(_, batch, first, last)
  local part = new_batch()
  part.attempts, part.is_ambiguous, part.at = batch.attempts, batch.is_ambiguous, batch.at
  part.last = batch.last
  for i = first, last do
    copy_id(batch, i, part)
  end
  return part
end

-- Handles a duplicate: its item is a copy of the first one's, made now or when that settles.
local function repeated(self, id, place, first, settled)
  local item = self.result and self.result[first]
  if item then
    return settled:copy(item, id, place)
  end
  local number = math.floor(first / SHELF)
  local shelf = self._twins[number] or {}
  local others = shelf[first] or {}
  self._twins[number], shelf[first] = shelf, others
  others[#others + 1] = { id = id, place = place }
  self.twin_count = self.twin_count + 1
end

-- Removes and returns the duplicates of the id at `place`; nil if it has none.
function Intake:take_twins(place)
  local number = math.floor(place / SHELF)
  local shelf = self._twins[number]
  local others = shelf and shelf[place]
  if others then
    shelf[place] = nil
    if next(shelf) == nil then
      self._twins[number] = nil
    end
  end
  return others
end

-- Returns the place of the id's first occurrence, or nil after recording a new id. Ids with an
-- unusual format do not fit the mask.
local function seen_at(self, key, place, is_odd)
  if self._admits and not is_odd then
    return self._admits:add(key, place)
  end
  if self._is_alone then
    return nil
  end
  self.seen = self.seen or core.seen()
  return self.seen:add(key, place)
end

-- Takes one id into a batch, or settles it at once.
local function take(self, given, batch, settled)
  local form, place = self._form, self._place + 1
  self._place = place
  local sent, key = ids.check(form, given)
  if not sent then
    return settled:malformed(given, place, key)
  end
  local is_odd = form.usual ~= nil and not sent:find(form.usual)
  local first = seen_at(self, key, place, is_odd)
  if first then
    return repeated(self, given, place, first, settled)
  end
  if is_odd then
    self.odd = self.odd + 1
    self.odd_example = self.odd_example or sent
  end
  local count = batch.count + 1
  batch.count = count
  batch.ids[count] = sent
  batch.places[count] = place
  if key ~= sent then
    batch.keys = batch.keys or {}
    batch.keys[count] = key
  end
  if given ~= sent then
    batch.given = batch.given or {}
    batch.given[count] = given
  end
end

-- admitted = admit(self, list, places, at, most): takes ids of the usual format from the chunk, up
-- to the first other one.
local function admit(self, list, places, at, most)
  local taken, place = self._taken, self._place
  local last = math.min(self._chunk.n, taken + most)
  local admitted = self._admits:admit(self._from, taken + 1, last, place, list, places, at)
  self._taken, self._place = taken + admitted, place + admitted
  return admitted
end

-- Returns whether the source has ended, and all its ids were taken.
local function is_drained(self)
  return self._is_last and self._taken >= self._chunk.n
end

-- Asks the source for more. Returns true if it has nothing now; send the ids read so far as they
-- are.
local function ask_source(self, want)
  local chunk = self._chunk
  self._taken, chunk.n = 0, 0
  local is_last, at = self._fill(chunk, want)
  self._is_last, self.is_dry = is_last, chunk.n == 0
  if at and chunk.n == 0 and not self._is_last then
    self.waits_till = at
    return true
  end
  return false
end

-- Reads until the batch or `settled` is full or the source has ended. Returns true if must_share()
-- (may be nil) interrupted it; call again.
local function read(self, batch, settled, must_share, limit)
  local chunk, is_list = self._chunk, self._from ~= self._chunk
  while batch.count < limit and self:has_room(settled) do
    if self._taken >= chunk.n then
      if self._is_last or (self._is_single and batch.count > 0) then
        break -- the source has ended, or may block
      elseif must_share and must_share() then
        return true
      elseif ask_source(self, self._is_single and 1 or math.min(limit - batch.count, CHUNK)) then
        break
      end
    end
    if self._admits then
      batch.count = batch.count + admit(self, batch.ids, batch.places, batch.count,
        math.min(limit - batch.count, CHUNK))
    end
    if self._taken < chunk.n and batch.count < limit then
      self._taken = self._taken + 1
      take(self, self._from[self._taken], batch, settled)
      if must_share and self._taken % FEW == 0 and must_share() then
        return true
      end
    end
    if is_list and must_share and batch.count < limit and not is_drained(self) and must_share() then
      return true
    end
  end
  return false
end

-- Moves the ids of the pool into groups.
local function share_out(self)
  local pool, groups = self._pool, self._groups
  for i = 1, pool.count do
    local part = ids.part(self._form, pool.ids[i], self._together)
    local group = groups[part]
    if not group then
      group = new_batch()
      group.part, groups[part], groups[#groups + 1] = part, group, group
    end
    copy_id(pool, i, group)
  end
  self._grouped = self._grouped + pool.count
  pool.count, pool.keys, pool.given = 0, nil, nil
end

-- Returns the index and size of the largest group.
local function fullest(groups)
  local best, most = nil, 0
  for i, group in ipairs(groups) do
    if group.count > most then
      best, most = i, group.count
    end
  end
  return best, most
end

-- Moves up to `limit` ids from the largest group into the batch.
local function take_group(self, batch, limit)
  local groups, best = self._groups, fullest(self._groups)
  local group = groups[best]
  local first, rest = group, nil
  if group.count > limit then
    first, rest = self:part(group, 1, limit), self:part(group, limit + 1, group.count)
    rest.part, groups[best] = group.part, rest
  else
    table.remove(groups, best)
  end
  groups[group.part] = rest
  self._grouped = self._grouped - first.count
  batch.count, batch.ids, batch.places = first.count, first.ids, first.places
  batch.keys, batch.given, batch.used = first.keys, first.given, 0
end

-- Like read(), for requests that may only hold ids sharing a part. Reads ahead, within bounds,
-- until a group is full.
local function read_groups(self, batch, settled, must_share, limit)
  local is_cut
  repeat
    share_out(self) -- at first, what was read before the source raised
    local _, most = fullest(self._groups)
    local want = self._grouped < WINDOW and limit - most or 0
    is_cut = want > 0 and read(self, self._pool, settled, must_share, want)
  until want <= 0 or self._pool.count < want
  share_out(self)
  if is_cut then
    return true
  elseif self._grouped > 0 then
    take_group(self, batch, limit)
  end
  self.is_over = self._grouped == 0 and is_drained(self)
  return false
end

local function note_end(self)
  self.is_over = self._at >= self._pool.count and is_drained(self)
end

-- pool, first, last, is_cut = :ahead(settled, must_share, most): returns up to `most` ids for
-- one-id requests; confirm them with :took(). pool is nil if there are none now. is_cut: as in
-- :read().
function Intake:ahead(settled, must_share, most)
  local pool = self._pool
  if self._at >= pool.count then
    pool.count, pool.keys, pool.given, self._at = 0, nil, nil, 0
    local is_cut = read(self, pool, settled, must_share, self._admits and CHUNK or most)
    note_end(self)
    if pool.count == 0 then
      return nil, nil, nil, is_cut
    end
  end
  return pool, self._at + 1, math.min(pool.count, self._at + most)
end

-- The same, but asks no source, which may block.
function Intake:at_hand(settled, most)
  if self._pool and (self._at < self._pool.count or self._from ~= self._chunk) then
    return self:ahead(settled, nil, most)
  end
end

-- Marks the next `count` ids of the pool as sent.
function Intake:took(count)
  self._at = self._at + count
  note_end(self)
end

-- Returns a batch of one id, without history.
function Intake:lone(id, place)
  local batch = self:batch()
  batch.count, batch.used, batch.ids[1], batch.places[1] = 1, 0, id, place
  return batch
end

-- Reads until the batch or `settled` is full or the source has ended. Returns true if must_share()
-- (may be nil) interrupted it; call again. most: a limit in ids, or nil.
function Intake:read(batch, settled, must_share, most)
  if self._together then
    return read_groups(self, batch, settled, must_share, most or self.limit)
  elseif not self._is_single then
    local is_cut = read(self, batch, settled, must_share, most or self.limit)
    self.is_over = is_drained(self)
    if not is_cut then
      trim(batch)
    end
    return is_cut
  end
  local pool, at, _, is_cut = self:ahead(settled, must_share, 1)
  if pool then
    batch.used = 0
    copy_id(pool, at, batch)
    self:took(1)
  end
  return is_cut
end

-- Caps the size of all later batches.
function Intake:shrink(limit)
  self.limit = math.min(self.limit, limit)
end

-- Returns whether to read more. Duplicates of unsettled ids count, since they take memory too.
function Intake:has_room(settled)
  return settled:has_room() and (self.result or self.twin_count < self.limit / 4 + 64)
end

return intake
