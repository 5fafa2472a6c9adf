-- From https://docs.novu.co/api-reference/events/cancel-triggered-event and the types of
-- https://www.npmjs.com/package/@novu/api.

local function refusal(status, text, says)
  return {
    status = status,
    body = ('{"statusCode":%d,"timestamp":"2026-11-29T09:00:00.000Z","path":"/v1/events/trigger",'
      .. '"message":"%s"}'):format(status, text),
    says = says,
  }
end

local NOTHING = { status = 200, body = '{"data":false}', says = "not_stoppable" }

return {
  id = "txn_%08d",
  fates = { ["0201"] = "bare", ["0400"] = "wrong", ["0403"] = "forbidden", ["0405"] = "nowhere" },
  stop = {
    scheduled = { status = 200, body = '{"data":true}', says = "stopped" },
    stopped = NOTHING,
    sent = NOTHING,
    missing = NOTHING, -- nothing of it is delayed
    bare = { status = 200, body = "true", says = "stopped", stops = true },
    wrong = refusal(400, "The id is not valid", "failed"),
    forbidden = refusal(403, "The key may not do this", "denied"),
    nowhere = refusal(404, "Cannot DELETE /events", "failed"),
  },
  check = { status = 200, body = '{"hasMore":false,"page":0,"pageSize":1,"data":[]}',
    says = "accepted" },
  credentials = refusal(401, "API Key not found"),
  throttle = refusal(429, "API rate limit exceeded"),
}
