-- The ids in one value of JSON.

local buffers = require("stopmsg.cli.input.buffer")
local native = require("stopmsg.command")
local encoding = require("stopmsg.cli.encoding")
local json = require("stopmsg.json")
local text = require("stopmsg.text")

local values = {}

local problem = buffers.problem

-- The value of this name in an object: as it is written, else in any case of its letters.
local function member(object, name)
  if object[name] ~= nil then
    return object[name]
  end
  local wanted, found = encoding.fold(name), nil
  for key, value in pairs(object) do
    if type(key) == "string" and encoding.fold(key) == wanted then
      if found ~= nil then
        return nil -- which of the two is meant is not known
      end
      found = value
    end
  end
  return found
end

-- Puts what stands at a path into `found`; a list on the way gives what each of its elements has.
local function collect(value, path, at, found)
  if type(value) ~= "table" then
    found[#found + 1] = at > #path and value or false
  elseif value[1] ~= nil then
    for _, element in ipairs(value) do
      collect(element, path, at, found)
    end
  elseif at > #path then
    found[#found + 1] = false
  else
    local inner = member(value, path[at])
    found[#found + 1] = inner == nil and false or nil
    if inner ~= nil then
      collect(inner, path, at + 1, found)
    end
  end
  return found
end

local function path_of(field)
  local path = {}
  for name in field:gmatch("[^.]+") do
    path[#path + 1] = name
  end
  return path
end

-- How often an object's text has this name, as JSON, on its first level.
local function count_name(source, key)
  local _, first = source:find(key, 1, true)
  if not first or not source:find(key, first + 1, true) then
    return first and 1 or 0
  end
  local at, depth, count = 1, 0, 0
  while true do
    local from = source:find('["{}%[%]]', at)
    if not from then
      return count
    end
    local char = source:sub(from, from)
    if char == '"' then
      local after = native.json_span(source, from, 0, 0) or #source + 1
      if depth == 1 and source:sub(from, after - 1) == key and source:find("^%s*:", after) then
        count = count + 1
      end
      at = after
    else
      depth = depth + ((char == "{" or char == "[") and 1 or -1)
      at = from + 1
    end
  end
end

-- id | problem: a value as an id
local function id_of(value, field, shown)
  if type(value) == "number" and value % 1 == 0 and math.abs(value) < 2 ^ 53 then
    return ("%.0f"):format(value)
  elseif type(value) == "number" then
    return problem(("the number%s cannot be read as an exact integer; write it as a "
      .. "string"):format(field and " in " .. text.quote(field) or ""), shown)
  elseif type(value) ~= "string" or value == "" then
    return problem(field and "no id in " .. text.quote(field) or "no id", shown)
  end
  return value
end

local ids_of

-- The id whose parts stand in fields of their own, as a list of one.
local function joined(value, columns, source)
  local list = {}
  for i, column in ipairs(columns) do
    local found = ids_of(value, column, source)
    if #found > 1 then
      return { problem("several values in " .. text.quote(column), source) }
    elseif type(found[1]) ~= "string" then
      return found
    end
    list[i] = found[1]
  end
  local id, message = columns.join(list)
  return { id or problem(message, source) }
end

-- list = values.of(value, field, source): the ids in one value, each an id or a problem. `source`
-- is its text.
function ids_of(value, field, source)
  if type(field) == "table" then
    return joined(value, field, source)
  elseif not field then
    return { type(value) == "table" and problem("an object: use --field to name the field", source)
      or id_of(value, nil, source) }
  elseif type(value) ~= "table" then
    return { problem("not a JSON object", source) }
  elseif value[field] == nil and field:find(".", 1, true) then
    local found = collect(value, path_of(field), 1, {})
    for i, one in ipairs(found) do
      found[i] = id_of(one, field, source)
    end
    if #found == 0 then
      found[1] = id_of(nil, field, source)
    end
    return found
  elseif count_name(source, json.encode(field)) > 1 then
    return { problem(("the object has two fields named %s"):format(text.quote(field)), source) }
  end
  local one = member(value, field)
  if type(one) == "table" and one[1] ~= nil then
    local found = {}
    for i, element in ipairs(one) do
      found[i] = id_of(element, field, source)
    end
    return found
  end
  return { id_of(one, field, source) }
end

values.of = ids_of

return values
