-- The launcher of the command: code = main(argv, io). It ends nothing and writes only to what it is
-- given, so that specs can call it.
--
-- A command is a file beside this one: { name, summary, configure(parser), run(args, io) -> code }.

local COMMANDS = { "sandbox" }

local EXIT = { fault = 1, usage = 2 }

-- argparse's own help leaves the process; this one leaves the parsing.
local function add_help(parser, wanted)
  parser:flag("-h --help", "Show this help."):action(function()
    wanted.help = parser:get_help()
    error("help", 0)
  end)
end

local function new_parser(argparse, wanted)
  local parser = argparse("stopmsg", "Stops messages that are on their way.")
    :add_help(false)
    :command_target("command")
  add_help(parser, wanted)
  local commands = {}
  for _, name in ipairs(COMMANDS) do
    local command = require("stopmsg.cli." .. name)
    local subparser = parser:command(command.name):summary(command.summary)
      :description("stopmsg " .. command.name .. ": " .. command.summary .. ".")
      :add_help(false)
    add_help(subparser, wanted)
    command.configure(subparser)
    commands[command.name] = command
  end
  return parser, commands
end

-- argv: list of arguments. io: { stdout, stderr }, the real ones by default.
local function main(argv, io)
  io = io or _G.io
  local found, argparse = pcall(require, "argparse")
  if not found then
    io.stderr:write("stopmsg: needs argparse (Debian: lua-argparse, LuaRocks: argparse)\n")
    return EXIT.fault
  end

  local wanted = {}
  local parser, commands = new_parser(argparse, wanted)
  local ok, parsed, result = pcall(parser.pparse, parser, argv)
  if wanted.help then
    io.stdout:write(wanted.help, "\n")
    return 0
  elseif not ok then
    error(parsed, 0)
  elseif not parsed then
    io.stderr:write("stopmsg: ", (result:gsub("\n", ". ")), " (see stopmsg --help)\n")
    return EXIT.usage
  end
  return commands[result.command].run(result, io)
end

return main
