return {
  name = "smsapi",
  about = "SMSAPI: deletes scheduled SMS",
  docs = "https://www.smsapi.com/docs",
  url = "https://api.smsapi.com",
  headers = { Authorization = "Bearer {token}" },
  id = { pattern = "^%w+$", max = 40, about = "a message id" },
  stop = {
    request = "POST /sms.do",
    limit = 100,
    join = ",",
    form = { sch_del = "{ids}", format = "json" },
    [200] = {
      { each = "list", id = "id", means = "stopped", others = { "not_stoppable", "gone_or_sent" } },
      { code = "error", text = "message", means = { [301] = { "not_stoppable", "gone_or_sent" },
        [101] = "credentials", [102] = "credentials", [105] = "denied" } },
    },
  },
}
