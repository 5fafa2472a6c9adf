-- From https://docs.slack.dev/reference/methods/chat.deleteScheduledMessage and the examples of
-- Slack's OpenAPI file. Every error is HTTP 200.

local function refusal(word)
  return { status = 200, body = ('{"ok":false,"error":"%s"}'):format(word) }
end

local function says(answer, outcome)
  answer.says = outcome
  return answer
end

local GONE = says(refusal("invalid_scheduled_message_id"), "not_stoppable")

local LIST = {
  status = 200,
  body = '{"ok":true,"scheduled_messages":[<entries>],'
    .. '"response_metadata":{"next_cursor":"<cursor>"}}',
  entry = '{"id":"<message>","channel_id":"<channel>","post_at":<unix>,'
    .. '"date_created":1551891734,"text":"Hello"}',
  shows = { channel_id = "C024BE91L" },
}

return {
  id = "C024BE91L/Q%010d",
  fates = { ["0410"] = "closed" },
  stop = {
    scheduled = { status = 200, body = '{"ok":true}', says = "stopped" },
    stopped = GONE,
    sent = GONE,
    missing = says(refusal("channel_not_found"), "not_found"),
    closed = says(refusal("missing_scope"), "denied"),
  },
  status = LIST,
  find = LIST,
  check = {
    status = 200,
    body = '{"ok":true,"url":"https://sandbox.slack.com/","team":"Sandbox","user":"bot"}',
    says = "accepted",
  },
  credentials = refusal("invalid_auth"),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" },
    body = '{"ok":false,"error":"ratelimited"}' },
}
