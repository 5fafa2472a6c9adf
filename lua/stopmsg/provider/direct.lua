-- The "Direct" platform, sold by Revicom and i-Digital under their own names: same paths, error
-- envelope and codes. Each brand documents some of the operations; `direct.brand` makes a brand's
-- definition and marks the rest as undocumented.

local direct = {}

local function operations()
  return {
    stop = {
      docs = "https://api.direct.revicom.ltd/messages/stopping",
      request = "POST /api/v1/message/stop",
      id = "uuid",
      limit = 10000,
      json = { uuids = "{ids}" },
      [200] = {
        each = "items",
        id = "messageUuid",
        code = "code",
        -- 201 appears in the page's example but not in its table; it promises no more than 202.
        means = { [200] = "stopped", ["2xx"] = "accepted", [403] = "too_late",
          [404] = "not_found" },
        flag = { path = "errors", codes = { 403, 404 } },
      },
    },
    stop_dispatch = {
      docs = "https://api.docs.direct.i-dgtl.ru/dispatches/stop",
      request = "POST /api/v1/dispatch/{id}/stop",
      id = "digits",
      [200] = "stopped", -- without a body
      -- 4031 covers both "not started" and "finished".
      refused = { ["403/4031"] = "not_stoppable", ["404/4040"] = "not_found" },
    },
    -- 100 uuids make a URL of 5 KiB, which all servers accept, and fill one page of default size.
    status = {
      docs = "https://api.direct.revicom.ltd/messages/get",
      inferred = "how uuids are repeated and what the list looks like is inferred",
      request = "GET /api/v1/message?per_page=100&message_uuid={ids}",
      id = "uuid",
      limit = 100,
      [200] = {
        each = "items",
        id = "messageUuid",
        state = "status",
        -- https://api.direct.revicom.ltd/extra/references
        means = {
          sending = "open",
          sent = "too_late",
          delivered = "too_late",
          undelivered = "too_late",
          unsent = { "stopped",
            note = "the provider says unsent of messages that never left for other reasons, too" },
        },
      },
    },
    status_dispatch = {
      docs = "https://api.docs.direct.i-dgtl.ru/dispatches/get",
      inferred = "the address of the list of dispatches is inferred",
      request = "GET /api/v1/dispatch?per_page=100&dispatch_id={ids}",
      id = "digits",
      limit = 100,
      [200] = {
        each = "items",
        id = "dispatchId",
        state = "status",
        means = {
          initiated = "open",
          changing = "open",
          scheduled = "open",
          sending = "open",
          paused = "open",
          awaiting = "too_late",
          done = "too_late",
          stopped = "stopped",
        },
        left = { "messages.sent", "messages.delivered", "messages.undelivered" },
      },
    },
    -- The account's balance per currency: {"USD":1200.00}.
    check = {
      docs = "https://api.direct.revicom.ltd/extra/balance",
      request = "GET /api/v1/balance",
      [200] = { every = { "^%u%u%u$", "number" }, means = "accepted" },
    },
    find = {
      docs = "https://api.direct.revicom.ltd/messages/get",
      inferred = "what the list of messages looks like is inferred",
      request = "GET /api/v1/message?ready_to_stop=true&per_page=100",
      where = {
        since = { query = "time_from", time = "rfc3339", about = "sent or to be sent from" },
        till = { query = "time_to", time = "rfc3339", about = "sent or to be sent until" },
        dispatch = { query = "dispatch_id", entry = "dispatchId", list = "repeat",
          about = "a dispatch's number" },
        tag = { query = "tags", entry = "tags", list = "repeat" },
        sender = { query = "sender_name", entry = "senderName", list = "repeat" },
        recipient = { query = "destination", entry = "destination", list = "repeat" },
      },
      each = "items",
      id = "messageUuid",
      state = "status",
      means = {
        sending = "open",
        sent = "too_late",
        delivered = "too_late",
        undelivered = "too_late",
        unsent = "stopped",
      },
      next = { by = "page", as = "query:page", first = 1, size = 100, most = 10000,
        total = "total" },
    },
    find_dispatch = {
      docs = "https://api.docs.direct.i-dgtl.ru/dispatches/get",
      inferred = "how pages of dispatches are asked for is inferred",
      request = "GET /api/v1/dispatch?per_page=100",
      where = {
        since = { query = "created_from", time = "rfc3339", entry = { "created", "createdTime" },
          about = "made from then on" },
        till = { query = "created_to", time = "rfc3339", entry = { "created", "createdTime" },
          about = "made before" },
        dispatch = { query = "dispatch_id", entry = "dispatchId" },
        name = { query = "dispatch_name", entry = "dispatchName" },
        state = { query = "status", entry = "status" },
      },
      each = "items",
      id = "dispatchId",
      state = "status",
      means = {
        initiated = "not_stoppable",
        changing = "again",
        scheduled = "open",
        sending = "open",
        paused = "open",
        awaiting = "too_late",
        done = "too_late",
        stopped = "stopped",
      },
      next = { by = "page", as = "query:page", first = 1, size = 100, total = "total" },
    },
  }
end

-- definition = direct.brand{ name, about, docs, url, documented = { operation, ... } }
function direct.brand(brand)
  local definition = operations()
  local is_documented = {}
  for _, name in ipairs(brand.documented) do
    is_documented[name] = true
  end
  for name, operation in pairs(definition) do
    operation.undocumented = not is_documented[name] or nil
  end
  for _, field in ipairs({ "name", "about", "docs", "url" }) do
    definition[field] = brand[field]
  end
  -- The key is issued in the form that the header needs; encoding it again would break it.
  definition.headers = { Authorization = "Basic {token}" }
  -- Errors of the whole request: {"error":{"code":4030,"msg":"Access Denied"}}.
  definition.error = { code = "error.code", text = "error.msg", form = "status_prefix" }
  -- Wrong type of token.
  definition.refused = { ["403/4030"] = "credentials" }
  return definition
end

return direct
