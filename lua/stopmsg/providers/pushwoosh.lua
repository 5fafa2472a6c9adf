-- Pushwoosh Messaging API v2. One message code stands for a whole push and all who get it.

local CODE = {
  pattern = "^[\33-\126]+$",
  max = 128,
  about = "a message code like 1A2B-3C4D5E6F-7A8B9C0D",
  -- All real codes look like this, but no page promises it.
  usual = "^%x%x%x%x%-%x%x%x%x%x%x%x%x%-%x%x%x%x%x%x%x%x$",
}

return {
  name = "pushwoosh",
  about = "Pushwoosh: cancels a push by its message code",
  docs = "https://docs.pushwoosh.com/developer/api-reference/messaging-api-v2/cancel/",
  base_url = "https://api.pushwoosh.com",
  auth = { prefix = "Token " },
  -- The envelope of gRPC-Gateway: {"code":5,"message":"message not found","details":[]}.
  error = { code = "code", text = "message", form = "grpc" },
  operations = {
    stop = {
      method = "POST",
      path = "/messaging/v2/cancel",
      id = CODE,
      body = {
        type = "application/json",
        template = '{"message_code":{id}}',
        escape = "json",
      },
      success = "stopped",
      exactly = "{}",
      refusals = {
        ["400/3"] = "invalid",
        -- The page gives two causes for a 400: no code at all, which is never sent, and this one.
        ["400"] = "not_stoppable",
        ["403"] = "denied",
        ["404"] = "not_found",
      },
    },
    status = {
      docs = "https://docs.pushwoosh.com/developer/api-reference/statistics-api/"
        .. "message-statistics-api",
      inferred = "the scheme before the token and the place of per_page are inferred",
      method = "POST",
      path = "/api/v2/messages:list",
      id = CODE,
      limit = 100,
      needs = "application",
      body = {
        type = "application/json",
        template = '{"filters":{"application":{application},"messages_codes":[{id}]},'
          .. '"per_page":100}',
        between = ",",
        escape = "json",
      },
      items = { list = "items", id = "code", code = "status" },
      -- The cancel page and the message history use different words, in different cases.
      states = {
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
}
