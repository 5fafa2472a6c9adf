-- MailerSend, scheduled e-mails.

local DOCS = "https://developers.mailersend.com/api/v1/message-schedules.html"

local STATES = { scheduled = "open", sent = "too_late", error = "not_stoppable" }

return {
  name = "mailersend",
  about = "MailerSend: deletes a scheduled e-mail",
  docs = DOCS,
  url = "https://api.mailersend.com/v1",
  headers = { Authorization = "Bearer {token}", Accept = "application/json" },
  id = { pattern = "^%w+$", max = 64, about = "a message id like 6888bb59bbd49a78d3334484",
    usual = "^%x+$" },
  rate = { 60, per = 60 },
  stop = {
    request = "DELETE /message-schedules/{id}",
    [204] = "stopped",
    -- One text for what is unknown, what was sent, and what is about to be.
    [404] = { has = "message", text = "message", texts = {
      ["it's not possible to delete it"] = { "not_stoppable", "gone_or_sent" },
      ["Resource not found."] = "not_found",
    } },
  },
  status = {
    request = "GET /message-schedules/{id}",
    [200] = { id = "data.message_id", state = "data.status", means = STATES },
    [404] = { has = "message", text = "message", texts = {
      ["Resource not found."] = { "not_stoppable", "gone_or_sent" } } },
  },
  check = {
    docs = "https://developers.mailersend.com/general.html",
    request = "GET /api-quota",
    [200] = { has = { "quota", "remaining" }, means = "accepted" },
  },
  find = {
    request = "GET /message-schedules?status=scheduled&limit=100",
    where = {
      domain = { query = "domain_id", about = "a domain's id" },
      since = { entry = "send_at", time = "rfc3339", about = "e-mails to be sent from then" },
      till = { entry = "send_at", time = "rfc3339", about = "e-mails to be sent before" },
    },
    each = "data",
    id = "message_id",
    state = "status",
    means = STATES,
    next = { by = "page", as = "query:page", first = 1, size = 100, total = "meta.total" },
  },
}
