-- JPush (Jiguang), scheduled pushes. A schedule may be repeated; deleted, it sends nothing more.

local DOCS = "https://docs.jiguang.cn/jpush/server/push/rest_api_push_schedule"

local STATES = {
  [true] = "open",
  [false] = { "open", note = "switched off: it sends nothing unless that is undone" },
}

return {
  name = "jpush",
  about = "JPush: deletes a scheduled push",
  docs = DOCS,
  url = "https://api.jpush.cn/v3",
  settings = { key = { pattern = "^%x+$", max = 64,
    about = "the application's AppKey; the token is its Master Secret" } },
  auth = { basic = "{key}:{token}" },
  headers = { Accept = "application/json" },
  id = "uuid",
  error = { code = "error.code", text = "error.message", form = "integer", least = 8000 },
  rate = { 100, per = 60 },
  stop = {
    request = "DELETE /schedules/{id}",
    [200] = "stopped",
    refused = {
      [8100] = "not_stoppable",
      -- Sent already, or no such schedule.
      [8104] = { "not_stoppable", "gone_or_sent" },
      [8404] = { "not_stoppable", "gone_or_sent" },
    },
  },
  status = {
    request = "GET /schedules/{id}",
    [200] = { id = "schedule_id", state = "enabled", means = STATES },
  },
  check = {
    request = "GET /schedules?page=1",
    [200] = { has = { "total_count", "schedules" }, means = "accepted" },
  },
  find = {
    request = "GET /schedules",
    each = "schedules",
    id = "schedule_id",
    state = "enabled",
    means = STATES,
    next = { by = "page", as = "query:page", first = 1, size = 50, total = "total_count" },
  },
}
