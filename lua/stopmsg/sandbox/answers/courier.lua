-- From https://www.courier.com/docs/reference/logs/cancel and the types of
-- https://github.com/trycourier/courier-node. The form of errors is inferred.

local function record(status, word, says)
  return {
    status = status,
    body = '{"id":"<id>","enqueued":1764406800000,"event":"E1","notification":"N1",'
      .. '"recipient":"user-1","status":"' .. word .. '","error":null,"reason":null}',
    says = says,
  }
end

local function refusal(status, kind, text, says)
  return { status = status, body = ('{"message":"%s","type":"%s"}'):format(text, kind),
    says = says }
end

local function missing(says)
  return refusal(404, "invalid_request_error", "Message Not Found", says)
end

local BOUNCED = '{"id":"<id>","enqueued":1764406800000,"event":"E1","notification":"N1",'
  .. '"recipient":"user-1","status":"UNDELIVERABLE","error":"Mailbox is full","reason":"BOUNCED"}'

return {
  id = "1-5e2b2615-%024x",
  fates = { ["0403"] = "forbidden", ["0202"] = "delayed", ["0203"] = "filtered",
    ["0204"] = "bounced" },
  stop = {
    scheduled = record(200, "CANCELED", "stopped"),
    stopped = record(409, "CANCELED", "stopped"),
    sent = record(409, "SENT", "too_late"),
    missing = missing("not_found"),
    forbidden = refusal(403, "authorization_error", "Forbidden", "denied"),
    delayed = record(409, "DELAYED", "not_stoppable"),
    filtered = record(409, "FILTERED", "not_stoppable"),
    bounced = { status = 409, body = BOUNCED, says = "too_late" },
  },
  status = {
    scheduled = record(200, "ENQUEUED", "open"),
    stopped = record(200, "CANCELED", "stopped"),
    sent = record(200, "DELIVERED", "too_late"),
    missing = missing("not_stoppable"),
    forbidden = refusal(403, "authorization_error", "Forbidden", "denied"),
    delayed = record(200, "DELAYED", "open"),
    filtered = record(200, "FILTERED", "not_stoppable"),
    bounced = { status = 200, body = BOUNCED, says = "too_late" },
  },
  check = { status = 200, body = '{"paging":{"cursor":null,"more":false},"results":[]}',
    says = "accepted" },
  find = {
    status = 200,
    body = '{"paging":{"cursor":"<cursor>","more":<more>},"results":[<entries>]}',
    entry = record(200, "DELAYED").body,
    shows = { recipient = "user-1", tag = "sale" },
  },
  credentials = refusal(401, "authentication_error", "Unauthorized"),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" },
    body = '{"message":"Too many requests","type":"rate_limit_error"}' },
}
