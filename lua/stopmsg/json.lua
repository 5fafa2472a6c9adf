-- The only user of lua-cjson. It has its own cjson instance, so that settings of other code cannot
-- change how stopmsg reads an answer.

local compat = require("stopmsg.compat")
local needs = require("stopmsg.needs")

local cjson = needs.load("cjson")
local codec = cjson.new()
codec.decode_invalid_numbers(false)

local json = {}

-- What `null` decodes to.
json.null = cjson.null

local BOM = "\239\187\191"

-- Position of the end of the string that begins at `from`.
local function string_end(text, from)
  local at = text:find('["\\]', from + 1)
  while at and text:sub(at, at) == "\\" do
    at = text:find('["\\]', at + 2)
  end
  return at or #text
end

-- Adds a field to each empty object, to tell it from an empty list.
local function mark(text)
  local parts, at = {}, 1
  while at <= #text do
    local quote = text:find('"', at, true) or #text + 1
    local ending = string_end(text, quote)
    parts[#parts + 1] = text:sub(at, quote - 1):gsub("{%s*}", '{"":0}')
    parts[#parts + 1] = text:sub(quote, ending)
    at = ending + 1
  end
  return table.concat(parts)
end

-- Removes a byte order mark, which some servers send.
function json.without_bom(text)
  if type(text) == "string" and text:sub(1, 3) == BOM then
    return text:sub(4)
  end
  return text
end

-- value = json.decode(text, is_marked) | nil, message
-- Skips a byte order mark. lua-cjson decodes `{}` and `[]` to the same empty table; with is_marked
-- an empty object gets a field, so that only an empty list is empty.
function json.decode(text, is_marked)
  text = json.without_bom(text)
  -- lua-cjson stops at a NUL and ignores the rest.
  if type(text) == "string" and text:find("\0", 1, true) then
    return nil, "not JSON: contains a NUL byte"
  end
  if is_marked and text:find("{%s*}") then
    text = mark(text)
  end
  local decoded, value = compat.try(codec.decode, text)
  if not decoded then
    return nil, "not JSON: " .. tostring(value)
  end
  return value
end

-- text = json.encode(value). Raises on values that JSON cannot hold. An empty table becomes `{}`.
function json.encode(value)
  return codec.encode(value)
end

-- Converts whole floats to integers on Lua 5.3 and later: lua-cjson decodes every number to a
-- float, which prints as `200.0` there.
function json.integer(value)
  if compat.tointeger and type(value) == "number" then
    return compat.tointeger(value) or value
  end
  return value
end

return json
