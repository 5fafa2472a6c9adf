-- The core's reader of Redis replies against a plain one that gets all bytes at once.
--
-- Input: a byte for the size of a piece, one for the limit, then the replies.

local core = require("stopmsg.core")

local DEPTH, LINE = 16, 65536

-- value, next position | nil, what is wrong: "more", "broken" or "too_large". `last` is the last
-- byte that the reply may have.
local function read(text, at, last, depth)
  local line_end = text:find("[\r\n]", at)
  local kind = text:sub(at, at)
  if at > #text then
    return nil, at > last and "too_large" or "more"
  elseif not kind:find("^[+:$*-]") then
    return nil, "broken"
  elseif not line_end then
    return nil, #text > last and "too_large" or "more"
  elseif line_end > last then
    return nil, "too_large"
  elseif text:sub(line_end, line_end) == "\n" then
    return nil, "broken"
  elseif line_end == #text then
    return nil, line_end + 1 > last and "too_large" or "more"
  elseif line_end + 1 > last then
    return nil, "too_large"
  elseif text:sub(line_end + 1, line_end + 1) ~= "\n" then
    return nil, "broken"
  end
  local word, after = text:sub(at + 1, line_end - 1), line_end + 2
  if kind == "+" then
    return word, after
  elseif kind == "-" then
    return { err = word }, after
  end
  local sign, digits = word:match("^([+-]?)(%d+)$")
  if not digits or #digits > 19 then
    return nil, "broken"
  end
  local number = math.tointeger(tonumber(sign == "-" and "-" .. digits or digits))
  if not number then
    return nil, "broken"
  elseif kind == ":" then
    return number, after
  elseif number == -1 then
    return false, after
  elseif number < 0 then
    return nil, "broken"
  end
  local room = last - after + 1
  if kind == "$" then
    if number > room - 2 then
      return nil, "too_large"
    elseif after + number + 1 > #text then
      return nil, "more"
    elseif text:sub(after + number, after + number + 1) ~= "\r\n" then
      return nil, "broken"
    end
    return text:sub(after, after + number - 1), after + number + 2
  elseif number == 0 then
    return {}, after
  elseif number > room // 3 or depth == DEPTH then
    return nil, "too_large"
  end
  local list = {}
  for i = 1, number do
    local value, reached = read(text, after, last, depth + 1)
    if value == nil then
      return nil, reached
    end
    list[i], after = value, reached
  end
  return list, after
end

local function read_all(text, limit)
  local values, at = {}, 1
  while at <= #text do
    local value, reached = read(text, at, at + limit - 1, 0)
    if value == nil then
      return values, reached
    end
    values[#values + 1], at = value, reached
  end
  return values, "complete"
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b and math.type(a) == math.type(b)
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

return function(data)
  if #data < 2 then
    return
  end
  local piece, limit = data:byte(1) % 64 + 1, data:byte(2) * 4 + 1
  local text = data:sub(3)
  local values, state = core.read_replies(text, #text + 1, limit)
  local again, again_state = core.read_replies(text, piece, limit)
  assert(state == again_state, "the pieces make a difference to the state")
  assert(same(values, again), "the pieces make a difference to the values")
  assert(limit <= LINE)
  local expected, expected_state = read_all(text, limit)
  assert(state == expected_state, ("%s, not %s"):format(state, expected_state))
  assert(same(values, expected), "other values")
end
