-- From https://github.com/Iterable/api-client: the words of errors, and the form of answers.

local function answer(status, code, text, says)
  return { status = status, says = says,
    body = ('{"msg":"%s","code":"%s","params":null}'):format(text, code) }
end

local DONE = answer(200, "Success", "", "accepted")

return {
  id = "1%08d",
  fates = { ["0400"] = "wrong", ["0403"] = "forbidden", ["0405"] = "odd" },
  stop = {
    scheduled = DONE,
    stopped = DONE,
    sent = answer(400, "GenericError", "The message cannot be cancelled", "failed"),
    missing = answer(404, "NotFound", "No such message", "not_found"),
    wrong = answer(400, "BadParams", "scheduledMessageId is not valid", "failed"),
    forbidden = answer(403, "Forbidden", "The key may not do this", "denied"),
    odd = answer(200, "DatabaseError", "Something went wrong", "unknown"),
  },
  check = { status = 200, body = '{"channels":[]}', says = "accepted" },
  credentials = answer(401, "BadApiKey", "Invalid API key"),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" },
    body = '{"msg":"Slower","code":"RateLimitExceeded","params":null}' },
}
