-- A provider of one's own: give this table as `provider` to stopmsg.new, or this file to -p.
return {
  name = "acme",
  about = "Acme: cancels scheduled messages, 100 in a request",
  docs = "https://api.acme.example/docs/cancel",
  url = "https://api.acme.example/v1",
  headers = { ["X-Api-Key"] = "{token}" },
  id = { pattern = "^msg_%w+$", max = 40, about = "an id like msg_1a2b" },
  error = { code = "error", text = "text", form = "^%u[%u_]+$" },
  stop = {
    request = "POST /cancel",
    limit = 100,
    json = { messages = "{ids}" },
    [200] = {
      each = "results",
      id = "message",
      code = "result",
      means = { CANCELLED = "stopped", SENT = "too_late", UNKNOWN_ID = "not_found" },
    },
    refused = { LOCKED = "not_stoppable" },
  },
}
