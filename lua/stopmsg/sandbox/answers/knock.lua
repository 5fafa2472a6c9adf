-- From https://docs.knock.app/api-reference/workflows/cancel and
-- https://docs.knock.app/api-reference/overview/errors.

local DONE = { status = 204, body = "", says = "accepted" }

local function refusal(status, kind, code, text, says)
  return {
    status = status,
    body = ('{"code":"%s","message":"%s","status":%d,"type":"%s"}'):format(code, text, status,
      kind),
    says = says,
  }
end

return {
  id = "new-comment/comment-%08d",
  fates = { ["0200"] = "other", ["0403"] = "forbidden", ["0405"] = "nowhere", ["0422"] = "wrong" },
  stop = {
    scheduled = DONE,
    stopped = DONE,
    sent = DONE,
    missing = DONE, -- nothing tells that there was no such run
    other = { status = 200, body = "", says = "accepted" },
    forbidden = refusal(403, "authorization_error", "forbidden", "Not allowed", "denied"),
    nowhere = refusal(404, "invalid_request_error", "resource_missing",
      "The resource you requested does not exist", "not_found"),
    wrong = refusal(422, "invalid_request_error", "invalid_params", "Invalid params", "failed"),
  },
  check = { status = 200, body = '{"entries":[],"page_info":{"after":null,"page_size":1}}',
    says = "accepted" },
  credentials = refusal(401, "authentication_error", "api_key_invalid", "The API key is invalid"),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" },
    body = '{"code":"too_many_requests","message":"Slower","status":429,"type":"api_error"}' },
}
