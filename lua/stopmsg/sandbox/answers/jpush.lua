-- From https://docs.jiguang.cn/jpush/server/push/rest_api_push_schedule

local function refusal(status, code, text, says)
  return {
    status = status,
    body = ('{"error":{"code":%d,"message":"%s"}}'):format(code, text),
    says = says,
  }
end

local function schedule(is_enabled)
  return '{"schedule_id":"<id>","name":"Hello","enabled":' .. tostring(is_enabled)
    .. ',"trigger":{"single":{"time":"2026-12-01 09:00:00"}},"push":{"platform":"all"}}'
end

local function shown(is_enabled, says)
  return { status = 200, body = schedule(is_enabled), says = says }
end

local GONE = refusal(404, 8104, "Request schedule operation doesn't exist", "not_stoppable")

return {
  id = "%08x-0000-4000-8000-000000000000",
  fates = { ["0400"] = "expired" },
  settings = { key = "dd1066407b044738b6479275" },
  stop = {
    scheduled = { status = 200, body = "", says = "stopped" },
    stopped = GONE,
    sent = GONE,
    missing = refusal(404, 8404, "Not found", "not_stoppable"),
    expired = refusal(400, 8100, "The schedule-task is invalid: expired", "not_stoppable"),
  },
  status = {
    scheduled = shown(true, "open"),
    stopped = GONE,
    sent = GONE,
    missing = GONE,
    expired = shown(false, "open"),
  },
  find = {
    status = 200,
    body = '{"total_count":<total>,"total_pages":<pages>,"page":1,"schedules":[<entries>]}',
    entry = schedule(true),
  },
  check = {
    status = 200,
    body = '{"total_count":0,"total_pages":0,"page":1,"schedules":[]}',
    says = "accepted",
  },
  credentials = refusal(401, 8101, "Basic authentication failed."),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" }, body = "" },
}
