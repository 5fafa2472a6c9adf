-- The launcher: code = main(argv, io). It does not exit and writes only to the streams it is given,
-- so that specs can call it.

local needs = require("stopmsg.needs")
needs.load("stopmsg.core") -- first: the others depend on them
needs.load("stopmsg.command")

local duration = require("stopmsg.cli.duration")
local exit = require("stopmsg.cli.exit")
local host = require("stopmsg.cli.host")
local parsers = require("stopmsg.cli.parser")

-- Default of --verify.
local VERIFY = 30

-- list = with_values(argv) | nil, message
--
-- `--verify` takes a value only after `=`: argparse would take the next argument, which may be an
-- id. A number there could be either.
local function with_values(argv)
  local list, is_over = {}, false
  for i, arg in ipairs(argv) do
    is_over = is_over or arg == "--"
    local is_bare = arg == "--verify" and not is_over
    list[i] = is_bare and "--verify=" .. VERIFY or arg
    local value = is_bare and argv[i + 1]
    if value and duration.parse(value) then
      return nil, ("--verify %s: write --verify=%s for a time, or --verify -- %s for an id")
        :format(value, value, value)
    end
  end
  return list
end

-- The command that these arguments name, and whether anything stands before it.
local function named(arguments, commands)
  for i, argument in ipairs(arguments) do
    if commands[argument] then
      return argument, i > 1
    end
  end
end

-- Output still in the stream's buffer fails only here; earlier failures were reported.
local function flush(around, code)
  local _, message = around.stdout:flush()
  if around.stdout.is_cut and code ~= exit.fault then
    return exit.cut
  elseif message and code ~= exit.fault then
    around:say("the results cannot be written: " .. message)
    return exit.fault
  end
  return code
end

-- argv: list of arguments. io: see host.lua; defaults to the process's own.
local function main(argv, io)
  local around = host.new(io)
  local argparse, missing = needs.find("argparse")
  if not argparse then
    around:say(missing)
    return exit.fault
  end

  around.signals.catch()
  local wanted = {}
  local parser, commands = parsers.new(argparse, wanted)
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
    local name, is_late = named(arguments, commands)
    around:say(is_late and arguments[1]:find("^%-")
      and ("options come after the command: stopmsg %s %s …"):format(name, arguments[1])
      or ("%s (see stopmsg %s--help)"):format(result:gsub("\n", ". "), name and name .. " " or ""))
    return exit.usage
  end
  if result.output == "-" then
    result.output = nil -- standard output, as `-` is standard input
  end
  around.help = wanted.help
  local command = commands[result.command]
  around.command = "stopmsg " .. command.name
  around.signals.farewell(command.holds_signals
    and around.command .. ": interrupted; nothing was sent\n" or "")
  local called, code = pcall(command.run, result, around)
  if not called then
    around:say("internal error: " .. tostring(code))
    return exit.fault
  end
  return flush(around, code)
end

return main
