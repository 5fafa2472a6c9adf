-- Writes the command's papers from its own parser: `papers.lua man` fills in docs/stopmsg.1.in, and
-- `papers.lua bash`, `zsh` or `fish` print a completion, as argparse makes it.

local argparse = require("argparse")
local exit = require("stopmsg.cli.exit")
local outcome = require("stopmsg.meaning.outcome")
local parsers = require("stopmsg.cli.parser")
local providers = require("stopmsg.provider")

local TEMPLATE = "docs/stopmsg.1.in"

local papers = {}

-- Roff reads a dot or an apostrophe at the start of a line, and every backslash.
local function escape(text)
  return (text:gsub("\\", "\\e"):gsub("%f[^\n%z]([.'])", "\\&%1"))
end

local function sentence(text)
  return escape(text:sub(1, 1):upper() .. text:sub(2) .. (text:find("%.$") and "" or "."))
end

-- `.It Fl i , -input Ar FILE`: in mdoc a second dash is part of the name.
local function item(option)
  local names = {}
  for i, name in ipairs(option._aliases) do
    names[i] = name:sub(2)
  end
  local argument = option._maxargs > 0 and option._argname or ""
  if argument:sub(1, 1) == "[" then
    argument = " Ns Op " .. argument:sub(2, -2):gsub("=", "Li = Ns Ar ")
  elseif argument ~= "" then
    argument = " Ar " .. argument
  end
  return ".It Fl " .. table.concat(names, " , ") .. argument
end

-- The commands as a list: { name, parser }.
local function commands_of(root)
  local list = {}
  for i, command in ipairs(root._commands) do
    list[i] = { name = command._name, parser = command }
  end
  return list
end

local function option_of(parser, name)
  for _, option in ipairs(parser._options) do
    if option._aliases[1] == name then
      return option
    end
  end
end

local function synopsis(commands)
  local lines = {}
  for _, command in ipairs(commands) do
    lines[#lines + 1] = ".Nm"
    lines[#lines + 1] = ".Cm " .. command.name
    if option_of(command.parser, "-p") then
      lines[#lines + 1] = ".Fl p Ar PROVIDER"
    end
    if #command.parser._options > 1 then -- --help is there anyway
      lines[#lines + 1] = ".Op Ar option ..."
    end
    for _, argument in ipairs(command.parser._arguments) do
      local name = "Ar " .. argument._argname .. (argument._maxargs > 1 and " ..." or "")
      lines[#lines + 1] = argument._minargs > 0 and "." .. name or ".Op " .. name
    end
  end
  return table.concat(lines, "\n")
end

local function summaries(root)
  local lines = {}
  for i, command in ipairs(root._commands) do
    lines[i] = (".It Cm %s\n%s"):format(command._name, sentence(command._summary))
  end
  return table.concat(lines, "\n")
end

-- Options that the same commands have stand together, under these commands' names.
local function options(commands)
  local owners, order = {}, {}
  for _, command in ipairs(commands) do
    for _, option in ipairs(command.parser._options) do
      local text = item(option) .. "\n" .. sentence(option._description)
      if option._aliases[1] ~= "-h" then
        if not owners[text] then
          owners[text] = {}
          order[#order + 1] = text
        end
        table.insert(owners[text], command.name)
      end
    end
  end
  local lists, heads = {}, {}
  for _, text in ipairs(order) do
    local names = owners[text]
    local head = ".Cm " .. table.concat(names, " , ", 1, math.max(#names - 1, 1))
    if #names > 1 then
      head = head .. "\nand\n.Cm " .. names[#names]
    end
    if not lists[head] then
      lists[head] = {}
      heads[#heads + 1] = head
    end
    table.insert(lists[head], text)
  end
  local parts = {}
  for i, head in ipairs(heads) do
    parts[i] = (".Pp\nOptions of\n%s :\n.Bl -tag -width Ds\n%s\n.El"):format(head,
      table.concat(lists[head], "\n"))
  end
  return table.concat(parts, "\n")
end

local function outcomes()
  local lines = {}
  for i, name in ipairs(outcome.names) do
    lines[i] = (".It Cm %s\n%s"):format(name, sentence(outcome.all[name].about))
  end
  return table.concat(lines, "\n")
end

local function codes(about)
  local lines = {}
  for code, text in about:gmatch("\n *(%d+)  ([^\n]+)") do
    lines[#lines + 1] = (".It %s\n%s"):format(code, sentence(text))
  end
  return table.concat(lines, "\n")
end

function papers.man(root)
  local file = assert(io.open(TEMPLATE))
  local template = file:read("*a")
  file:close()
  local commands = commands_of(root)
  local parts = {
    SYNOPSIS = synopsis(commands),
    COMMANDS = summaries(root),
    OPTIONS = options(commands),
    OUTCOMES = outcomes(),
    CODES = codes(exit.about),
    LOOKUP_CODES = codes(exit.about_lookup),
    LIST_CODES = codes(exit.about_list),
    FEED_CODES = codes(exit.about_feed),
    WORK_CODES = codes(exit.about_work),
    JOB_CODES = codes(exit.about_job),
  }
  return (template:gsub("@(%u[%u_]*)@", parts))
end

-- What people can type where argparse would offer files, and what takes nothing after a space.
local function prepare_completion(root)
  local names = {}
  for i, command in ipairs(root._commands) do
    names[i] = command._name
  end
  for _, command in ipairs(root._commands) do
    for _, option in ipairs(command._options) do
      -- argparse writes descriptions between double quotes, where the shell would act on these.
      assert(not option._description:find('[`$"\\]'), option._description)
      if option._aliases[1] == "-p" then
        option:choices(providers.names())
      elseif option._argname and option._argname:sub(1, 1) == "[" then
        option:args(0)
      end
    end
    for _, argument in ipairs(command._arguments) do
      if command._name == "help" then
        argument:choices(names)
      elseif command._name == "providers" then
        argument:choices(providers.names())
      end
    end
  end
end

for _, shell in ipairs({ "bash", "zsh", "fish" }) do
  papers[shell] = function(root)
    prepare_completion(root)
    return root["get_" .. shell .. "_complete"](root)
  end
end

local make = papers[arg[1]]
if not make then
  io.stderr:write("usage: papers.lua man|bash|zsh|fish\n")
  os.exit(2)
end
io.stdout:write((make(parsers.new(argparse, {}))))
