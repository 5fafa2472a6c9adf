-- From https://developers.clicksend.com/docs: the form that all its answers have. Which errors this
-- call gives is inferred.

local function answer(status, code, text, says)
  return {
    status = status,
    body = ('{"http_code":%d,"response_code":"%s","response_msg":"%s","data":null}'):format(status,
      code, text),
    says = says,
  }
end

local DONE = answer(200, "SUCCESS", "The message was cancelled", "accepted")

return {
  id = "%08X-0000-4000-8000-000000000000",
  settings = { user = "me@example.com" },
  fates = { ["0403"] = "forbidden", ["0202"] = "odd", ["0203"] = "bare" },
  stop = {
    scheduled = DONE,
    stopped = DONE,
    sent = answer(400, "BAD_REQUEST", "The message was sent", "failed"),
    missing = answer(404, "NOT_FOUND", "There is no such message", "not_found"),
    forbidden = answer(403, "FORBIDDEN", "The user may not do this", "denied"),
    odd = answer(200, "INVALID_STATE", "Something else", "unknown"),
    -- As another rendition of the page has it.
    bare = { status = 200, body = '"SUCCESS"', says = "unknown", is_strange = true },
  },
  check = answer(200, "SUCCESS", "Here is your account", "accepted"),
  credentials = answer(401, "UNAUTHORIZED", "Authorization failed"),
  throttle = answer(429, "TOO_MANY_REQUESTS", "Slower"),
}
