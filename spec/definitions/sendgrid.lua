return {
  name = "sendgrid",
  about = "Twilio SendGrid: cancels a mail batch; what is cancelled is thrown away at `send_at`",
  docs = "https://www.twilio.com/docs/sendgrid/api-reference/cancel-scheduled-sends.md",
  url = "https://{region}/v3",
  settings = {
    region = {
      one_of = { global = "api.sendgrid.com", eu = "api.eu.sendgrid.com" },
      default = "global",
      about = "where the account is",
    },
    subuser = { optional = true, about = "a subuser's name" },
  },
  headers = { Authorization = "Bearer {token}", ["on-behalf-of"] = "{subuser}" },
  id = { pattern = "^[%w%-_.]+$", max = 100, about = "a batch id" },
  error = { text = "errors[1].message", form = "text" },
  stop = {
    request = "POST /user/scheduled_sends",
    json = { batch_id = "{id}", status = "cancel" },
    [201] = { id = "batch_id", code = "status", means = { cancel = "accepted" } },
    [400] = "failed",
    [404] = "not_found",
  },
  status = {
    request = "GET /user/scheduled_sends/{id}",
    [200] = {
      each = ".",
      id = "batch_id",
      state = "status",
      means = { cancel = "stopped", pause = "open" },
      others = { "not_stoppable", "gone_or_sent" },
    },
  },
}
