-- Iterable. A scheduled message is one to a user; campaigns have a call of their own.

return {
  name = "iterable",
  about = "Iterable: cancels a scheduled message to one user",
  docs = "https://api.iterable.com/api-docs",
  url = "https://{region}/api",
  settings = {
    channel = {
      about = "what was scheduled",
      one_of = { "email", "sms", "push", "webPush", "inApp", "whatsApp" },
      default = "email",
    },
    region = {
      about = "where the project is",
      one_of = { us = "api.iterable.com", eu = "api.eu.iterable.com" },
      default = "us",
    },
  },
  headers = { ["Api-Key"] = "{token}" },
  id = { pattern = "^[1-9]%d*$", max = 19, number = true, about = "a scheduledMessageId" },
  error = { code = "code", text = "msg", form = "^%u%a+$", has = "msg" },
  refused = { BadApiKey = "credentials", Unauthorized = "credentials" },
  stop = {
    request = "POST /{channel}/cancel",
    json = { scheduledMessageId = "{id}" },
    -- No page that could be read says what becomes of the message.
    [200] = { code = "code", text = "msg", has = { msg = "^" }, means = { Success = "accepted" } },
  },
  check = {
    request = "GET /channels",
    [200] = { has = "channels", means = "accepted" },
  },
}
