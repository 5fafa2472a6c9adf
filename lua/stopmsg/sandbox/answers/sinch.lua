-- From https://developers.sinch.com/docs/sms/api-reference/sms/batches/cancelbatchmessage and
-- https://developers.sinch.com/docs/sms/api-reference/status-codes

local function batch(is_canceled, says)
  return {
    status = 200,
    body = '{"id":"<id>","to":["15551231212"],"from":"12345","type":"mt_text","body":"Hello",'
      .. '"created_at":"<time>.000Z","modified_at":"<time>.000Z",'
      .. '"send_at":"2026-11-30T09:00:00.000Z","canceled":' .. tostring(is_canceled) .. "}",
    says = says,
  }
end

return {
  id = "01FC66621%013X0000",
  settings = { plan = "my-plan" },
  fates = { ["0403"] = "dispatched" },
  stop = {
    scheduled = batch(true, "accepted"),
    stopped = batch(true, "accepted"),
    sent = batch(false, "not_stoppable"),
    missing = { status = 404, body = "", says = "not_found" },
    dispatched = {
      status = 409,
      body = '{"code":"conflict_send_at","text":"The batch has been sent"}',
      says = "too_late",
    },
  },
  status = {
    scheduled = batch(false, "open"),
    stopped = batch(true, "accepted"),
    sent = batch(false, "open"),
    missing = { status = 404, body = "", says = "not_stoppable" },
    dispatched = batch(false, "open"),
  },
  check = {
    status = 200,
    body = '{"count":0,"page":0,"page_size":1,"batches":[]}',
    says = "accepted",
  },
  find = {
    status = 200,
    body = '{"count":<total>,"page":0,"page_size":100,"batches":[<entries>]}',
    entry = { scheduled = batch(false).body, stopped = batch(true).body, sent = batch(false).body },
    newest_first = true,
    shows = { sender = "12345" },
  },
  credentials = { status = 401, body = "" },
  throttle = { status = 429, headers = { ["Retry-After"] = "1" }, body = "" },
}
