-- From a source of ids to batches: each id is checked, and an id that was given before is not sent
-- twice.

local core = require("stopmsg.core")
local ids = require("stopmsg.ids")

local intake = {}

-- Ids that are asked of the source at once.
local CHUNK = 256

-- Ids that are looked at one by one before others get their turn.
local FEW = 64

-- Ids that are read ahead where only some of them go into one request.
local WINDOW = 2048

-- Places of a shelf: a table for all of a million would take long to grow.
local SHELF = 512

local Intake = {}
Intake.__index = Intake

-- fill: a source. is_shared: whether others wait for this thread.
function intake.new(fill, is_shared)
  return setmetatable({
    is_over = false, -- the source is, and all it gave is in batches
    waits_till = nil, -- until then the source has nothing more; nil where it never said so
    result = nil,
    seen = nil, -- of the core: where an id stood first
    twin_count = 0, -- further places of ids that stood before
    _twins = {}, -- shelf -> place -> those of the same id
    odd = 0, -- ids of an unusual shape
    odd_example = nil,
    limit = nil, -- ids a batch
    _known = nil, -- in place of `seen`, for ids that are as most are
    _admits = nil, -- the one of the two that takes many of these at once
    _form = nil,
    _fill = fill,
    _is_shared = is_shared,
    _is_single = false, -- ids go one by one
    _is_alone = false, -- there is one
    _place = 0, -- of the last id that was taken
    _chunk = { n = 0 },
    _room = 0, -- for ids in the chunk
    _from = nil, -- where its ids stand: in the chunk, or in the caller's list, which is one chunk
    _taken = 0, -- of the chunk
    _pool = nil, -- a batch of ids that are read ahead, where they go one by one
    _at = 0, -- the last of them that was taken
    _is_last = false, -- the chunk is the source's last
    _spare = nil, -- batches to be used again
    _together = nil, -- which part of an id is the same for all of a batch
    _groups = {}, -- part -> batch of the ids that are read ahead
    _group_order = {}, -- the parts, as they came
    _grouped = 0, -- ids in these
    _is_drained = false, -- the source is over, but for these, or the pool
  }, Intake)
end

-- For a new call; of the last one everything has settled.
--
-- form: the form of the ids. limit: ids a batch. result: a list that gets all items at their
-- places, `total` of them; nil where the items are only passed on, and a repeated id is known as
-- long as the first is not settled. together: the place of the part that all ids of a batch share,
-- or nil. list: the caller's, read in place of the source, or nil.
function Intake:begin(form, limit, result, total, together, list)
  local known = total and form.mask and core.known(total)
  local room = math.min(total or CHUNK, CHUNK)
  if self._room < room then
    -- With room for all: an id that was taken from its source must find its place.
    self._chunk, self._room = core.table(room, 1), room
  end
  self._from, self._chunk.n = list or self._chunk, list and total or 0
  self.is_over, self._is_last, self.waits_till = false, list ~= nil, nil
  self.result, self.seen, self._known = result, nil, known
  if not total and form.mask then
    self.seen = core.seen()
  end
  self._admits = known or self.seen
  self.odd, self.odd_example = 0, nil
  self._form, self.limit, self._is_single = form, limit, limit == 1
  self._is_alone = total == 1
  self._together, self._is_drained = limit > 1 and together or nil, false
  self._place, self._taken, self._at = 0, 0, 0
  self._pool = self._pool or (limit == 1 and self:batch()) or nil
  if self._pool then
    self._pool.count = 0
  end
end

-- Keeps nothing that is the caller's.
function Intake:forget()
  self.result, self.seen, self._admits, self._from = nil, nil, nil, nil
end

-- A batch without ids yet. The tables run parallel: the id as it is sent, and its place.
local function new_batch(ids_of_it, places)
  return {
    count = 0,
    used = 0, -- places of the tables that are not empty, where it was used before
    ids = ids_of_it or {},
    places = places or {},
    keys = nil, -- index -> what is equal for all spellings of an id, where that is not as sent
    given = nil, -- index -> id as it was given, where that is not as sent
    tries = 0, -- attempts of the batch as it is now
    attempts = 0, -- requests sent that held these ids
    is_ambiguous = false, -- one of them may have taken effect unseen
    spell = nil, -- see outage.lua
    in_spell = 0,
    failures = 0,
    verdict = nil, -- what became of its ids, once that is known
    handed = 0, -- how many of them have their items
    asked = nil, -- the operation by which they are asked about, where that is not the run's
    uuid = nil, -- what the request is called, its repeats included
    lines = nil, -- header lines of this request alone
    made = nil, -- texts of one attempt: time, nonce, signature
  }
end

-- A batch to be read into.
function Intake:batch()
  local batch = self._spare
  self._spare = batch and batch.next_spare
  return batch or new_batch()
end

-- Takes back a batch whose items are all made: memory that was used once is there, and large tables
-- make a collector work for a long time. Of one of many ids only these are kept, as it may have a
-- history.
function Intake:recycle(batch)
  if not self._is_single then
    local kept = new_batch(batch.ids, batch.places)
    kept.used, kept.next_spare = math.max(batch.count, batch.used), self._spare
    self._spare = kept
  elseif batch.tries <= 1 and not batch.spell and not batch.last then
    batch.used = batch.count
    batch.count, batch.tries, batch.attempts, batch.handed = 0, 0, 0, 0
    batch.verdict, batch.keys, batch.given, batch.asked = nil, nil, nil, nil
    batch.uuid, batch.lines, batch.made = nil, nil, nil
    batch.next_spare = self._spare
    self._spare = batch
  end
end

-- Leaves nothing in the tables of a batch but its own.
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

-- The ids at first..last of a batch as a batch of its own, with its history.
function Intake.part(_, batch, first, last)
  local part = new_batch()
  part.attempts, part.is_ambiguous, part.at = batch.attempts, batch.is_ambiguous, batch.at
  part.last = batch.last
  for i = first, last do
    local count = part.count + 1
    part.count = count
    part.ids[count] = batch.ids[i]
    part.places[count] = batch.places[i]
    part.keys = copy_at(batch.keys, i, part.keys, count)
    part.given = copy_at(batch.given, i, part.given, count)
  end
  return part
end

-- An id that was given before: its item will be a copy of the first one's, or is one already.
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

-- The further places of the id that stood first at this one, from now on the caller's; nil where
-- there are none.
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

-- Where the id stood before; nil where it did not, and then it is known from now on. One of an odd
-- shape does not fit the mask.
local function seen_at(self, key, place, is_odd)
  if self._known and not is_odd then
    return self._known:add(self._form.mask, key, place)
  end
  if self._is_alone then
    return nil
  end
  self.seen = self.seen or core.seen()
  return self.seen:add(key, place)
end

-- The batch of those ids that share a part with this one.
local function group_of(self, sent)
  local part = ids.part(self._form, sent, self._together)
  local group = self._groups[part]
  if not group then
    group = new_batch()
    self._groups[part] = group
    self._group_order[#self._group_order + 1] = part
  end
  self._grouped = self._grouped + 1
  return group
end

-- place, count of the group that has most.
local function fullest(self)
  local best, most = nil, 0
  for i, part in ipairs(self._group_order) do
    if self._groups[part].count > most then
      best, most = i, self._groups[part].count
    end
  end
  return best, most
end

-- Moves ids of the group that is fullest into the batch.
local function take_group(self, batch, limit)
  local order, best = self._group_order, fullest(self)
  local group = self._groups[order[best]]
  local taken = math.min(group.count, limit)
  local first = self:part(group, 1, taken)
  batch.count, batch.ids, batch.places = first.count, first.ids, first.places
  batch.keys, batch.given = first.keys, first.given
  self._grouped = self._grouped - taken
  if taken < group.count then
    self._groups[order[best]] = self:part(group, taken + 1, group.count)
  else
    self._groups[order[best]] = nil
    table.remove(order, best)
  end
end

-- Takes one id into the batch, or settles it right away. The batch that it is in, if any.
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
  batch = self._together and group_of(self, sent) or batch
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
  return batch
end

-- admitted = admit(self, list, places, at, most): takes the ids of the chunk that are as most are,
-- up to the first that is not.
local function admit(self, list, places, at, most)
  local taken, place = self._taken, self._place
  local last = math.min(self._chunk.n, taken + most)
  local admitted = self._admits:admit(self._form.mask, self._from, taken + 1, last, place, list,
    places, at)
  self._taken, self._place = taken + admitted, place + admitted
  return admitted
end

-- Whether all of the chunk is in batches.
local function is_used_up(self)
  return self._taken >= self._chunk.n
end

-- Asks the source for more. True where it has nothing for now: what was read before goes as it is.
local function ask_source(self, want)
  local chunk = self._chunk
  self._taken, chunk.n = 0, 0
  local is_last, at = self._fill(chunk, want)
  self._is_last = is_last
  if at and chunk.n == 0 and not self._is_last then
    self.waits_till = at
    return true
  end
  return false
end

-- The same for ids of which only those go into one request that share a part: reads ahead until a
-- group of them is full, within bounds.
local function read_groups(self, batch, settled, must_share, limit)
  local chunk = self._chunk
  local _, most = fullest(self)
  while most < limit and self._grouped < WINDOW and not self._is_drained
    and self:has_room(settled) do
    if not self._is_last and is_used_up(self) then
      if must_share and must_share() then
        return true
      elseif ask_source(self, math.min(CHUNK, self._room)) then
        break
      end
    end
    if self._taken < chunk.n then
      self._taken = self._taken + 1
      local group = take(self, self._from[self._taken], batch, settled)
      most = math.max(most, group and group.count or 0)
    end
    self._is_drained = self._is_last and is_used_up(self)
  end
  if self._grouped > 0 then
    take_group(self, batch, limit)
  end
  batch.used = 0
  self.is_over = self._is_drained and self._grouped == 0
  return false
end

-- Reads on until the batch is full, `settled` is, or the source is over. must_share() may be nil;
-- where it says so reading stops, to be gone on with: true.
local function read(self, batch, settled, must_share, limit)
  local chunk, want, is_list = self._chunk, CHUNK, self._from ~= self._chunk
  while batch.count < limit and not self._is_drained and self:has_room(settled) do
    if not self._is_last and is_used_up(self) then
      if self._is_single then
        want = 1
        if batch.count > 0 then
          break -- the source may take its time
        end
      end
      if must_share and must_share() then
        return true
      elseif ask_source(self, math.min(limit - batch.count, want)) then
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
    self._is_drained = self._is_last and is_used_up(self)
    if is_list and must_share and batch.count < limit and not self._is_drained and must_share() then
      return true
    end
  end
  return false
end

local function note_end(self)
  self.is_over = self._is_drained and self._at >= self._pool.count
end

-- pool, first, last, is_cut = :ahead(settled, must_share, most): ids that go one by one, `most` of
-- them at most, to be taken with :took(). Without a pool there are none for now; is_cut as in
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

-- The next `count` ids of the pool were sent.
function Intake:took(count)
  self._at = self._at + count
  note_end(self)
end

-- A batch of one id, without a history.
function Intake:lone(id, place)
  local batch = self:batch()
  batch.count, batch.used, batch.ids[1], batch.places[1] = 1, 0, id, place
  return batch
end

-- Reads on until the batch is full, `settled` is, or the source is over. must_share() may be nil;
-- where it says so reading stops, to be gone on with: true. most (ids) may be nil.
function Intake:read(batch, settled, must_share, most)
  if self._together then
    return read_groups(self, batch, settled, must_share, most or self.limit)
  elseif not self._is_single then
    local is_cut = read(self, batch, settled, must_share, most or self.limit)
    self.is_over = self._is_drained
    if not is_cut then
      trim(batch)
    end
    return is_cut
  end
  local pool, at, _, is_cut = self:ahead(settled, must_share, 1)
  if pool then
    batch.count, batch.used, batch.ids[1], batch.places[1] = 1, 0, pool.ids[at], pool.places[at]
    batch.keys, batch.given = copy_at(pool.keys, at, nil, 1), copy_at(pool.given, at, nil, 1)
    self:took(1)
  end
  return is_cut
end

-- From now on no batch has more ids than this.
function Intake:shrink(limit)
  self.limit = math.min(self.limit, limit)
end

-- Whether more may be read: what repeats an id that is not settled takes memory, too.
function Intake:has_room(settled)
  return settled:has_room() and (self.result or self.twin_count < self.limit / 4 + 64)
end

return intake
