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
    _codes = {},
    _sink = nil, -- takes ids whose items would be alike
    _ahead = {}, -- codes of the ids at first..last of the batch in `batch`, for the sink
    _copies = {}, -- of items whose ids were given again, that are still to be made
  }, Settled)
end

-- For a new call; of the last one everything is handed out. sink: see run/loop.lua, or nil.
function Settled:begin(operation, limit, sink)
  self._operation, self._limit, self._sink = operation, limit, sink
  self._first, self._last = 1, 0
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
  clear(self._codes)
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
  local count = self._count + 1
  self._count = count
  self._items[count] = item
  self._places[count] = place
  local result = self._intake.result
  if result then
    result[place] = item
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

-- Items first..last of a batch, into the slice.
local function put_items(self, batch, first, last)
  local intake, codes, words = self._intake, self._codes, nil
  local items, places, count = self._items, self._places, self._count
  local result, seen, has_twins = intake.result, intake.seen, intake.twin_count > 0
  local ids, keys, own_places = batch.ids, batch.keys, batch.places
  local before = first - 1
  local verdict = batch.verdict
  -- The usual item is made right here.
  local is_usual = batch.attempts == 1 and not batch.is_ambiguous and not batch.given
  local plain = is_usual and verdict.is_plain
  if verdict.codes then
    verdict.codes:codes(first, last - before, codes)
    words = is_usual and self._operation.words
  end
  for i = first, last do
    local code = codes[i - before]
    local word = words and words[code]
    local place = own_places[i]
    local item
    if plain then
      item = { id = ids[i], outcome = verdict.outcome, code = verdict.code,
        verified = verdict.verified }
    elseif word then
      item = { id = ids[i], outcome = word, code = code }
    else
      item = make(self, batch, i, code)
    end
    count = count + 1
    items[count], places[count] = item, place
    if result then
      result[place] = item
    else
      seen:remove(keys and keys[i] or ids[i])
    end
    if has_twins then
      self._count = count
      add_twins(self, item, place)
      count = self._count
    end
  end
  self._count = count
end

-- Passes on ids first..last of a batch whose items would say nothing but this word and this code,
-- and perhaps that it is verified: how many the sink took.
local function pass_alike(self, batch, first, last, word, code, verified)
  local ids, keys, seen = batch.ids, batch.keys, self._intake.seen
  local count = self._sink(ids, batch.places, first, last, word, code, verified)
  for i = first, first + count - 1 do
    seen:remove(keys and keys[i] or ids[i])
  end
  self.backlog = self.backlog - count
  return count
end

-- word, code, verified, to: what ids first..to of a batch have in common, `last` at most. Without a
-- word the first one needs an item.
local function alike(self, batch, first, last)
  local verdict = batch.verdict
  if batch.attempts ~= 1 or batch.is_ambiguous or batch.given or self._intake.twin_count > 0 then
    return nil
  elseif verdict.is_plain then
    return verdict.outcome, verdict.code, verdict.verified, last
  elseif not verdict.codes then
    return nil
  end
  local codes = self._ahead
  if codes.batch ~= batch or first < codes.first or last > codes.last then
    verdict.codes:codes(first, last - first + 1, codes)
    codes.batch, codes.first, codes.last = batch, first, last
  end
  local before = codes.first - 1
  local code, to = codes[first - before], first
  while to < last and codes[to + 1 - before] == code do
    to = to + 1
  end
  return self._operation.words[code], code, nil, to
end

-- Passes on ids first..last of a batch, and makes items of those that need one. Ends before an id
-- that could be passed on while an item waits to be handed out, so that none overtakes another.
-- The first that is left.
local function pass(self, batch, first, last)
  while first <= last do
    local word, code, verified, to = alike(self, batch, first, last)
    if word and self._count > 0 then
      return first
    elseif word then
      local count = pass_alike(self, batch, first, to, word, code, verified)
      first = first + count
      if first <= to then
        put_items(self, batch, first, first)
        first = first + 1
      end
    else
      put_items(self, batch, first, first)
      first = first + 1
    end
  end
  return first
end

-- at = make_plain(items, means, verdicts, first, last): puts an item in the place of each id at
-- first..last of `items`, from the verdicts that `means` names. Stops at the first one whose
-- verdict is not plain: there, or behind the last.
local function make_compiled(items, means, verdicts, first, last)
  for i = first, last do
    local verdict = verdicts[means[i]]
    if not verdict.is_plain then
      return i
    end
    items[i] = { id = items[i], outcome = verdict.outcome, code = verdict.code,
      verified = verdict.verified }
  end
  return last + 1
end

local make_plain = compat.is_compiled and make_compiled or core.make_items

-- Usual answers to ids that went alone and for the first time become items here: ids at first..last
-- of the slice, with the places in the source, and the verdicts that `means` names.
local function put_usual(self, first, last, means, verdicts)
  local intake, items, places = self._intake, self._items, self._places
  local result, seen = intake.result, intake.seen
  if not result then
    for i = first, last do
      seen:remove(items[i])
    end
  end
  local at = make_plain(items, means, verdicts, first, last)
  while at <= last do
    local verdict, id = verdicts[means[at]], items[at]
    verdict.message = text.clean(verdict.message, self._redact)
    items[at] = item_of(verdict, id, self._redact)
    warn_left(self, items[at], id)
    at = make_plain(items, means, verdicts, at + 1, last)
  end
  if result then
    for i = first, last do
      result[places[i]] = items[i]
    end
  end
  self._count = last
  if intake.twin_count > 0 then
    for i = first, last do
      add_twins(self, items[i], places[i])
    end
  end
end

-- Passes on the first of those ids, as many as are alike enough for the sink, and moves the others
-- to the front: how many these are. Nothing goes by an item that waits to be handed out, nor by an
-- id that was given again.
local function pass_usual(self, count, means, verdicts)
  local intake, items, places = self._intake, self._items, self._places
  local at = 1
  while at <= count and self._count == 0 and intake.twin_count == 0 do
    local verdict, to = verdicts[means[at]], at
    if not verdict.is_plain then
      break
    end
    while to < count and means[to + 1] == means[at] do
      to = to + 1
    end
    at = at + self._sink(items, places, at, to, verdict.outcome, verdict.code, verdict.verified)
    if at <= to then
      break
    end
  end
  local passed = at - 1
  for i = 1, passed do
    intake.seen:remove(items[i])
  end
  for i = at, passed > 0 and count or 0 do
    items[i - passed], places[i - passed], means[i - passed] = items[i], places[i], means[i]
  end
  self.backlog = self.backlog - passed
  return count - passed
end

-- count, is_more, connections, generation = settled:gather(call, verdicts): takes usual answers,
-- as many as there is room for, see call:codes(). verdicts: what the core's meanings are.
function Settled:gather(call, verdicts)
  local before = self._count
  local room = math.max(1, math.ceil(self:most() - self.backlog))
  local count, is_more, connections, generation = call:codes(self._items, self._places,
    self._codes, before, room)
  if count > 0 then
    self.backlog = self.backlog + count
    local left = self._sink and pass_usual(self, count, self._codes, verdicts) or count
    put_usual(self, before + 1, before + left, self._codes, verdicts)
  end
  return count, is_more, connections, generation
end

-- Gives every id of the batch its item. `verdict` is one for all, a list of them, or the `codes` of
-- an answer.
function Settled:add(batch, verdict)
  batch.verdict = verdict
  self.backlog = self.backlog + batch.count
  if verdict.message then
    verdict.message = text.clean(verdict.message, self._redact)
  end
  if batch.count == 1 and self._first > self._last then
    -- Nothing to be gained by a queue.
    if not self._sink then
      put_items(self, batch, 1, 1)
      return self._intake:recycle(batch)
    elseif pass(self, batch, 1, 1) > 1 then
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
  if self._sink then
    batch.handed = pass(self, batch, first, last) - 1
  else
    batch.handed = last
    put_items(self, batch, first, last)
  end
  if batch.handed < batch.count then
    return batch.handed < last
  end
  self._batches[self._first] = nil
  self._first = self._first + 1
  self._ahead.batch = nil
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
