-- Whether an answer of HTTP 200 proves that an id was stopped: what README says of each provider,
-- told once more, with other parsers' help.

local cjson = require("cjson")
local lxp = require("lxp")

local codec = cjson.new()
codec.decode_invalid_numbers(false)

local evidence = {}

-- lua-cjson lets a NUL and what follows pass, and no byte order mark.
local function json_of(body)
  if body:find("\0", 1, true) then
    return nil
  end
  local decoded, document = pcall(codec.decode, (body:gsub("^\239\187\191", "")))
  return decoded and type(document) == "table" and document or nil
end

-- The texts of all elements at this path; nil where the body is no XML.
local function xml_texts(body, path)
  local stack, texts = {}, {}
  local parser = lxp.new({
    StartElement = function(_, name)
      stack[#stack + 1] = name
      if table.concat(stack, "/") == path then
        texts[#texts + 1] = ""
      end
    end,
    EndElement = function()
      stack[#stack] = nil
    end,
    CharacterData = function(_, text)
      if table.concat(stack, "/") == path then
        texts[#texts] = texts[#texts] .. text
      end
    end,
  })
  local parsed = parser:parse(body) and parser:parse()
  pcall(parser.close, parser)
  return parsed and texts or nil
end

local function holds(list, is_wanted)
  for _, value in ipairs(list or {}) do
    if is_wanted(value) then
      return true
    end
  end
  return false
end

-- Whether an entry for the id has a code that is_wanted, and none has another.
local function has_entry(body, items, id, is_wanted)
  local document = json_of(body)
  local list = document and document[items.list]
  local found = false
  for _, entry in ipairs(type(list) == "table" and list or {}) do
    local name = type(entry) == "table" and entry[items.id]
    name = type(name) == "number" and ("%.0f"):format(name) or name
    if type(name) == "string" and name:lower() == id:lower() then
      if not is_wanted(entry[items.code]) then
        return false
      end
      found = true
    end
  end
  return found
end

-- Whether a Clickatell answer about the id has a status that is_wanted.
local function has_status(body, format, id, is_wanted)
  local function is_id(text)
    return type(text) == "string" and text:lower() == id:lower()
  end
  if format == "xml" then
    return holds(xml_texts(body, "response/data/apiMessageId"), is_id)
      and holds(xml_texts(body, "response/data/messageStatus"), is_wanted)
  end
  local document = json_of(body)
  local data = document and document.data
  return type(data) == "table" and is_id(data.apiMessageId) and is_wanted(data.messageStatus)
end

local function one_of(...)
  local wanted = {}
  for _, value in ipairs({ ... }) do
    wanted[value] = true
  end
  return function(value)
    return value ~= nil and wanted[type(value) == "string" and value:lower() or value] or false
  end
end

local function at(document, ...)
  for _, step in ipairs({ ... }) do
    document = type(document) == "table" and document[step] or nil
  end
  return document
end

local function is_something(value)
  return value ~= nil and value ~= cjson.null and not (type(value) == "table"
    and next(value) == nil)
end

-- Whether an error stands beside what looks like success.
local function has_error(case, body, format)
  if format == "xml" then
    return xml_texts(body, "response/error")[1] ~= nil
      or xml_texts(body, "response/data/message/error")[1] ~= nil
  end
  local document = json_of(body)
  local errors = at(document, "errors")
  return is_something(at(document, "error"))
    or is_something(errors) and (type(errors) == "table" or type(errors) == "string")
      and errors ~= ""
    or case.provider == "pushwoosh" and (is_something(at(document, "code"))
      or is_something(at(document, "message")))
    or case.provider == "clickatell" and is_something(at(document, "data", "message", 1, "error"))
end

-- HTTP status -> the codes of gRPC under it.
local GRPC = { [400] = "3 9 11", [401] = "16", [403] = "7", [404] = "5", [408] = "1",
  [409] = "6 10", [429] = "8", [499] = "1", [500] = "2 13 15", [501] = "12", [503] = "14",
  [504] = "4" }

local function is_three_digits(code)
  return type(code) == "string" and code:find("^%d%d%d$") ~= nil
end

-- evidence.is_refusal(case, status, format, body): whether this is the provider's own error.
function evidence.is_refusal(case, status, format, body)
  if format == "xml" then
    return holds(xml_texts(body, "response/error/code"), is_three_digits)
      or holds(xml_texts(body, "response/data/message/error/code"), is_three_digits)
  end
  local document = json_of(body)
  if case.provider == "clickatell" then
    return is_three_digits(at(document, "error", "code"))
      or is_three_digits(at(document, "data", "message", 1, "error", "code"))
      or is_three_digits(at(document, "data", "message", "error", "code"))
  elseif case.provider == "pushwoosh" then
    local code = at(document, "code")
    return type(code) == "number" and code % 1 == 0 and GRPC[status] ~= nil
      and (" " .. GRPC[status] .. " "):find((" %.0f "):format(code), 1, true) ~= nil
  end
  local code = at(document, "error", "code")
  return type(code) == "number" and code >= 1000 and code < 2 ^ 53 and code % 1 == 0
    and ("%.0f"):format(code):sub(1, 3) == tostring(status)
end

local is_unsent, is_canceled = one_of("unsent", "stopped"), one_of("canceled", "cancelled")
local is_stop = one_of("006", "013")

local function is_any(value)
  return value ~= nil
end

-- evidence.is_stopped(case, format, id, body); case: { provider, name, operation }
function evidence.is_stopped(case, format, id, body)
  if case.name == "stop_dispatch" then
    return not body:find("%S")
  elseif case.provider == "pushwoosh" and case.name == "stop" then
    return body:gsub("^\239\187\191", ""):gsub("%s", "") == "{}"
  elseif has_error(case, body, format) then
    return false
  elseif case.provider == "clickatell" then
    return has_status(body, format, id, is_stop)
  elseif case.name == "stop" then
    return has_entry(body, case.operation.items, id, one_of(200, "200"))
  end
  return has_entry(body, case.operation.items, id,
    case.provider == "pushwoosh" and is_canceled or is_unsent)
end

-- evidence.is_listed(case, format, id, body): whether an answer of HTTP 200 says anything of the id
-- that a page of the provider has.
function evidence.is_listed(case, format, id, body)
  if has_error(case, body, format) then
    return false
  elseif case.provider == "clickatell" then
    return has_status(body, format, id, is_any)
  elseif case.name == "check" then
    local document = json_of(body)
    for currency, amount in pairs(document or {}) do
      if type(currency) ~= "string" or #currency ~= 3 or type(amount) ~= "number" then
        return false
      end
    end
    return document ~= nil and next(document) ~= nil
  end
  return case.operation.items ~= nil and has_entry(body, case.operation.items, id, is_any)
end

return evidence
