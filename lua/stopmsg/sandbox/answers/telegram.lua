-- From https://core.telegram.org/bots/api; the descriptions of errors are what the server says, and
-- no page lists them.

local function refusal(code, text, says)
  return {
    status = code,
    body = ('{"ok":false,"error_code":%d,"description":"%s"}'):format(code, text),
    says = says,
  }
end

local function done(says)
  return { status = 200, body = '{"ok":true,"result":true}', says = says }
end

local MISSING = refusal(400, "Bad Request: message to delete not found", "not_found")

return {
  id = "-1001234567890/1%08d",
  fates = { ["0403"] = "forbidden", ["0405"] = "nowhere", ["0406"] = "nameless",
    ["0407"] = "odd" },
  stop = {
    scheduled = done("recalled"),
    stopped = MISSING,
    sent = refusal(400, "Bad Request: message can't be deleted for everyone", "not_stoppable"),
    missing = MISSING,
    forbidden = refusal(403, "Forbidden: bot is not a member of the channel chat", "denied"),
    nowhere = refusal(400, "Bad Request: chat not found", "not_found"),
    nameless = refusal(400, "Bad Request: message identifier is not specified", "invalid"),
    odd = refusal(400, "Bad Request: something else", "failed"),
    many = done("accepted"),
  },
  check = {
    status = 200,
    body = '{"ok":true,"result":{"id":123456789,"is_bot":true,"first_name":"Sandbox"}}',
    says = "accepted",
  },
  credentials = refusal(401, "Unauthorized"),
  throttle = { status = 429, body = '{"ok":false,"error_code":429,'
    .. '"description":"Too Many Requests: retry after 1","parameters":{"retry_after":1}}' },
}
