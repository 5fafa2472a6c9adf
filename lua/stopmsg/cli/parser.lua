-- The command-line parser: every command with its options.
--
-- A command is a module beside this one: { name, summary, examples, notes(), configure(parser),
-- run(args, host) -> code }.

local core = require("stopmsg.core")
local libcurl = require("stopmsg.cli.libcurl")
local version = require("stopmsg.version")

local parsers = {}

local COMMANDS = {}
for i, name in ipairs({ "stop", "find", "status", "report", "check", "providers", "feed",
  "work", "job", "collect", "sandbox", "help" }) do
  COMMANDS[i] = require("stopmsg.cli." .. name)
end

-- Width of help.
local WIDTH = 79

-- Commands in the order of help.
local EXAMPLES = [[
Examples:
  stopmsg stop -p revicom -i ids.txt --journal ids.journal
  stopmsg find -p revicom --where dispatch=4711
  stopmsg status -p revicom 2a28d557-22a1-4be6-8908-1481723043dd
  stopmsg report ids.journal
  stopmsg check -p revicom
  stopmsg providers clickatell
  stopmsg feed friday -p revicom -i ids.txt
  stopmsg work friday
  stopmsg sandbox --port 8080
]]

-- A command's `notes()` end its help. They are gathered only for help, since that can take a while.
local function help_of(parser, examples, notes)
  return (examples and examples .. "\n" or "") .. parser:get_help()
    .. (notes and "\n\n" .. notes() or "")
end

-- argparse's own help exits the process; this one ends parsing.
local function add_help(parser, wanted, examples, notes)
  parser:flag("-h --help", "Show this help."):action(function()
    wanted.text = help_of(parser, examples, notes)
    error("help", 0)
  end)
end

-- A single-use option may be repeated only with the same value.
local function refuse_contradictions(parser, wanted)
  for _, option in ipairs(parser._options) do
    if option._maxargs > 0 and option._maxcount == 1 and not option._action then
      option:action(function(parsed, target, value, is_again)
        if is_again and parsed[target] ~= value then
          wanted.fault = ("%s is given twice, with different values"):format(
            table.concat(option._aliases, ", "))
          error("fault", 0)
        end
        parsed[target] = value
      end)
    end
  end
end

local IS_FILE = { FILE = true, JOURNAL = true }

-- An empty name of a file is mostly a variable that is not set.
local function refuse_nameless(parser)
  for _, list in ipairs({ parser._options, parser._arguments }) do
    for _, element in ipairs(list) do
      if IS_FILE[element._argname] then
        local aliases = element._aliases
        local name = aliases and aliases[#aliases] or element._argname
        element:convert(function(value)
          if value == "" then
            return nil, name .. ": the file name is empty"
          end
          return value
        end)
      end
    end
  end
end

-- Fills paragraphs anew, since argparse breaks each line of the source by itself. Lines that begin
-- with a space stay as they are.
local function fill(text)
  local lines, is_open = {}, false
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    if line == "" or line:find("^ ") then
      lines[#lines + 1] = line
      is_open = false
    else
      for word in line:gmatch("%S+") do
        local last = lines[#lines]
        if is_open and #last + 1 + #word <= WIDTH then
          lines[#lines] = last .. " " .. word
        else
          lines[#lines + 1] = word
          is_open = true
        end
      end
    end
  end
  return table.concat(lines, "\n")
end

-- parser, commands by name, their parsers by name = parsers.new(argparse, wanted)
--
-- Sets wanted.text to the output of --help and --version, and wanted.fault to a contradiction;
-- wanted.help(name) returns the help of a command.
function parsers.new(argparse, wanted)
  local root = argparse("stopmsg", "Stops messages that are on their way.")
    :help_max_width(WIDTH)
    :add_help(false)
    :command_target("command")
  add_help(root, wanted, EXAMPLES)
  root:flag("-V --version", "Show the version."):action(function()
    local remark = libcurl.remark(core.curl)
    wanted.text = "stopmsg " .. version .. "\n" .. libcurl.transport(core.transport, core.curl)
      .. (remark and "\n" .. remark or "")
    error("version", 0)
  end)
  local commands, by_name = {}, {}
  for _, command in ipairs(COMMANDS) do
    local subparser = root:command(command.name):summary(command.summary)
      :description("stopmsg " .. command.name .. ": " .. command.summary .. ".")
      :add_help(false)
    add_help(subparser, wanted, command.examples, command.notes)
    command.configure(subparser)
    if subparser._epilog then
      subparser:epilog(fill(subparser._epilog))
    end
    refuse_contradictions(subparser, wanted)
    refuse_nameless(subparser)
    commands[command.name] = command
    by_name[command.name] = subparser
  end
  wanted.help = function(name)
    local command, of = commands[name], by_name[name]
    if name and not of then
      return nil
    end
    local examples = command and command.examples or not name and EXAMPLES
    return help_of(of or root, examples, command and command.notes)
  end
  return root, commands, by_name
end

return parsers
