-- From https://docs.sent.dm/start/guides/cancelling-messages and the API reference; the codes of
-- the other errors are ours.

local function envelope(status, is_success, data, error, says)
  return {
    status = status,
    body = ('{"success":%s,"data":%s,"error":%s,"meta":{"request_id":"req_1","version":"v3"}}')
      :format(tostring(is_success), data, error),
    says = says,
  }
end

local function message(status, says)
  return envelope(200, true, '{"id":"<id>","channel":"sms","status":"' .. status
    .. '","scheduled_at":"2026-12-01T09:00:00Z"}', "null", says)
end

local function refusal(status, code, text, says)
  return envelope(status, false, "null", ('{"code":"%s","message":"%s"}'):format(code, text), says)
end

local function missing(says)
  return refusal(404, "RESOURCE_001", "Message not found", says)
end

return {
  id = "%08x-0000-4000-8000-000000000000",
  fates = { ["0422"] = "failed" },
  stop = {
    scheduled = message("CANCELLED", "stopped"),
    stopped = message("CANCELLED", "stopped"),
    sent = refusal(409, "BUSINESS_006", "The message is no longer scheduled", "not_stoppable"),
    missing = missing("not_found"),
    failed = refusal(409, "BUSINESS_006", "The message is no longer scheduled", "not_stoppable"),
  },
  status = {
    scheduled = message("SCHEDULED", "open"),
    stopped = message("CANCELLED", "stopped"),
    sent = message("DELIVERED", "too_late"),
    missing = missing("not_stoppable"),
    failed = message("FILTERED", "not_stoppable"),
  },
  check = envelope(200, true, '{"id":"acc_1","name":"Sandbox"}', "null", "accepted"),
  credentials = refusal(401, "AUTH_001", "Invalid API key"),
  throttle = refusal(429, "BUSINESS_002", "Too many requests"),
}
