-- From https://resend.com/docs/api-reference/emails/cancel-email and
-- https://resend.com/docs/api-reference/errors, in the form that Resend's own client recorded. For
-- all calls but a send a wrong key is a validation error.

local function email(last_event, says)
  return {
    status = 200,
    body = '{"object":"email","id":"<id>","to":["delivered@resend.dev"],'
      .. '"from":"Acme <onboarding@resend.dev>","created_at":"<time>.000000+00",'
      .. '"subject":"Hello","text":"Hello","bcc":[],"cc":[],"reply_to":[],'
      .. '"last_event":"' .. last_event .. '"}',
    says = says,
  }
end

local function refusal(status, name, text, says)
  return {
    status = status,
    body = ('{"statusCode":%d,"message":"%s","name":"%s"}'):format(status, text, name),
    says = says,
  }
end

local DONE = { status = 200, body = '{"object":"email","id":"<id>"}', says = "accepted" }

return {
  id = "%08x-0000-4000-8000-000000000000",
  stop = {
    scheduled = DONE,
    stopped = DONE,
    -- No page has the answer for an e-mail that was sent: inferred.
    sent = refusal(422, "validation_error", "The email was sent already", "not_stoppable"),
    missing = refusal(404, "not_found", "Email not found", "not_found"),
  },
  status = {
    scheduled = email("scheduled", "open"),
    stopped = email("canceled", "stopped"),
    sent = email("delivered", "too_late"),
    missing = refusal(404, "not_found", "Email not found", "not_stoppable"),
  },
  check = {
    status = 200,
    body = '{"object":"list","has_more":false,"data":[]}',
    says = "accepted",
  },
  find = {
    status = 200,
    body = '{"object":"list","has_more":<more>,"data":[<entries>]}',
    entry = { scheduled = email("scheduled").body, stopped = email("canceled").body,
      sent = email("delivered").body },
    newest_first = true,
  },
  credentials = refusal(400, "validation_error", "API key is invalid"),
  throttle = {
    status = 429,
    headers = { ["Retry-After"] = "1" },
    body = '{"statusCode":429,"message":"Too many requests","name":"rate_limit_exceeded"}',
  },
}
