-- A run of `stopmsg stop`, once it is clear that something will be sent: from the input through the
-- library to journal, results and what people are told.

local advice = require("stopmsg.cli.advice")
local connection = require("stopmsg.cli.connection")
local duration = require("stopmsg.cli.duration")
local exit = require("stopmsg.cli.exit")
local input = require("stopmsg.cli.input")
local options = require("stopmsg.options")
local outcome = require("stopmsg.meaning.outcome")
local output = require("stopmsg.cli.output")
local progress = require("stopmsg.cli.progress")
local record = require("stopmsg.record")
local reports = require("stopmsg.report")
local version = require("stopmsg.version")

local stopping = {}

-- Items that wait for their verification, at most.
local MAX_HELD = 100000

-- Ids that are looked up together before anything is sent.
local CHUNK = 2000

-- Seconds within which what settled is written, and that one line of requests covers.
local FLUSH_EVERY, REQUESTS_EVERY = 0.1, 1

-- Reasons that the totals name.
local MOST_REASONS = 5

-- Pauses of more seconds than the first are told; one of more than the second ends the run.
local LONG_PAUSE, LONGEST_PAUSE = 2, 900

-- The end of an outage is told where that lasted for so many seconds.
local LONG_OUTAGE = 2

-- Items that a lookup may still change, within bounds: the settled ones give way to the others.
local function new_store()
  return { settled = {}, open = {} }
end

local CERTAIN = { failed = true, skipped = true, denied = true, invalid = true, recalled = true }

-- Keeps an item for its verification. Gives one back that there is no room for, or nil.
local function keep(store, entry)
  local item = entry.item
  if item.verified or CERTAIN[item.outcome] then
    return entry
  end
  local list = outcome.all[item.outcome].settled and store.settled or store.open
  list[#list + 1] = entry
  if #store.settled + #store.open <= MAX_HELD then
    return nil
  end
  store.has_overflown = true
  return table.remove(store.settled) or table.remove(store.open)
end

local Run = {}
Run.__index = Run

-- run = stopping.new(host, args, with): `with` holds given (the input) or found (see hunting.lua),
-- book (a journal or nil), client, lookup (the options of one, where the provider has it).
function stopping.new(host, args, with)
  return setmetatable({
    host = host,
    args = args,
    given = with.given,
    found = with.found, -- in place of that: ids that are looked for
    book = with.book,
    client = with.client,
    lookup = with.lookup,
    counts = nil, -- by outcome, of the whole input as far as it is known
    reasons = {}, -- of what was not stopped in this run: reason -> count
    own_reasons = {}, -- outcome -> the same of it alone
    settled = 0, -- how many these are
    unproven = with.book and with.book:unproven() or 0, -- stopped, by the provider's word alone
    positions = nil, -- place in the run -> position in the input, where they differ
    store = args.verify and new_store() or nil,
    tail = record.tails(),
    fault = nil, -- why it cannot go on, as one line
    flushed = host.now(),
    in_flight = 0, -- requests
    traffic = { count = 0, ids = 0, slowest = 0 }, -- since the last line of requests
    is_refused = false, -- the credentials are
    has_answer = false, -- of the provider itself
    strange = 0, -- items that say that somebody else answered
    rate_fault = nil, -- why the keeper of a shared rate does not answer
    pause = nil, -- seconds, and when they began: a pause that ended the run
  }, Run)
end

-- The ids that are to be settled, as far as they are known.
function Run:total()
  return self.found and self.found:count() or self.given.total
end

-- Deals with an event of the library.
function Run:notice(event)
  local kind = event.type
  if kind == "request" then
    self.in_flight = self.in_flight + 1
  elseif kind == "response" then
    self.in_flight = self.in_flight - 1
    local traffic = self.traffic
    traffic.count, traffic.ids = traffic.count + 1, traffic.ids + event.ids
    traffic.slowest = math.max(traffic.slowest, event.elapsed or 0)
    if self.args.verbose then
      self:tell(output.event(event))
    end
  elseif kind == "retry" then
    self.bar:trouble(("%s, retrying"):format(event.reason or "no response"))
  elseif kind == "throttle" then
    self:notice_pause(event.delay)
  elseif kind == "outage" then
    self:notice_outage(event)
  end
end

-- A line for people, with the bar out of its way.
function Run:tell(line)
  self.bar:clear()
  self.host:say(line)
end

function Run:notice_pause(seconds)
  local now = self.host.now()
  if self.book then
    self.book:note("pause", { seconds = seconds })
  end
  -- Several answers may ask for the same pause.
  local is_news = now + seconds > (self.paused_till or 0) + 1
  self.paused_till = math.max(self.paused_till or 0, now + seconds)
  self.bar:wait_for("pause", self.paused_till)
  if seconds > LONGEST_PAUSE then
    self.pause = math.max(seconds, self.pause or 0)
  end
  if seconds > LONG_PAUSE and is_news and not self.args.quiet then
    self:tell(("the provider asked for a pause: sending nothing for %s"):format(
      duration.words(seconds)))
  end
end

function Run:notice_outage(event)
  local fields = {}
  for name, value in pairs(event) do
    if name ~= "type" and name ~= "provider" and name ~= "operation" then
      fields[name] = type(value) ~= "table" and value or nil
    end
  end
  if self.book then
    self.book:note("outage", fields)
  end
  if event.of == "rate" then
    self:notice_rate(event)
  elseif event.phase == "begin" then
    self.bar:outage(output.failure(event))
  else
    self.bar:outage(nil)
    if event.reason == "answered" and event.elapsed >= LONG_OUTAGE and not self.args.quiet then
      self:tell(("the provider is answering again after %s"):format(duration.words(event.elapsed)))
    end
  end
end

-- The keeper of a shared rate does not answer, or does again.
function Run:notice_rate(event)
  local is_back = event.reason == "answered"
  self.rate_fault = not is_back and (event.message or self.rate_fault) or nil
  self.bar:wait_for(event.phase == "begin" and "waiting for the shared rate" or nil)
  if event.phase == "begin" and not self.args.quiet then
    self:tell(("%s: waiting up to %s"):format(event.message,
      duration.words(self.args.patience or options.defaults.patience)))
  elseif is_back and event.elapsed >= LONG_OUTAGE and not self.args.quiet then
    self:tell(("the shared rate is back after %s"):format(duration.words(event.elapsed)))
  end
end

-- Notes in the journal that something is about to be done: once.
function Run:begin()
  if not self.has_begun then
    self.has_begun = true
    self.book:note("start", { version = version, ids = self:total(),
      settled = self.book:settled() })
  end
end

-- The ids for the library, one after the other; with a journal, none before its intent is on disk.
function Run:source()
  local next_id = self.given:reader()
  local book = self.book
  if not book then
    return next_id
  end
  local position, place = 0, 0
  return function()
    local target = book:grant(position)
    if not target and (self.has_ended or book.failure or not self.positions) then
      return nil
    end
    local id
    repeat
      position = position + 1
      id = next_id()
      if self.store and self.positions and position ~= target then
        self:hold_promise(position, id)
      end
    until position == target or id == nil
    if id == nil then
      return nil
    end
    place = place + 1
    if self.positions then
      self.positions[place] = position
      self:forget(position)
    end
    return id
  end
end

-- Takes what an earlier run noted of a position out of the counts: it is about to be sent again.
function Run:forget(position)
  local known = self.book:known(position)
  if known then
    self.counts[known] = self.counts[known] - 1
    self.settled = self.settled - 1
  end
end

-- Holds what an earlier run left as a promise, for its verification.
function Run:hold_promises(entries)
  for _, entry in ipairs(entries) do
    self:hold_promise(entry.position, entry.id)
  end
end

-- What an earlier run left as a promise is not sent again, but looked up.
function Run:hold_promise(position, id)
  local open = self.store.open
  if type(id) == "string" and #open < MAX_HELD and self.book:is_promised(position) then
    open[#open + 1] = { item = { id = id, outcome = (self.book:known(position)) },
      position = position }
  end
end

-- Writes what happened since the last line of requests.
function Run:note_requests()
  local traffic = self.traffic
  if self.book and traffic.count > 0 then
    self.book:note("request", { count = traffic.count, ids = traffic.ids,
      slowest = traffic.slowest })
    self.traffic = { count = 0, ids = 0, slowest = 0 }
  end
end

-- What a run notices while it goes on: called often.
function Run:tick()
  local now = self.host.now()
  if now - self.flushed >= FLUSH_EVERY then
    self.flushed = now
    self.sink:flush()
    if now - (self.noted or now) >= REQUESTS_EVERY then
      self.noted = now
      self:note_requests()
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
        self.in_flight))
    end
  end
  local is_over = self.signal ~= nil or (self.book ~= nil and self.book.failure ~= nil)
  if is_over and self.book then
    self.book:seal()
  end
  self.has_ended = is_over
  return is_over
end

-- Counts an item, or takes it out of the counts again (by -1).
function Run:count(item, by)
  self.counts[item.outcome] = self.counts[item.outcome] + by
  self.settled = self.settled + by
  if item.outcome == "stopped" and not item.verified then
    self.unproven = self.unproven + by
  end
end

-- Notes an item that the library gave out.
function Run:take(item, place)
  local position = place
  if item.outcome == "invalid" then
    input.explain(item)
  end
  local tail
  local book = self.book
  if book then
    local positions = self.positions
    if positions then
      position = positions[place]
      positions[place] = nil
      local _, is_ambiguous = book:known(position)
      if is_ambiguous and item.reason ~= "malformed_id" then
        outcome.taint(item)
      end
    end
    tail = self.tail(item)
    book:outcome(position, item, tail)
  end
  self:count(item, 1)
  if item.outcome ~= "stopped" then
    self:notice_trouble(item)
  elseif not self.has_answer then
    self.has_answer = true
  end
  local store = self.store
  if not store then
    return self.sink:item(item, tail or self.tail(item))
  end
  local entry = keep(store, { item = item, position = position })
  if entry then
    self.sink:item(entry.item, self.tail(entry.item))
  end
end

-- What an item that was not stopped says of the run.
function Run:notice_trouble(item)
  local reason = item.reason
  if reason then
    self.reasons[reason] = (self.reasons[reason] or 0) + 1
    local own = self.own_reasons[item.outcome] or {}
    self.own_reasons[item.outcome] = own
    own[reason] = (own[reason] or 0) + 1
    self.is_refused = self.is_refused or exit.is_end(item)
  end
  self.has_answer = self.has_answer or advice.is_answer(item)
  if advice.is_strange(item) then
    self.strange = self.strange + 1
  end
end

-- Adds what a further call did to what the run tells of itself.
local function add_report(summary, report)
  for _, name in ipairs({ "requests", "retries", "connections", "elapsed" }) do
    summary[name] = summary[name] + report[name]
  end
  for _, message in ipairs(report.warnings) do
    local is_known = false
    for _, known in ipairs(summary.warnings) do
      is_known = is_known or known == message
    end
    if not is_known then
      summary.warnings[#summary.warnings + 1] = message
    end
  end
end

-- Outcomes that a message's own state proves.
local PROVEN = { stopped = true, too_late = true, not_stoppable = true, recalled = true }

-- Gives out what a lookup says of ids that an earlier run may have sent. What is open, or has no
-- answer, is left to be sent.
function Run:settle_found(entries, summary)
  local list = {}
  for i, entry in ipairs(entries) do
    list[i] = entry.id
  end
  local found = self.client:status(list, {
    kind = self.args.dispatch and "dispatch" or "message",
    deadline = self.args.deadline or math.huge,
    is_interrupted = function()
      return self:tick()
    end,
  })
  for i, entry in ipairs(entries) do
    local seen = found[i]
    if seen.state and PROVEN[seen.outcome] and seen.reason ~= "gone_or_sent" then
      local item = { id = entry.id, outcome = seen.outcome, state = seen.state,
        message = seen.message, ambiguous = true, verified = true }
      local tail = self.tail(item)
      self:begin()
      self.counts.unknown = self.counts.unknown - 1
      self.settled = self.settled - 1
      self:count(item, 1)
      self.book:settle(entry.position, item, tail)
      self.sink:item(item, tail)
    end
    self.is_refused = self.is_refused or exit.is_end(seen)
  end
  add_report(summary, found)
end

-- An iterator of positions and ids, among them all that are not settled.
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

-- Looks up what an earlier run may have sent, before anything is sent again. The report of that
-- counts only requests.
function Run:look_first()
  local summary = reports.new()
  local entries = {}
  self.bar:wait_for("looking up ids that may have been sent")
  for position, id in self:unsettled() do
    local _, is_ambiguous = self.book:known(position)
    if is_ambiguous and type(id) == "string" then
      entries[#entries + 1] = { id = id, position = position }
    end
    if #entries == CHUNK then
      self:settle_found(entries, summary)
      entries = {}
    end
    if self.is_refused or self.has_ended then
      break
    end
  end
  if #entries > 0 and not self.is_refused and not self.has_ended then
    self:settle_found(entries, summary)
  end
  self.is_refused = false -- the stop itself may be allowed
  self.bar:wait_for(nil)
  return summary
end

-- Looks up what is held, and gives it out.
function Run:verify(summary)
  local store = self.store
  local report, entries = reports.new(), {}
  report.kind = summary.kind
  for _, list in ipairs({ store.open, store.settled }) do
    for _, entry in ipairs(list) do
      entries[#entries + 1] = entry
      report[#report + 1] = entry.item
      entry.before = { outcome = entry.item.outcome, verified = entry.item.verified }
    end
  end
  if #entries > 0 and not self:tick() then
    local what = ("verifying %s, up to %s"):format(progress.grouped(#entries),
      duration.words(self.args.verify))
    self.bar:wait_for(what)
    if not self.args.quiet then
      self:tell(what)
    end
    self.client:verify(report, {
      timeout = self.args.verify,
      is_interrupted = function()
        return self:tick()
      end,
    })
  end
  for _, entry in ipairs(entries) do
    local item, before = entry.item, entry.before
    if item.outcome ~= before.outcome or item.verified ~= before.verified then
      self:count(before, -1)
      self:count(item, 1)
      if self.book then
        self:begin()
        self.book:outcome(entry.position, item, self.tail(item))
      end
    end
    self.sink:item(item, self.tail(item))
  end
  add_report(summary, report)
  if store.has_overflown then
    table.insert(summary.warnings,
      ("only the first %s unproven ids were looked up"):format(progress.grouped(MAX_HELD)))
  end
  if self.unproven > 0 then
    table.insert(summary.warnings, ("the provider confirmed %s stop%s, but no lookup proved %s "
      .. "within %s"):format(progress.grouped(self.unproven), self.unproven == 1 and "" or "s",
      self.unproven == 1 and "it" or "them", duration.words(self.args.verify)))
  end
end

-- What the library counted becomes what is known of the whole input.
function Run:summarize(summary)
  summary.total = 0
  for word, count in pairs(self.counts) do
    summary.counts[word] = count
    summary.total = summary.total + count
  end
  self.shortage = self.found and self.found:shortage()
  self.is_refused = self.is_refused or (self.found and self.found:is_refused()) or false
  summary.ok = summary.counts.stopped == self:total() and not self.shortage
  summary.is_interrupted = self.signal ~= nil
  return summary
end

-- "timeout 49,990, http_503 10": the commonest reasons; nil where there are none.
function Run:top_reasons(most)
  local list = {}
  for reason, count in pairs(self.reasons) do
    list[#list + 1] = { reason = reason, count = count }
  end
  table.sort(list, function(a, b)
    return a.count > b.count or (a.count == b.count and a.reason < b.reason)
  end)
  local parts = {}
  for i = 1, math.min(most, #list) do
    parts[i] = ("%s %s"):format(list[i].reason, progress.grouped(list[i].count))
  end
  return #parts > 0 and table.concat(parts, ", ") or nil
end

-- The commonest reason of these outcomes; nil where they have none.
function Run:commonest(...)
  local best, most = nil, 0
  for _, word in ipairs({ ... }) do
    for reason, count in pairs(self.own_reasons[word] or {}) do
      if count > most or (count == most and reason < best) then
        best, most = reason, count
      end
    end
  end
  return best
end

-- What to do next, in words; nil where there is nothing to do.
function Run:advice(summary)
  return advice.of({
    counts = summary.counts,
    reason_of = function(...)
      return self:commonest(...)
    end,
    left = self:total() - summary.total,
    shortage = self.shortage,
    is_empty = self.found and summary.total == 0,
    journal = self.book and self.args.journal,
    lookup = self.lookup,
    has_verified = self.store ~= nil,
    unproven = self.store and self.unproven or 0,
    refused = self.is_refused and self.refusal or nil,
    rate_fault = self.rate_fault,
    is_strange = self.strange > 0 and not self.has_answer,
    pause = self.pause,
    clock = self.pause and os.date("%H:%M:%S", os.time() + math.ceil(self.pause)),
  })
end

function Run:report(summary)
  local host, args = self.host, self.args
  self.bar:clear()
  if not args.quiet then
    for _, message in ipairs(summary.warnings) do
      host:say("warning: " .. message)
    end
    if args.format ~= "text" or args.output or self.sink.failure then
      local reasons = self:top_reasons(MOST_REASONS)
      host:say(tostring(summary) .. (reasons and "; reasons: " .. reasons or ""))
    end
  end
  local is_told = self.signal or self.is_refused or self.rate_fault or not args.quiet
  local line = is_told and self:advice(summary)
  if self.fault then
    host:say(self.fault)
  elseif line then
    host:say((self.signal and "interrupted; " or "") .. line)
  elseif self.signal then
    host:say("interrupted; nothing left to do")
  end
  if self.fault or self.sink.failure then
    return exit.fault
  end
  return exit.of(summary.counts, {
    credentials = self.is_refused,
    signal = self.signal,
    unproven = self.store ~= nil and self.unproven > 0,
    shortage = self.shortage ~= nil,
    nothing = self.found ~= nil and summary.total == 0,
  })
end

-- The journal cannot be written: nothing more is sent.
function Run:fail_journal(message)
  self.fault = self.fault or ("the journal %s cannot be written: %s; free some space and run the "
    .. "same command again, or continue without --journal"):format(self.args.journal, message)
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
    -- A run that is killed may leave an item twice in the results, but none in the journal alone.
    book.before_write = function()
      self.sink:flush()
    end
    book.before_intent = function()
      self:begin()
    end
  end
  host.signals.farewell(("%s%s: quit at once; %s\n"):format(self.bar:farewell(), host.command,
    book and "the journal is valid: run the same command again to resume"
    or "the fate of the requests in flight is unknown"))
  host.signals.hold(true)
end

-- Ends the journal and the results.
function Run:finish(summary, sink_file)
  local book = self.book
  self.is_over = true
  self:note_requests()
  self:summarize(summary)
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
  self.sink:finish(summary, self:top_reasons(MOST_REASONS))
  if self.args.output and sink_file:close() == nil then
    self.sink:fail("cannot be closed")
  end
  if self.given and self.given.is_short and not self.fault then
    self.fault = self.given.name .. " changed while being read"
  end
end

-- Sends. code
function Run:go(sink_file, adds)
  self:prepare(sink_file, adds)
  local first
  if self.store and self.book and not self.book.is_new then
    first = self:look_first()
  end
  local items, summary
  if self.found then
    items, summary = self.found:items(self)
  else
    items, summary = self.client:each(self:source(), {
      kind = self.args.dispatch and "dispatch" or "message",
      is_interrupted = function()
        return self:tick()
      end,
    })
  end
  for item, place in items do
    self:take(item, place)
  end
  if first then
    add_report(summary, first)
  end
  if self.store then
    self:verify(summary)
  end
  self:finish(summary, sink_file)
  return self:report(summary)
end

return stopping
