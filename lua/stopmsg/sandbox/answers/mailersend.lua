-- From https://developers.mailersend.com/api/v1/message-schedules.html and the recorded answers of
-- the vendor's Python client, https://github.com/mailersend/mailersend-python, tests/fixtures

local function message(status)
  return '{"message_id":"<id>","subject":"Hello","send_at":"2026-12-01T09:00:00.000000Z",'
    .. '"status":"' .. status .. '","status_message":null,'
    .. '"created_at":"2026-11-29T09:00:00.000000Z"}'
end

local function shown(status, says)
  return { status = 200, body = '{"data":' .. message(status) .. "}", says = says }
end

local function refusal(status, text, says)
  return { status = status, body = '{"message":"' .. text .. '"}', says = says }
end

local GONE = refusal(404, "This message is scheduled to be sent shortly or has already been sent, "
  .. "it's not possible to delete it.", "not_stoppable")

local UNKNOWN = refusal(404, "Resource not found.", "not_stoppable")

return {
  id = "6888bb59bbd49a78%08x",
  fates = { ["0405"] = "unknown" },
  stop = {
    scheduled = { status = 204, body = "", says = "stopped" },
    stopped = GONE,
    sent = GONE,
    missing = GONE,
    unknown = refusal(404, "Resource not found.", "not_found"),
  },
  status = {
    scheduled = shown("scheduled", "open"),
    stopped = UNKNOWN,
    sent = shown("sent", "too_late"),
    missing = UNKNOWN,
    unknown = shown("error", "not_stoppable"),
  },
  find = {
    status = 200,
    body = '{"data":[<entries>],"links":{"next":null},'
      .. '"meta":{"current_page":1,"last_page":1,"per_page":100,"total":<total>}}',
    entry = message("scheduled"),
  },
  check = {
    status = 200,
    body = '{"quota":1000,"remaining":999,"reset":"2026-11-30T00:00:00Z"}',
    says = "accepted",
  },
  credentials = refusal(401, "Unauthenticated."),
  throttle = {
    status = 429,
    headers = { ["Retry-After"] = "1" },
    body = '{"message":"Your account reached its rate limit. #MS42903"}',
  },
}
