-- From https://www.airship.com/docs/developer/rest-api/ua/operations/schedules/ and the tests of
-- Airship's Python library. Refused credentials are told in plain text.

local SCHEDULE = '{"url":"https://go.airship.com/api/schedules/<id>","schedule":'
  .. '{"scheduled_time":"<time>"},"push":{"audience":"all","device_types":"all",'
  .. '"notification":{"alert":"Hello"}},"push_ids":[]}'

local function gone(says)
  return { status = 404, body = "", says = says }
end

-- The form is observed in the library; the number is ours.
local MISSING = {
  status = 404,
  body = '{"ok":false,"operation_id":"1f9be3a1-7b1c-4c53-8a43-9e6ad0e2f2ae","error":"Not found",'
    .. '"error_code":40401}',
  says = "not_stoppable",
}

return {
  id = "%08x-0000-4000-8000-000000000000",
  settings = { application = "ISex_TTJRuarzs9-o_Gkhg" },
  stop = {
    scheduled = { status = 204, body = "", says = "stopped" },
    stopped = gone("not_stoppable"),
    sent = gone("not_stoppable"),
    missing = MISSING,
  },
  status = {
    scheduled = { status = 200, body = SCHEDULE, says = "open" },
    stopped = gone("not_stoppable"),
    sent = gone("not_stoppable"),
    missing = MISSING,
  },
  check = {
    status = 200,
    body = '{"ok":true,"count":0,"total_count":0,"schedules":[]}',
    says = "accepted",
  },
  find = {
    status = 200,
    body = '{"ok":true,"count":<count>,"total_count":<total>,"next_page":<next>,'
      .. '"schedules":[<entries>]}',
    next_url = "https://go.airship.com/api/schedules",
    entry = SCHEDULE,
  },
  credentials = {
    status = 401,
    headers = { ["Content-Type"] = "text/plain" },
    body = "Unauthorized",
  },
  throttle = { status = 429, headers = { ["Retry-After"] = "1" }, body = "" },
}
