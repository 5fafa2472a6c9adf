-- stopmsg stop --where: asks for confirmation, opens journal and ledger, and stops the ids found,
-- one look at the list after another.

local advice = require("stopmsg.cli.advice")
local clients = require("stopmsg.client")
local native = require("stopmsg.command")
local dry_run = require("stopmsg.cli.dry_run")
local exit = require("stopmsg.cli.exit")
local journal = require("stopmsg.journal")
local ledgers = require("stopmsg.cli.stop.ledger")
local listing = require("stopmsg.cli.listing")
local lookups = require("stopmsg.cli.stop.lookups")
local output = require("stopmsg.cli.output")
local progress = require("stopmsg.cli.progress")
local question = require("stopmsg.cli.question")
local runs = require("stopmsg.cli.stop.run")
local text = require("stopmsg.text")
local where = require("stopmsg.cli.where")

local hunting = {}

-- Ids shown in the question.
local EXAMPLES = 3

-- The ids found, in the role that an input has in run.lua.
local Found = {}
Found.__index = Found

-- Returns the number of ids to settle, as far as known.
function Found:count()
  return self.ledger.found
end

-- next_item, report: sends the ids found.
function Found:items(run)
  local ledger, book = self.ledger, run.book
  if book then
    run.positions = setmetatable({}, { __index = function(_, place)
      return ledger:position(place)
    end })
    ledger:prune()
  end
  if lookups.may_hold(run) then
    lookups.hold_all(run, ledger.promises)
  end
  local next_item, report = clients.hunt(run.client, self.filter, self.kind, {
    is_interrupted = function()
      return run:tick()
    end,
  }, {
    seen = ledger,
    first = ledger.first,
    sink = run:sink_of_ids(),
    found = function(items)
      if not ledger:intend(items) then
        return false
      end
      if items == ledger.first then
        for _, entry in ipairs(items) do
          run:forget(entry.position)
        end
      end
      return true
    end,
  })
  self.report = report
  return next_item, report
end

-- Iterates over the ids that an earlier run may have sent, with their positions.
function Found:unsettled()
  local at = 0
  return function()
    at = at + 1
    local entry = self.ledger.first[at]
    if entry then
      return entry.position, entry.id
    end
  end
end

-- "look 3: 12,400 found, 11,980 stopped"
function Found:words(counts)
  local report = self.report
  return ("look %d: %s found, %s stopped%s"):format(math.max(1, report and report.rounds or 0),
    progress.grouped(self.ledger.found), progress.grouped(counts.stopped),
    counts.unknown > 0 and (", %s unknown"):format(progress.grouped(counts.unknown)) or "")
end

-- Returns why some matches may be missing, "" after an interruption; nil if none are.
function Found:shortage()
  local report = self.report
  if self.ledger.is_full then
    return ("found more than --max %s allows"):format(progress.grouped(self.most))
  elseif report and not report.is_complete then
    return report.err and report.err.reason == "interrupted" and "" or listing.why(report.err)
  end
end

-- Returns what to do about a shortage; `pages` were read.
function Found:advice(pages)
  return self.ledger.is_full and "give a larger --max"
    or advice.of_list(self.report and self.report.err, pages)
end

-- Returns whether the credentials were refused for the list.
function Found:is_refused()
  local err = self.report and self.report.err
  return err ~= nil and err.reason == "credentials"
end

-- Resolves the filter, with the times of an earlier run. filter, kind, pairs for the journal
-- nil, message
local function resolve(args, client, given)
  local header = args.journal and journal.header(args.journal)
  local earlier = header and type(header.where) == "table" and header.where or {}
  local known = {} -- name and value as given -> as resolved
  for _, triple in ipairs(earlier) do
    if type(triple) == "table" then
      known[tostring(triple[1]) .. "=" .. tostring(triple[2])] = triple[3]
    end
  end
  local resolved, raw = {}, {}
  for name, values in pairs(given) do
    resolved[name], raw[name] = {}, {}
    for i, value in ipairs(values) do
      local before = known[name .. "=" .. value]
      resolved[name][i] = type(before) == "string" and before or value
      raw[name][i] = value
    end
  end
  local filter, kind = where.filter(client, args, resolved, true)
  if not filter then
    return nil, kind
  end
  local triples, at = {}, {}
  for i, pair in ipairs(filter:resolved()) do
    local name = pair[1]
    at[name] = (at[name] or 0) + 1
    triples[i] = { name, raw[name][at[name]] or pair[2], pair[2] }
  end
  return filter, kind, triples
end

-- Looks once, without stopping anything. Returns report, examples; look holds the text to show.
local function preview(args, client, filter, look)
  local examples = {}
  local report = look:read(client, where.given(filter:resolved()), function(item)
    if #examples < EXAMPLES then
      examples[#examples + 1] = item.id
    end
    return args.max ~= nil and look.report.total > args.max
  end)
  return report, examples
end

local function named(examples)
  local names = {}
  for i, id in ipairs(examples) do
    names[i] = text.printable(text.cut(tostring(id), 60))
  end
  return table.concat(names, ", ")
end

-- Shows what would be stopped and asks. Returns nil to go on, or the exit code.
local function ask(args, host, with, look)
  local client, filter = with.client, with.filter
  local answers = not args.yes and not args.dry_run and question.answers(args, host)
  if not args.yes and not args.dry_run and not answers then
    host:say(question.nobody("stopping what --where finds"))
    return exit.usage
  end
  with.tell_address()
  if not args.dry_run and args.yes and not args.max then
    return nil
  end
  local report, examples = preview(args, client, filter, look)
  if args.max and report.total > args.max then
    host:say(("found more than %s, which is the limit (--max); nothing was sent"):format(
      where.count(args.max, report.unit)))
    return exit.usage
  end
  if not args.yes or not report.is_complete then
    look:tell(report)
  end
  if not report.is_complete then
    host:say("nothing was stopped: " .. advice.of_list(report.err, report.pages))
    return look:code(report)
  elseif report.total == 0 then
    if not with.has_more then
      host:say(("nothing left to stop: %s"):format(where.words(filter)))
      return exit.refused
    end
  elseif not args.yes then
    host:say(("%s can still be stopped (%s): %s%s"):format(where.count(report.total, report.unit),
      where.words(filter), named(examples), report.total > #examples and ", …" or ""))
  end
  if with.operation.all and not args.yes then
    host:say("each stops " .. text.printable(with.operation.all))
  end
  if args.dry_run then
    if #examples > 0 then
      dry_run.show_first(args, host, client, with.operation, examples)
    end
    host:say(("%s would be stopped; nothing was sent"):format(where.count(report.total,
      report.unit)))
    return exit.ok
  elseif args.yes then
    return nil
  end
  host.signals.hold(false) -- nobody looks for signals while the answer is awaited
  local confirmed, message = question.confirm(args, host, answers,
    where.count(report.total, report.unit))
  host.signals.hold(true)
  if not confirmed then
    host:say(message)
    return exit.usage
  end
end

-- code = hunting.run(args, host, with): with: client, operation (of the stop), lookup (its options,
-- or nil), listen(listener): sets the receiver of the library's events; tell_address().
function hunting.run(args, host, with)
  local function refuse(message, code)
    host:say(message)
    return code or exit.usage
  end
  if #args.ids > 0 or #(args.inputs or {}) > 0 or args.field then
    return refuse("give ids or --where, not both")
  end
  local given, message = where.read(args)
  if not given then
    return refuse(message)
  end
  local filter, kind, triples = resolve(args, with.client, given)
  if not filter then
    return refuse(kind)
  end
  local function open_journal()
    local digest = native.digest()
    digest:add(tostring(filter))
    return runs.open_journal(args.journal, {
      provider = args.provider,
      operation = with.operation.name,
      base_url = clients.address(with.client, with.operation),
      fingerprint = digest:hex(),
      where = triples,
    }, { batch = with.operation.limit, now = host.now })
  end
  local book, code
  if args.journal and journal.header(args.journal) then
    book, message, code = open_journal()
    if not book then
      return refuse(message, code)
    end
  end
  local look = listing.new(host, args)
  with.listen(look)
  host.signals.farewell(("%s%s: interrupted; nothing was stopped\n"):format(look.bar:farewell(),
    host.command))
  host.signals.hold(true)
  code = ask(args, host, {
    client = with.client,
    filter = filter,
    operation = with.operation,
    tell_address = with.tell_address,
    has_more = book ~= nil,
  }, look)
  if code then
    return code
  end
  if args.journal and not book then
    book, message, code = open_journal()
    if not book then
      return refuse(message, code)
    end
  end
  local ledger
  ledger, message = ledgers.new({ form = with.operation.id, book = book, path = args.journal,
    most = args.max })
  if not ledger then
    return refuse(("the journal %s: %s"):format(args.journal, message))
  end
  local file, adds = output.open(args, host, book and not book.is_new)
  if not file then
    return refuse(adds)
  end
  local run = runs.new(host, args, {
    found = setmetatable({ filter = filter, kind = kind, ledger = ledger, most = args.max },
      Found),
    book = book,
    client = with.client,
    lookup = with.lookup,
  })
  with.listen(run)
  return run:go(file, adds)
end

-- Returns whether the arguments ask for it. If each stop reaches beyond its ids, --all refers to
-- that.
function hunting.is_meant(args, operation)
  return #(args.where or {}) > 0 or (args.all and not operation.all) or false
end

function hunting.configure(parser)
  parser:option("--where", "Find and stop what this filter selects (repeatable).")
    :argname("NAME=VALUE"):count("*")
  parser:flag("--all", "Find and stop everything that is listed; allow a stop of a whole queue.")
end

return hunting
