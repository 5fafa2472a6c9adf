return {
  name = "seven",
  about = "seven.io: deletes scheduled SMS",
  docs = "https://www.seven.io/en/docs/gateway/http-api/delete-sms/",
  url = "https://gateway.seven.io/api",
  headers = { ["X-Api-Key"] = "{token}" },
  id = { pattern = "^%d+$", max = 19, about = "a message's number" },
  stop = {
    request = "DELETE /sms",
    limit = 100,
    json = { ids = "{ids}" },
    [200] = { has = "success", each = "deleted", means = "stopped", others = "not_stoppable" },
  },
}
