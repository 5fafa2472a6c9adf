-- Pushwoosh: Messaging API v2 cancel, and messages:list for the status.

local json = require("stopmsg.json")
local listing = require("stopmsg.sandbox.listing")
local providers = require("stopmsg.provider")

local pushwoosh = {}

local Pushwoosh = {}
Pushwoosh.__index = Pushwoosh

local JSON = { ["Content-Type"] = "application/json" }
local MAX_PER_PAGE = 1000
-- Our choice; the provider does not say.
local DEFAULT_PER_PAGE = 100

-- gRPC code of the envelope -> HTTP status
local STATUS = {
  [3] = 400,
  [5] = 404,
  [7] = 403,
  [8] = 429,
  [9] = 400,
  [12] = 501,
  [13] = 500,
  [14] = 503,
  [16] = 401,
}
local TROUBLE = {
  [429] = { code = 8, message = "resource exhausted" },
  [500] = { code = 13, message = "failed to publish message cancellation" },
  [503] = { code = 14, message = "service unavailable" },
}

local function answer(status, body, ids)
  return { status = status, headers = JSON, body = body, ids = ids }
end

-- Written by hand: lua-cjson has no empty list.
local function refusal(code, message, ids)
  local body = ('{"code":%d,"message":%s,"details":[]}'):format(code, json.encode(message))
  return answer(STATUS[code], body, ids)
end

local function trouble(status, ids)
  local refused = refusal(TROUBLE[status].code, TROUBLE[status].message, ids)
  if status == 429 then
    refused.headers = { ["Content-Type"] = "application/json", ["Retry-After"] = "1" }
  end
  return refused
end

-- What every held message shows, by filter.
local SHOWS = { campaign = "SANDBOX" }

local STATES = { scheduled = "PENDING", stopped = "CANCELED", sent = "DONE" }

function pushwoosh.new(messages)
  messages:hold("CA00-%08X-0000AAAA", { lists_all = true })
  return setmetatable({
    _memory = messages,
    _find = providers.load("pushwoosh").operations.find,
  }, Pushwoosh)
end

function Pushwoosh:_cancel(document)
  local code = document.message_code
  if type(code) ~= "string" or code == "" then
    return refusal(3, "message_code is required")
  end
  local status = self._memory:trouble({ code })
  if status then
    return trouble(status, 1)
  end
  local ending = code:sub(-4)
  if ending == "0003" then
    return refusal(3, "message_code is malformed", 1)
  elseif ending == "0403" then
    return refusal(7, "message belongs to another account", 1)
  elseif ending == "0404" then
    return refusal(5, "message not found", 1)
  elseif ending == "0400" or self._memory:is_again(code)
    or self._memory:has_left(code) then
    return refusal(9, "message is not in a cancelable state", 1)
  end
  self._memory:stop(code, self._memory.now())
  return answer(200, "{}", 1)
end

-- Returns nil if this account has no such message.
function Pushwoosh:_state(code)
  local ending = code:sub(-4)
  if ending == "0003" or ending == "0403" or ending == "0404" then
    return nil
  elseif ending == "0400" or self._memory:has_left(code) then
    return "DONE"
  end
  return self._memory:shown(code) and "CANCELED" or "PENDING"
end

-- In protobuf's JSON a missing number is 0.
local function whole(value, default)
  if value == nil or value == 0 then
    return default
  end
  return type(value) == "number" and value > 0 and value % 1 == 0 and value or nil
end

-- A page of held messages.
function Pushwoosh:_list_held(request, per_page)
  local campaign = self._memory:campaign()
  local page = listing.page(self._find, request, campaign, { shows = SHOWS, size = per_page })
  if not page then
    return refusal(3, "page: out of range")
  end
  local items = {}
  for i, number in ipairs(page.numbers) do
    items[i] = ('{"id":%d,"code":"%s","status":"%s","campaign":"SANDBOX","platforms":[],'
      .. '"source":"API"}'):format(number, campaign:id(number),
      STATES[campaign:state(number, true)])
  end
  return answer(200, ('{"total":%d,"items":[%s]}'):format(page.total, table.concat(items, ",")), 0)
end

function Pushwoosh:_list(document, request)
  local filters = document.filters
  if type(filters) ~= "table" or type(filters.application) ~= "string"
    or filters.application == "" then
    return refusal(3, "filters.application is required")
  end
  local codes = filters.messages_codes or {}
  local per_page, page = whole(document.per_page, DEFAULT_PER_PAGE), whole(document.page, 1)
  if type(codes) ~= "table" then
    return refusal(3, "filters.messages_codes: not a list")
  elseif not per_page or per_page > MAX_PER_PAGE or not page then
    return refusal(3, "per_page, page: out of range", #codes)
  end
  for _, code in ipairs(codes) do
    if type(code) ~= "string" then
      return refusal(3, "filters.messages_codes: not a list of strings", #codes)
    end
  end
  if not filters.messages_codes then
    return self:_list_held(request, per_page)
  end
  local status = self._memory:trouble(codes)
  if status then
    return trouble(status, #codes)
  end

  local items = {}
  for _, code in ipairs(codes) do
    local state = self:_state(code)
    if state then
      items[#items + 1] = ('{"id":%d,"code":%s,"status":"%s","platforms":[],"source":"API"}')
        :format(#items + 1, json.encode(code), state)
    end
  end
  local first = (page - 1) * per_page + 1
  local shown = table.concat(items, ",", first, math.min(page * per_page, #items))
  return answer(200, ('{"total":%d,"items":[%s]}'):format(#items, shown), #codes)
end

local ROUTES = {
  ["/messaging/v2/cancel"] = Pushwoosh._cancel,
  ["/api/v2/messages:list"] = Pushwoosh._list,
}

function Pushwoosh:answer(request)
  local call = ROUTES[request.path]
  if not call then
    return refusal(5, "Not Found")
  elseif request.method ~= "POST" then
    return refusal(12, "Method Not Allowed")
  end
  local token = (request.headers.authorization or ""):match("^[Tt][Oo][Kk][Ee][Nn] +(.-) *$")
  if token ~= "sandbox" then
    return refusal(16, "unauthenticated")
  end
  local document = json.decode(request.body or "")
  if type(document) ~= "table" then
    return refusal(3, "the body is not a JSON object")
  end
  return call(self, document, request)
end

return pushwoosh
