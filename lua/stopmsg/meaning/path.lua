-- Paths into a decoded response: "error.code", "errors[1].code", "to[].status". Pure.

local text = require("stopmsg.text")

local path = {}

-- steps = path.parse("errors[1].code") | nil, message. A step is a field name, a 1-based list
-- index, or true for every list element. "." is the document itself.
function path.parse(written)
  if type(written) ~= "string" then
    return nil, "expected a path like 'error.code', got a " .. type(written)
  end
  if written == "." then
    return {}
  end
  local steps, at = {}, 1
  while at <= #written do
    local place, after = written:match("^%[(%d+)%]()", at)
    if place then
      steps[#steps + 1] = tonumber(place)
    elseif written:find("^%[%]", at) then
      place, after = true, at + 2
      steps[#steps + 1] = true
    else
      local dot = #steps > 0 and "%." or ""
      place, after = written:match("^" .. dot .. "([^%.%[%]%c]+)()", at)
      steps[#steps + 1] = place
    end
    if not place or steps[#steps] == 0 then
      return nil, text.quote(written) .. " is not a path like 'error.code' or "
        .. "'errors[1].code'"
    end
    at = after
  end
  if #steps == 0 then
    return nil, "the path is empty"
  end
  return steps
end

-- Follows one step; `after` is the next step. XML elements of one name are a list even without
-- brackets. Where the path expects one, all are returned if there are more: which of them counts?
local function follow(value, step, after)
  local found, of_xml = value[step], getmetatable(value)
  if not of_xml or found == nil then
    return found
  end
  local all = of_xml.lists and (of_xml.lists[step] or { found })
  if all and (after == true or type(after) == "number" or #all > 1) then
    return all
  end
  return found
end

-- value = path.list_at(document, steps): like path.value, but keeps `null`, and for XML returns all
-- elements with the last name.
function path.list_at(document, steps)
  local value = document
  for i, step in ipairs(steps) do
    if type(value) ~= "table" then
      return nil
    end
    value = follow(value, step, steps[i + 1] or true)
  end
  return value
end

-- value = path.value(document, steps): nil if missing or `null`.
function path.value(document, steps)
  local value = document
  for i, step in ipairs(steps) do
    if type(value) ~= "table" then
      return nil
    end
    value = follow(value, step, steps[i + 1])
  end
  -- lua-cjson decodes `null` to a userdata, the only one in a response.
  if type(value) == "userdata" then
    return nil
  end
  return value
end

-- value = path.first(document, list): the value at the first path that has one.
function path.first(document, list)
  for _, steps in ipairs(list) do
    local value = path.value(document, steps)
    if value ~= nil then
      return value
    end
  end
  return nil
end

local function add_values(value, steps, at, values)
  local step = steps[at]
  if value == nil or type(value) == "userdata" then
    return
  elseif step == nil then
    values[#values + 1] = value
  elseif type(value) ~= "table" then
    return
  elseif step == true then
    for _, entry in ipairs(value) do
      local before = #values
      add_values(entry, steps, at + 1, values)
      if #values == before then
        values.has_gap = true
      end
    end
  else
    add_values(follow(value, step, steps[at + 1]), steps, at + 1, values)
  end
end

-- values = path.values(document, list): all values at the first path that has any. values.has_gap:
-- an element of a list on that path has none, so the values do not speak for all.
function path.values(document, list)
  for _, steps in ipairs(list) do
    local values = {}
    add_values(document, steps, 1, values)
    if values[1] ~= nil then
      return values
    end
  end
  return {}
end

-- list = path.list(written) | nil, message: parses a path or a list of paths for path.first.
function path.list(written)
  local parsed = {}
  for i, one in ipairs(type(written) == "table" and written or { written }) do
    local steps, message = path.parse(one)
    if not steps then
      return nil, message
    end
    parsed[i] = steps
  end
  if #parsed == 0 then
    return nil, "expected a path or a list of paths"
  end
  return parsed
end

return path
