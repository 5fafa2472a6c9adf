-- From https://discord.com/developers/docs/resources/message, .../reference and
-- .../topics/opcodes-and-status-codes#json.

local function refusal(status, code, text, says)
  return { status = status, body = ('{"message":"%s","code":%d}'):format(text, code), says = says }
end

local function missing(says)
  return refusal(404, 10008, "Unknown Message", says)
end

local MESSAGE = {
  status = 200,
  body = '{"id":"<message>","channel_id":"<channel>","content":"Hello","type":0}',
  says = "too_late",
}

return {
  id = "41771983423143937/1627010770%08d",
  fates = { ["0403"] = "forbidden", ["0405"] = "hidden", ["0406"] = "nowhere", ["0407"] = "odd" },
  stop = {
    scheduled = { status = 204, body = "", says = "recalled" },
    stopped = missing("not_found"),
    -- All that is there can be deleted, but for what Discord says itself.
    sent = refusal(403, 50021, "Cannot execute action on a system message", "not_stoppable"),
    missing = missing("not_found"),
    forbidden = refusal(403, 50013, "Missing Permissions", "denied"),
    hidden = refusal(403, 50001, "Missing Access", "denied"),
    nowhere = refusal(404, 10003, "Unknown Channel", "not_found"),
    odd = refusal(400, 50035, "Invalid Form Body", "failed"),
    many = { status = 204, body = "", says = "accepted" },
  },
  status = {
    scheduled = MESSAGE,
    stopped = missing("not_stoppable"),
    sent = MESSAGE,
    missing = missing("not_stoppable"),
    forbidden = refusal(403, 50013, "Missing Permissions", "denied"),
    hidden = refusal(403, 50001, "Missing Access", "denied"),
    nowhere = refusal(404, 10003, "Unknown Channel", "not_stoppable"),
    odd = refusal(400, 50035, "Invalid Form Body", "failed"),
  },
  check = { status = 200, body = '{"id":"80351110224678912","username":"sandbox","bot":true}',
    says = "accepted" },
  credentials = refusal(401, 0, "401: Unauthorized"),
  throttle = { status = 429, headers = { ["X-RateLimit-Reset-After"] = "1" },
    body = '{"message":"You are being rate limited.","retry_after":1,"global":false}' },
}
