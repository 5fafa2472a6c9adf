-- From https://developers.google.com/business-communications/rcs-business-messaging/reference/rest/
-- v1/phones.agentMessages/delete: 200 and {} in each case.

local DONE = { status = 200, body = "{}", says = "accepted" }

local function refusal(status, word, text, says)
  return {
    status = status,
    body = ('{"error":{"code":%d,"message":"%s","status":"%s"}}'):format(status, text, word),
    says = says,
  }
end

return {
  id = "+14155550123/m-%08d",
  settings = { agent = "my-agent" },
  fates = { ["0400"] = "wrong", ["0403"] = "forbidden", ["0405"] = "nowhere" },
  stop = {
    scheduled = DONE,
    stopped = DONE,
    sent = DONE,
    missing = DONE,
    wrong = refusal(400, "INVALID_ARGUMENT", "The number is not valid", "failed"),
    forbidden = refusal(403, "PERMISSION_DENIED", "The agent is another's", "denied"),
    nowhere = refusal(404, "NOT_FOUND", "Requested entity was not found.", "failed"),
  },
  credentials = refusal(401, "UNAUTHENTICATED", "Request had invalid credentials."),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" },
    body = '{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}' },
}
