-- From https://developer.clevertap.com/docs/stop-campaign-api; the texts of errors are ours.

local DONE = { status = 200, body = '{"status":"success"}', says = "accepted" }

local function refusal(status, text, says)
  return { status = status, says = says,
    body = ('{"status":"fail","error":"%s","code":%d}'):format(text, status) }
end

return {
  id = "1%08d",
  settings = { account = "ABC-DEF-1234", region = "eu1" },
  fates = { ["0400"] = "wrong", ["0403"] = "forbidden", ["0405"] = "nowhere" },
  stop = {
    scheduled = DONE,
    stopped = DONE, -- without an effect, which the answer does not tell
    sent = { status = 200, body = '{"status":"fail","error":"The campaign is completed"}',
      says = "failed" },
    missing = { status = 200, body = '{"status":"fail","error":"No such campaign"}',
      says = "failed" },
    wrong = refusal(400, "The id is not valid", "failed"),
    forbidden = refusal(403, "The passcode may not do this", "denied"),
    nowhere = refusal(404, "No such address", "failed"),
  },
  credentials = refusal(401, "The passcode is not valid"),
  throttle = refusal(429, "Too many requests"),
}
