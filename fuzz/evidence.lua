-- Whether an answer of HTTP 200 proves that an id was stopped: what README says of each provider,
-- told once more, with other parsers' help.

local cjson = require("cjson")
local lxp = require("lxp")

local codec = cjson.new()
codec.decode_invalid_numbers(false)

local evidence = {}

local function json_of(body)
  local decoded, document = pcall(codec.decode, body)
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

local function no_error(body)
  local document = json_of(body)
  return not (document and document.error ~= nil) and not body:find("^%s*<")
end

local is_unsent, is_canceled = one_of("unsent", "stopped"), one_of("canceled", "cancelled")
local is_stop = one_of("006", "013")

-- evidence.is_stopped(case, format, id, body); case: { provider, name, operation }
function evidence.is_stopped(case, format, id, body)
  if case.provider == "clickatell" then
    return has_status(body, format, id, is_stop)
  elseif case.provider == "pushwoosh" and case.name == "stop" then
    local document = json_of(body)
    return document and document.code == nil and document.message == nil
      and document.error == nil
  elseif case.name == "stop" then
    return has_entry(body, case.operation.items, id, one_of(200))
  elseif case.name == "stop_dispatch" then
    return no_error(body)
  end
  return has_entry(body, case.operation.items, id,
    case.provider == "pushwoosh" and is_canceled or is_unsent)
end

return evidence
