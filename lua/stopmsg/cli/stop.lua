-- stopmsg stop

local clients = require("stopmsg.client")
local connection = require("stopmsg.cli.connection")
local dry_run = require("stopmsg.cli.dry_run")
local exit = require("stopmsg.cli.exit")
local hunting = require("stopmsg.cli.stop.hunting")
local input = require("stopmsg.cli.input")
local native = require("stopmsg.command")
local option_checks = require("stopmsg.options")
local output = require("stopmsg.cli.output")
local progress = require("stopmsg.cli.progress")
local question = require("stopmsg.cli.question")
local sharing = require("stopmsg.cli.sharing")
local runs = require("stopmsg.cli.stop.run")
local text = require("stopmsg.text")

local command = {
  name = "stop",
  holds_signals = true, -- once it sends
  summary = "stop messages and report what became of each",
  examples = [[
Examples:
  stopmsg stop -p revicom 2a28d557-22a1-4be6-8908-1481723043dd
  stopmsg stop -p revicom -i ids.txt --journal ids.journal --format ndjson -o results.ndjson
  stopmsg stop -p pushwoosh -i export.csv --field message_code --rate 50
  stopmsg stop -p idigital --dispatch --yes 4711
  stopmsg stop -p revicom --where dispatch=4711 --journal 4711.journal
  grep ERROR app.log | cut -d' ' -f7 | stopmsg stop -p clickatell --yes -
]],
}

-- From so many ids on somebody has to say yes.
local MANY_IDS = 10000

-- Dispatches that the question names one by one.
local MOST_NAMED = 5

function command.configure(parser)
  input.configure(parser)
  hunting.configure(parser)
  connection.configure(parser)
  parser:flag("--dispatch", "Treat the ids as dispatches (mailings).")
  parser:option("--verify", "Afterwards, look up unproven ids for up to SECONDS (30).")
    :argname("[=SECONDS]"):convert(connection.seconds("verify", option_checks.is_seconds))
  parser:option("--journal", "Keep a journal, so that running the command again continues.")
    :argname("FILE")
  parser:flag("--dry-run", "Show the requests without sending any.")
  parser:flag("-y --yes", "Do not ask for confirmation.")
  connection.configure_pace(parser)
  sharing.configure(parser)
  output.configure(parser)
  parser:epilog([[
Results cover this run. When a journal is continued, -o appends to an ndjson or csv file, and
rewrites text and json. --verify then first looks up what the earlier run left unknown, sends only
ids that are open or get no answer, and looks up unproven ids at the end.

A bare number after --verify is refused: write --verify=30, or --verify -- 30 for the id 30.

The token comes from --token-file, else STOPMSG_<PROVIDER>_TOKEN, else STOPMSG_TOKEN.
STOPMSG_<PROVIDER>_BASE_URL, else STOPMSG_BASE_URL, sets --base-url.

--where finds the messages and stops them, and looks again until nothing is left. stopmsg
providers NAME lists the filters. Times are RFC 3339 (2026-11-29T09:00:00Z), 09:00 (today, local
time) or -2h.

stopmsg asks for confirmation before it stops a dispatch, more than 10,000 ids, a whole queue
(mailgun), or what --where found. Without a terminal, pass --yes.

]] .. exit.about)
end

-- What is to be stopped, in words.
local function subject(args, given, operation)
  local count = given.total - given.bad_count
  if not args.dispatch and not operation.all then
    return ("%s message%s"):format(progress.grouped(count), count == 1 and "" or "s")
  end
  local names, next_id = {}, given:reader()
  while #names < MOST_NAMED do
    local id = next_id()
    if id == nil then
      break
    elseif type(id) == "string" then
      names[#names + 1] = text.printable(text.cut(id, 60))
    end
  end
  local more = count > #names and ", …" or ""
  return ("%s: %s%s"):format(operation.all and text.printable(operation.all)
    or count == 1 and "1 dispatch" or progress.grouped(count) .. " dispatches",
    table.concat(names, ", "), more)
end

-- true | nil, message. `book` is a journal that is continued, or nil.
local function confirm(args, host, given, book, operation)
  if args.yes or not (args.dispatch or operation.all or given.total > MANY_IDS) then
    return true
  end
  local what = subject(args, given, operation)
  local answers = question.answers(args, host)
  if not answers then
    return nil, question.nobody(what)
  end
  local odd = given:oddities()
  if odd then
    host:say(odd)
  end
  local settled = book and book:settled() or 0
  if settled > 0 then
    host:say(("%s of the %s ids are already settled in %s"):format(progress.grouped(settled),
      progress.grouped(given.total), args.journal))
  end
  return question.confirm(args, host, answers, what)
end

-- provider, operation | nil, message
local function check_operation(args, host)
  local provider, message = connection.provider(args, host)
  if not provider then
    return nil, message
  end
  local operation = provider.operations[args.dispatch and "stop_dispatch" or "stop"]
  if operation and operation.undocumented and not args.undocumented then
    return nil, ("%s does not document stopping %s%s"):format(provider.name,
      args.dispatch and "dispatches" or "single messages",
      args.dispatch and "" or ": give dispatches, and --dispatch")
      .. ("; pass --undocumented to try anyway")
  elseif not operation then
    return nil, ("%s cannot stop %s"):format(provider.name,
      args.dispatch and "dispatches" or "single messages")
  elseif operation.all and not args.all then
    return nil, ("a stop at %s stops %s: pass --all if you mean that"):format(provider.name,
      text.printable(operation.all))
  end
  return provider, operation
end

-- What a lookup would need besides --verify, "" for nothing | nil, why there is no lookup
local function lookup_needs(client, args)
  local operation, message, missing = clients.operation(client, "status",
    args.dispatch and "dispatch" or "message")
  if operation then
    return ""
  elseif not missing then
    return nil, connection.translate(message)
  end
  local options = {}
  for i, name in ipairs(missing) do
    options[i] = name == "application" and "--application VALUE"
      or ("--set %s=VALUE"):format(name)
  end
  return table.concat(options, " "), connection.translate(message)
end

-- code = command.run(args, host)
function command.run(args, host)
  local function refuse(message)
    host:say(message)
    return exit.usage
  end

  if args.journal == "-" then
    return refuse("--journal -: a journal is a file, which a second run reads")
  end
  local provider, operation = check_operation(args, host)
  if not provider then
    return refuse(operation)
  end
  local shared, unshared = sharing.open(args, host)
  if unshared then
    return refuse(unshared)
  end
  args.rate_function = shared and shared.rate or nil
  local run
  local is_hunt = hunting.is_meant(args, operation)
  -- Told of each request, where somebody wants to know.
  local client, message = connection.open(args, host, provider, (args.verbose or is_hunt)
    and function(event)
      run:notice(event)
    end or nil, is_hunt)
  if not client then
    return refuse(message)
  end
  local needs, no_lookup = lookup_needs(client, args)
  if args.verify and not needs then
    return refuse(no_lookup .. ": omit --verify")
  elseif args.verify and needs ~= "" then
    return refuse(("--verify needs %s: %s"):format(needs, no_lookup))
  end
  local lookup = needs and ("--verify" .. (needs ~= "" and " " .. needs or "")) or nil
  local given
  if not is_hunt then
    given, message = input.of(args, host, operation.id)
    if not given then
      return refuse(message)
    elseif args.dry_run then
      return dry_run.show(args, host, client, operation, given)
    end
  end
  local can_share, unable = true, nil
  if shared then
    can_share, unable = shared:check(host)
  end
  if not can_share then
    return refuse(unable)
  end
  if is_hunt then
    local hunted = hunting.run(args, host, {
      client = client,
      operation = operation,
      lookup = lookup,
      listen = function(listener)
        run = listener
      end,
      tell_address = function()
        connection.tell_address(args, host)
      end,
    })
    client:close()
    return hunted
  end

  local batch = math.min(args.batch_size or operation.limit, operation.limit)
  local book, code
  local function open_journal()
    book, message, code = runs.open_journal(args.journal, {
      provider = args.provider,
      operation = operation.name,
      base_url = clients.address(client, operation),
      fingerprint = given.fingerprint,
      total = given.total,
    }, { batch = batch, now = host.now })
    if not book then
      host:say(message)
    end
    return book
  end

  -- One that is there is read before the question, and none is made before the answer.
  local is_there = args.journal and native.file_kind(args.journal) ~= nil
  if is_there and not open_journal() then
    return code
  end
  local confirmed
  confirmed, message = confirm(args, host, given, book, operation)
  if not confirmed then
    return refuse(message)
  end
  if args.journal and not is_there and not open_journal() then
    return code
  end
  local file, adds = output.open(args, host, book and not book.is_new)
  if not file then
    return refuse(adds)
  end
  local odd = args.yes and not args.quiet and given:oddities()
  if odd then
    host:say(odd)
  end
  connection.tell_address(args, host)
  run = runs.new(host, args, {
    given = given,
    book = book,
    client = client,
    lookup = lookup,
  })
  code = run:go(file, adds)
  client:close()
  return code
end

return command
