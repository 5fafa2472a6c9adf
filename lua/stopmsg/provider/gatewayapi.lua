-- GatewayAPI. One id may have several recipients.

local DOCS = "https://gatewayapi.com/docs/apis/rest/"

return {
  name = "gatewayapi",
  about = "GatewayAPI: deletes an SMS that was sent with a sendtime",
  docs = DOCS .. "#delete-scheduled-sms",
  url = "https://gatewayapi.com/rest",
  auth = { basic = "{token}:" },
  id = { pattern = "^%d+$", max = 19, about = "a message's number" },
  error = { code = "code", text = "message", form = "^0x%x%x%x%x$" },
  bare = { 404, 410 },
  stop = {
    request = "DELETE /mtsms/{id}",
    [204] = "stopped",
    [404] = { "not_found", note = "a message that was just sent is not known yet: try it again" },
    [410] = { "not_stoppable", "gone_or_sent" },
  },
  status = {
    docs = DOCS .. "#get-sms-and-sms-status",
    request = "GET /mtsms/{id}",
    [200] = {
      id = { "id", "[1].id" },
      state = { "recipients[].dsnstatus", "[1].recipients[].dsnstatus" },
      means = { scheduled = "open", buffered = "open", deleted = "stopped", enroute = "too_late",
        delivered = "too_late", expired = "too_late", accepted = "too_late",
        rejected = "too_late", skipped = "not_stoppable", undeliverable = "not_stoppable" },
    },
  },
  check = {
    docs = DOCS .. "#check-account-balance",
    request = "GET /me",
    [200] = { has = { "credit", "currency" }, means = "accepted" },
  },
}
