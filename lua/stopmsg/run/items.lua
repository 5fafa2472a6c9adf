-- Queue of settled ids that are not handed out yet. Whole batches go in; items come out in slices,
-- so that a response with ten thousand items never delays the consumer.

local answer = require("stopmsg.meaning.answer")
local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local outcome = require("stopmsg.meaning.outcome")
local text = require("stopmsg.text")

local settled = {}

-- Slice size in items, the same on a shared thread, and the number of duplicates copied at once
-- with the first item.
local SLICE, SHARED_SLICE, FEW_COPIES = 256, 128, 4

-- A large batch of a stream leaves about 2 KiB of garbage per id. By itself the collector waits
-- until the heap has doubled: 78 MB for 1,000,000 ids on Lua 5.3, against 49 MB with one step per
-- batch.
local LARGE_BATCH, KIB_AN_ID = 1000, 2

local Settled = {}
Settled.__index = Settled

-- taken: the intake of the same run. redact, warn: functions that take a text. is_shared: whether
-- other coroutines share this thread.
function settled.new(taken, redact, warn, is_shared)
  return setmetatable({
    backlog = 0, -- ids settled but not handed out
    _intake = taken,
    _operation = nil,
    _most = nil, -- maximum number of ids settled but not handed out
    _redact = redact,
    _warn = warn,
    _is_shared = is_shared,
    _slice = is_shared and SHARED_SLICE or SLICE,
    _batches = {}, -- queue, from _first to _last
    _first = 1,
    _last = 0,
    _items = {}, -- the slice being made
    _places = {},
    _count = 0,
    _other_items = {}, -- the slice last handed out
    _other_places = {},
    _sink = nil, -- receives ids whose items would be alike
    _report = nil,
    _counts = nil, -- outcome -> how many items were made, or nil
    _reasons = nil, -- the same of reasons
    _is_quiet = false,
    _copies = {}, -- copies still to be made for duplicates
  }, Settled)
end

-- Resets for the next call; the previous one is drained. limit: ids per batch. sink: see
-- run/loop.lua, or nil; report counts what it takes, as long as nothing else is counted here.
function Settled:begin(operation, limit, sink, report)
  self._operation, self._sink, self._report = operation, sink, report
  self._most = limit / 4 + 64
  self._counts, self._reasons, self._is_quiet = nil, nil, false
  self._first, self._last = 1, 0
end

-- Counts each item by outcome and reason as it is made. is_quiet: the caller uses only the length
-- of a slice.
function Settled:count_in(counts, reasons, is_quiet)
  self._counts, self._reasons, self._is_quiet = counts, reasons, is_quiet
end

local function uncount(counts, reasons, items, first, last)
  for i = first, last do
    local word, reason = items[i].outcome, items[i].reason
    counts[word] = counts[word] - 1
    if reason then
      reasons[reason] = reasons[reason] > 1 and reasons[reason] - 1 or nil
    end
  end
end

-- counts, reasons = :stop_counting(items, first, last): counts no further items. Returns what was
-- counted, without the items that were not handed out: those of the slice handed out last are
-- items[first..last].
function Settled:stop_counting(items, first, last)
  local counts, reasons = self._counts, self._reasons
  self._counts, self._reasons = nil, nil
  uncount(counts, reasons, self._items, 1, self._count)
  uncount(counts, reasons, items, first, last)
  return counts, reasons
end

local function clear(list)
  for i = #list, 1, -1 do
    list[i] = nil
  end
end

-- Drops all items handed out and all provider texts.
function Settled:forget()
  self._report, self._counts, self._reasons = nil, nil, nil
  clear(self._items)
  clear(self._other_items)
end

-- Returns whether the backlog leaves room for more.
function Settled:has_room()
  return self.backlog < self._most
end

-- Adds an item to the slice.
local function put(self, item, place)
  local count, result = self._count + 1, self._intake.result
  local counts, reason = self._counts, item.reason
  self._items[count] = item
  self._places[count] = place
  if result then
    result[place] = item
  end
  if counts then
    counts[item.outcome] = counts[item.outcome] + 1
    if reason then
      self._reasons[reason] = (self._reasons[reason] or 0) + 1
    end
  end
  self._count = count
end

-- Adds an item that belongs to no batch.
local function add_loose(self, item, place)
  self.backlog = self.backlog + 1
  put(self, item, place)
end

-- Settles an id with an invalid format.
function Settled:malformed(id, place, message)
  add_loose(self, {
    id = id,
    outcome = "invalid",
    reason = "malformed_id",
    message = text.clean(message),
    attempts = 0,
  }, place)
end

local function copy_of(item, id)
  local copy = {}
  for field, value in pairs(item) do
    copy[field] = value
  end
  copy.id = id
  return copy
end

-- Settles a duplicate whose first occurrence already has an item.
function Settled:copy(item, id, place)
  add_loose(self, copy_of(item, id), place)
end

-- Codes and states named in a definition contain no secrets.
local function own_words(word)
  return word
end

-- Returns the item for an id and a verdict; leaves empty fields absent.
local function item_of(verdict, id, redact)
  local item = { id = id, outcome = verdict.outcome, code = verdict.code }
  if verdict.is_usual then
    redact = own_words
  end
  if type(item.code) == "string" then
    item.code = redact(item.code)
  end
  if verdict.reason then
    item.reason = verdict.reason
  end
  if verdict.http then
    item.http = verdict.http
  end
  if verdict.message then
    item.message = verdict.message
  end
  if verdict.verified then
    item.verified = true
  end
  if verdict.state then
    item.state = redact(verdict.state)
  end
  if verdict.left and verdict.left > 0 then
    item.left = verdict.left
  end
  if verdict.page then
    item.page = verdict.page -- set when listing pages
  end
  return item
end

-- Returns the item for an id with a usual response to its first attempt.
function settled.item(verdict, id, redact)
  verdict.message = text.clean(verdict.message, redact)
  return item_of(verdict, id, redact)
end

-- Makes the i-th item of a batch from any kind of verdict.
local function make(self, batch, i, code)
  local verdict, redact = batch.verdict, self._redact
  local own = verdict.codes and answer.of_code(batch.asked or self._operation, code) or verdict[i]
  if own then
    own.message = text.clean(own.message, redact)
  end
  local item = item_of(own or verdict, batch.ids[i], redact)
  if item.left then
    self._warn(("%.0f message(s) of %s %s had been sent before the stop"):format(item.left,
      self._operation.name:find("_dispatch$") and "dispatch" or "batch", item.id))
  end
  if batch.attempts ~= 1 then
    item.attempts = batch.attempts
  end
  if batch.is_ambiguous then
    outcome.taint(item)
  end
  if batch.given and batch.given[i] then
    item.id = batch.given[i]
  end
  return item
end

-- Makes copies until the slice is full.
local function put_copies(self)
  local task = self._copies[1]
  while task and self._count < self._slice do
    local first = task.made + 1
    local last = math.min(#task.others, task.made + self._slice - self._count)
    for i = first, last do
      local other = task.others[i]
      put(self, copy_of(task.item, other.id), other.place)
    end
    task.made = last
    self._intake.twin_count = self._intake.twin_count - (last - first + 1)
    if last == #task.others then
      table.remove(self._copies, 1)
    end
    task = self._copies[1]
  end
end

-- Adds the duplicates of an id. One id may fill the whole list, so large numbers of copies are made
-- one slice at a time.
local function add_twins(self, item, place)
  local intake = self._intake
  local others = intake:take_twins(place)
  if not others then
    return
  end
  self.backlog = self.backlog + #others
  if #others <= FEW_COPIES then
    for _, other in ipairs(others) do
      put(self, copy_of(item, other.id), other.place)
    end
    intake.twin_count = intake.twin_count - #others
  else
    self._copies[#self._copies + 1] = { item = item, others = others, made = 0 }
  end
end

-- Adds the item for an id that may have duplicates.
local function put_item(self, place, item)
  put(self, item, place)
  if self._intake.twin_count > 0 then
    add_twins(self, item, place)
  end
end

-- Forgets settled ids, if a repeated one is new again. keys: their normal forms, where different.
local function forget_ids(self, ids, first, last, keys)
  if not self._intake.result then
    self._intake.seen:remove_all(ids, first, last, keys)
  end
end

-- make_alike(ids, own_places, first, last, word, code, verified, result, items, places, at): makes
-- an item for each of ids[first..last], and puts it at its place in `result` (or nil) and from at +
-- 1 on in `items` and `places` (or nil).
local function make_compiled(ids, own_places, first, last, word, code, verified, result, items,
    places, at)
  if not items then
    for i = first, last do
      result[own_places[i]] = { id = ids[i], outcome = word, code = code, verified = verified }
    end
    return
  end
  local before = at - first + 1
  for i = first, last do -- each instruction here is one for each id
    local to = before + i
    items[to] = { id = ids[i], outcome = word, code = code }
    places[to] = own_places[i]
  end
  if verified or result then
    for i = at + 1, before + last do
      items[i].verified = verified
      if result then
        result[places[i]] = items[i]
      end
    end
  end
end

-- JIT-compiled Lua is faster than C here.
local make_alike = compat.is_compiled and make_compiled or core.make_alike

-- Adds items for ids[first..last] that have only an id, this outcome, this code and perhaps
-- `verified`. None of them has duplicates.
local function put_alike(self, ids, own_places, first, last, word, code, verified)
  local at, counts, count = self._count, self._counts, last - first + 1
  make_alike(ids, own_places, first, last, word, code, verified, self._intake.result,
    not self._is_quiet and self._items or nil, self._places, at)
  self._count = at + count
  if counts then
    counts[word] = counts[word] + count
  end
end

-- Passes such ids to the sink. Returns how many it took.
local function pass_alike(self, ids, own_places, first, last, word, code, verified)
  local count = self._sink(ids, own_places, first, last, word, code, verified)
  self.backlog = self.backlog - count
  if self._counts then
    self._counts[word] = self._counts[word] + count
  else
    self._report:count_alike(word, count)
  end
  return count
end

-- Adds items one by one while any id of the call has duplicates. Returns the index of the last.
local function put_each(self, batch, first, last, word, code, verified)
  local has_twins = self._intake.twin_count > 0
  for i = first, last do
    put_item(self, batch.places[i], word and { id = batch.ids[i], outcome = word, code = code,
      verified = verified } or make(self, batch, i, code))
    if has_twins and self._intake.twin_count == 0 then
      return i
    end
  end
  return last
end

-- Adds items for ids first..last of a batch to the slice. Stops before an id that could go to the
-- sink while an earlier item is still to be handed out, which keeps their order. Returns the first
-- index left.
local function put_items(self, batch, first, last)
  local ids, places, verdict, at = batch.ids, batch.places, batch.verdict, first
  local codes, words, word, code, verified, to = verdict.codes, self._operation.words, nil, nil,
    nil, last
  local is_usual = batch.attempts == 1 and not batch.is_ambiguous and not batch.given
  if is_usual and verdict.is_plain then
    word, code, verified = verdict.outcome, verdict.code, verdict.verified
  end
  while at <= last do
    if codes then
      code, to = codes:run(at, last - at + 1)
      word, to = is_usual and words[code] or nil, at + to - 1
    end
    if not word or self._intake.twin_count > 0 then
      to = put_each(self, batch, at, to, word, code, verified)
    elseif not self._sink then
      put_alike(self, ids, places, at, to, word, code, verified)
    elseif self._count > 0 then
      break
    else
      at = at + pass_alike(self, ids, places, at, to, word, code, verified)
      to = math.min(at, to)
      put_alike(self, ids, places, at, to, word, code, verified) -- not taken by the sink
    end
    at = to + 1
  end
  forget_ids(self, ids, first, at - 1, batch.keys)
  return at
end

-- Returns for how many more ids the backlog leaves room.
function Settled:room()
  return math.ceil(self._most - self.backlog)
end

-- Settles ids[1..count], with their places in the source, by usual responses of one kind to one-id
-- first attempts.
function Settled:add_usual(ids, own_places, count, verdict)
  local at, word, code, verified = 1, verdict.outcome, verdict.code, verdict.verified
  self.backlog = self.backlog + count
  if not verdict.is_plain or self._intake.twin_count > 0 then
    verdict.message = text.clean(verdict.message, self._redact)
    for i = 1, count do
      put_item(self, own_places[i], item_of(verdict, ids[i], self._redact))
    end
  else
    if self._sink and self._count == 0 then
      at = 1 + pass_alike(self, ids, own_places, 1, count, word, code, verified)
    end
    if at <= count then
      put_alike(self, ids, own_places, at, count, word, code, verified)
    end
  end
  forget_ids(self, ids, 1, count)
  if self._is_quiet then
    self.backlog, self._count = self.backlog - self._count, 0 -- nobody looks at the slice
  end
end

-- Settles every id of the batch. `verdict` is one for all ids, a list, or the `codes` of a
-- response.
function Settled:add(batch, verdict)
  batch.verdict = verdict
  self.backlog = self.backlog + batch.count
  if verdict.message then
    verdict.message = text.clean(verdict.message, self._redact)
  end
  if batch.count == 1 and self._first > self._last and not verdict.codes then
    -- A queue would gain nothing here.
    if put_items(self, batch, 1, 1) > 1 then
      return self._intake:recycle(batch)
    end
  end
  self._last = self._last + 1
  self._batches[self._last] = batch
end

-- Makes the next items of the batch at the head of the queue. Returns true if they must be handed
-- out before more are made.
local function go_on(self, batch)
  local intake = self._intake
  local first = batch.handed + 1
  local last = math.min(batch.count, batch.handed + self._slice)
  batch.handed = put_items(self, batch, first, last) - 1
  if batch.handed < batch.count then
    return batch.handed < last
  end
  self._batches[self._first] = nil
  self._first = self._first + 1
  if batch.verdict.codes then
    batch.verdict.codes:close()
  end
  -- On a shared thread, other coroutines would have to wait for the whole collector step.
  if not intake.result and last >= LARGE_BATCH and not self._is_shared then
    compat.collect(last * KIB_AN_ID)
  end
  intake:recycle(batch)
end

-- items, places, count = settled:slice(): returns nil if nothing is left. The lists are valid until
-- the next call; ids that settle meanwhile use other lists.
function Settled:slice()
  put_copies(self)
  local batch = self._batches[self._first]
  while batch and self._count < self._slice do
    if go_on(self, batch) then
      break
    end
    put_copies(self)
    batch = self._batches[self._first]
  end
  local count = self._count
  if count == 0 then
    return nil
  end
  local items, places = self._items, self._places
  self._items, self._places, self._count = self._other_items, self._other_places, 0
  self._other_items, self._other_places = items, places
  self.backlog = self.backlog - count
  return items, places, count
end

return settled
