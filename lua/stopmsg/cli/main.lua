-- The launcher of the command: code = main(argv, io). It ends nothing and writes only to what it is
-- given, so that specs can call it.
--
-- A command is a file beside this one: { name, summary, examples, help_width (columns, where a
-- table in its help needs more), configure(parser), run(args, host) -> code }.

local needs = require("stopmsg.needs")
local core = needs.load("stopmsg.core") -- first, as the others take it for granted

local duration = require("stopmsg.cli.duration")
local exit = require("stopmsg.cli.exit")
local host = require("stopmsg.cli.host")
local libcurl = require("stopmsg.cli.libcurl")
local version = require("stopmsg.version")

local COMMANDS = {}
for i, name in ipairs({ "stop", "status", "report", "check", "providers", "sandbox", "help" }) do
  COMMANDS[i] = require("stopmsg.cli." .. name)
end

-- Columns of help.
local WIDTH = 79

-- Seconds that a bare --verify takes.
local VERIFY = 30

-- What users want to see first.
local EXAMPLES = [[
Examples:
  stopmsg stop -p revicom -i ids.txt --journal ids.journal
  stopmsg status -p revicom 2a28d557-22a1-4be6-8908-1481723043dd
  stopmsg report ids.journal
  stopmsg check -p revicom
  stopmsg providers clickatell
  stopmsg sandbox --port 8080
]]

-- argparse's own help leaves the process; this one leaves the parsing.
local function add_help(parser, wanted, examples)
  parser:flag("-h --help", "Show this help."):action(function()
    wanted.text = (examples and examples .. "\n" or "") .. parser:get_help()
    error("help", 0)
  end)
end

-- An option that may stand once may stand again with the same value only.
local function refuse_contradictions(parser, wanted)
  for _, option in ipairs(parser._options) do
    if option._maxargs > 0 and option._maxcount == 1 and not option._action then
      option:action(function(parsed, target, value, is_again)
        if is_again and parsed[target] ~= value then
          wanted.fault = ("%s stands twice, with different values; give one"):format(
            table.concat(option._aliases, ", "))
          error("fault", 0)
        end
        parsed[target] = value
      end)
    end
  end
end

local function new_parser(argparse, wanted)
  local parser = argparse("stopmsg", "Stops messages that are on their way.")
    :help_max_width(WIDTH)
    :add_help(false)
    :command_target("command")
  add_help(parser, wanted, EXAMPLES)
  parser:flag("-V --version", "Show the version."):action(function()
    local remark = libcurl.remark(core.curl)
    wanted.text = "stopmsg " .. version .. (remark and "\n" .. remark or "")
    error("version", 0)
  end)
  local commands, parsers = {}, {}
  for _, command in ipairs(COMMANDS) do
    local subparser = parser:command(command.name):summary(command.summary)
      :description("stopmsg " .. command.name .. ": " .. command.summary .. ".")
      :add_help(false)
    add_help(subparser, wanted, command.examples)
    if command.help_width then
      subparser:help_max_width(command.help_width)
    end
    command.configure(subparser)
    refuse_contradictions(subparser, wanted)
    commands[command.name] = command
    parsers[command.name] = subparser
  end
  wanted.help = function(name)
    local command, of = commands[name], parsers[name]
    if name and not of then
      return nil
    end
    local examples = command and command.examples or not name and EXAMPLES
    return (examples and examples .. "\n" or "") .. (of or parser):get_help()
  end
  return parser, commands
end

-- list = with_values(argv) | nil, message
-- `--verify` takes its value only after a `=`; argparse would take the next argument, which may be
-- an id: a number there is one or the other.
local function with_values(argv)
  local list, is_over = {}, false
  for i, arg in ipairs(argv) do
    is_over = is_over or arg == "--"
    local is_bare = arg == "--verify" and not is_over
    list[i] = is_bare and "--verify=" .. VERIFY or arg
    local value = is_bare and argv[i + 1]
    if value and duration.parse(value) then
      return nil, ("--verify %s: write --verify=%s for that time, or --verify -- %s for that id")
        :format(value, value, value)
    end
  end
  return list
end

-- What fits into the stream's own buffer fails only here; what did not has failed before.
local function flush(around, code)
  local _, message = around.stdout:flush()
  if message and code ~= exit.fault then
    around:say("the results cannot be written: " .. message)
    return exit.fault
  end
  return code
end

-- argv: list of arguments. io: what host.lua says; the process's own by default.
local function main(argv, io)
  local around = host.new(io)
  local argparse, missing = needs.find("argparse")
  if not argparse then
    around:say(missing)
    return exit.fault
  end

  around.signals.catch()
  local wanted = {}
  local parser, commands = new_parser(argparse, wanted)
  local arguments, wrong = with_values(argv)
  if not arguments then
    around:say(wrong)
    return exit.usage
  end
  local ok, parsed, result = pcall(parser.pparse, parser, arguments)
  if wanted.text then
    around.stdout:write(wanted.text, "\n")
    return flush(around, exit.ok)
  elseif wanted.fault then
    around:say(wanted.fault)
    return exit.usage
  elseif not ok then
    error(parsed, 0)
  elseif not parsed then
    around:say(result:gsub("\n", ". ") .. " (see stopmsg --help)")
    return exit.usage
  end
  around.help = wanted.help
  local command = commands[result.command]
  around.command = "stopmsg " .. command.name
  around.signals.farewell(command.holds_signals
    and around.command .. ": interrupted; nothing was sent\n" or "")
  local called, code = pcall(command.run, result, around)
  if not called then
    around:say("a fault of the program: " .. tostring(code))
    return exit.fault
  end
  return flush(around, code)
end

return main
