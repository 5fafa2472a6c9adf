-- From SendGrid's OpenAPI file and
-- https://www.twilio.com/docs/sendgrid/api-reference/cancel-scheduled-sends; the texts of errors
-- are ours.

local function refusal(status, text, says)
  return {
    status = status,
    body = ('{"errors":[{"field":null,"message":"%s"}]}'):format(text),
    says = says,
  }
end

local function listed(word, says)
  return { status = 200, body = '[{"batch_id":"<id>","status":"' .. word .. '"}]', says = says }
end

local function nothing(says)
  return { status = 200, body = "[]", says = says }
end

return {
  id = "HkJ5yLYULb7Rj8GKSx7u%08x0000",
  fates = { ["0400"] = "full", ["0202"] = "paused" },
  stop = {
    scheduled = {
      status = 201,
      body = '{"batch_id":"<id>","status":"cancel"}',
      says = "accepted",
    },
    stopped = refusal(400, "a status for this batch id exists, use PATCH to change it", "failed"),
    -- SendGrid does not look whether the mail has left.
    sent = {
      status = 201,
      body = '{"batch_id":"<id>","status":"cancel"}',
      says = "accepted",
    },
    missing = refusal(404, "no such batch id", "not_found"),
    full = refusal(400, "the maximum number of cancelled batches is reached", "failed"),
    paused = refusal(400, "a status for this batch id exists, use PATCH to change it", "failed"),
  },
  status = {
    scheduled = nothing("unknown"),
    stopped = listed("cancel", "accepted"),
    sent = nothing("unknown"),
    missing = refusal(404, "no such batch id", "not_stoppable"),
    full = nothing("unknown"),
    paused = listed("pause", "open"),
  },
  check = {
    status = 200,
    body = '{"scopes":["mail.send","user.scheduled_sends.create"]}',
    says = "accepted",
  },
  credentials = refusal(401, "authorization required"),
  throttle = {
    status = 429,
    headers = { ["Retry-After"] = "1" },
    body = '{"errors":[{"field":null,"message":"too many requests"}]}',
  },
}
