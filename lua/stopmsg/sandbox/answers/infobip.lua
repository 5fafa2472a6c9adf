-- From Infobip's OpenAPI files for scheduled SMS and e-mail. That an update answers with FINISHED
-- is inferred.

local function bulk(word, says)
  return { status = 200, body = '{"bulkId":"<id>","status":"' .. word .. '"}', says = says }
end

local function refusal(status, code, text, says)
  return {
    status = status,
    body = ('{"requestError":{"serviceException":{"messageId":"%s","text":"%s"}}}'):format(code,
      text),
    says = says,
  }
end

return {
  id = "BULK-%d-0000",
  fates = { ["0403"] = "refused" },
  stop = {
    scheduled = bulk("CANCELED", "stopped"),
    stopped = bulk("CANCELED", "stopped"),
    sent = bulk("FINISHED", "too_late"),
    missing = refusal(404, "NOT_FOUND", "Bulk not found", "not_found"),
    refused = refusal(409, "CONFLICT", "Update not allowed for bulk", "not_stoppable"),
  },
  status = {
    scheduled = bulk("PENDING", "open"),
    stopped = bulk("CANCELED", "stopped"),
    sent = bulk("FINISHED", "too_late"),
    missing = refusal(404, "NOT_FOUND", "Bulk not found", "not_stoppable"),
    refused = bulk("PROCESSING", "too_late"),
  },
  check = {
    status = 404,
    body = '{"requestError":{"serviceException":{"messageId":"NOT_FOUND",'
      .. '"text":"Bulk not found"}}}',
    says = "accepted",
  },
  credentials = refusal(401, "UNAUTHORIZED", "Invalid login details"),
  throttle = {
    status = 429,
    headers = { ["Retry-After"] = "1" },
    body = '{"errorCode":"E429","description":"Too many requests sent."}',
  },
}
