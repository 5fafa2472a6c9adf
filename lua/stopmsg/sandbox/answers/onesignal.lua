-- From https://documentation.onesignal.com/reference/cancel-message and
-- https://documentation.onesignal.com/reference/view-message

local function message(canceled, completed, send_after)
  return ('{"id":"<id>","app_id":"<application>","canceled":%s,"completed_at":%s,'
    .. '"queued_at":1735689600,"send_after":%s,"remaining":1,"successful":0}'):format(
    canceled, completed, send_after or "1735693200")
end

local SENT = '{"errors":["Message has already been sent to all recipients"]}'
local NOT_FOUND = '{"errors":["Notification not found"]}'

return {
  id = "%08x-0000-4000-8000-000000000000",
  settings = { application = "5eb5a37e-b458-11e3-ac11-000c2940e62c" },
  stop = {
    scheduled = { status = 200, body = '{"success":true}', says = "stopped" },
    stopped = { status = 400, body = '{"errors":["Message cannot be canceled"]}',
      says = "failed" },
    sent = { status = 400, body = SENT, says = "too_late" },
    missing = { status = 404, body = NOT_FOUND, says = "not_stoppable" },
  },
  status = {
    scheduled = { status = 200, body = message("false", "null"), says = "open" },
    stopped = { status = 200, body = message("true", "null"), says = "stopped" },
    sent = { status = 200, body = message("false", "1735693205"), says = "too_late" },
    missing = { status = 404, body = NOT_FOUND, says = "not_stoppable" },
  },
  check = { status = 200, body = '{"total_count":0,"offset":0,"limit":1,"notifications":[]}',
    says = "accepted" },
  find = {
    status = 200,
    body = '{"total_count":<total>,"limit":50,"next_time_offset":"<cursor>",'
      .. '"notifications":[<entries>]}',
    entry = { scheduled = message("false", "null", "<unix>"),
      stopped = message("true", "null", "<unix>"),
      sent = message("false", "1735693205", "<unix>") },
  },
  credentials = { status = 401, body = '{"errors":["Access denied. Please include an API key"]}' },
  throttle = { status = 429, headers = { ["Retry-After"] = "1" },
    body = '{"errors":["API rate limit exceeded"]}' },
}
