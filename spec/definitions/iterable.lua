return {
  name = "iterable",
  about = "Iterable: cancels a scheduled message",
  docs = "https://api.iterable.com/api-docs",
  url = "https://api.iterable.com/api",
  settings = { channel = { one_of = { "email", "sms", "push" }, default = "email",
    about = "what it sends" } },
  headers = { ["Api-Key"] = "{token}" },
  id = "text",
  error = { code = "code", text = "msg", form = "string" },
  stop = {
    request = "POST /{channel}/cancel",
    json = { scheduledMessageId = "{id}" },
    [200] = { code = "code", means = { Success = "accepted" } },
    refused = { BadApiKey = "credentials", NotFound = "not_found" },
  },
}
