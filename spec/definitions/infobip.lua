return {
  name = "infobip",
  about = "Infobip: cancels a scheduled bulk of SMS or e-mail",
  docs = "https://www.infobip.com/docs/api",
  url = "{base_url}",
  settings = {
    channel = { one_of = { "sms", "email" }, default = "sms", about = "what it sends" },
  },
  headers = { Authorization = "App {token}" },
  id = "text",
  error = {
    code = "requestError.serviceException.messageId",
    text = "requestError.serviceException.text",
    form = "^%u[%u_]+$",
  },
  stop = {
    request = "PUT /{channel}/1/bulks/status?bulkId={id}",
    json = { status = "CANCELED" },
    [200] = {
      id = "bulkId",
      code = "status",
      means = { CANCELED = "stopped", FINISHED = "too_late", PROCESSING = "too_late",
        FAILED = "not_stoppable", PENDING = "unknown", PAUSED = "unknown" },
      verifies = { "stopped" },
    },
    [409] = "not_stoppable",
    refused = { ["404/NOT_FOUND"] = "not_found" },
  },
  status = {
    request = "GET /{channel}/1/bulks/status?bulkId={id}",
    [200] = {
      id = "bulkId",
      state = "status",
      means = { CANCELED = "stopped", PENDING = "open", PAUSED = "open", PROCESSING = "too_late",
        FINISHED = "too_late", FAILED = "not_stoppable" },
    },
  },
}
