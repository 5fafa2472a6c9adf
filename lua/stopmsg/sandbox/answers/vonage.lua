-- From https://developer.vonage.com/en/messages/guides/rcs/rcs-message-revocation and
-- https://developer.vonage.com/en/api-errors/messages. The guide names no status of success.

local function refusal(status, title, detail, says)
  return {
    status = status,
    body = ('{"type":"https://developer.vonage.com/api-errors#%d","title":"%s","detail":"%s",'
      .. '"instance":"bf0ca0bf927b3b52e3cb03217e1a1ddf"}'):format(status, title, detail),
    says = says,
  }
end

return {
  id = "%08x-0000-4000-8000-000000000000",
  settings = { region = "eu" },
  fates = { ["0202"] = "taken", ["0204"] = "empty", ["0403"] = "forbidden" },
  stop = {
    scheduled = { status = 200, body = "", says = "accepted" },
    stopped = { status = 200, body = "", says = "accepted" },
    sent = refusal(422, "Unprocessable", "The message is older than 24 hours", "failed"),
    missing = refusal(404, "Not Found", "The message does not exist", "not_found"),
    taken = { status = 202, body = "", says = "accepted" },
    empty = { status = 204, body = "", says = "accepted" },
    forbidden = refusal(403, "Forbidden", "The application may not do this", "denied"),
  },
  credentials = refusal(401, "Unauthorized", "You did not provide correct credentials."),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" },
    body = '{"type":"https://developer.vonage.com/api-errors#throttled","title":"Throttled"}' },
}
