-- From https://github.com/messagemedia/sinchengage-documentation; texts of errors are its examples.

local function refusal(status, body, says)
  return { status = status, body = body, says = says }
end

local MISSING = '{"message":"Resource not found."}'
local FORBIDDEN = '{"message":"Invalid authentication credentials"}'
local REFUSED = refusal(400, '{"message":"Request is not valid.","details":["Message is not '
  .. 'scheduled."]}', "not_stoppable")

local function shown(word, says)
  return {
    status = 200,
    body = '{"format":"SMS","content":"Hello","message_id":"<id>","delivery_report":true,'
      .. '"destination_number":"+61401760575","scheduled":"2026-12-01T09:00:00.000Z",'
      .. '"status":"' .. word .. '"}',
    says = says,
  }
end

return {
  id = "%08x-0000-4000-8000-000000000000",
  settings = { key = "key", region = "au" },
  fates = { ["0400"] = "wrong", ["0202"] = "held", ["0203"] = "enroute",
    ["0204"] = "empty" },
  stop = {
    scheduled = { status = 200, body = "{}", says = "stopped" }, -- the vendor's client wants JSON
    stopped = REFUSED,
    sent = REFUSED,
    missing = refusal(404, MISSING, "not_found"),
    wrong = refusal(400, '{"message":"Request failed to parse correctly. Please ensure input is '
      .. 'valid and try again.","details":["Failed to parse message body."]}', "failed"),
    held = REFUSED,
    enroute = REFUSED,
    empty = { status = 200, body = "", says = "stopped", stops = true },
  },
  status = {
    scheduled = shown("scheduled", "open"),
    stopped = shown("cancelled", "stopped"),
    sent = shown("delivered", "too_late"),
    missing = refusal(404, MISSING, "not_stoppable"),
    wrong = refusal(404, MISSING, "not_stoppable"),
    held = shown("HELD", "not_stoppable"), -- in capitals, as the schema has it
    enroute = shown("enroute", "too_late"),
    empty = shown("cancelled", "stopped"),
  },
  check = refusal(404, MISSING, "accepted"),
  find = {
    status = 200,
    body = '{"messages":[<entries>],"pagination":{"page":0,"page_size":100,"has_next":<more>}}',
    entry = '{"message_id":"<id>","format":"SMS","timestamp":"<time>",'
      .. '"status":"scheduled"}',
  },
  credentials = refusal(403, FORBIDDEN),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" }, body = '{"message":"Slower."}' },
}
