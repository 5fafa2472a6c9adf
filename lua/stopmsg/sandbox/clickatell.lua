-- Clickatell's archived REST API: stop a message, get its status.

local json = require("stopmsg.json")
local url = require("stopmsg.sandbox.url")

local clickatell = {}

local Clickatell = {}
Clickatell.__index = Clickatell

local MIME = { json = "application/json", xml = "application/xml" }

local STATUSES = {
  ["001"] = "Message unknown",
  ["002"] = "Message queued",
  ["003"] = "Delivered to gateway",
  ["004"] = "Received by recipient",
  ["005"] = "Error with message",
  ["006"] = "User cancelled message delivery",
  ["007"] = "Error delivering message",
  ["008"] = "OK",
  ["009"] = "Routing error",
  ["010"] = "Message expired",
  ["011"] = "Message scheduled for later delivery",
  ["012"] = "Out of credit",
  ["013"] = "Clickatell cancelled message delivery",
  ["014"] = "Maximum MT limit exceeded",
  ["015"] = "A status that is in no list",
}

-- Errors of whole requests. The provider's list has no code for 429; this one is ours.
local ERRORS = {
  ["001"] = { status = 401, description = "Authentication failed" },
  ["109"] = { status = 400, description = "Missing message ID" },
  ["160"] = { status = 405, description = "HTTP method is not supported on this resource" },
  ["161"] = { status = 404, description = "Resource does not exist" },
  ["165"] = { status = 400, description = "Invalid or no version header specified" },
  ["166"] = { status = 400, description = "Invalid accept header specified" },
  ["429"] = { status = 429, description = "Too many requests" },
  ["901"] = { status = 500, description = "Internal error, please retry" },
}
local TROUBLE = { [429] = "429", [500] = "901", [503] = "901" }

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

-- fields: list of { name, text }, which keeps their order
local function write(format, root, fields)
  local parts = {}
  for i, field in ipairs(fields) do
    if format == "xml" then
      parts[i] = ("<%s>%s</%s>"):format(field[1], field[2]:gsub('[&<>"]', ENTITIES), field[1])
    else
      parts[i] = ('"%s":%s'):format(field[1], json.encode(field[2]))
    end
  end
  if format == "xml" then
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<response><%s>%s</%s></response>'):format(
      root, table.concat(parts), root)
  end
  return ('{"%s":{%s}}'):format(root, table.concat(parts, ","))
end

local function refusal(format, code, ids, status)
  return {
    status = status or ERRORS[code].status,
    headers = { ["Content-Type"] = MIME[format] },
    body = write(format, "error", {
      { "code", code },
      { "description", ERRORS[code].description },
      { "documentation", "http://www.clickatell.com/help/apidocs/error/" .. code .. ".htm" },
    }),
    ids = ids,
  }
end

-- The first of the two in the Accept header; anything else gets JSON.
local function accepted(header)
  for range in (header or "*/*"):lower():gmatch("[^,]+") do
    local kind = range:match("^%s*([^%s;]+)")
    if kind == "application/json" or kind == "*/*" or kind == "application/*" then
      return "json"
    elseif kind == "application/xml" then
      return "xml"
    end
  end
  return nil
end

function clickatell.new(messages)
  return setmetatable({ _memory = messages }, Clickatell)
end

-- code = :_status(key): a message with a fate never changes; others are scheduled until stopped.
function Clickatell:_status(key)
  local fate = key:sub(-4):match("^0(0%d%d)$")
  if fate and STATUSES[fate] then
    return fate
  end
  return self._memory:shown(key) and "006" or "011"
end

-- The status command also reports the charge.
local function message(format, status, id, charge)
  local fields = {
    { "messageStatus", status },
    { "description", STATUSES[status] },
    { "apiMessageId", id },
  }
  if charge then
    table.insert(fields, 1, { "charge", charge })
  end
  return {
    status = 200,
    headers = { ["Content-Type"] = MIME[format] },
    body = write(format, "data", fields),
    ids = 1,
  }
end

function Clickatell:_stop(format, id, key)
  local status = self:_status(key)
  if status == "011" and key:sub(-4) ~= "0011" then
    self._memory:stop(key, self._memory.now())
    -- The response says so at once, even before lookups show it.
    status = "006"
  end
  return message(format, status, key:sub(-4) == "0999" and ("f"):rep(32) or id)
end

function Clickatell:answer(request)
  local format = accepted(request.headers.accept)
  local token = (request.headers.authorization or ""):match("^[Bb][Ee][Aa][Rr][Ee][Rr] +(.-) *$")
  if token ~= "sandbox" then
    return refusal(format or "json", "001")
  elseif request.headers["x-version"] ~= "1" then
    return refusal(format or "json", "165")
  elseif not format then
    return refusal("json", "166")
  end

  local id = request.path:match("^/rest/message/?([^/]*)$")
  if not id then
    return refusal(format, "161")
  elseif request.method ~= "DELETE" and request.method ~= "GET" then
    return refusal(format, "160")
  elseif id == "" then
    return refusal(format, "109")
  end
  id = url.decode(id)
  -- Hexadecimal digits are equal in either case.
  local key = id:lower()
  local status = self._memory:trouble({ key })
  if status then
    local refused = refusal(format, TROUBLE[status], 1, status)
    refused.headers["Retry-After"] = status == 429 and "1" or nil
    return refused
  elseif key:sub(-4) == "0404" then
    return refusal(format, "161", 1)
  elseif request.method == "GET" then
    return message(format, self:_status(key), id, "0")
  end
  return self:_stop(format, id, key)
end

return clickatell
