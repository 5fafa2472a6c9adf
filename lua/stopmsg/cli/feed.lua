-- stopmsg feed

local clients = require("stopmsg.client")
local connection = require("stopmsg.cli.connection")
local exit = require("stopmsg.cli.exit")
local feeder = require("stopmsg.fleet.feeder")
local ids = require("stopmsg.ids")
local input = require("stopmsg.cli.input")
local jobs = require("stopmsg.cli.jobs")
local native = require("stopmsg.command")
local progress = require("stopmsg.cli.progress")
local results = require("stopmsg.cli.results")
local text = require("stopmsg.text")

local command = {
  name = "feed",
  holds_signals = true,
  summary = "put ids into a job that many machines share",
  examples = [[
Examples:
  stopmsg feed friday -p revicom -i ids.txt
  stopmsg feed friday -p pushwoosh -i export.csv --field message_code --ahead 500
]],
}

-- Entries ahead of the workers, and ids whose results nobody has collected.
local AHEAD, RESULTS = 256, 500000

-- Ids of an entry: where each is a request of its own, and at most where a request takes many.
local SINGLES, MANY = 256, 1000

-- Seconds after which a wait for the workers is told.
local LONG = 2

function command.configure(parser)
  jobs.configure(parser)
  input.configure(parser)
  connection.configure_provider(parser)
  connection.configure_ca(parser)
  parser:flag("--dispatch", "Treat the ids as dispatches (mailings).")
  parser:flag("--all", "Allow a stop of a whole queue.")
  parser:option("--ahead", ("Entries that may wait for workers (%d)."):format(AHEAD)):argname("N")
    :convert(connection.number("ahead"))
  parser:option("--entry", ("Ids per entry (%d, and up to %s for batches)."):format(SINGLES,
    progress.grouped(MANY))):argname("N"):convert(connection.number("entry"))
  parser:option("--results", ("Maximum uncollected results, above which feed waits (%s)."):format(
    progress.grouped(RESULTS))):argname("N"):convert(connection.number("results"))
  parser:option("--patience", "How long to wait during a provider outage (60).")
    :argname("SECONDS"):convert(connection.seconds("patience"))
  parser:option("--progress", "Progress display: auto, bar, plain or none (auto)."):argname("HOW")
    :choices({ "auto", "bar", "plain", "none" }):default("auto"):show_default(false)
  parser:flag("-q --quiet", "Print only results and errors.")
  parser:epilog([[
Stays ahead of the workers, and ends when all ids are in the job. Run it again to go on, and after
Redis lost what it was last told: it puts in again what is missing. --patience is for Redis.

]] .. jobs.about .. exit.about_feed)
end

-- What tells one job from another: a list of { name, value }.
local function identity_of(args, client, operation, given)
  local digest = native.digest()
  digest:add(clients.address(client, operation)) -- somebody may have put a secret into it
  local names, settings = {}, {}
  for name, value in pairs(args.settings) do
    names[#names + 1] = ("%s=%s"):format(name, tostring(value))
  end
  table.sort(names)
  for i, line in ipairs(names) do
    settings[i] = line
  end
  local flags = (args.undocumented and "undocumented " or "") .. (args.all and "all" or "")
  local size = args.entry or math.min(MANY, math.max(SINGLES, operation.limit))
  return {
    { "version", jobs.VERSION },
    { "provider", args.provider },
    { "kind", args.dispatch and "dispatch" or "message" },
    { "flags", flags },
    { "settings", table.concat(settings, "\n") },
    { "address", digest:hex() },
    { "input", given.fingerprint },
    { "total", ("%.0f"):format(given.total) },
    { "size", ("%.0f"):format(size) },
  }, size
end

local DIFFERENCES = {
  version = "it was fed by another version of stopmsg",
  kind = "it has the other kind of ids (--dispatch)",
  flags = "--all or --undocumented differ",
  settings = "its settings differ",
  address = "its address differs",
  input = "its input is different or has changed",
  total = "its input is different or has changed",
  size = "its entry size differs (--entry)",
}

-- Why a job that is there is another one.
local function differs(name, reply)
  local field, value = reply[2], reply[3]
  local why = field == "provider" and ("it is of %s"):format(text.quote(value))
    or DIFFERENCES[field] or field
  return ("the job %s already exists, but %s: use another name, or remove that job with stopmsg "
    .. "job %s --forget"):format(name, why, name)
end

-- A function that gives the ids, and { id, why } for one that cannot be sent.
local function reader_of(given, form)
  local next_id = given:reader()
  return function()
    local id = next_id()
    if type(id) ~= "string" then
      return id
    end
    local is_good, why = ids.check(form, id)
    return is_good and id or { id, why }
  end
end

local write = results.writer()

-- The line of an id that cannot be sent.
local function line_of(position, problem)
  local id, why = problem[1], problem[2]
  local item = { id = id or problem, outcome = "invalid", reason = "malformed_id", attempts = 0,
    message = text.clean(why) }
  input.explain(item)
  return write(position, item, native.process.time())
end

local function positive(args, name)
  local value = args[name]
  if value and (value < 1 or value % 1 ~= 0) then
    return ("--%s: expected an integer of at least 1"):format(name)
  end
end

-- given, what, size, form of the ids | nil: all of it was told, but nothing is sent anywhere yet.
local function prepare(args, host)
  local function refuse(message)
    host:say(message)
    return nil
  end
  local wrong = positive(args, "ahead") or positive(args, "entry") or positive(args, "results")
  if wrong then
    return refuse(wrong)
  elseif args.entry and args.entry > 10000 then
    return refuse("--entry: an entry holds at most 10,000 ids")
  end
  local provider, message = connection.provider(args, host)
  if not provider then
    return refuse(message)
  end
  args.dry_run = true -- nothing is sent from here, so there is no token
  local client
  client, message = connection.open(args, host, provider)
  if not client then
    return refuse(message)
  end
  local operation
  operation, message = clients.operation(client, "stop", args.dispatch and "dispatch" or "message",
    args.all)
  if not operation then
    return refuse((connection.translate(message):gsub("pass all = true", "pass --all")))
  end
  local given
  given, message = input.of(args, host, operation.id)
  if not given then
    return refuse(message)
  end
  local odd = not args.quiet and given:oddities()
  if odd then
    host:say(odd)
  end
  local what, size = identity_of(args, client, operation, given)
  client:close()
  return given, what, size, operation.id
end

-- code = command.run(args, host)
function command.run(args, host)
  local given, what, size, form = prepare(args, host)
  if not given then
    return exit.usage
  end
  local made, code = jobs.open(args, host)
  if not made then
    return code
  end
  if not made.lasting and not args.quiet then
    host:say(("warning: %s has no append-only file, so a restart loses the job: set appendonly "
      .. "yes"):format(made.name))
  end
  jobs.hold(host)
  local feed
  local bar = progress.new({
    host = host,
    mode = args.quiet and "none" or args.progress,
    total = given.total,
    words = function()
      return ("%s of %s fed"):format(progress.grouped(feed.position), jobs.ids(given.total))
    end,
  })
  local signal, full_since, told_full
  local patience = args.patience or jobs.default_patience
  local function tell(message)
    bar:clear()
    host:say(message)
  end
  local on_wait = jobs.waiter({ say = function(_, message)
    tell(message)
  end }, patience, function()
    signal = signal or host.signals.signal()
    bar:tick(host.now(), feed.position, {})
    return signal ~= nil
  end)
  feed = feeder.new({
    store = made,
    me = jobs.own_name(),
    what = what,
    size = size,
    total = given.total,
    reader = function()
      return reader_of(given, form)
    end,
    line = line_of,
    lasting = made.lasting or 0,
    limits = { ahead = args.ahead or AHEAD, results = args.results or RESULTS },
    patience = patience,
    clock = host.now,
    on_wait = on_wait,
    on_full = function(which)
      local now = host.now()
      full_since = which and (full_since or now) or nil
      told_full = which and told_full or nil
      if which and now - full_since >= LONG and told_full ~= which and not args.quiet then
        told_full = which
        tell(which == "work" and ("%s wait for workers: stopmsg work %s"):format(
          jobs.entries(args.ahead or AHEAD), args.job)
          or ("%s results wait to be collected: stopmsg collect %s -o FILE"):format(
          progress.grouped(args.results or RESULTS), args.job))
      end
      bar:wait_for(which and (which == "work" and "waiting for workers"
        or "waiting for collect") or nil)
      return on_wait()
    end,
  })
  local done, why, detail, is_final = feed:run()
  bar:clear()
  made:close()
  if done then
    if not args.quiet then
      host:say(("all %s in the job %s"):format(jobs.ids(given.total)
        .. (given.total == 1 and " is" or " are"), args.job))
    end
    return exit.ok
  end
  local again = ("; run the same command again to go on (%s of %s)"):format(
    progress.grouped(feed.position), progress.grouped(given.total))
  if signal then
    host:say("interrupted" .. again)
    return exit.signal + signal
  elseif why == "DIFFERS" then
    host:say(differs(args.job, detail))
    return exit.usage
  elseif why == "BUSY" then
    host:say(("another feed is filling the job %s: %s; wait for it, or end it first"):format(
      args.job, jobs.shown_name(detail)))
    return exit.usage
  elseif why == "cancelled" then
    host:say(("the job %s is cancelled: nothing more is fed"):format(args.job))
    return exit.undone
  elseif why == "FORGOTTEN" then
    host:say(("the job %s was removed while being fed: %s"):format(args.job, jobs.START_OVER))
    return exit.undone
  elseif why == "SHORT" then
    host:say(given.name .. " changed while being read")
    return exit.fault
  end
  host:say(made.explain(detail) .. (is_final and "" or again))
  return is_final and feed.position == 0 and exit.usage or exit.undone
end

return command
