-- From the fixtures of the vendor's Python client,
-- https://github.com/smsapi/smsapi-python-client/tree/master/tests/unit/sms/fixtures

local function refusal(code, text, says)
  return { status = 200, body = ('{"error":%d,"message":"%s"}'):format(code, text), says = says }
end

local GONE = refusal(301, "Not exists ID message", "not_stoppable")

return {
  id = "6888bb59bbd49a78%08x",
  stop = {
    scheduled = { status = 200, body = '{"count":1,"list":[{"id":"<id>"}]}', says = "stopped" },
    stopped = GONE,
    sent = GONE,
    missing = GONE,
  },
  check = {
    status = 200,
    body = '{"name":"sandbox","email":"you@example.com","username":"sandbox","points":12.5}',
    says = "accepted",
  },
  credentials = refusal(101, "Authorization failed"),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" }, body = "" },
}
