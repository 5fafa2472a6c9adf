-- What has settled and was not handed out yet. Whole batches come in; items come out, a slice at a
-- time, so that an answer of ten thousand items never holds up who takes them.

local answer = require("stopmsg.meaning.answer")
local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local outcome = require("stopmsg.meaning.outcome")
local text = require("stopmsg.text")

local settled = {}

-- Items that are made at once, and where others wait for this thread; copies of one that are made
-- beside it.
local SLICE, SHARED_SLICE, FEW_COPIES = 256, 128, 4

-- What a large batch of a stream leaves behind is about 2 KiB an id. The collector waits until the
-- heap has doubled, which for 1,000,000 ids was 78 MB on Lua 5.3, and 49 MB with a step a batch.
local LARGE_BATCH, KIB_AN_ID = 1000, 2

local Settled = {}
Settled.__index = Settled

-- taken: the intake of the same run. redact, warn: functions of a text. is_shared: whether others
-- wait for this thread.
function settled.new(taken, redact, warn, is_shared)
  return setmetatable({
    backlog = 0, -- ids that are settled and not handed out
    _intake = taken,
    _operation = nil,
    _limit = nil, -- ids a batch
    _redact = redact,
    _warn = warn,
    _is_shared = is_shared,
    _slice = is_shared and SHARED_SLICE or SLICE,
    _batches = {}, -- a queue from _first to _last
    _first = 1,
    _last = 0,
    _items = {}, -- the slice that is being made
    _places = {},
    _count = 0,
    _other_items = {}, -- the slice that was handed out
    _other_places = {},
    _ids = {}, -- scratch: ids with the same usual answer
    _at = {}, -- the places of these
    _sink = nil, -- takes ids whose items would be alike
    _counts = nil,
    _is_quiet = false,
    _copies = {}, -- of items whose ids were given again, that are still to be made
  }, Settled)
end

-- For a new call; of the last one everything is handed out. sink: see run/loop.lua, or nil.
function Settled:begin(operation, limit, sink)
  self._operation, self._limit, self._sink = operation, limit, sink
  self._counts, self._is_quiet = nil, false
  self._first, self._last = 1, 0
end

-- For a call that wants its result and nothing before: each item is counted here, by its outcome,
-- as it is made. is_quiet: of a slice nobody looks at more than its length.
function Settled:count_in(counts, is_quiet)
  self._counts, self._is_quiet = counts, is_quiet
end

local function clear(list)
  for i = #list, 1, -1 do
    list[i] = nil
  end
end

-- Keeps nothing of what it gave out, nor of what providers said.
function Settled:forget()
  clear(self._items)
  clear(self._other_items)
end

-- Ids that may be settled and not handed out.
function Settled:most()
  return self._limit / 4 + 64
end

-- Whether what is settled already leaves room for more.
function Settled:has_room()
  return self.backlog < self:most()
end

-- Puts an item into the slice.
local function put(self, item, place)
  local count, result, counts = self._count + 1, self._intake.result, self._counts
  self._count = count
  self._items[count] = item
  self._places[count] = place
  if result then
    result[place] = item
  end
  if counts then
    counts[item.outcome] = counts[item.outcome] + 1
  end
end

-- An item of its own, of no batch.
local function add_loose(self, item, place)
  self.backlog = self.backlog + 1
  put(self, item, place)
end

-- An id that is not of the right form.
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

-- An id whose item is known from its first place.
function Settled:copy(item, id, place)
  add_loose(self, copy_of(item, id), place)
end

-- Codes and states that a definition names hold nobody's secret.
local function own_words(word)
  return word
end

-- An item for this id with what the verdict says; fields that say nothing stay absent.
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
    item.page = verdict.page -- of a list that was asked for
  end
  return item
end

-- The part of an item that comes from the history of its batch.
local function add_history(batch, item)
  if batch.attempts ~= 1 then
    item.attempts = batch.attempts
  end
  if batch.is_ambiguous then
    outcome.taint(item)
  end
end

local function warn_left(self, item, id)
  if item.left then
    self._warn(("%.0f message(s) of %s %s had been sent before the stop"):format(item.left,
      self._operation.name:find("_dispatch$") and "dispatch" or "batch", id))
  end
end

-- The i-th item of a batch, from a verdict of any kind.
local function make(self, batch, i, code)
  local verdict, redact = batch.verdict, self._redact
  local own = verdict.codes and answer.of_code(batch.asked or self._operation, code) or verdict[i]
  if own then
    own.message = text.clean(own.message, redact)
  end
  local item = item_of(own or verdict, batch.ids[i], redact)
  warn_left(self, item, batch.ids[i])
  if batch.attempts ~= 1 or batch.is_ambiguous then
    add_history(batch, item)
  end
  if batch.given and batch.given[i] then
    item.id = batch.given[i]
  end
  return item
end

-- The same id at its further places. Where these are many, as one id may stand at all of them, the
-- copies are made a slice at a time.
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

-- The i-th id of a batch has this item.
local function put_item(self, batch, i, item)
  local intake, place = self._intake, batch.places[i]
  put(self, item, place)
  if not intake.result then
    intake.seen:remove(batch.keys and batch.keys[i] or batch.ids[i])
  end
  if intake.twin_count > 0 then
    add_twins(self, item, place)
  end
end

-- make_alike(ids, own_places, first, last, word, code, verified, result, items, places, at): an
-- item for each of ids[first..last], at its place in `result` (or nil), and from at + 1 on in
-- `items` and `places` (or nil).
local function make_compiled(ids, own_places, first, last, word, code, verified, result, items,
    places, at)
  if not items then
    for i = first, last do
      result[own_places[i]] = { id = ids[i], outcome = word, code = code, verified = verified }
    end
    return
  end
  at = at - first + 1
  for i = first, last do
    local item = { id = ids[i], outcome = word, code = code, verified = verified }
    items[at + i], places[at + i] = item, own_places[i]
    if result then
      result[own_places[i]] = item
    end
  end
end

-- Lua that is compiled is faster than C.
local make_alike = compat.is_compiled and make_compiled or core.make_alike

-- Items of ids[first..last] that say nothing but the id, this word and this code, and perhaps that
-- it is verified. No other place waits for any of them.
local function put_alike(self, ids, own_places, keys, first, last, word, code, verified)
  local intake, count = self._intake, last - first + 1
  make_alike(ids, own_places, first, last, word, code, verified, intake.result,
    not self._is_quiet and self._items or nil, self._places, self._count)
  self._count = self._count + count
  if self._counts then
    self._counts[word] = self._counts[word] + count
  end
  if not intake.result then
    intake.seen:remove_all(ids, first, last, keys)
  end
end

-- Passes such ids on: how many the sink took.
local function pass_alike(self, ids, own_places, keys, first, last, word, code, verified)
  local count = self._sink(ids, own_places, first, last, word, code, verified)
  self._intake.seen:remove_all(ids, first, first + count - 1, keys)
  self.backlog = self.backlog - count
  return count
end

-- word, code, verified, to: what the items of ids first..to of a batch have in common, `last` at
-- most. Without a word they are made one by one.
local function alike(self, batch, first, last)
  local verdict = batch.verdict
  local is_usual = batch.attempts == 1 and not batch.is_ambiguous and not batch.given
  if verdict.codes then
    local code, count = verdict.codes:run(first, last - first + 1)
    return is_usual and self._operation.words[code] or nil, code, nil, first + count - 1
  elseif is_usual and verdict.is_plain then
    return verdict.outcome, verdict.code, verdict.verified, last
  end
  return nil, nil, nil, last
end

-- The same one by one, as long as other places wait for some of a call's ids. The last one.
local function put_each(self, batch, first, last, word, code, verified)
  local has_twins = self._intake.twin_count > 0
  for i = first, last do
    put_item(self, batch, i, word and { id = batch.ids[i], outcome = word, code = code,
      verified = verified } or make(self, batch, i, code))
    if has_twins and self._intake.twin_count == 0 then
      return i
    end
  end
  return last
end

-- Items of ids first..last of a batch, into the slice. Ends before an id that could be passed on
-- while an item waits to be handed out, so that none overtakes another. The first that is left.
local function put_items(self, batch, first, last)
  local ids, places, keys = batch.ids, batch.places, batch.keys
  while first <= last do
    local word, code, verified, to = alike(self, batch, first, last)
    if not word or self._intake.twin_count > 0 then
      to = put_each(self, batch, first, to, word, code, verified)
    elseif not self._sink then
      put_alike(self, ids, places, keys, first, to, word, code, verified)
    elseif self._count > 0 then
      return first
    else
      first = first + pass_alike(self, ids, places, keys, first, to, word, code, verified)
      to = math.min(first, to)
      put_alike(self, ids, places, keys, first, to, word, code, verified) -- the one not taken
    end
    first = to + 1
  end
  return first
end

-- Usual answers of one kind to ids that went alone and for the first time become items here:
-- ids[1..count], with their places in the source.
local function put_usual(self, ids, own_places, count, verdict)
  local at, twins = 1, self._intake.twin_count
  if self._sink and verdict.is_plain and twins == 0 and self._count == 0 then
    at = 1 + pass_alike(self, ids, own_places, nil, 1, count, verdict.outcome, verdict.code,
      verdict.verified)
  end
  if verdict.is_plain and twins == 0 then
    if at <= count then
      put_alike(self, ids, own_places, nil, at, count, verdict.outcome, verdict.code,
        verdict.verified)
    end
    return
  end
  verdict.message = text.clean(verdict.message, self._redact)
  for i = at, count do
    local batch = self._intake:lone(ids[i], own_places[i])
    batch.attempts, batch.verdict = 1, verdict
    put_item(self, batch, 1, make(self, batch, 1))
    self._intake:recycle(batch)
  end
end

-- count, is_more, connections, generation, oldest = settled:gather(call, verdicts): takes usual
-- answers, as many as there is room for, see call:codes(). verdicts: what the core's meanings are.
function Settled:gather(call, verdicts)
  local ids, places = self._ids, self._at
  local total, connections, generation, oldest, is_more = 0, 0, nil, math.huge, true
  local room = math.ceil(self:most() - self.backlog)
  while is_more and room > 0 do
    local count, more, meaning, opened, number, began = call:codes(ids, places, room)
    is_more = more
    if count == 0 then
      break
    end
    total, connections, generation = total + count, connections + opened, number
    oldest = math.min(oldest, began)
    self.backlog, room = self.backlog + count, room - count
    put_usual(self, ids, places, count, verdicts[meaning])
  end
  return total, is_more, connections, generation, oldest
end

-- Gives every id of the batch its item. `verdict` is one for all, a list of them, or the `codes` of
-- an answer.
function Settled:add(batch, verdict)
  batch.verdict = verdict
  self.backlog = self.backlog + batch.count
  if verdict.message then
    verdict.message = text.clean(verdict.message, self._redact)
  end
  if batch.count == 1 and self._first > self._last and not verdict.codes then
    -- Nothing to be gained by a queue.
    if put_items(self, batch, 1, 1) > 1 then
      return self._intake:recycle(batch)
    end
  end
  self._last = self._last + 1
  self._batches[self._last] = batch
end

-- Makes items of the next ids of a batch, the first in the queue. True where what is made has to be
-- handed out before more is.
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
  -- Others that wait for this thread would wait for the whole of it.
  if not intake.result and last >= LARGE_BATCH and not self._is_shared then
    compat.collect(last * KIB_AN_ID)
  end
  intake:recycle(batch)
end

-- items, places, count = settled:slice(): nil when nothing is left. The lists are good until the
-- next slice; what settles meanwhile goes into others.
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
