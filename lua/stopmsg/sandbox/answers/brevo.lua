-- From https://developers.brevo.com/reference/delete-scheduled-email-by-id and
-- https://developers.brevo.com/reference/get-scheduled-email-by-id; the texts of errors are ours.

local function status_of(word)
  return '{"scheduledAt":"2026-12-01T09:00:00.000Z","createdAt":"2026-11-29T09:00:00.000Z",'
    .. '"status":"' .. word .. '"}'
end

local function email(word, says)
  return { status = 200, body = status_of(word), says = says }
end

local function refusal(status, code, text, says)
  return {
    status = status,
    body = ('{"code":"%s","message":"%s"}'):format(code, text),
    says = says,
  }
end

local function missing(says)
  return refusal(400, "document_not_found", "No scheduled email was found", says)
end

return {
  id = "%08x-0000-4000-8000-000000000000",
  -- Of a message id the characters before the @ choose its fate.
  ending = "(%w%w%w%w)@",
  fates = { ["0202"] = "parted" },
  stop = {
    scheduled = { status = 204, body = "", says = "stopped" },
    stopped = missing("not_found"),
    sent = refusal(400, "bad_request", "The email was sent already", "not_stoppable"),
    missing = missing("not_found"),
    parted = refusal(400, "bad_request", "The batch is being sent", "not_stoppable"),
  },
  status = {
    scheduled = email("queued", "open"),
    stopped = missing("not_stoppable"), -- what was cancelled is gone
    sent = email("processed", "too_late"),
    missing = missing("not_stoppable"),
    parted = {
      status = 200,
      body = '{"count":2,"batches":[' .. status_of("queued") .. "," .. status_of("processed")
        .. "]}",
      says = "too_late",
    },
  },
  check = {
    status = 200,
    body = '{"email":"you@example.com","companyName":"Sandbox","plan":[]}',
    says = "accepted",
  },
  credentials = refusal(401, "unauthorized", "Key not found"),
  throttle = {
    status = 429,
    headers = { ["x-sib-ratelimit-reset"] = "1" },
    body = '{"code":"too_many_requests","message":"Too many requests"}',
  },
}
