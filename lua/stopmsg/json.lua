-- The one place that knows lua-cjson. An instance of our own, so that nobody
-- else's settings change how we read an answer, and ours change nobody's.

local compat = require("stopmsg.compat")
local needs = require("stopmsg.needs")

local cjson = needs.load("cjson")
local codec = cjson.new()
codec.decode_invalid_numbers(false)

local json = {}

-- What `null` decodes to.
json.null = cjson.null

-- value = json.decode(text) | nil, message
function json.decode(text)
  local decoded, value = compat.try(codec.decode, text)
  if not decoded then
    return nil, "not JSON: " .. tostring(value)
  end
  return value
end

-- text = json.encode(value); raises on what JSON cannot hold. An empty table is `{}`.
function json.encode(value)
  return codec.encode(value)
end

-- lua-cjson decodes every number as a float, which prints as `200.0` on Lua 5.3 and 5.4.
-- Returns integral numbers as integers where the Lua has them, all else untouched.
function json.integer(value)
  if compat.tointeger and type(value) == "number" then
    return compat.tointeger(value) or value
  end
  return value
end

return json
