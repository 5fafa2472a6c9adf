-- stopmsg help

local exit = require("stopmsg.cli.exit")
local text = require("stopmsg.text")

local command = {
  name = "help",
  summary = "show the help of a command",
  examples = [[
Examples:
  stopmsg help
  stopmsg help stop
]],
}

function command.configure(parser)
  parser:argument("topic", "The command."):args("?"):argname("COMMAND")
end

-- The launcher sets host.help(name), since it knows all commands.
function command.run(args, host)
  local help = host.help(args.topic)
  if not help then
    host:say(("unknown command %s (see stopmsg --help)"):format(text.quote(args.topic)))
    return exit.usage
  end
  host.stdout:write(help, "\n")
  return exit.ok
end

return command
