-- From https://developer.8x8.com/connect/reference/cancel-scheduled-message,
-- .../get-sms-message-details and .../message-status-reference; the texts of errors are theirs.

local function count(number, says)
  return { status = 200, body = ('{"cancelledCount":%d}'):format(number), says = says }
end

local function shown(state, says)
  return {
    status = 200,
    body = '{"umid":"<id>","subAccountId":"<account>","direction":"outbound","country":"SG",'
      .. '"status":{"state":"' .. state .. '","timestamp":"2026-11-29T09:00:00.00Z"}}',
    says = says,
  }
end

local function refusal(status, code, text, says)
  return {
    status = status,
    body = ('{"code":%d,"message":"%s","errorId":"fbb239f1-2eb1-ea11-afa9-00155db6eaf4",'
      .. '"timestamp":"2026-11-29T09:00:00.00Z"}'):format(code, text),
    says = says,
  }
end

return {
  id = "%08x-0000-4000-8000-000000000000",
  settings = { account = "sub&1" },
  fates = { ["0400"] = "malformed", ["0403"] = "foreign", ["0202"] = "undelivered" },
  stop = {
    scheduled = count(1, "stopped"),
    stopped = count(0, "not_stoppable"),
    sent = count(0, "not_stoppable"),
    missing = refusal(404, 1300, "Message not found.", "not_found"),
    malformed = refusal(400, 1000, "Invalid umid.", "invalid"),
    foreign = refusal(404, 1001, "Provided subAccountId doesn't belongs to your account", "denied"),
    undelivered = count(0, "not_stoppable"),
  },
  status = {
    scheduled = shown("queued", "unknown"),
    stopped = shown("queued", "unknown"), -- there is no word for it
    sent = shown("delivered", "too_late"),
    missing = refusal(404, 1300, "Message not found.", "not_stoppable"),
    malformed = refusal(400, 1000, "Invalid umid.", "invalid"),
    foreign = refusal(404, 1001, "Provided subAccountId doesn't belongs to your account", "denied"),
    undelivered = shown("undelivered", "too_late"),
  },
  check = refusal(404, 1300, "Message not found.", "accepted"),
  credentials = refusal(401, 1200, "Request was not authenticated properly"),
  throttle = refusal(429, 1429, "Quota exceeded. Please try again in 1 second(s)."),
}
