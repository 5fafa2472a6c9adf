-- The platform shared by Revicom Direct and i-Digital Direct.

local json = require("stopmsg.json")
local listing = require("stopmsg.sandbox.listing")
local memory = require("stopmsg.sandbox.memory")
local providers = require("stopmsg.provider")
local url = require("stopmsg.sandbox.url")

local direct = {}

local Direct = {}
Direct.__index = Direct

local MAX_UUIDS = 10000
-- How far a list can be paged, whatever its total.
local MAX_LISTED = 10000
local JSON = { ["Content-Type"] = "application/json" }

-- Endings of message ids -> item codes. All others get 200.
local ITEM_CODES = {
  ["0201"] = 201,
  ["0202"] = 202,
  ["0403"] = 403,
  ["0404"] = 404,
  ["0418"] = 418,
}
local LEFT_OUT = "0000"
local BAD_BATCH = "0400"
-- Codes that stop the message even though they do not promise it.
local STOPPABLE = { [200] = true, [201] = true, [202] = true }

local TROUBLE = {
  [429] = "Too Many Requests",
  [500] = "Internal Server Error",
  [503] = "Service Unavailable",
}

local function answer(status, body, ids)
  return { status = status, headers = JSON, body = body, ids = ids }
end

local function refusal(code, message, ids)
  local body = ('{"error":{"code":%d,"msg":%s}}'):format(code, json.encode(message))
  return answer(math.floor(code / 10), body, ids)
end

-- These codes are guesses from the platform's numbering (HTTP status plus a digit).
local function trouble(status, ids)
  local refused = refusal(status * 10, TROUBLE[status], ids)
  if status == 429 then
    refused.headers = { ["Content-Type"] = "application/json", ["Retry-After"] = "1" }
  end
  return refused
end

local UUID = ("^8%-4%-4%-4%-12$"):gsub("%d+", function(count)
  return ("%x"):rep(tonumber(count))
end)

local function is_uuid(id)
  return type(id) == "string" and #id == 36 and id:find(UUID) ~= nil
end

-- Returns nil if the token is right.
local function check_token(request, any_type)
  local token = (request.headers.authorization or ""):match("^[Bb][Aa][Ss][Ii][Cc] +(.-) *$")
  if not token then
    return refusal(4010, "Not Authenticated")
  elseif token ~= "sandbox" and token ~= "sandbox-type-2" then
    return refusal(4012, "Bad credentials")
  elseif token == "sandbox-type-2" and not any_type then
    return refusal(4030, "Access Denied")
  end
  return nil
end

-- What every held message shows, by filter.
local SHOWS = { dispatch = 17, tag = "sandbox", sender = "stopmsg", recipient = "79990000000",
  name = "sandbox", state = "sending" }

-- messages, dispatches: two memories.
function direct.new(messages, dispatches)
  messages:hold("%08x-0000-4000-8000-00000000c0de", {})
  dispatches:hold("7%d0001", {})
  return setmetatable({
    _memory = messages,
    _dispatches = dispatches,
    _find = providers.load("revicom").operations.find,
    _find_dispatch = providers.load("idigital").operations.find_dispatch,
  }, Direct)
end

-- 413 for too many uuids and 400 for anything but a list of uuids are our choice; the platform's
-- documentation does not say.
function Direct:_stop_messages(request)
  local document = json.decode(request.body or "")
  local uuids = type(document) == "table" and document.uuids
  if type(uuids) ~= "table" or #uuids == 0 then
    return refusal(4000, "uuids: a list of message ids is required")
  end
  local count = #uuids
  if count > MAX_UUIDS then
    return refusal(4130, "uuids: more than " .. MAX_UUIDS, count)
  end

  local troubled, bad
  for i = 1, count do
    if not is_uuid(uuids[i]) then
      return refusal(4001, "uuids[" .. (i - 1) .. "]: not a uuid", count)
    end
    -- The platform writes ids in lower case, whatever it received.
    local id = uuids[i]:lower()
    local ending = id:sub(-4)
    uuids[i] = id
    troubled = troubled or memory.is_trouble(ending)
    bad = bad or ending == BAD_BATCH
  end
  local status = troubled and self._memory:trouble(uuids)
  if status then
    return trouble(status, count)
  elseif bad then
    return refusal(4001, "uuids: refused", count)
  end
  return answer(200, self:_stop_each(uuids, count), count)
end

-- Joins prepared pieces, so that no string is made per item.
function Direct:_stop_each(uuids, count)
  local kept, now = self._memory, self._memory.now()
  local pieces, n, errors = { "", '{"messageUuid":"' }, 2, false
  for i = 1, count do
    local id = uuids[i]
    local ending = id:sub(-4)
    local code = ITEM_CODES[ending] or (kept:has_left(id) and 403) or 200
    if STOPPABLE[code] then
      kept:stop(id, now)
    end
    if code == 403 or code == 404 then
      errors = true
    end
    if ending ~= LEFT_OUT then
      pieces[n + 1] = id
      pieces[n + 2] = code == 200 and '","code":200},{"messageUuid":"'
        or '","code":' .. code .. '},{"messageUuid":"'
      n = n + 2
    end
  end
  -- The last piece opens an item that does not follow.
  pieces[n] = n > 2 and pieces[n]:gsub(',{"messageUuid":"$', "") or ""
  pieces[n + 1] = "]}"
  pieces[1] = '{"errors":' .. tostring(errors) .. ',"items":['
  return table.concat(pieces)
end

-- status, time, or nil if there is no such message
function Direct:_message_state(id)
  local ending = id:sub(-4)
  if ending == "0404" or ending == BAD_BATCH then
    return nil
  elseif ending == "0403" or self._memory:has_left(id) then
    return "sent", self._memory.now()
  end
  local at = self._memory:shown(id)
  if not at then
    return "sending", self._memory.now()
  end
  return ending == "0202" and "sent" or "unsent", at
end

local function message_object(id, state, at)
  return ('{"messageUuid":"%s","status":"%s","statusTime":"%s","errorCode":null}'):format(
    id, state, os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(at)))
end

-- Of a dispatch's 100 messages, 40 were sent if it was stopped in progress.
local function dispatch_object(id, state)
  local sent = state == "done" and 100 or state == "initiated" and 0 or 40
  return ('{"dispatchId":%s,"dispatchName":"sandbox","status":"%s","messages":{"total":100,'
    .. '"delivered":0,"undelivered":0,"unsent":%d,"sent":%d,"sending":%d}}'):format(
    id:match("^0*(%d+)$"), state, state == "stopped" and 60 or 0, sent,
    state == "sending" and 60 or 0)
end

-- first, last | nil, refusal
local function page_of(query, count)
  local page = tonumber(query.page and query.page[1] or 1)
  local size = tonumber(query.per_page and query.per_page[1] or 100)
  if not page or not size or page < 1 or size < 1 or page % 1 ~= 0 or size % 1 ~= 0
    or page * size > MAX_LISTED then
    return nil, refusal(4000, "page, per_page: not within the first " .. MAX_LISTED, count)
  end
  return (page - 1) * size + 1, page * size
end

-- A page of held messages or dispatches. write(campaign, number) returns an entry.
local function list_held(operation, request, campaign, write)
  local query = url.query(request.query)
  local first, last = page_of(query, 0)
  if not first then
    return last
  end
  local page = listing.page(operation, request, campaign, {
    shows = SHOWS,
    size = last - first + 1,
  })
  if not page then
    return refusal(4000, "the parameters are not understood", 0)
  end
  local entries = {}
  for i, number in ipairs(page.numbers) do
    entries[i] = write(campaign, number)
  end
  return answer(200, ('{"total":%d,"items":[%s]}'):format(page.total, table.concat(entries, ",")),
    0)
end

local function held_message(campaign, number)
  local time = os.date("!%Y-%m-%dT%H:%M:%SZ", campaign:time(number))
  return ('{"createdTime":"%s","dispatchId":17,"messageUuid":"%s","senderName":"stopmsg",'
    .. '"destination":"79990000000","tags":["sandbox"],"status":"sending","statusTime":"%s",'
    .. '"errorCode":null}'):format(time, campaign:id(number), time)
end

local function held_dispatch(campaign, number)
  local object = dispatch_object(campaign:id(number), "sending")
  return ('{"created":"%s",'):format(os.date("!%Y-%m-%dT%H:%M:%SZ", campaign:time(number)))
    .. object:sub(2)
end

-- objects: those found, in the order requested
local function list(query, objects, count)
  local first, last = page_of(query, count)
  if not first then
    return last
  end
  local items = table.concat(objects, ",", first, math.min(last, #objects))
  return answer(200, ('{"total":%d,"items":[%s]}'):format(#objects, items), count)
end

function Direct:_list_messages(request)
  local query = url.query(request.query)
  local ids = query.message_uuid or {}
  if not query.message_uuid then
    return list_held(self._find, request, self._memory:campaign(), held_message)
  end
  for i, id in ipairs(ids) do
    if not is_uuid(id) then
      return refusal(4001, "message_uuid: not a uuid", #ids)
    end
    ids[i] = id:lower()
  end
  local status = self._memory:trouble(ids)
  if status then
    return trouble(status, #ids)
  end
  local found = {}
  for _, id in ipairs(ids) do
    local state, at = self:_message_state(id)
    if state then
      found[#found + 1] = message_object(id, state, at)
    end
  end
  return list(query, found, #ids)
end

function Direct:_get_message(_, id)
  if not is_uuid(id) then
    return refusal(4001, "not a uuid", 1)
  end
  id = id:lower()
  local status = self._memory:trouble({ id })
  if status then
    return trouble(status, 1)
  end
  local state, at = self:_message_state(id)
  if not state then
    return refusal(4040, "Message " .. id .. " not found", 1)
  end
  return answer(200, message_object(id, state, at), 1)
end

-- status, or nil if there is no such dispatch
function Direct:_dispatch_state(id)
  local ending = id:sub(-4)
  if ending == "4040" then
    return nil
  elseif ending == "4031" then
    return "done"
  elseif ending == "4032" then
    return "initiated"
  elseif self._dispatches:has_left(id) then
    return "done"
  end
  return self._dispatches:shown(id) and "stopped" or "sending"
end

function Direct:_stop_dispatch(_, id)
  if not id:find("^%d+$") then
    return refusal(4000, "dispatchId: not a number", 1)
  end
  local status = self._dispatches:trouble({ id })
  if status then
    return trouble(status, 1)
  end
  local ending = id:sub(-4)
  if ending == "4030" then
    return refusal(4030, "Access Denied", 1)
  elseif ending == "4040" then
    return refusal(4040, "Dispatch " .. id .. " not found", 1)
  elseif ending == "4031" or ending == "4032" or self._dispatches:is_again(id)
    or self._dispatches:has_left(id) then
    return refusal(4031, "Inappropriate dispatch status", 1)
  end
  self._dispatches:stop(id, self._dispatches.now())
  return { status = 200, body = "", ids = 1 }
end

function Direct:_list_dispatches(request)
  local query = url.query(request.query)
  local ids = query.dispatch_id or {}
  if not query.dispatch_id then
    return list_held(self._find_dispatch, request, self._dispatches:campaign(), held_dispatch)
  end
  for _, id in ipairs(ids) do
    if not id:find("^%d+$") then
      return refusal(4000, "dispatch_id: not a number", #ids)
    end
  end
  local status = self._dispatches:trouble(ids)
  if status then
    return trouble(status, #ids)
  end
  local found = {}
  for _, id in ipairs(ids) do
    local state = self:_dispatch_state(id)
    if state then
      found[#found + 1] = dispatch_object(id, state)
    end
  end
  return list(query, found, #ids)
end

function Direct._balance()
  return answer(200, '{"USD":1200.00}')
end

-- The first match counts; its capture is the id.
local ROUTES = {
  { method = "POST", path = "^/api/v1/message/stop$", call = Direct._stop_messages },
  { method = "POST", path = "^/api/v1/dispatch/([^/]+)/stop$", call = Direct._stop_dispatch },
  { method = "GET", path = "^/api/v1/message$", call = Direct._list_messages },
  { method = "GET", path = "^/api/v1/message/([^/]+)$", call = Direct._get_message },
  { method = "GET", path = "^/api/v1/dispatch$", call = Direct._list_dispatches },
  { method = "GET", path = "^/api/v1/balance$", call = Direct._balance, any_type = true },
}

function Direct:answer(request)
  local known
  for _, route in ipairs(ROUTES) do
    local id = request.path:match(route.path)
    if id and route.method == request.method then
      return check_token(request, route.any_type) or route.call(self, request, url.decode(id))
    end
    known = known or id
  end
  if known then
    return refusal(4050, "Method Not Allowed")
  end
  return refusal(4041, "Not Found")
end

return direct
