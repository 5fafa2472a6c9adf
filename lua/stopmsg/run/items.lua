-- Queue of settled ids that are not handed out yet. Whole batches go in; items come out in slices,
-- so that a response with ten thousand items never delays the consumer.

local answer = require("stopmsg.meaning.answer")
local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local outcome = require("stopmsg.meaning.outcome")
local text = require("stopmsg.text")

local settled = {}

-- Items in a slice, the same on a shared thread, and the number of duplicates copied at once with
-- the first item.
local SIZE, SHARED_SIZE, FEW_COPIES = 256, 128, 4

-- A large batch of a stream leaves about 2 KiB of garbage per id. By itself the collector waits
-- until the heap has doubled: 78 MB for 1,000,000 ids on Lua 5.3, against 49 MB with one step per
-- batch.
local LARGE_BATCH, KIB_AN_ID = 1000, 2

-- The words of codes whose items have more than a word.
local NONE = {}

local Settled = {}
Settled.__index = Settled

-- A slice is a list of `count` items, with their places. Whoever hands them out keeps `at`, the
-- last that is out, and `till`, up to which they go out without a look at anything else.
local function new_slice()
  return { places = {}, count = 0, at = 0, till = 0 }
end

settled.NONE = new_slice()

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
    _size = is_shared and SHARED_SIZE or SIZE,
    _batches = {}, -- queue, from _first to _last
    _first = 1,
    _last = 0,
    _slice = new_slice(), -- the one being made
    _other = new_slice(), -- the one made before, which is handed out
    _sink = nil, -- receives ids whose items would be alike
    _report = nil,
    _counts = nil, -- outcome -> how many items were made, or nil
    _reasons = nil, -- the same of reasons
    _is_quiet = false,
    _usual = { attempts = 1 }, -- in place of the batch that lone ids had not
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

local function uncount(counts, reasons, slice, first)
  for i = first, slice.count do
    local word, reason = slice[i].outcome, slice[i].reason
    counts[word] = counts[word] - 1
    if reason then
      reasons[reason] = reasons[reason] > 1 and reasons[reason] - 1 or nil
    end
  end
end

-- counts, reasons = :stop_counting(slice): counts no further items. Returns what was counted,
-- without the items that were not handed out. slice: the one handed out last.
function Settled:stop_counting(slice)
  local counts, reasons = self._counts, self._reasons
  self._counts, self._reasons = nil, nil
  uncount(counts, reasons, self._slice, 1)
  uncount(counts, reasons, slice, slice.at + 1)
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
  clear(self._slice)
  clear(self._other)
end

-- Returns whether the backlog leaves room for more.
function Settled:has_room()
  return self.backlog < self._most
end

-- Adds an item to the slice.
local function put(self, item, place)
  local slice, result = self._slice, self._intake.result
  local count, counts, reason = slice.count + 1, self._counts, item.reason
  slice[count], slice.places[count] = item, place
  if result then
    result[place] = item
  end
  if counts then
    counts[item.outcome] = counts[item.outcome] + 1
    if reason then
      self._reasons[reason] = (self._reasons[reason] or 0) + 1
    end
  end
  slice.count = count
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
  local task, slice = self._copies[1], self._slice
  while task and slice.count < self._size do
    local first = task.made + 1
    local last = math.min(#task.others, task.made + self._size - slice.count)
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

-- Passes ids to the sink whose items would be alike. Returns how many it took.
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
    local item = word and { id = batch.ids[i], outcome = word, code = code, verified = verified }
      or make(self, batch, i, code)
    put(self, item, batch.places[i])
    if has_twins then
      add_twins(self, item, batch.places[i])
      if self._intake.twin_count == 0 then
        return i
      end
    end
  end
  return last
end

-- Adds items for ids first..last of a batch to the slice, unless the sink (or nil) takes them.
-- Stops before an id that could go to the sink while an earlier item is still to be handed out,
-- which keeps their order. Returns the first index left.
local function put_items(self, batch, first, last, sink)
  local ids, places, intake, verdict = batch.ids, batch.places, self._intake, batch.verdict
  local is_usual = batch.attempts == 1 and not batch.is_ambiguous and not batch.given
  local codes, words = verdict.codes, is_usual and self._operation.words or NONE
  local slice, at, word, code, verified = self._slice, first, nil, nil, nil
  local items = not self._is_quiet and slice or nil
  if is_usual and verdict.is_plain then
    word, code, verified = verdict.outcome, verdict.code, verdict.verified
  end
  while at <= last do
    local to = last
    if codes then
      code, to = codes:run(at, last - at + 1)
      word, to = words[code], at + to - 1
    end
    if not word or intake.twin_count > 0 then
      to = put_each(self, batch, at, to, word, code, verified)
    else
      if sink then
        if slice.count > 0 then
          break
        end
        at = at + pass_alike(self, ids, places, at, to, word, code, verified)
        to = math.min(at, to)
      end
      local count, counts = to - at + 1, self._counts
      make_alike(ids, places, at, to, word, code, verified, intake.result, items, slice.places,
        slice.count)
      slice.count = slice.count + count
      if counts then
        counts[word] = counts[word] + count
      end
    end
    at = to + 1
  end
  if not intake.result then
    intake.seen:remove_all(ids, first, at - 1, batch.keys) -- a repeated one is new again
  end
  return at
end

-- Returns for how many more ids the backlog leaves room.
function Settled:room()
  return math.ceil(self._most - self.backlog)
end

-- Settles ids[1..count], with their places in the source, by usual responses of one kind to one-id
-- first attempts.
function Settled:add_usual(ids, own_places, count, verdict)
  local batch, slice = self._usual, self._slice
  batch.ids, batch.places, batch.verdict = ids, own_places, verdict
  verdict.message = text.clean(verdict.message, self._redact)
  self.backlog = self.backlog + count
  local at = put_items(self, batch, 1, count, slice.count == 0 and self._sink or nil)
  if at <= count then
    put_items(self, batch, at, count)
  end
  if self._is_quiet then
    self.backlog, slice.count = self.backlog - slice.count, 0 -- nobody looks at it
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
    if put_items(self, batch, 1, 1, self._sink) > 1 then
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
  local last = math.min(batch.count, batch.handed + self._size)
  batch.handed = put_items(self, batch, first, last, self._sink) - 1
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

-- Returns the next slice; nil if nothing is left. It is valid until the next call: ids that settle
-- meanwhile go to another.
function Settled:slice()
  local slice = self._slice
  put_copies(self)
  local batch = self._batches[self._first]
  while batch and slice.count < self._size do
    if go_on(self, batch) then
      break
    end
    put_copies(self)
    batch = self._batches[self._first]
  end
  if slice.count == 0 then
    return nil
  end
  self._slice, self._other = self._other, slice
  self._slice.count, slice.at, slice.till = 0, 0, 0
  self.backlog = self.backlog - slice.count
  return slice
end

return settled
