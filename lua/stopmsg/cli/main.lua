-- The launcher of the command: code = main(argv, io). It ends nothing and writes only to what it is
-- given, so that specs can call it.
--
-- A command is a file beside this one: { name, summary, examples, configure(parser),
-- run(args, host) -> code }.

local needs = require("stopmsg.needs")
local core = needs.load("stopmsg.core") -- first, as the others take it for granted

local exit = require("stopmsg.cli.exit")
local host = require("stopmsg.cli.host")
local libcurl = require("stopmsg.cli.libcurl")
local version = require("stopmsg.version")

local COMMANDS = {}
for i, name in ipairs({ "stop", "status", "check", "providers", "sandbox" }) do
  COMMANDS[i] = require("stopmsg.cli." .. name)
end

-- Seconds that a bare --verify takes.
local VERIFY = 30

-- What users want to see first.
local EXAMPLES = [[
Examples:
  stopmsg stop -p revicom -i ids.txt --journal ids.journal
  stopmsg status -p revicom 2a28d557-22a1-4be6-8908-1481723043dd
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

local function new_parser(argparse, wanted)
  local parser = argparse("stopmsg", "Stops messages that are on their way.")
    :add_help(false)
    :command_target("command")
  add_help(parser, wanted, EXAMPLES)
  parser:flag("--version", "Show the version."):action(function()
    local remark = libcurl.remark(core.curl)
    wanted.text = "stopmsg " .. version .. (remark and "\n" .. remark or "")
    error("version", 0)
  end)
  local commands = {}
  for _, command in ipairs(COMMANDS) do
    local subparser = parser:command(command.name):summary(command.summary)
      :description("stopmsg " .. command.name .. ": " .. command.summary .. ".")
      :add_help(false)
    add_help(subparser, wanted, command.examples)
    command.configure(subparser)
    commands[command.name] = command
  end
  return parser, commands
end

-- `--verify` takes its value only after a `=`; argparse would take the next argument.
local function with_values(argv)
  local list, is_over = {}, false
  for i, arg in ipairs(argv) do
    is_over = is_over or arg == "--"
    list[i] = arg == "--verify" and not is_over and "--verify=" .. VERIFY or arg
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
  local ok, parsed, result = pcall(parser.pparse, parser, with_values(argv))
  if wanted.text then
    around.stdout:write(wanted.text, "\n")
    return flush(around, exit.ok)
  elseif not ok then
    error(parsed, 0)
  elseif not parsed then
    around:say(result:gsub("\n", ". ") .. " (see stopmsg --help)")
    return exit.usage
  end
  local command = commands[result.command]
  around.command = "stopmsg " .. command.name
  local called, code = pcall(command.run, result, around)
  if not called then
    around:say("a fault of the program: " .. tostring(code))
    return exit.fault
  end
  return flush(around, code)
end

return main
