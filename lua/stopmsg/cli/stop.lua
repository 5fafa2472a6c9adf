-- stopmsg stop

local clients = require("stopmsg.client")
local connection = require("stopmsg.cli.connection")
local dry_run = require("stopmsg.cli.dry_run")
local exit = require("stopmsg.cli.exit")
local input = require("stopmsg.cli.input")
local journal = require("stopmsg.journal")
local outcome = require("stopmsg.outcome")
local output = require("stopmsg.cli.output")
local progress = require("stopmsg.cli.progress")
local record = require("stopmsg.record")
local reports = require("stopmsg.report")

local command = {
  name = "stop",
  summary = "stop messages, and tell what became of each",
  examples = [[
Examples:
  stopmsg stop -p revicom 2a28d557-22a1-4be6-8908-1481723043dd
  stopmsg stop -p revicom -i ids.txt --journal ids.journal --format ndjson -o results.ndjson
  stopmsg stop -p pushwoosh -i export.csv --field message_code --rate 50
  stopmsg stop -p idigital --dispatch --yes 4711
  grep ERROR app.log | cut -d' ' -f7 | stopmsg stop -p clickatell --yes -
]],
}

-- From so many ids on somebody has to say yes.
local MANY_IDS = 10000

-- Items that wait for their verification, at most.
local MAX_HELD = 100000

-- Seconds within which what settled is written.
local FLUSH_EVERY = 0.1

function command.configure(parser)
  input.configure(parser)
  connection.configure(parser)
  parser:flag("--dispatch", "The ids are those of dispatches (mailings).")
  parser:option("--verify", "Then look up what is not proven, for 30 seconds or so many.")
    :argname("[=SECONDS]"):convert(connection.number("verify"))
  parser:option("--journal", "Keep a journal; run again, the command goes on where it ended.")
    :argname("FILE")
  parser:flag("--dry-run", "Show the requests, send none.")
  parser:flag("-y --yes", "Do not ask for confirmation.")
  connection.configure_pace(parser)
  output.configure(parser)
  parser:epilog([[
The results are those of this run. With a journal that is continued, -o adds to a file of ndjson or
csv; text and json are written anew. --verify then also looks up what an earlier run left accepted.

The token comes from --token-file, else STOPMSG_<PROVIDER>_TOKEN, else STOPMSG_TOKEN.

With more than 10,000 ids, and with --dispatch, a terminal is asked for confirmation; where there
is none, --yes has to be given.

]] .. exit.about)
end

-- Where an answer can be typed. file | nil
local function open_answers(args, host)
  local reads_stdin = args.input == "-" or args.ids[1] == "-" or (#args.ids == 0 and not args.input)
  if host:is_terminal("stdin") and not reads_stdin then
    return host.stdin
  end
  return (host.open_terminal())
end

-- true | nil, message
local function confirm(args, host, total)
  local what
  if args.dispatch then
    what = ("%s dispatch(es)"):format(progress.grouped(total))
  elseif total > MANY_IDS then
    what = ("%s messages"):format(progress.grouped(total))
  end
  if not what or args.yes then
    return true
  end
  local answers = host:is_terminal("stderr") and open_answers(args, host)
  if not answers then
    return nil, ("%s: nobody is here to ask, so this needs --yes"):format(what)
  end
  host.stderr:write(("Stop %s at %s? [y/N] "):format(what, args.provider))
  host.stderr:flush()
  local answer = (answers:read("*l") or ""):lower():match("^%s*(.-)%s*$")
  if answer ~= "y" and answer ~= "yes" then
    return nil, "not confirmed; nothing was sent"
  end
  return true
end

-- Items that a lookup may still change, within bounds: the settled ones give way to the others.
local function new_store()
  return { settled = {}, open = {}, has_warned = false }
end

local CERTAIN = { failed = true, skipped = true, denied = true, invalid = true }

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

-- Everything of one call of the command, once it is clear that something will be sent.
local function new_run(host, args, given)
  return setmetatable({
    host = host,
    args = args,
    given = given,
    counts = nil, -- by outcome, of the whole input as far as it is known
    settled = 0, -- how many these are
    sent_before = 0, -- of these, before this run
    source_place = 0,
    positions = nil, -- place in the run -> position in the input, where they differ
    store = args.verify and new_store() or nil,
    tail = record.tails(),
    fault = nil, -- why it cannot go on, as one line
    flushed = host.now(),
  }, Run)
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
      local known = book:known(position)
      if known then
        self.counts[known] = self.counts[known] - 1
        self.settled = self.settled - 1
      end
    end
    return id
  end
end

-- What an earlier run left as a promise is not sent again, but looked up.
function Run:hold_promise(position, id)
  local open = self.store.open
  if type(id) == "string" and #open < MAX_HELD and self.book:known(position) == "accepted" then
    open[#open + 1] = { item = { id = id, outcome = "accepted" }, position = position }
  end
end

-- What a run notices while it goes on: called often.
function Run:tick()
  local now = self.host.now()
  if now - self.flushed >= FLUSH_EVERY then
    self.flushed = now
    self.sink:flush()
    if self.book then
      self.book:flush()
    end
  end
  self.bar:tick(now, self.settled, self.counts)
  self.signal = self.signal or self.host.signals.signal()
  local is_over = self.signal ~= nil or self.sink.failure ~= nil
    or (self.book ~= nil and self.book.failure ~= nil)
  if is_over and self.book then
    self.book:seal()
  end
  self.has_ended = is_over
  return is_over
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
  local counts = self.counts
  counts[item.outcome] = counts[item.outcome] + 1
  self.settled = self.settled + 1
  local store = self.store
  if not store then
    return self.sink:item(item, tail or self.tail(item))
  end
  local entry = keep(store, { item = item, position = position })
  if entry then
    self.sink:item(entry.item, self.tail(entry.item))
  end
end

-- Looks up what is held, and gives it out.
function Run:verify(client, summary)
  local store = self.store
  local report, entries = reports.new(), {}
  report.kind = summary.kind
  for _, list in ipairs({ store.open, store.settled }) do
    for _, entry in ipairs(list) do
      entries[#entries + 1] = entry
      report[#report + 1] = entry.item
      entry.before = entry.item.outcome
      entry.was_verified = entry.item.verified
    end
  end
  if #entries > 0 and not self:tick() then
    client:verify(report, {
      timeout = self.args.verify,
      is_interrupted = function()
        return self:tick()
      end,
    })
  end
  for _, entry in ipairs(entries) do
    local item = entry.item
    if item.outcome ~= entry.before or item.verified ~= entry.was_verified then
      self.counts[entry.before] = self.counts[entry.before] - 1
      self.counts[item.outcome] = self.counts[item.outcome] + 1
      if self.book then
        self.book:outcome(entry.position, item, self.tail(item))
      end
    end
    self.sink:item(item, self.tail(item))
  end
  for _, name in ipairs({ "requests", "retries", "connections", "elapsed" }) do
    summary[name] = summary[name] + report[name]
  end
  for _, message in ipairs(report.warnings) do
    summary.warnings[#summary.warnings + 1] = message
  end
  if store.has_overflown then
    table.insert(summary.warnings,
      ("only %s ids were looked up: no more are held"):format(progress.grouped(MAX_HELD)))
  end
end

-- What the library counted becomes what is known of the whole input.
function Run:summarize(summary)
  summary.total = 0
  for word, count in pairs(self.counts) do
    summary.counts[word] = count
    summary.total = summary.total + count
  end
  summary.ok = summary.counts.stopped == self.given.total
  summary.is_interrupted = self.signal ~= nil
  return summary
end

-- How to go on, in words, where something is left.
function Run:advice(summary)
  local left = self.given.total - summary.total
  local counts = summary.counts
  local again = counts.unknown + counts.skipped + counts.failed
  if self.book and (left > 0 or again > 0) then
    return ("%s; run the same command again to go on from %s"):format(
      left > 0 and progress.grouped(left) .. " ids were not reached"
        or progress.grouped(again) .. " ids are not settled",
      self.args.journal)
  elseif self.signal and (left > 0 or again > 0) then
    return "no journal was kept: with --journal FILE the same command goes on where it ended"
  end
end

function Run:report(summary)
  local host, args = self.host, self.args
  self.bar:clear()
  if not args.quiet then
    for _, message in ipairs(summary.warnings) do
      host:say("warning: " .. message)
    end
    if args.format ~= "text" or args.output then
      host:say(tostring(summary))
    end
  end
  local advice = (self.signal or not args.quiet) and self:advice(summary)
  if advice then
    host:say((self.signal and "interrupted; " or "") .. advice)
  elseif self.signal then
    host:say("interrupted")
  end
  if self.fault then
    host:say(self.fault)
    return exit.fault
  end
  return exit.of(summary.counts, self.signal)
end

-- Sends. code
function Run:go(client, sink_file, adds)
  local host, args, given = self.host, self.args, self.given
  self.counts = self.book and self.book:counts() or reports.new().counts
  for _, count in pairs(self.counts) do
    self.settled = self.settled + count
  end
  if self.book and not self.book.is_new then
    self.positions = {}
  end
  self.bar = progress.new({
    host = host,
    mode = args.quiet and "none" or args.progress,
    total = given.total,
    done = self.settled,
  })
  self.sink = output.new(args, host, self.bar, sink_file, adds)
  if self.book then
    -- A run that is killed may leave an item twice in the results, but none in the journal alone.
    self.book.before_write = function()
      self.sink:flush()
    end
  end
  host.signals.farewell(self.bar:farewell())
  host.signals.hold(true)

  local items, summary = client:each(self:source(), {
    kind = args.dispatch and "dispatch" or "message",
    is_interrupted = function()
      return self:tick()
    end,
  })
  for item, place in items do
    self:take(item, place)
  end
  if self.store then
    self:verify(client, summary)
  end

  -- The fault that comes first is the one that is told.
  local book = self.book
  if book and book.failure then
    self.fault = ("the journal %s cannot be written: %s"):format(args.journal, book.failure)
  end
  if book then
    local closed, message = book:close()
    if not closed and not self.fault then
      self.fault = ("the journal %s cannot be written: %s"):format(args.journal, message)
    end
  end
  self.sink:finish(self:summarize(summary))
  if args.output and sink_file:close() == nil and not self.sink.failure then
    self.sink.failure = "cannot be closed"
  end
  if self.sink.failure and not self.fault then
    self.fault = ("the results cannot be written: %s"):format(self.sink.failure)
  elseif given.is_short and not self.fault then
    self.fault = given.name .. " changed while it was read"
  end
  return self:report(summary)
end

-- provider, operation | nil, message
local function check_operation(args)
  local provider, message = connection.provider(args)
  if not provider then
    return nil, message
  end
  local operation = provider.operations[args.dispatch and "stop_dispatch" or "stop"]
  if operation and operation.undocumented and not args.undocumented then
    return nil, ("%s documents no stop of %s%s"):format(provider.name,
      args.dispatch and "dispatches" or "single messages",
      args.dispatch and "" or ": give dispatches, and --dispatch")
      .. ("; --undocumented tries it all the same")
  elseif not operation then
    return nil, ("%s has no stop of %s"):format(provider.name,
      args.dispatch and "dispatches" or "single messages")
  end
  return provider, operation
end

-- code = command.run(args, host)
function command.run(args, host)
  local function refuse(message)
    host:say(message)
    return exit.usage
  end

  local provider, operation = check_operation(args)
  if not provider then
    return refuse(operation)
  end
  local client, message = connection.open(args, host)
  if not client then
    return refuse(message)
  end
  local given
  given, message = input.of(args, host, operation.id)
  if not given then
    return refuse(message)
  end
  if args.dry_run then
    return dry_run.show(args, host, client, operation, given)
  end
  local confirmed
  confirmed, message = confirm(args, host, given.total)
  if not confirmed then
    return refuse(message)
  end

  local run = new_run(host, args, given)
  if args.journal then
    local batch = math.min(args.batch_size or operation.limit, operation.limit)
    run.book, message = journal.open(args.journal, {
      provider = args.provider,
      operation = operation.name,
      base_url = clients.address(client),
      fingerprint = given.fingerprint,
      total = given.total,
    }, { batch = batch, now = host.now })
    if not run.book then
      return refuse(("the journal %s %s"):format(args.journal, message))
    end
  end
  local file, adds = output.open(args, host, run.book and not run.book.is_new)
  if not file then
    return refuse(adds)
  end
  local code = run:go(client, file, adds)
  client:close()
  return code
end

return command
