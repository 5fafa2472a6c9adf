return {
  name = "gatewayapi",
  about = "GatewayAPI: deletes a message that was sent with a time",
  docs = "https://gatewayapi.com/docs/apis/rest/",
  url = "https://gatewayapi.com/rest",
  auth = { basic = "{token}:" },
  id = { pattern = "^%d+$", max = 19, about = "a message's number" },
  error = { code = "code", text = "message", form = "^0x%x+$" },
  bare = { 404, 410 },
  stop = {
    request = "DELETE /mtsms/{id}",
    [204] = "stopped",
    [404] = "not_found",
    [410] = { "not_stoppable", "gone_or_sent" },
  },
  status = {
    request = "GET /mtsms/{id}",
    [200] = {
      state = "recipients[].dsnstatus",
      means = { deleted = "stopped", scheduled = "open", buffered = "open", enroute = "too_late",
        delivered = "too_late", expired = "too_late", undeliverable = "too_late",
        accepted = "too_late", rejected = "not_stoppable", skipped = "not_stoppable" },
    },
  },
}
