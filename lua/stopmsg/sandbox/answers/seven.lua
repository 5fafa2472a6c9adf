-- From https://www.seven.io/en/docs/gateway/http-api/delete-sms/ and the PHP client, for which
-- `deleted` may be null. What a wrong key gets is ours.

local function deleted(list, says)
  return { status = 200, body = '{"success":true,"deleted":' .. list .. "}", says = says }
end

local GONE = deleted("[]", "not_stoppable")

local SCHEDULED = deleted('["<id>"]', "stopped")
SCHEDULED.entry = '"<id>"'

return {
  id = "7715085%04d",
  stop = {
    body = '{"success":true,"deleted":[<entries>]}',
    scheduled = SCHEDULED,
    stopped = GONE,
    sent = GONE,
    missing = deleted("null", "not_stoppable"),
  },
  check = { status = 200, body = '{"amount":12.5,"currency":"EUR"}', says = "accepted" },
  credentials = { status = 200, body = "900" },
  throttle = { status = 429, headers = { ["Retry-After"] = "1" }, body = "" },
}
