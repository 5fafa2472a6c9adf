-- stopmsg find

local advice = require("stopmsg.cli.advice")
local connection = require("stopmsg.cli.connection")
local exit = require("stopmsg.cli.exit")
local listing = require("stopmsg.cli.listing")
local output = require("stopmsg.cli.output")
local record = require("stopmsg.record")
local where = require("stopmsg.cli.where")

local command = {
  name = "find",
  holds_signals = true, -- once it has sent something
  summary = "list what can still be stopped",
  examples = [[
Examples:
  stopmsg find -p revicom --where dispatch=4711
  stopmsg find -p revicom --where since=-2h --where tag=friday > ids.txt
  stopmsg find -p twilio | stopmsg stop -p twilio --yes -
]],
}

-- Maximum seconds until found ids are written.
local FLUSH_EVERY = 0.1

function command.configure(parser)
  connection.configure(parser)
  where.configure(parser)
  parser:flag("--dispatch", "List dispatches (mailings).")
  parser:option("--rate", "Maximum requests per second."):argname("N")
    :convert(connection.number("rate"))
  parser:option("--deadline", "Deadline of the whole run (none)."):argname("SECONDS")
    :convert(connection.seconds("deadline"))
  parser:option("--patience", "How long to wait during a provider outage (60).")
    :argname("SECONDS"):convert(connection.seconds("patience"))
  output.configure(parser)
  parser:epilog([[
Stops nothing. text is an id a line, ready for stopmsg stop -. stopmsg providers NAME lists the
filters. Times are RFC 3339 (2026-11-29T09:00:00Z), 09:00 (today, local time) or -2h.

]] .. exit.about_list)
end

-- Quotes a value for the shell.
local function quoted(value)
  return value:find("[^%w_.:/@%+%-=]") and "'" .. value:gsub("'", "'\\''") .. "'" or value
end

-- Suggests the next command, with the options that it needs, too.
local function advise(args, report, filter)
  local parts = { "stopmsg stop -p " .. args.provider }
  for _, pair in ipairs(filter:resolved()) do
    parts[#parts + 1] = ("--where %s=%s"):format(pair[1], quoted(pair[2]))
  end
  parts[#parts + 1] = #filter.names == 0 and "--all" or nil
  parts[#parts + 1] = report.kind == "dispatch" and "--dispatch" or nil
  for _, pair in ipairs(args.set or {}) do
    parts[#parts + 1] = "--set " .. quoted(pair)
  end
  parts[#parts + 1] = args.application and "--application " .. quoted(args.application) or nil
  parts[#parts + 1] = args.undocumented and "--undocumented" or nil
  parts[#parts + 1] = args.base_url_from == "--base-url"
    and "--base-url " .. quoted(args.shown_url) or nil
  return ("%s can still be stopped: %s stops %s"):format(where.count(report.total, report.unit),
    table.concat(parts, " "), report.total == 1 and "it" or "them")
end

-- code = command.run(args, host)
function command.run(args, host)
  local provider, message = connection.provider(args, host)
  if not provider then
    return exit.refuse(host, message)
  end
  local given
  given, message = where.read(args)
  if not given then
    return exit.refuse(host, message)
  end
  local look = listing.new(host, args)
  local client
  client, message = connection.open(args, host, provider, function(event)
    look:notice(event)
  end)
  if not client then
    return exit.refuse(host, message)
  end
  local filter
  filter, message = where.filter(client, args, given, false)
  if not filter then
    return exit.refuse(host, message)
  end
  local file
  file, message = output.open(args, host)
  if not file then
    return exit.refuse(host, message)
  end
  connection.tell_address(args, host)
  host.signals.farewell(("%s%s: quit at once\n"):format(look.bar:farewell(), host.command))
  host.signals.hold(true)
  if args.format == "text" then
    args.format = "ids"
  end
  local sink, tail = output.new(args, host, look.bar, file), record.tails()
  sink.on_failure = function(why)
    look.bar:clear()
    if not host.stdout.is_cut then
      host:say("the ids cannot be written: " .. why)
    end
  end
  local flushed = host.now()
  local report = look:read(client, where.given(filter:resolved()), function(item)
    sink:item(item, tail(item))
    local now = host.now()
    if now - flushed >= FLUSH_EVERY then
      flushed = now
      sink:flush()
    end
    return sink.failure ~= nil
  end)
  client:close()
  sink:finish(report)
  if sink.failure then
    return host.stdout.is_cut and exit.cut or exit.fault
  end
  look:tell(report)
  local code = look:code(report)
  if code == exit.ok and not args.quiet then
    host:say(advise(args, report, filter))
  elseif code == exit.refused and not args.quiet then
    host:say(("nothing left to stop: %s"):format(where.words(filter)))
  elseif code == exit.unsure and not args.quiet then
    host:say(("%s found; %s"):format(where.count(report.total, report.unit),
      advice.of_list(report.err, report.pages)))
  end
  return code
end

return command
