-- Items as lines, and strangers' texts made fit to be shown.
--
-- Input: an id, a message and a state, each on a line of its own.

local cjson = require("cjson")
local core = require("stopmsg.core")
local record = require("stopmsg.record")
local text = require("stopmsg.text")

local TOKEN = "canary-7f3a"
local secret = core.secret(TOKEN)

local function decode(line)
  local called, object = pcall(cjson.decode, line)
  assert(called, "a line that is no JSON: " .. line)
  return object
end

local function check_line(line, id, item, number)
  assert(line:sub(-1) == "\n" and not line:sub(1, -2):find("[%c\127]"), "not one line")
  local object = decode(line)
  assert(object.id == record.utf8(id), "another id")
  assert(object.n == number, "another number")
  for name, value in pairs(item) do
    if name ~= "id" then
      local expected = type(value) == "string" and record.utf8(value) or value
      assert(object[name] == expected, "another " .. name)
    end
  end
end

return function(data)
  local id, message, state = data:match("^([^\n]*)\n?([^\n]*)\n?(.*)$")
  local item = { id = id, outcome = "unknown", code = state:sub(1, 8), message = message,
    state = state, http = #data, ambiguous = true }
  local gathered = record.lines()
  gathered:add(id, record.tails()(item), 1)
  check_line(gathered:text(), id, item, 1)
  gathered:clear()
  gathered:add(data, record.tails()({ outcome = "stopped", code = #data }))
  check_line(gathered:text(), data, { outcome = "stopped", code = #data })

  assert(decode("[" .. record.quote(data) .. "]")[1] == record.utf8(data), "another text")
  assert(utf8.len(record.utf8(data)), "UTF-8 that is none")
  assert(not utf8.len(data) or record.utf8(data) == data, "UTF-8 that was changed")

  local cleaned = text.clean(data, function(s)
    return secret:redact(s)
  end)
  if cleaned then
    assert(#cleaned <= 200, "too long")
    assert(not cleaned:find("%c") and not cleaned:find("\194[\128-\159]"), "a control character")
    assert(not cleaned:find(TOKEN, 1, true), "the token")
  end
  assert(#text.quote(data) <= 65, "too long")
end
