-- A run of `stopmsg stop` that sends requests: connects the input, the library, the journal, the
-- results and the messages for people.

local advice = require("stopmsg.cli.advice")
local conclusion = require("stopmsg.cli.stop.conclusion")
local clients = require("stopmsg.client")
local connection = require("stopmsg.cli.connection")
local events = require("stopmsg.cli.stop.events")
local exit = require("stopmsg.cli.exit")
local input = require("stopmsg.cli.input")
local journal = require("stopmsg.journal")
local lookups = require("stopmsg.cli.stop.lookups")
local outcome = require("stopmsg.meaning.outcome")
local output = require("stopmsg.cli.output")
local progress = require("stopmsg.cli.progress")
local record = require("stopmsg.record")
local reports = require("stopmsg.report")
local sources = require("stopmsg.run.source")
local version = require("stopmsg.version")

local runs = {}

-- Ids handed over at once.
local PIECE = 256

-- Maximum seconds before results are written, and seconds covered by one line of requests.
local FLUSH_EVERY, REQUESTS_EVERY = 0.1, 1

local Run = {}
Run.__index = Run

-- run = runs.new(host, args, with): `with` holds given (the input) or found (see stop/hunting.lua),
-- book (a journal or nil), client, lookup (its options, if the provider has one).
function runs.new(host, args, with)
  return setmetatable({
    host = host,
    args = args,
    given = with.given,
    found = with.found, -- replaces `given` for ids found by a filter
    book = with.book,
    client = with.client,
    lookup = with.lookup,
    counts = nil, -- by outcome, for the whole input as far as known
    reasons = {}, -- reason -> count, of ids not stopped in this run
    own_reasons = {}, -- outcome -> reason -> count
    settled = 0, -- number of settled ids
    unproven = with.book and with.book:unproven() or 0, -- stopped, but not proven
    positions = nil, -- place in the run -> position in the input, if different
    store = args.verify and lookups.new_store() or nil,
    tail = record.tails(),
    numbers = {}, -- scratch of positions_of()
    kinds = {}, -- outcome, code, proof -> shared fields of such ids
    fault = nil, -- why it cannot go on, as one line
    flushed = host.now(),
    -- Requests in flight, and responses since the last line of requests.
    traffic = { in_flight = 0, count = 0, ids = 0, slowest = 0 },
    is_refused = false, -- the credentials were refused
    has_answer = false, -- the provider itself has responded
    strange = 0, -- items with a response that was not the provider's
    rate_fault = nil, -- why the keeper of a shared rate does not respond
    pause = nil, -- a pause that ended the run: seconds and its start
  }, Run)
end

local function unwritable(path, message)
  return ("the journal %s cannot be written: %s; free some space and run the same command again, "
    .. "or continue without --journal"):format(path, message)
end

-- book = runs.open_journal(path, identity, options), as for journal.open | nil, message, code
function runs.open_journal(path, identity, options)
  local book, message, is_unwritable = journal.open(path, identity, options)
  if book then
    return book
  elseif is_unwritable then
    return nil, unwritable(path, message), exit.fault
  end
  return nil, ("the journal %s: %s"):format(path, message), exit.usage
end

-- Returns the number of ids to settle, as far as known.
function Run:total()
  return self.found and self.found:count() or self.given.total
end

-- Handles an event of the library.
function Run:notice(event)
  events.notice(self, event)
end

-- Shows a line to people, without disturbing the bar.
function Run:tell(line)
  self.bar:clear()
  self.host:say(line)
end

-- Records the start of work in the journal, once.
function Run:begin()
  if not self.has_begun then
    self.has_begun = true
    self.book:note("start", { version = version, ids = self:total(),
      settled = self.book:settled(), verify = self.store and true or nil })
  end
end

-- The library's source of ids, many at a time; with a journal, only after their intent is on disk.
function Run:source()
  local book = self.book
  if self.positions then
    return sources.iterator(self:unsettled_ids())
  end
  local position, fill = 0, self.given:filler()
  return function(chunk)
    chunk.n = 0
    if book and not book:grant(position) then
      return true
    end
    local count = fill(chunk, book and math.min(PIECE, book:granted() - position) or PIECE)
    chunk.n = count
    position = position + count
    return count == 0
  end
end

-- Iterates over the ids that earlier runs left to be sent, by the journal.
function Run:unsettled_ids()
  local next_id, book = self.given:reader(), self.book
  local position, place = 0, 0
  local may_hold = lookups.may_hold(self)
  return function()
    local target = book:grant(position)
    if not target and (self.has_ended or book.failure) then
      return nil
    end
    local id
    repeat
      position = position + 1
      id = next_id()
      if may_hold and position ~= target then
        lookups.hold(self, position, id)
      end
    until position == target or id == nil
    if id == nil then
      return nil
    end
    place = place + 1
    self.positions[place] = position
    self:forget(position)
    return id
  end
end

-- Removes an earlier run's outcome from the counts, since the id is about to be sent again.
function Run:forget(position)
  local known = self.book:known(position)
  if known then
    self.counts[known] = self.counts[known] - 1
    self.settled = self.settled - 1
  end
end

-- Periodic work of a run; called often.
function Run:tick()
  local now = self.host.now()
  if now - self.flushed >= FLUSH_EVERY then
    self.flushed = now
    self.sink:flush()
    if now - (self.noted or now) >= REQUESTS_EVERY then
      self.noted = now
      events.note_requests(self)
    end
    self.noted = self.noted or now
    if self.book then
      self.book:flush()
    end
  end
  self.bar:tick(now, self.settled, self.counts)
  if not self.signal then
    self.signal = self.host.signals.signal()
    if self.signal then
      self:tell(("stopping: %d in flight, waiting up to 2 s; Ctrl-C again to quit"):format(
        self.traffic.in_flight))
    end
  end
  local is_over = self.signal ~= nil or (self.book ~= nil and self.book.failure ~= nil)
  if is_over and self.book then
    self.book:seal()
  end
  self.has_ended = is_over
  return is_over
end

-- Counts an item, or with `by` of -1 uncounts it.
function Run:count(item, by)
  local word, reason = item.outcome, item.reason
  self.counts[word] = self.counts[word] + by
  self.settled = self.settled + by
  if word == "stopped" then
    self.unproven = self.unproven + (item.verified and 0 or by)
  elseif reason then
    self.own_reasons[word] = self.own_reasons[word] or {}
    for _, counted in ipairs({ self.reasons, self.own_reasons[word] }) do
      local count = (counted[reason] or 0) + by
      counted[reason] = count > 0 and count or nil
    end
  end
end

-- Records an item from the library. The result comes first: what the journal has settled, no later
-- run outputs.
function Run:take(item, place)
  local position = place
  if item.outcome == "invalid" then
    input.explain(item)
  end
  local book, positions, store = self.book, self.positions, self.store
  if positions then
    position = positions[place]
    positions[place] = nil
    local _, is_ambiguous = book:known(position)
    if is_ambiguous and item.reason ~= "malformed_id" then
      outcome.taint(item)
    end
  end
  local tail = self.tail(item)
  local entry = store and lookups.keep(store, { item = item, position = position })
  if not store then
    self.sink:item(item, tail)
  elseif entry then
    self.sink:item(entry.item, self.tail(entry.item))
  end
  if book then
    book:outcome(position, item, tail)
  end
  self:count(item, 1)
  if item.outcome ~= "stopped" then
    self:notice_trouble(item)
  elseif not self.has_answer then
    self.has_answer = true
  end
end

-- Returns the shared data of ids whose items have no other fields: { item, an example; tail, as
-- made by record.tails() }. The sink adds `frame`, the text around each id.
function Run:kind_of(word, code, verified)
  local kinds = self.kinds
  local key = ("%s %s %s"):format(word, tostring(code), tostring(verified))
  local kind = kinds[key]
  if not kind then
    local item = { id = "", outcome = word, code = code, verified = verified }
    kind = { item = item, tail = self.tail(item) }
    kinds[key] = kind
  end
  return kind
end

-- Returns the input positions of places[first..last] as a list, valid until the next call, and the
-- last place before an id that an earlier run may have sent.
function Run:positions_of(places, first, last)
  local positions, book, list = self.positions, self.book, self.numbers
  for i = first, last do
    local position = positions[places[i]]
    local _, is_ambiguous = book:known(position)
    if is_ambiguous then
      return list, i - 1
    end
    list[i] = position
  end
  return list, last
end

-- Records ids[first..last], whose items would be alike. Returns how many, up to the first that
-- needs an item.
function Run:take_alike(ids, places, first, last, word, code, verified)
  local kind = self:kind_of(word, code, verified)
  local positions = self.positions
  local frame, book, sink = self.sink:frame(kind), self.book, self.sink
  if frame == nil then
    return 0
  end
  local numbers = places
  if positions then
    numbers, last = self:positions_of(places, first, last)
  end
  local count = last - first + 1
  if book then
    count = book:outcomes(ids, numbers, first, last, kind.tail, frame and sink.gathered, frame)
  elseif frame then
    count = record.put(ids, places, first, last, nil, nil, nil, sink.gathered, frame)
  end
  for i = first, positions and first + count - 1 or 0 do
    positions[places[i]] = nil
  end
  if count == 0 then
    return 0
  end
  sink:added(count, kind.item)
  self.counts[word] = self.counts[word] + count
  self.settled = self.settled + count
  if word ~= "stopped" then
    self:notice_trouble(kind.item)
  else
    self.unproven = self.unproven + (verified and 0 or count)
    self.has_answer = true
  end
  return count
end

-- Returns the function that takes ids with like items; nil if a lookup may need the items.
function Run:sink_of_ids()
  return not self.store and function(...)
    return self:take_alike(...)
  end or nil
end

-- Notes what an item that was not stopped shows about the run.
function Run:notice_trouble(item)
  self.is_refused = self.is_refused or exit.is_end(item)
  self.has_answer = self.has_answer or advice.is_answer(item)
  if advice.is_strange(item) then
    self.strange = self.strange + 1
  end
end

-- Iterates over positions and ids, including all that are not settled.
function Run:unsettled()
  if self.found then
    return self.found:unsettled()
  end
  local position, next_id = 0, self.given:reader()
  return function()
    position = position + 1
    if position <= self.given.total then
      return position, next_id()
    end
  end
end

-- Stops sending after the journal could not be written.
function Run:fail_journal(message)
  self.fault = self.fault or unwritable(self.args.journal, message)
end

function Run:prepare(sink_file, adds)
  local host, args, book = self.host, self.args, self.book
  self.refusal = connection.refused(args)
  self.counts = book and book:counts() or reports.new().counts
  for _, count in pairs(self.counts) do
    self.settled = self.settled + count
  end
  if book and not book.is_new and not self.found then
    self.positions = {}
  end
  self.bar = progress.new({
    host = host,
    mode = args.quiet and "none" or args.progress,
    total = self:total(),
    done = self.settled,
    words = self.found and function()
      return self.found:words(self.counts)
    end or nil,
  })
  self.sink = output.new(args, host, self.bar, sink_file, adds, true)
  self.sink.on_failure = function(message)
    self:tell(("%sthe results cannot be written: %s"):format(
      self.is_over and "" or "still stopping, but ", message))
  end
  if book then
    -- If killed, a run may leave an item twice in the results, but never in the journal alone.
    book.before_write = function()
      self.sink:flush()
    end
    book.before_intent = function()
      self:begin()
    end
  end
  clients.listen(self.client, self.traffic, function(event)
    self:notice(event)
  end)
  host.signals.farewell(("%s%s: quit at once; %s\n"):format(self.bar:farewell(), host.command,
    book and "the journal is valid: run the same command again to resume"
    or "the fate of the requests in flight is unknown"))
  host.signals.hold(true)
end

-- Closes the journal and the results.
function Run:finish(summary)
  local book = self.book
  self.is_over = true
  events.note_requests(self)
  conclusion.summarize(self, summary)
  if book then
    if book.failure then
      self:fail_journal(book.failure)
    elseif self.has_begun then
      book:note("end", { requests = summary.requests, total = summary.total,
        stopped = summary.counts.stopped, interrupted = self.signal and true or nil })
    end
    local closed, message = book:close()
    if not closed then
      self:fail_journal(message)
    end
  end
  self.sink:finish(summary, conclusion.top_reasons(self))
  if self.given and self.given.is_short and not self.fault then
    self.fault = self.given.name .. " changed while being read"
  end
end

-- Sends. Returns the exit code.
function Run:go(sink_file, adds)
  self:prepare(sink_file, adds)
  local first
  if self.store and self.book and not self.book.is_new then
    first = lookups.look_first(self)
  end
  local items, summary
  if self.found then
    items, summary = self.found:items(self)
  else
    items, summary = clients.stream(self.client, self:source(), {
      kind = self.args.dispatch and "dispatch" or "message",
      is_interrupted = function()
        return self:tick()
      end,
    }, self:sink_of_ids())
  end
  for item, place in items do
    self:take(item, place)
  end
  if first then
    conclusion.add_report(summary, first)
  end
  if self.store then
    lookups.verify(self, summary)
  end
  self:finish(summary)
  return conclusion.report(self, summary)
end

return runs
