-- OneSignal. One message id may stand for a push to a whole audience; a send in progress is cut
-- short.

return {
  name = "onesignal",
  about = "OneSignal: cancels a scheduled or running message by its id",
  docs = "https://documentation.onesignal.com/reference/cancel-message",
  url = "https://api.onesignal.com",
  settings = {
    application = {
      pattern = "^[%w%-]+$",
      max = 64,
      about = "the App ID, a UUID, in the dashboard under Keys & IDs",
    },
  },
  headers = { Authorization = "Key {token}" },
  id = "uuid",
  rate = { 150, per = 1 }, -- on free plans
  -- {"errors":["…"]}: no codes, only words.
  error = { text = { "errors[1]", "errors[1].title" }, form = "text" },
  stop = {
    request = "DELETE /notifications/{id}?app_id={application}",
    [200] = { code = "success", means = { [true] = "stopped" } },
    -- Older than is kept, or never there.
    [404] = { "not_stoppable", "gone_or_sent" },
    texts = {
      ["already sent"] = "too_late",
      ["already been sent"] = "too_late",
      ["already delivered"] = "too_late",
      ["already been delivered"] = "too_late",
      ["has been sent"] = "too_late",
    },
  },
  status = {
    docs = "https://documentation.onesignal.com/reference/view-message",
    request = "GET /notifications/{id}?app_id={application}",
    rate = 1, -- views of an application
    [200] = {
      { id = "id", state = "canceled", means = { [true] = "stopped" }, left = "successful" },
      { id = "id", state = "completed_at", more_than = 0, means = { [true] = "too_late" } },
      { id = "id", state = "queued_at", more_than = 0, means = { [true] = "open" } },
    },
  },
  check = {
    docs = "https://documentation.onesignal.com/reference/view-messages",
    request = "GET /notifications?app_id={application}&limit=1",
    rate = 1,
    [200] = { has = "notifications", means = "accepted" },
  },
  find = {
    docs = "https://documentation.onesignal.com/reference/view-messages",
    inferred = "that the order is by the time of sending where `time_offset` is given",
    unit = "campaign",
    request = "GET /notifications?app_id={application}&limit=50",
    rate = 1,
    where = {
      -- With it pages follow each other by time. Messages are kept for 30 days.
      since = { query = "time_offset", entry = "send_after", time = "rfc3339", default = "-30d",
        about = "to be sent after" },
      till = { entry = "send_after", time = "rfc3339", about = "to be sent until" },
      template = { query = "template_id", entry = "template_id", about = "a template's id" },
    },
    each = "notifications",
    id = "id",
    entries = {
      { state = "canceled", means = { [true] = "stopped" } },
      { state = "completed_at", more_than = 0, means = { [true] = "too_late" } },
      { has = "id", means = "open" },
    },
    next = { by = "cursor", as = "query:time_offset", path = "next_time_offset",
      until_empty = true },
  },
}
