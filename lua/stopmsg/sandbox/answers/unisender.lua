-- From https://www.unisender.com/ru/support/api/messages/cancel-campaign and
-- https://www.unisender.com/ru/support/integration/api/getcampaignstatus/

local function refusal(code, text, says)
  return {
    status = 200,
    body = ('{"error":"%s","code":"%s","result":""}'):format(text, code),
    says = says,
  }
end

local function in_status(word, says)
  return refusal("unspecified", 'SF161129-03 [Campaign in status \\"' .. word
    .. "\\\" can't be cancelled]", says)
end

local function shown(status, says)
  return {
    status = 200,
    body = '{"result":{"status":"' .. status .. '","creation_time":"2026-11-29 09:00:00",'
      .. '"start_time":"2026-12-01 09:00:00"}}',
    says = says,
  }
end

local function missing(says)
  return refusal("unspecified", "SB140212-01. [Burst not found. Provided Id: <id>]", says)
end

return {
  id = "77%06d",
  fates = { ["0403"] = "foreign", ["0202"] = "running", ["0410"] = "declined" },
  stop = {
    scheduled = { status = 200, body = '{"result":[]}', says = "stopped" },
    stopped = in_status("canceled", "stopped"),
    sent = in_status("completed", "too_late"),
    missing = missing("not_found"),
    foreign = refusal("unspecified", "Access denied to this resource", "denied"),
    running = in_status("in_progress", "too_late"),
    declined = in_status("declined", "not_stoppable"),
  },
  status = {
    scheduled = shown("scheduled", "open"),
    stopped = shown("canceled", "stopped"),
    sent = shown("completed", "too_late"),
    missing = missing("not_found"),
    foreign = refusal("unspecified", "Access denied to this resource", "denied"),
    running = shown("in_progress", "too_late"),
    declined = shown("declined", "not_stoppable"),
  },
  find = {
    status = 200,
    body = '{"result":[<entries>]}',
    entry = '{"id":<id>,"start_time":"2026-12-01 09:00:00","status":"scheduled","message_id":1,'
      .. '"list_id":1,"subject":"Hello"}',
  },
  check = { status = 200, body = '{"result":[{"id":1,"title":"List"}]}', says = "accepted" },
  credentials = refusal("invalid_api_key", "invalid_api_key"),
  throttle = refusal("api_call_limit_exceeded_for_api_key", "too many calls"),
}
