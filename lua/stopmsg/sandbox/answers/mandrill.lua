-- From https://mailchimp.com/developer/transactional/api/messages/cancel-scheduled-email/ and
-- https://github.com/mailchimp/mailchimp-client-lib-codegen.

local RECORD = '{"_id":"<id>","created_at":"2026-11-29 09:00:00","send_at":"2026-12-01 09:00:00",'
  .. '"from_email":"sender@example.com","to":"recipient@example.com","subject":"Hello"}'

local function refusal(status, code, name, text, says)
  return {
    status = status,
    body = ('{"status":"error","code":%d,"name":"%s","message":"%s"}'):format(code, name, text),
    says = says,
  }
end

local MISSING = refusal(404, 11, "Unknown_Message", "No message exists with the id", "not_found")

return {
  id = "a92c74e4c5d7%08x",
  fates = { ["0201"] = "listed", ["0403"] = "forbidden" },
  stop = {
    scheduled = { status = 200, body = RECORD, says = "stopped" },
    stopped = MISSING,
    sent = MISSING, -- no page has another word for it
    missing = MISSING,
    listed = { status = 200, body = "[" .. RECORD .. "]", says = "stopped", stops = true },
    forbidden = refusal(403, -4, "Payment_Required", "The account cannot do this", "denied"),
  },
  check = { status = 200, body = '{"PING":"PONG!"}', says = "accepted" },
  find = {
    status = 200,
    body = "[<entries>]",
    entry = RECORD,
    shows = { recipient = "recipient@example.com" },
  },
  credentials = refusal(401, -1, "Invalid_Key", "Invalid API key"),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" }, body = "" },
}
