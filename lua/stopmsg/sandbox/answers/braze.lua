-- From https://www.braze.com/docs/api/endpoints/messaging/schedule_messages/
-- post_delete_scheduled_messages/ and https://www.braze.com/docs/api/errors/; the texts are ours.

local SUCCESS = { status = 201, body = '{"message":"success"}', says = "accepted" }

-- Braze says it in words alone, as gateways do.
local function refusal(status, text)
  return { status = status, body = ('{"message":"%s"}'):format(text), says = "failed",
    is_strange = true }
end

return {
  id = "%08x-0000-4000-8000-000000000000",
  settings = { instance = "iad-01" },
  fates = { ["0200"] = "other", ["0403"] = "forbidden", ["0203"] = "minor" },
  stop = {
    scheduled = SUCCESS,
    stopped = SUCCESS,
    sent = refusal(400, "The schedule was sent"),
    missing = refusal(404, "No such schedule"),
    forbidden = refusal(403, "The key may not do this"),
    other = { status = 200, body = '{"message":"success"}', says = "accepted" },
    minor = { status = 201, body = '{"message":"success","errors":["a minor one"]}',
      says = "unknown", is_strange = true },
  },
  credentials = { status = 401, body = '{"message":"Invalid API key"}' },
  throttle = { status = 429, headers = { ["Retry-After"] = "1" },
    body = '{"message":"Rate limited"}' },
}
