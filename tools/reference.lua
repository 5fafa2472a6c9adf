-- Writes the tables of commands and options in docs/reference.md, from the command's parser.

local argparse = require("argparse")
local files = require("spec.support.files")
local parsers = require("stopmsg.cli.parser")
local tables = require("tools.tables")

local PAGE = "docs/reference.md"

local makers = {}

local function code(text)
  return "`" .. text .. "`"
end

local function head(...)
  local cells, rule = { ... }, {}
  for i in ipairs(cells) do
    rule[i] = "---"
  end
  return { tables.row(cells), tables.row(rule) }
end

function makers.commands()
  local rows = head("command", "does")
  for _, command in ipairs(parsers.new(argparse, {})._commands) do
    rows[#rows + 1] = tables.row({ code(command._name), command._summary })
  end
  return rows
end

-- Options of several commands stand once; where their texts differ, each has a row.
function makers.options()
  local rows, owners, order = head("option", "commands", "meaning"), {}, {}
  for _, command in ipairs(parsers.new(argparse, {})._commands) do
    for _, option in ipairs(command._options) do
      local names = {}
      for i, name in ipairs(option._aliases) do
        names[i] = code(name)
      end
      local key = table.concat(names, ", ") .. "\n" .. option._description:gsub("%.$", "")
      if not owners[key] then
        owners[key] = {}
        order[#order + 1] = key
      end
      table.insert(owners[key], command._name)
    end
  end
  for _, key in ipairs(order) do
    local names, text = key:match("^(.-)\n(.*)$")
    rows[#rows + 1] = tables.row({ names, table.concat(owners[key], ", "), text })
  end
  return rows
end

local function made()
  return tables.fill(PAGE, makers)
end

return { page = PAGE, made = made, write = function() files.write(PAGE, made()) end }
