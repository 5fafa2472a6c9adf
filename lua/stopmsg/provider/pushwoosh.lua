-- Pushwoosh Messaging API v2. One message code stands for a whole push and all who get it.

return {
  name = "pushwoosh",
  about = "Pushwoosh: cancels a push by its message code",
  docs = "https://docs.pushwoosh.com/developer/api-reference/messaging-api-v2/cancel/",
  url = "https://api.pushwoosh.com",
  settings = {
    application = {
      about = "the application code, XXXXX-XXXXX, in the Control Panel beside the app's name",
      max = 64,
    },
  },
  headers = { Authorization = "Token {token}" },
  id = {
    pattern = "^[\33-\126]+$",
    max = 128,
    about = "a message code like 1A2B-3C4D5E6F-7A8B9C0D",
    -- All real codes look like this, but no page promises it.
    usual = "^%x%x%x%x%-%x%x%x%x%x%x%x%x%-%x%x%x%x%x%x%x%x$",
  },
  -- The envelope of gRPC-Gateway: {"code":5,"message":"message not found","details":[]}.
  error = { code = "code", text = "message", form = "grpc", has = "message" },
  stop = {
    request = "POST /messaging/v2/cancel",
    json = { message_code = "{id}" },
    [200] = { exactly = "{}", means = "stopped" },
    -- The page gives two causes for a 400: no code at all, which is never sent, and this one.
    [400] = "not_stoppable",
    [403] = "denied",
    [404] = "not_found",
    refused = { ["400/3"] = "invalid" },
  },
  status = {
    docs = "https://docs.pushwoosh.com/developer/api-reference/statistics-api/"
      .. "message-statistics-api",
    inferred = "the scheme before the token and the place of per_page are inferred",
    request = "POST /api/v2/messages:list",
    limit = 100,
    json = {
      filters = { application = "{application}", messages_codes = "{ids}" },
      per_page = 100,
    },
    [200] = {
      each = "items",
      id = "code",
      state = "status",
      -- The cancel page and the message history use different words, in different cases.
      means = {
        creating = "open",
        pending = "open",
        waiting = "open",
        processing = "open",
        done = "too_late",
        fail = "not_stoppable",
        canceled = "stopped",
        cancelled = "stopped",
      },
    },
  },
  find = {
    docs = "https://docs.pushwoosh.com/developer/api-reference/statistics-api/"
      .. "message-statistics-api",
    inferred = "whether all pending messages are listed, and the number of the first page",
    unit = "campaign",
    request = "POST /api/v2/messages:list",
    json = { filters = { application = "{application}" }, per_page = 500 },
    where = {
      since = { json = "filters.date_range.date_from", time = "date", about = "whole days, UTC" },
      till = { json = "filters.date_range.date_to", time = "date", about = "whole days, UTC" },
      campaign = { json = "filters.campaign", entry = "campaign", about = "a campaign's code" },
    },
    each = "items",
    id = "code",
    state = "status",
    means = {
      creating = "again",
      pending = "open",
      waiting = "open",
      processing = "open",
      done = "too_late",
      fail = "not_stoppable",
      canceled = "stopped",
      cancelled = "stopped",
    },
    next = { by = "page", as = "json:page", first = 1, size = 500, total = "total" },
  },
}
