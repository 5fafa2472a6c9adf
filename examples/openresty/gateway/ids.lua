-- The ids of a request: {"ids":[…]} as JSON, or one a line as text/plain.

local cjson = require("cjson")
local lines = require("gateway.lines")
local settings = require("gateway.settings")

local ids = {}

local EXACT = 2 ^ 53 -- from here on a number in JSON may have been another one

local function from_json(text)
  local decoded, document = pcall(cjson.decode, text)
  if not decoded then
    return nil, 400, "not_json", document
  elseif type(document) ~= "table" or type(document.ids) ~= "table" then
    return nil, 400, "no_ids", 'expected {"ids":["…"]}'
  end
  local list = document.ids
  if #list == 0 then
    return nil, 400, "no_ids", "the list of ids is empty"
  elseif #list > settings.max_ids then
    return nil, 413, "too_many_ids", ("more than %d ids"):format(settings.max_ids)
  end
  for i, id in ipairs(list) do
    if type(id) == "number" and id == math.floor(id) and math.abs(id) < EXACT then
      list[i] = ("%.0f"):format(id)
    elseif type(id) ~= "string" then
      return nil, 400, "wrong_id", ("id %d is neither a string nor a whole number"):format(i)
    end
  end
  return { count = #list, source = list }
end

local function from_lines(body)
  local count, message, too_many = lines.count(body, settings.max_ids)
  if too_many then
    return nil, 413, "too_many_ids", message
  elseif not count then
    return nil, 400, "wrong_line", message
  elseif count == 0 then
    return nil, 400, "no_ids", "the body holds no ids"
  end
  local next_line = lines.of(body)
  return { count = count, source = function()
    return (next_line())
  end }
end

-- list = ids.read() | nil, status, code, message. list: { count, source }, the source for `each`.
function ids.read()
  local kind = (ngx.var.content_type or ""):match("^[^;%s]*"):lower()
  if kind ~= "application/json" and kind ~= "text/plain" then
    return nil, 415, "wrong_type", 'Content-Type: application/json with {"ids":["…"]}, or '
      .. "text/plain with an id a line"
  end
  local body = { text = ngx.req.get_body_data(), path = ngx.req.get_body_file() }
  if not body.text and not body.path then
    return nil, 400, "no_ids", "the body is empty"
  elseif kind == "text/plain" then
    return from_lines(body)
  elseif not body.text then
    return nil, 413, "too_large", "a list of this length has to come as text/plain, an id a line"
  end
  return from_json(body.text)
end

return ids
