-- From https://gatewayapi.com/docs/apis/rest/ and its index of error codes.

local function refusal(status, code, text, says)
  return {
    status = status,
    body = ('{"code":"%s","incident_uuid":"d8127429-fa0c-4316-b1f2-e610c3958f43",'
      .. '"message":"%s","variables":null}'):format(code, text),
    says = says,
  }
end

local function shown(says, ...)
  local recipients = {}
  for i, word in ipairs({ ... }) do
    recipients[i] = ('{"country":"DK","msisdn":451234567%d,"dsnstatus":"%s"}'):format(i, word)
  end
  return { status = 200, says = says, body = '[{"id":<id>,"message":"Hello","recipients":['
    .. table.concat(recipients, ",") .. "]}]" }
end

local GONE = { status = 410, body = "", says = "not_stoppable" }

return {
  id = "1%08d",
  fates = { ["0403"] = "forbidden", ["0400"] = "refused", ["0202"] = "parted" },
  stop = {
    scheduled = { status = 204, body = "", says = "stopped" },
    stopped = GONE,
    sent = GONE,
    missing = { status = 404, body = "", says = "not_found" },
    forbidden = refusal(403, "0x0213", "Unauthorized IP-address", "denied"),
    refused = refusal(400, "0x0308", "Invalid argument", "failed"),
    parted = GONE,
  },
  status = {
    scheduled = shown("open", "SCHEDULED"),
    stopped = shown("stopped", "DELETED", "DELETED"),
    sent = shown("too_late", "DELIVERED"),
    missing = { status = 404, body = "", says = "not_stoppable" },
    forbidden = refusal(403, "0x0213", "Unauthorized IP-address", "denied"),
    refused = shown("not_stoppable", "UNDELIVERABLE"),
    parted = shown("too_late", "DELETED", "ENROUTE"),
  },
  check = { status = 200, body = '{"credit":1234.56,"currency":"DKK","id":1}', says = "accepted" },
  credentials = refusal(401, "0x0229", "Invalid token"),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" },
    body = '{"code":"0x0209","message":"Try again"}' },
}
