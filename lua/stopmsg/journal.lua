-- Intents and outcomes on disk, so that a run can be continued however it ended.
--
-- A journal is an append-only file of JSON lines. The first line identifies the run. Then follow
--   {"intent":[1,256]}   these positions of the input may be sent
--   {"n":1,"id":"…","outcome":"stopped","code":200,"at":1764407519123}   result of one id
-- and lines of other kinds, which are for people and are skipped here.
-- For ids that are found by a filter, positions are in the order of discovery. The header then has
-- the filter, as given and as resolved at that time, and intents have the ids:
--   {"intent":[1,2],"ids":["…","…"]}
-- An intent is on disk before its ids are handed out, so the run loop needs no knowledge of
-- journals. A last line without a newline was being written when the process died; it is cut off.

local native = require("stopmsg.command")
local json = require("stopmsg.json")
local outcome = require("stopmsg.meaning.outcome")
local record = require("stopmsg.record")

local journal = {}

-- Version 1 had neither times nor lines of other kinds.
local VERSION, OLDEST = 2, 1
local MAGIC = '{"journal":"stopmsg"'

-- Block size of reads, and the limit of a line: longer lines were not written here.
local BLOCK, MAX_LINE = 256 * 1024, 64 * 1024

-- Bytes of lines gathered before a write.
local MANY = 64 * 1024

-- Ids per intent if each is a request of its own: enough to keep flushing below a share of the
-- total time.
local LEAST_INTENT, MOST_INTENT = 16, 1024
local DEAR, CHEAP = 0.05, 0.01

-- Marks: the state of a position. The mark of an outcome is its index in outcome.names plus one;
-- `stopped` has two marks, since a lookup may prove it.
local INTENT, PROVEN = 1, 15
local MARK, WORDS = {}, { [INTENT] = "unknown", [PROVEN] = "stopped" }
for i, word in ipairs(outcome.names) do
  MARK[word] = i + 1
  WORDS[i + 1] = word
end

-- Sent or about to be sent, without a response that can be trusted.
local AMBIGUOUS = { [INTENT] = true, [MARK.unknown] = true }

-- Outcomes that a resumed run keeps: a retry would only repeat them, or is not safe. All others are
-- sent again.
local SETTLED = {
  stopped = true, accepted = true, recalled = true, too_late = true, not_stoppable = true,
  not_found = true, invalid = true,
}

-- Bit set of the marks whose positions are not sent again; see marks.h.
local KEPT = 2 ^ PROVEN
for word, mark in pairs(MARK) do
  if SETTLED[word] then
    KEPT = KEPT + 2 ^ mark
  end
end

-- Settled outcomes of which a run with --verify keeps back the results until its lookup at the end.
local KEPT_BACK = {
  [MARK.stopped] = true, [MARK.accepted] = true, [MARK.too_late] = true,
  [MARK.not_stoppable] = true, [MARK.not_found] = true,
}

local Journal = {}
Journal.__index = Journal

local function header_of(identity)
  local digest = native.digest()
  digest:add(identity.base_url) -- it may contain a secret
  local input = identity.total and ('"ids":%d'):format(identity.total)
    or '"ids":null,"where":' .. (#identity.where > 0 and json.encode(identity.where) or "[]")
  return ('%s,"version":%d,"provider":%s,"operation":%s,"address":"%s","input":"%s",%s}\n')
    :format(MAGIC, VERSION, record.quote(identity.provider), record.quote(identity.operation),
    digest:hex(), identity.fingerprint, input)
end

-- Returns how a header differs from this run; nil if it matches.
local function mismatch(line, identity)
  local expected = json.decode(header_of(identity))
  local found = json.decode(line)
  if line:sub(1, #MAGIC) ~= MAGIC or type(found) ~= "table" then
    return "is not a journal"
  elseif type(found.version) ~= "number" or found.version < OLDEST or found.version > VERSION then
    return "was written by an incompatible version of stopmsg"
  end
  for _, field in ipairs({ "provider", "operation" }) do
    if found[field] ~= expected[field] then
      return ("belongs to another run: its %s is %s, not %s"):format(field,
        tostring(found[field]), expected[field])
    end
  end
  if found.address ~= expected.address then
    return "belongs to another run: it was sent to a different address"
  elseif found.input ~= expected.input or found.ids ~= expected.ids then
    return "belongs to another run: its input was different"
  end
end

local function damaged(number)
  return nil, ("is damaged: line %d does not fit this input"):format(number)
end

-- Sets the mark that an earlier run left.
function Journal:_set(position, mark)
  self._marks:set(position, mark)
  if self._keeps_back and KEPT_BACK[mark] then
    self._late:set(position, 1)
    self.has_late = true
  end
end

-- Reads a line that is not a usual outcome. Returns whether it is valid.
local function read_odd(self, line)
  local found = json.decode(line)
  if type(found) ~= "table" then
    return false
  elseif found.n == nil and found.intent == nil and found.outcome == nil then
    -- Of another kind, without a bearing on what is sent.
    if type(found.start) == "table" then
      self._keeps_back = found.start.verify == true
    elseif type(found["end"]) == "table" and not found["end"].interrupted then
      -- This run has output what it and those before it kept back.
      self._late, self.has_late = native.marks(), false
    end
    return true
  end
  local from, to = found.n, found.n
  if type(found.intent) == "table" then
    from, to = found.intent[1], found.intent[2]
  end
  if type(from) ~= "number" or type(to) ~= "number" or from < 1 or to < from or to > self._total
    or from % 1 ~= 0 or to % 1 ~= 0 then
    return false
  end
  if found.intent then
    self._marks:fill(from, to, INTENT, KEPT)
    return true
  end
  local mark = MARK[found.outcome]
  if mark == MARK.stopped and found.verified == true then
    mark = PROVEN
  end
  if mark then
    self:_set(from, mark)
  end
  return mark ~= nil
end

-- Fills the marks from the lines after the header, up to `size`. true
-- nil, message
local function read_lines(self, at, size)
  local marks, total, find = self._marks, self._total, string.find
  local bytes, from, number = "", 1, 1
  while true do
    local _, to, n, word, rest =
      find(bytes, '^{"n":(%d+),"id":"[^"\\]*","outcome":"([%a_]+)"([^\n]*)\n', from)
    if to then
      local mark = MARK[word]
      if mark == MARK.stopped and find(rest, ',"verified":true', 1, true) then
        mark = PROVEN
      end
      n = tonumber(n)
      number = number + 1
      if not mark or n < 1 or n > total then
        return damaged(number)
      end
      if self._keeps_back then
        self:_set(n, mark)
      else
        marks:set(n, mark)
      end
      from = to + 1
    else
      to = find(bytes, "\n", from, true)
      if to then
        number = number + 1
        if not read_odd(self, bytes:sub(from, to - 1)) then
          return damaged(number)
        end
        from = to + 1
      elseif at >= size then
        return true
      elseif #bytes - from > MAX_LINE then
        return damaged(number + 1)
      else
        local block, message = self._log:read(at, math.min(BLOCK, size - at))
        if not block then
          return nil, message
        end
        at = at + #block
        bytes = bytes:sub(from) .. block
        from = 1
      end
    end
  end
end

-- size = journal.whole_size(log)
-- nil, message: returns the end of the last whole line, 0 if there is none.
function journal.whole_size(log)
  local size = log:size()
  while size > 0 do
    local from = math.max(0, size - MAX_LINE)
    local block, message = log:read(from, size - from)
    if not block then
      return nil, message
    end
    local last = block:match("^.*()\n")
    if last then
      return from + last
    end
    size = from
  end
  return 0
end

-- Reads the journal of an earlier run. true
-- nil, message, whether it cannot be written
local function load(self, identity)
  local log = self._log
  local size, message = journal.whole_size(log)
  if not size then
    return nil, message
  end
  local first
  first, message = log:read(0, MAX_LINE)
  if not first then
    return nil, message
  end
  if size == 0 then
    -- Empty, or with part of a header: nothing was sent yet.
    local header = header_of(identity)
    local is_ours = first:sub(1, #MAGIC) == MAGIC:sub(1, #first)
    if not is_ours or #first > #header + 1024 then
      return nil, "is not a journal"
    end
    self.is_new = true
    local cut
    cut, message = log:cut(0)
    if not cut then
      return nil, message
    end
    local wrote
    wrote, message = self:_write(header, true)
    if not wrote then
      return nil, message, true
    end
    return true
  end
  local header = first:match("^[^\n]*\n")
  local wrong = header and mismatch(header, identity) or (not header and "is not a journal")
  if wrong then
    return nil, wrong
  end
  if size < log:size() then
    local cut
    cut, message = log:cut(size)
    if not cut then
      return nil, message
    end
  end
  return read_lines(self, #header, size)
end

-- opened = journal.open(path, identity, options)
-- nil, message, whether it cannot be written
--
-- identity: provider, operation, base_url, fingerprint (of the input), and total (ids of the input)
-- or, if the number of ids is unknown, where (the filter: a list of { name, as given, as resolved
-- }).
-- options: batch (ids per request), now (a clock in seconds), time (milliseconds since 1970;
-- default: the system's).
function journal.open(path, identity, options)
  local log, message = native.log(path)
  if not log then
    return nil, message
  end
  local self = setmetatable({
    is_new = false,
    has_late = false, -- whether is_late() holds for any position
    failure = nil, -- why writing stopped
    before_write = nil, -- a hook before each write, to write other files first
    before_intent = nil, -- a hook before each intent: something is about to be sent
    _log = log,
    _marks = native.marks(),
    _late = native.marks(), -- 1 for what was kept back since a run last came to its end
    _keeps_back = false, -- whether the lines being read are from a run with --verify
    _total = identity.total or math.huge,
    _now = options.now,
    _time = options.time or native.process.time,
    _lines = record.lines(), -- lines not written yet
    _to = 0, -- the last position whose intent is on disk
    _ids = options.batch > 1 and options.batch or LEAST_INTENT, -- ids per intent
    _is_adaptive = options.batch == 1,
    _wrote_at = options.now(),
  }, Journal)
  local loaded, is_unwritable
  loaded, message, is_unwritable = load(self, identity)
  if not loaded then
    log:close()
    return nil, message, is_unwritable
  end
  return self
end

-- Returns the number of positions that are not sent again.
function Journal:settled()
  local count = self._marks:count(PROVEN)
  for word, mark in pairs(MARK) do
    count = count + (SETTLED[word] and self._marks:count(mark) or 0)
  end
  return count
end

-- Returns outcome -> number of positions. Those about to be sent count as `unknown`.
function Journal:counts()
  local counts = {}
  for _, word in ipairs(outcome.names) do
    counts[word] = 0
  end
  for mark, word in pairs(WORDS) do
    counts[word] = counts[word] + self._marks:count(mark)
  end
  return counts
end

-- Returns the outcome that an earlier run recorded for this position, nil if none, and whether an
-- attempt may have taken effect unseen.
function Journal:known(position)
  if self.is_new then
    return nil, false
  end
  local mark = self._marks:get(position)
  return WORDS[mark], AMBIGUOUS[mark] or false
end

-- Writes the gathered lines, then `more`, which may be nil: both or nothing. true
-- nil, message
function Journal:_write(more, must_sync)
  if self.before_write then
    self.before_write()
  end
  local lines = self._lines
  local wrote, message = lines:append_to(self._log, more)
  if wrote and must_sync then
    wrote, message = self._log:sync()
  end
  if not wrote then
    self.failure = message
    return nil, message
  end
  lines:clear()
  return true
end

-- Writes the gathered lines.
function Journal:flush()
  if self._lines:size() > 0 and not self.failure then
    self:_write()
  end
end

-- Writes the gathered lines and the intent for positions first..last, and syncs them to disk.
local function intend(self, first, last)
  if self.before_intent then
    self.before_intent()
  end
  local started = self._now()
  if not self:_write(('{"intent":[%d,%d]}\n'):format(first, last), true) then
    return false
  end
  self._to = last
  if self._is_adaptive then
    local now = self._now()
    local share = (now - started) / math.max(now - self._wrote_at, 1e-6)
    if share > DEAR then
      self._ids = math.min(MOST_INTENT, self._ids * 2)
    elseif share < CHEAP then
      self._ids = math.max(LEAST_INTENT, math.floor(self._ids / 2))
    end
    self._wrote_at = now
  end
  return true
end

-- next = opened:grant(position): returns the next position to send, with its intent on disk.
-- Returns nil at the end, after `seal`, and if the intent could not be written (`failure`).
function Journal:grant(position)
  if self.is_new then
    position = position + 1
    if position <= self._to then
      return position
    end
    local last = math.min(position + self._ids - 1, self._total)
    if position > self._total or self._is_sealed or self.failure
      or not intend(self, position, last) then
      return nil
    end
    return position
  end
  local marks, total = self._marks, self._total
  local first = position < self._to and marks:seek(position + 1, self._to, 1, KEPT)
  if first then
    return first
  end
  local from, last = math.max(position, self._to) + 1, nil
  if from <= total then
    first, last = marks:seek(from, total, self._ids, KEPT)
  end
  if not first or self._is_sealed or self.failure or not intend(self, first, last) then
    return nil
  end
  return first
end

-- Returns the last position whose intent is on disk.
function Journal:granted()
  return self._to
end

-- Maximum bytes of ids in one intent.
local MOST_BYTES = MAX_LINE / 2

-- Writes the intent for found ids, and syncs it: ids[i] has position first + i - 1. Returns false
-- if that failed. With is_more, the sync is left to sync().
function Journal:intend(first, ids, is_more)
  if self.before_intent then
    self.before_intent()
  end
  local parts, bytes, from = {}, 0, first
  for i, id in ipairs(ids) do
    parts[#parts + 1] = record.quote(id)
    bytes = bytes + #parts[#parts]
    if bytes >= MOST_BYTES or i == #ids then
      self._lines:write(('{"intent":[%d,%d],"ids":[%s]}\n'):format(from, first + i - 1,
        table.concat(parts, ",")))
      parts, bytes, from = {}, 0, first + i
    end
  end
  if is_more and self._lines:size() < MANY then
    return not self.failure
  end
  return not self.failure and self:_write(nil, not is_more)
end

-- Writes the gathered lines and syncs them to disk. Returns false if that failed.
function Journal:sync()
  return not self.failure and self:_write(nil, true)
end

-- Records a lookup's proof for a position before anything is sent, so that it is not handed out.
function Journal:settle(position, item, tail)
  self._marks:set(position, item.outcome == "stopped" and PROVEN or MARK[item.outcome])
  self:outcome(position, item, tail)
end

-- Returns whether an earlier run left the position confirmed by the provider but not by a lookup.
function Journal:is_promised(position)
  local mark = self._marks:get(position)
  return mark == MARK.accepted or mark == MARK.stopped
end

-- Returns whether the run that settled a position kept back the result and was killed, perhaps
-- before it had output it.
function Journal:is_late(position)
  return self._late:get(position) == 1 and KEPT_BACK[self._marks:get(position)] or false
end

-- Returns the number of positions that are stopped but not proven.
function Journal:unproven()
  return self._marks:count(MARK.stopped)
end

-- Stops new intents; ids of earlier intents are still handed out.
function Journal:seal()
  self._is_sealed = true
end

-- Records the outcome of the id at this position; `tail` is the rest of the item, see
-- record.tails().
function Journal:outcome(position, item, tail)
  if self._lines:add(item.id, tail, position, self._time()) >= MANY then
    self:flush()
  end
end

-- count = opened:outcomes(ids, places, first, last, tail, results, frame): records ids[first..last]
-- at positions places[first..last], together with their results; see record.put().
function Journal:outcomes(ids, places, first, last, tail, results, frame)
  local count = record.put(ids, places, first, last, self._lines, tail, self._time(), results,
    frame)
  if self._lines:size() >= MANY then
    self:flush()
  end
  return count
end

-- Records an event for people to read later: book:note("pause", { seconds = 30 }).
function Journal:note(kind, fields)
  self._lines:write(('{"%s":%s,"at":%.0f}\n'):format(kind, json.encode(fields), self._time()))
end

-- Writes all gathered lines, syncs and closes. true
-- nil, message
function Journal:close()
  local is_written = self._lines:size() == 0 or self:_write()
  local is_synced, message = self._log:sync()
  self._log:close()
  if not is_written or not is_synced then
    return nil, self.failure or message
  end
  return true
end

-- fields = journal.header(path): returns the decoded header; nil if it is missing or not one.
function journal.header(path)
  -- Opening a FIFO would wait for its other end.
  local file = native.file_kind(path) == "regular" and io.open(path, "rb")
  local line = file and file:read("*l")
  if file then
    file:close()
  end
  local fields = line and json.decode(line)
  return type(fields) == "table" and fields.journal == "stopmsg" and fields or nil
end

-- Reads a journal without locking it, even while it is being written. Calls on.header(fields),
-- on.intent(first, last, ids or nil), on.other(fields), and on.outcome(position, id, word, rest),
-- where `rest` is the line from the comma after the outcome. true
-- nil, message
function journal.read(path, on)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, (message:gsub("^.*: ", "")) -- the caller names the file
  elseif not file:seek("set") then
    file:close()
    return nil, "is not a regular file; it is read twice"
  end
  local number, total = 0, nil
  local bytes, from = "", 1
  local function refuse(what)
    file:close()
    return nil, what
  end
  while true do
    local to = bytes:find("\n", from, true)
    if not to then
      local block, why = file:read(BLOCK)
      if why then
        return refuse(why)
      elseif not block then
        break -- the rest was being written
      end
      bytes = bytes:sub(from) .. block
      from = 1
      if #bytes > BLOCK + MAX_LINE and not bytes:find("\n", 1, true) then
        return refuse(number == 0 and "is not a journal"
          or ("is damaged: line %d is too long"):format(number + 1))
      end
    else
      number = number + 1
      local n, id, word, rest = bytes:match(
        '^{"n":(%d+),"id":"([^"\\]*)","outcome":"([%a_]+)"([^\n]*)}\n', from)
      local fields = not n and json.decode(bytes:sub(from, to - 1))
      if number == 1 then
        if n or type(fields) ~= "table" or fields.journal ~= "stopmsg" then
          return refuse("is not a journal")
        end
        total = type(fields.ids) == "number" and fields.ids or math.huge
        on.header(fields)
      elseif not n and type(fields) ~= "table" then
        return refuse(("is damaged: line %d is not a journal entry"):format(number))
      elseif n or fields.outcome then
        n, word = tonumber(n or fields.n), word or fields.outcome
        if not n or not MARK[word] or n < 1 or n > total or n % 1 ~= 0 then
          return refuse(("is damaged: line %d is not a journal entry"):format(number))
        end
        on.outcome(n, id or tostring(fields.id), word, rest
          or record.tails()(fields):match('^,"outcome":"[^"]*"(.*)}\n$')
            .. (fields.at and (',"at":%.0f'):format(fields.at) or ""))
      elseif fields.intent then
        on.intent(fields.intent[1], fields.intent[2], fields.ids)
      else
        on.other(fields)
      end
      from = to + 1
    end
  end
  file:close()
  if number == 0 then
    local is_ours = bytes:sub(1, #MAGIC) == MAGIC:sub(1, #bytes)
    return nil, is_ours and "holds nothing yet: no run has begun with it" or "is not a journal"
  end
  return true
end

-- Outcome -> mark, mark -> outcome, and the set of outcomes that are not sent again.
journal.marks, journal.words, journal.settled = MARK, WORDS, SETTLED

return journal
