-- stopmsg check

local connection = require("stopmsg.cli.connection")
local exit = require("stopmsg.cli.exit")
local reports = require("stopmsg.report")

local command = {
  name = "check",
  summary = "test credentials and connection, and stop nothing",
  examples = [[
Examples:
  stopmsg check -p revicom
  stopmsg check -p revicom --token-file ~/.revicom
]],
}

function command.configure(parser)
  connection.configure(parser)
  parser:option("--deadline", "Deadline of the whole check (60)."):argname("SECONDS")
    :convert(connection.seconds("deadline"))
  parser:flag("-q --quiet", "Print only errors; use the exit code.")
  parser:epilog([[
Exit codes:
   0  credentials accepted
   1  internal error
   2  wrong usage, or the provider documents no such call; nothing was sent
   4  no usable answer
   5  no connection, or refused for another reason
   6  credentials refused]])
end

function command.run(args, host)
  local provider, message = connection.provider(args, host)
  if not provider then
    host:say(message)
    return exit.usage
  end
  args.deadline = args.deadline or 60
  local client
  client, message = connection.open(args, host, provider)
  if not client then
    host:say(message)
    return exit.usage
  end
  connection.tell_address(args, host)
  local ok, why, err = client:check()
  client:close()
  if ok then
    if not args.quiet then
      host.stdout:write(args.provider, ": the credentials are accepted\n")
    end
    return exit.ok
  elseif why == "unsupported" then
    host:say(args.provider .. " documents no call that tries the credentials and stops nothing")
    return exit.usage
  end
  host:say(("%s: %s%s"):format(args.provider, err.reason and err.reason .. ": " or "", why))
  local is_refused = exit.is_end(err)
  if is_refused then
    host:say(connection.refused(args))
  end
  local counts = reports.new().counts
  counts[err.outcome] = 1
  return exit.of(counts, { credentials = is_refused or err.outcome == "denied" })
end

return command
