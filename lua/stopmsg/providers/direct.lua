-- The "Direct" platform, which Revicom and i-Digital sell under their own names: same paths, same
-- error envelope and numbers. Each brand documents a part of the operations; `direct.brand` makes
-- the definition of one, with the rest marked as undocumented.

local direct = {}

-- The platform's own flag says that some items are 403 or 404. The items decide; where the flag
-- contradicts them somebody should look.
local function remark(document, counts)
  local refused = counts[403] or counts[404]
  if document.errors == false and refused then
    return "the answer says errors = false, but holds items that were not stopped"
  elseif document.errors == true and not refused then
    return "the answer says errors = true, but all its items were accepted"
  end
end

-- https://api.direct.revicom.ltd/extra/references
local MESSAGE_STATES = {
  sending = "open",
  sent = "too_late",
  delivered = "too_late",
  undelivered = "too_late",
  unsent = "stopped",
}

local DISPATCH_STATES = {
  initiated = "open",
  changing = "open",
  scheduled = "open",
  sending = "open",
  paused = "open",
  awaiting = "too_late",
  done = "too_late",
  stopped = "stopped",
}

-- How many messages of a dispatch are no longer on the platform; nil where it is not stopped.
local function left(dispatch)
  local counts = dispatch.messages
  if dispatch.status ~= "stopped" or type(counts) ~= "table" then
    return nil
  end
  local sum = 0
  for _, name in ipairs({ "sent", "delivered", "undelivered" }) do
    sum = sum + (tonumber(counts[name]) or 0)
  end
  return sum
end

-- The balance of an account, in each of its currencies: {"USD":1200.00}.
local function decode_balance(answer)
  local document = answer.document
  if not document or next(document) == nil then
    return nil
  end
  for currency, amount in pairs(document) do
    if type(currency) ~= "string" or not currency:find("^%u%u%u$") or type(amount) ~= "number" then
      return nil
    end
  end
  return { outcome = "accepted" }
end

local function operations()
  return {
    stop = {
      docs = "https://api.direct.revicom.ltd/messages/stopping",
      method = "POST",
      path = "/api/v1/message/stop",
      id = "uuid",
      limit = 10000,
      body = {
        type = "application/json",
        template = '{"uuids":[{id}]}',
        between = ",",
        escape = "json",
      },
      items = { list = "items", id = "messageUuid", code = "code" },
      -- 201 stands in the page's example and not in its table; it promises no more than 202.
      codes = { [200] = "stopped", ["2xx"] = "accepted", [403] = "too_late", [404] = "not_found" },
      remark = remark,
      refusals = { ["403/4030"] = "credentials" },
    },
    stop_dispatch = {
      docs = "https://api.docs.direct.i-dgtl.ru/dispatches/stop",
      method = "POST",
      path = "/api/v1/dispatch/{id}/stop",
      id = "digits",
      success = "stopped", -- without a body
      -- 4031 covers "not started" and "finished" alike.
      refusals = {
        ["403/4030"] = "credentials",
        ["403/4031"] = "not_stoppable",
        ["404/4040"] = "not_found",
      },
    },
    -- 100 uuids make a URL of 5 KiB, which all servers take, and one page as pages are by default.
    status = {
      docs = "https://api.direct.revicom.ltd/messages/get",
      inferred = "how uuids are repeated and what the list looks like is inferred",
      method = "GET",
      path = "/api/v1/message?per_page=100&message_uuid={id}",
      between = "&message_uuid=",
      id = "uuid",
      limit = 100,
      items = { list = "items", id = "messageUuid", code = "status" },
      states = MESSAGE_STATES,
      shared = {
        unsent = "the provider says unsent of messages that never left for other reasons, too",
      },
      refusals = { ["403/4030"] = "credentials" },
    },
    status_dispatch = {
      docs = "https://api.docs.direct.i-dgtl.ru/dispatches/get",
      inferred = "the address of the list of dispatches is inferred",
      method = "GET",
      path = "/api/v1/dispatch?per_page=100&dispatch_id={id}",
      between = "&dispatch_id=",
      id = "digits",
      limit = 100,
      items = { list = "items", id = "dispatchId", code = "status" },
      states = DISPATCH_STATES,
      left = left,
      refusals = { ["403/4030"] = "credentials" },
    },
    check = {
      docs = "https://api.direct.revicom.ltd/extra/balance",
      method = "GET",
      path = "/api/v1/balance",
      decode = decode_balance,
      refusals = { ["403/4030"] = "credentials" },
    },
  }
end

-- definition = direct.brand{ name, about, docs, base_url, documented = { operation, ... } }
function direct.brand(brand)
  local is_documented = {}
  for _, name in ipairs(brand.documented) do
    is_documented[name] = true
  end
  local all = operations()
  for name, operation in pairs(all) do
    operation.undocumented = not is_documented[name]
  end
  return {
    name = brand.name,
    about = brand.about,
    docs = brand.docs,
    base_url = brand.base_url,
    -- The key is issued ready for the header: encoding it again would break it.
    auth = { prefix = "Basic " },
    -- Errors of a whole request: {"error":{"code":4030,"msg":"Access Denied"}}.
    error = { code = "error.code", text = "error.msg", form = "status_prefix" },
    operations = all,
  }
end

return direct
