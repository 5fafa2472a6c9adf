-- From https://developers.telnyx.com/api-reference/messages/cancel-a-scheduled-message and
-- https://developers.telnyx.com/development/api-fundamentals/api-errors

local function message(...)
  local to = {}
  for i, word in ipairs({ ... }) do
    to[i] = ('{"phone_number":"+1866555000%d","status":"%s"}'):format(i, word)
  end
  return '{"record_type":"message","direction":"outbound","id":"<id>","type":"SMS","to":['
    .. table.concat(to, ",") .. '],"text":"Hello","sent_at":null,"errors":[]}'
end

-- The cancel answers with the message itself; the lookup puts it under `data`.
local function cancelled(says, ...)
  return { status = 200, body = message(...), says = says }
end

local function shown(says, ...)
  return { status = 200, body = '{"data":' .. message(...) .. "}", says = says }
end

local function refusal(status, code, title, detail, says)
  return {
    status = status,
    body = ('{"errors":[{"code":"%s","title":"%s","detail":"%s"}]}'):format(code, title, detail),
    says = says,
  }
end

local function missing(says)
  return refusal(404, "10005", "Resource not found",
    "The requested resource or URL could not be found.", says)
end

return {
  id = "%08x-0000-4000-8000-000000000000",
  fates = { ["0403"] = "forbidden", ["0202"] = "parted" },
  stop = {
    scheduled = cancelled("stopped", "cancelled"),
    stopped = cancelled("stopped", "cancelled"),
    sent = cancelled("too_late", "delivered"),
    missing = missing("not_found"),
    forbidden = refusal(403, "10010", "Authorization failed",
      "You do not have permission to perform the requested action.", "unknown"),
    -- One of two recipients has it.
    parted = cancelled("too_late", "cancelled", "sent"),
  },
  status = {
    scheduled = shown("open", "scheduled"),
    stopped = shown("stopped", "cancelled"),
    sent = shown("too_late", "delivered"),
    missing = missing("not_stoppable"),
    forbidden = shown("too_late", "sending"),
    parted = shown("too_late", "cancelled", "sent"),
  },
  check = {
    status = 200,
    body = '{"data":{"record_type":"balance","balance":"300.00","currency":"USD"}}',
    says = "accepted",
  },
  credentials = refusal(401, "10009", "Authentication failed",
    "The required authentication headers were either invalid or not included in the request."),
  throttle = {
    status = 429,
    headers = { ["Retry-After"] = "1" },
    body = '{"errors":[{"code":"10011","title":"Too many requests"}]}',
  },
}
