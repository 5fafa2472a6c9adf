-- From https://developers.telnyx.com/api-reference/email-messages/cancel-a-scheduled-email-message
-- and https://developers.telnyx.com/development/api-fundamentals/api-errors. What a cancel of an
-- e-mail that was sent gets is inferred from the page about another time for it.

local function email(status)
  return '{"record_type":"email_message","id":"<id>","from":{"email":"a@example.com"},'
    .. '"to":[{"email":"b@example.com"}],"subject":"Hello","status":"' .. status
    .. '","scheduled_at":"<time>Z"}'
end

local function shown(status, says)
  return { status = 200, body = '{"data":' .. email(status) .. "}", says = says }
end

local function refusal(status, code, title, says)
  return {
    status = status,
    body = ('{"errors":[{"code":"%s","title":"%s","detail":"%s"}]}'):format(code, title, title),
    says = says,
  }
end

local SENT = refusal(409, "10015", "The message is no longer scheduled", "not_stoppable")

return {
  id = "%08x-0000-4000-8000-000000000000",
  stop = {
    scheduled = shown("cancelled", "stopped"),
    stopped = SENT,
    sent = SENT,
    missing = refusal(404, "10005", "Resource not found", "not_found"),
  },
  status = {
    scheduled = shown("scheduled", "open"),
    stopped = shown("cancelled", "stopped"),
    sent = shown("delivered", "too_late"),
    missing = refusal(404, "10005", "Resource not found", "not_stoppable"),
  },
  check = {
    status = 200,
    body = '{"data":{"record_type":"balance","balance":"300.00","currency":"USD"}}',
    says = "accepted",
  },
  find = {
    status = 200,
    body = '{"data":[<entries>],"meta":{"page_cursor":"<cursor>"}}',
    entry = { scheduled = email("scheduled"), stopped = email("cancelled"),
      sent = email("delivered") },
    newest_first = true,
  },
  credentials = refusal(401, "10009", "Authentication failed"),
  throttle = {
    status = 429,
    headers = { ["Retry-After"] = "1" },
    body = '{"errors":[{"code":"10011","title":"Too many requests"}]}',
  },
}
