-- Intents and outcomes on disk, so that a run that was ended in any way can be continued.
--
-- A file of JSON lines that is only appended to. The first says which run it is of. Then come
--   {"intent":[1,256]}                                    these positions of the input may be sent
--   {"n":1,"id":"…","outcome":"stopped","code":200,"at":1764407519123}   what became of one
-- and lines of other kinds, which are for people and are skipped here.
-- Where the ids are found, not given, the positions are those at which they were found, the header
-- has the filter, as it was given and as it was resolved then, and intents have the ids:
--   {"intent":[1,2],"ids":["…","…"]}
-- An intent is on disk before its ids are handed out, so the run loop knows nothing of journals. A
-- line without its end was being written when the process died: it is cut off.

local native = require("stopmsg.command")
local json = require("stopmsg.json")
local outcome = require("stopmsg.meaning.outcome")
local record = require("stopmsg.record")

local journal = {}

-- The first version knew neither times nor lines of other kinds.
local VERSION, OLDEST = 2, 1
local MAGIC = '{"journal":"stopmsg"'

-- Longer lines than this were not written here.
local BLOCK, MAX_LINE = 256 * 1024, 64 * 1024

-- Bytes of lines that are written together.
local MANY = 64 * 1024

-- How many ids an intent covers where each is a request of its own: as many as keep the time that
-- goes into flushing below a share of the whole.
local LEAST_INTENT, MOST_INTENT = 16, 1024
local DEAR, CHEAP = 0.05, 0.01

-- Marks: what is known of a position. An outcome has its place among outcome.names, plus one;
-- `stopped` has two, as a message's own state may prove it.
local INTENT, PROVEN = 1, 15
local MARK, WORDS = {}, { [INTENT] = "unknown", [PROVEN] = "stopped" }
for i, word in ipairs(outcome.names) do
  MARK[word] = i + 1
  WORDS[i + 1] = word
end

-- Sent, or about to be, and nothing that can be trusted came back.
local AMBIGUOUS = { [INTENT] = true, [MARK.unknown] = true }

-- What a later run would only be told again, or must not risk. All else is sent again.
local SETTLED = {
  stopped = true, accepted = true, recalled = true, too_late = true, not_stoppable = true,
  not_found = true, invalid = true,
}

-- The set of marks whose positions are not sent again, as marks.h takes it.
local KEPT = 2 ^ PROVEN
for word, mark in pairs(MARK) do
  if SETTLED[word] then
    KEPT = KEPT + 2 ^ mark
  end
end

local Journal = {}
Journal.__index = Journal

local function header_of(identity)
  local digest = native.digest()
  digest:add(identity.base_url) -- somebody may have put a secret into it
  local input = identity.total and ('"ids":%d'):format(identity.total)
    or '"ids":null,"where":' .. (#identity.where > 0 and json.encode(identity.where) or "[]")
  return ('%s,"version":%d,"provider":%s,"operation":%s,"address":"%s","input":"%s",%s}\n')
    :format(MAGIC, VERSION, record.quote(identity.provider), record.quote(identity.operation),
    digest:hex(), identity.fingerprint, input)
end

-- What a header says that is not of this run; nil where all fits.
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

-- One line that is not the usual outcome. True where it makes sense.
local function read_odd(self, line)
  local found = json.decode(line)
  if type(found) ~= "table" then
    return false
  elseif found.n == nil and found.intent == nil and found.outcome == nil then
    return true -- of a kind that says nothing about what is to be sent
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
    self._marks:set(from, mark)
  end
  return mark ~= nil
end

-- Fills the marks from the lines after the header, which end at `size`. true | nil, message
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
      marks:set(n, mark)
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

-- size = journal.whole_size(log) | nil, message: where the last whole line ends, 0 where there is
-- none.
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

-- Reads what an earlier run left. true | nil, message, whether it is the machine's fault
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
    -- Nothing, or the beginning of a header: nothing was sent yet.
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
      return nil, "cannot be written: " .. message, true
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

-- opened = journal.open(path, identity, options) | nil, message, whether it is the machine's fault
--
-- identity: provider, operation, base_url, fingerprint (of the input), total (ids of the input), or
-- where (the filter: a list of { name, as given, as resolved }), where nobody knows how many it
-- has.
-- options: batch (ids a request), now (a clock of seconds), time (milliseconds since 1970; the
-- system's by default).
function journal.open(path, identity, options)
  local log, message = native.log(path)
  if not log then
    return nil, message
  end
  local self = setmetatable({
    is_new = false,
    failure = nil, -- why nothing more can be written
    before_write = nil, -- a hook: what has to be elsewhere before it is here
    before_intent = nil, -- another: something is about to be sent
    _log = log,
    _marks = native.marks(),
    _total = identity.total or math.huge,
    _now = options.now,
    _time = options.time or native.process.time,
    _lines = record.lines(), -- that are not written yet
    _to = 0, -- the last position whose intent is on disk
    _ids = options.batch > 1 and options.batch or LEAST_INTENT, -- an intent covers
    _is_adaptive = options.batch == 1,
    _wrote_at = options.now(),
  }, Journal)
  local loaded, is_fault
  loaded, message, is_fault = load(self, identity)
  if not loaded then
    log:close()
    return nil, message, is_fault
  end
  return self
end

-- How many positions are not sent again.
function Journal:settled()
  local count = self._marks:count(PROVEN)
  for word, mark in pairs(MARK) do
    count = count + (SETTLED[word] and self._marks:count(mark) or 0)
  end
  return count
end

-- Outcome -> how many positions it is known of. What was about to be sent counts as `unknown`.
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

-- The outcome that an earlier run noted of this position, nil for none; whether that may have taken
-- effect unseen.
function Journal:known(position)
  if self.is_new then
    return nil, false
  end
  local mark = self._marks:get(position)
  return WORDS[mark], AMBIGUOUS[mark] or false
end

-- true | nil, message
function Journal:_write(bytes, must_sync)
  if self.before_write then
    self.before_write()
  end
  local wrote, message = self._log:append(bytes)
  if wrote and must_sync then
    wrote, message = self._log:sync()
  end
  if not wrote then
    self.failure = message
    return nil, message
  end
  return true
end

-- Writes what is gathered, with `more` behind it: both or nothing.
local function write_lines(self, more, must_sync)
  local lines = self._lines
  if not self:_write(lines:text() .. more, must_sync) then
    return false
  end
  lines:clear()
  return true
end

-- Writes the outcomes that are held.
function Journal:flush()
  if self._lines:size() > 0 and not self.failure then
    write_lines(self, "", false)
  end
end

-- Puts the intent for the positions first..last on disk, and the outcomes before it.
local function intend(self, first, last)
  if self.before_intent then
    self.before_intent()
  end
  local started = self._now()
  if not write_lines(self, ('{"intent":[%d,%d]}\n'):format(first, last), true) then
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

-- next = opened:grant(position): the first position after this one that is to be sent, its intent
-- on disk. nil at the end, after `seal`, and when it could not be written (`failure`).
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

-- The last position whose intent is on disk.
function Journal:granted()
  return self._to
end

-- Bytes of ids in one intent.
local MOST_BYTES = MAX_LINE / 2

-- Puts the intent for ids on disk that were found: ids[i] is that of the position first + i - 1.
-- False where it cannot be written. With is_more it waits for sync().
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
  return not self.failure and write_lines(self, "", not is_more)
end

-- Puts on disk what is gathered. False where it cannot be written.
function Journal:sync()
  return not self.failure and write_lines(self, "", true)
end

-- Notes what a lookup proved of a position before this run sends anything: it is not handed out.
function Journal:settle(position, item, tail)
  self._marks:set(position, item.outcome == "stopped" and PROVEN or MARK[item.outcome])
  self:outcome(position, item, tail)
end

-- Whether an earlier run left the position as a promise that no lookup has proven yet.
function Journal:is_promised(position)
  local mark = self._marks:get(position)
  return mark == MARK.accepted or mark == MARK.stopped
end

-- How many positions have these marks: that are stopped, but unproven.
function Journal:unproven()
  return self._marks:count(MARK.stopped)
end

-- No further intents: what they covered is still handed out.
function Journal:seal()
  self._is_sealed = true
end

-- Notes what became of the id at this position; `tail` is the rest of the item, by record.tails().
function Journal:outcome(position, item, tail)
  if self._lines:add(item.id, tail, position, self._time()) >= MANY then
    self:flush()
  end
end

-- count = opened:outcomes(ids, places, first, last, tail, results, frame): the same for
-- ids[first..last], whose positions are places[first..last], with their results; see record.put().
function Journal:outcomes(ids, places, first, last, tail, results, frame)
  local count = record.put(ids, places, first, last, self._lines, tail, self._time(), results,
    frame)
  if self._lines:size() >= MANY then
    self:flush()
  end
  return count
end

-- Notes what people may want to know later: book:note("pause", { seconds = 30 }).
function Journal:note(kind, fields)
  self._lines:write(('{"%s":%s,"at":%.0f}\n'):format(kind, json.encode(fields), self._time()))
end

-- Writes all there is, and waits until it is on disk. true | nil, message
function Journal:close()
  local is_written = self._lines:size() == 0 or write_lines(self, "", false)
  local is_synced, message = self._log:sync()
  self._log:close()
  if not is_written or not is_synced then
    return nil, self.failure or message
  end
  return true
end

-- fields = journal.header(path): what its first line says; nil where it has none yet, or is none.
function journal.header(path)
  local file = io.open(path, "rb")
  local line = file and file:read("*l")
  if file then
    file:close()
  end
  local fields = line and json.decode(line)
  return type(fields) == "table" and fields.journal == "stopmsg" and fields or nil
end

-- Reads a journal without locking it, so one that is being written, too. Calls what `on` has:
-- on.header(fields), on.intent(first, last, ids or nil), on.other(fields), and on.outcome(position,
-- id, word, rest), where `rest` is the line from the comma after the outcome. true | nil, message
function journal.read(path, on)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, message
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
        break -- what is left was being written
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
    return nil, "is not a journal"
  end
  return true
end

-- The number of an outcome among marks, the outcome of one, and those that are not sent again.
journal.marks, journal.words, journal.settled = MARK, WORDS, SETTLED

return journal
