-- Writes the tables of docs/providers.md from the definitions and from what spec/oracle keeps of
-- each provider.

local files = require("spec.support.files")
local json = require("stopmsg.json")
local oracle = require("spec.support.oracle")
local providers = require("stopmsg.provider")

local PAGE = "docs/providers.md"

local facts, packages = oracle.facts(), oracle.packages()

local line = require("tools.tables").row

local function code(text)
  return "`" .. text .. "`"
end

-- What differs may be more than a text.
local function written(value)
  return type(value) == "table" and json.encode(value) or value
end

-- Whether a reading has a word for this outcome that proves it.
local function proves(operation, is_own_state)
  for _, first in pairs(operation and operation.readings or {}) do
    local reading = first
    while reading do
      if reading.verifies and reading.verifies.stopped then
        return true
      end
      for _, entry in pairs(is_own_state and reading.state and reading.means or {}) do
        if entry.word == "stopped" and not entry.note then
          return true
        end
      end
      reading = reading.otherwise
    end
  end
  return false
end

-- The operations that the provider itself documents.
local function documented(provider)
  local list = {}
  for name, operation in pairs(provider.operations) do
    list[name] = not operation.undocumented and operation or nil
  end
  return list
end

local function proof(operations)
  local ways = {}
  if proves(operations.stop) then
    ways[#ways + 1] = "answer"
  end
  if proves(operations.status, true) or proves(operations.status_dispatch, true) then
    ways[#ways + 1] = "lookup"
  end
  return #ways > 0 and table.concat(ways, ", ") or "–"
end

-- What an id is, and how many of them are asked about in a request.
local function ids(operation)
  local limit = operation.limit
  return operation.id.about:gsub("<", "&lt;")
    .. (limit > 1 and (", %d a request"):format(limit) or "")
end

local OPERATIONS = { "stop", "stop_dispatch", "status", "status_dispatch", "find", "find_dispatch",
  "check" }

local function calls(operations)
  local list = {}
  for _, name in ipairs(OPERATIONS) do
    list[#list + 1] = operations[name] and code(name)
  end
  return table.concat(list, " ")
end

local function exists(path)
  local file = io.open(path)
  if file then
    file:close()
  end
  return file ~= nil
end

local function judge(name)
  local fact = facts[name]
  local text = fact.client and ("%s %s"):format(code(fact.client), packages[fact.client])
    or "its page"
  return text .. (exists("spec/oracle/openapi/" .. name .. ".json") and ", OpenAPI" or "")
end

-- What no page says: of the operations as their users are told, and of the rest as it was noted.
local function inferred(name, operations)
  local list = {}
  for _, call in ipairs(OPERATIONS) do
    local operation = operations[call]
    if operation and operation.inferred then
      list[#list + 1] = ("%s: %s"):format(code(call), operation.inferred)
    end
  end
  for _, text in ipairs(facts[name].inferred or {}) do
    list[#list + 1] = text
  end
  return #list > 0 and table.concat(list, "; ") or "–"
end

-- Lines that are neither empty nor a comment.
local function count_lines(path)
  local count = 0
  for row in files.read(path):gmatch("[^\n]+") do
    if row:find("%S") and not row:find("^%s*%-%-") then
      count = count + 1
    end
  end
  return count
end

local function has_function(value)
  if type(value) == "function" then
    return true
  end
  for _, inner in pairs(type(value) == "table" and value or {}) do
    if has_function(inner) then
      return true
    end
  end
  return false
end

local tables = {}

function tables.providers()
  local rows = {
    line({ "provider", "what it does", "an id is", "operations", "a stop is proven by", "judged by",
      "inferred" }),
    line({ "---", "---", "---", "---", "---", "---", "---" }),
  }
  for _, name in ipairs(providers.names()) do
    local provider = providers.load(name)
    local operations = documented(provider)
    rows[#rows + 1] = line({
      ("[%s](providers/%s.md)"):format(code(name), name),
      provider.about,
      ids(operations.stop or operations.stop_dispatch),
      calls(operations),
      proof(operations),
      judge(name),
      inferred(name, operations),
    })
  end
  return rows
end

function tables.differences()
  local rows = {
    line({ "provider", "what differs", "the client's", "ours", "reason" }),
    line({ "---", "---", "---", "---", "---" }),
  }
  for _, name in ipairs(providers.names()) do
    for _, difference in ipairs(facts[name].differences or {}) do
      rows[#rows + 1] = line({ code(name), difference.at,
        difference.theirs and code(written(difference.theirs)) or "not sent",
        difference.ours and code(written(difference.ours)) or "not sent", difference.reason })
    end
  end
  return rows
end

function tables.summary()
  local lengths, with_function, judges = {}, {}, {}
  for _, name in ipairs(providers.names()) do
    lengths[#lengths + 1] = count_lines("lua/stopmsg/provider/" .. name .. ".lua")
    if has_function(providers.definition(name)) then
      with_function[#with_function + 1] = code(name)
    end
    local kind = facts[name].client and "client" or "page"
    judges[kind] = (judges[kind] or 0) + 1
  end
  table.sort(lengths)
  return {
    line({ "providers", "judged by a client", "by a page", "lines of code in a definition, median",
      "definitions with a function" }),
    line({ "---", "---", "---", "---", "---" }),
    line({ tostring(#lengths), tostring(judges.client or 0), tostring(judges.page or 0),
      tostring(lengths[math.ceil(#lengths / 2)]),
      #with_function > 0 and table.concat(with_function, ", ") or "none" }),
  }
end

local function made()
  return require("tools.tables").fill(PAGE, tables)
end

return { page = PAGE, made = made, write = function() files.write(PAGE, made()) end }
