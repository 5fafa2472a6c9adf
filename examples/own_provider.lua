-- A provider of one's own: give this table as `provider` to stopmsg.new.
return {
  name = "acme",
  base_url = "https://api.acme.example",
  auth = { header = "X-Api-Key" },
  error = { code = "error", text = "text", form = "^%u[%u_]+$" },
  operations = {
    stop = {
      method = "POST",
      path = "/v1/cancel",
      id = { pattern = "^msg_%w+$", max = 40, about = "an id like msg_1a2b" },
      limit = 100,
      body = {
        type = "application/json", template = '{"messages":[{id}]}', between = ",", escape = "json",
      },
      items = { list = "results", id = "message", code = "result" },
      codes = { CANCELLED = "stopped", SENT = "too_late", UNKNOWN_ID = "not_found" },
      refusals = { ["409/LOCKED"] = "not_stoppable" },
    },
  },
}
