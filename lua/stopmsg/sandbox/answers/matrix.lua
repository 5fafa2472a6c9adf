-- From https://spec.matrix.org/latest/client-server-api/#redactions

local function event(unsigned, content, says)
  return {
    status = 200,
    body = '{"type":"m.room.message","event_id":"<event>","room_id":"<room>",'
      .. '"sender":"@bot:example.org","origin_server_ts":1796115600000,"content":' .. content
      .. ',"unsigned":' .. unsigned .. "}",
    says = says,
  }
end

local function refusal(status, code, text, says)
  return { status = status, body = ('{"errcode":"%s","error":"%s"}'):format(code, text),
    says = says }
end

local REDACTED = { status = 200, body = '{"event_id":"$YUwQidLecu:example.com"}',
  says = "recalled" }

local SENT = event('{"age":1234}', '{"msgtype":"m.text","body":"Hello"}', "too_late")

return {
  id = "!sandbox:example.org/$event%08d",
  stop = {
    scheduled = REDACTED,
    -- An event that is redacted already is redacted once more.
    stopped = REDACTED,
    sent = refusal(403, "M_FORBIDDEN", "You don't have permission to redact events", "denied"),
    missing = refusal(404, "M_NOT_FOUND", "Event not found.", "not_found"),
  },
  status = {
    scheduled = SENT,
    stopped = event('{"redacted_because":{"type":"m.room.redaction","event_id":"$r"}}', "{}",
      "recalled"),
    sent = SENT,
    missing = refusal(404, "M_NOT_FOUND", "Event not found.", "not_stoppable"),
  },
  check = { status = 200, body = '{"user_id":"@bot:example.org"}', says = "accepted" },
  credentials = refusal(401, "M_UNKNOWN_TOKEN", "Invalid access token passed."),
  throttle = {
    status = 429,
    body = '{"errcode":"M_LIMIT_EXCEEDED","error":"Too many requests","retry_after_ms":1000}',
  },
}
