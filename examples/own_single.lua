-- A provider of your own that stops one message a request; see docs/writing-a-provider.md.

return {
  name = "bell",
  about = "Bell: cancels a scheduled message",
  docs = "https://api.bell.example/docs/messages",
  url = "https://api.bell.example/v2",
  headers = { Authorization = "Bearer {token}" },
  id = { pattern = "^%d+$", max = 19, about = "a number like 10023" },
  error = { code = "error.code", text = "error.message", form = "^[%l_]+$" },
  stop = {
    request = "DELETE /messages/{id}",
    [200] = {
      id = "id",
      code = "status",
      means = { cancelled = "stopped", sent = "too_late" },
    },
    refused = { already_sent = "too_late" },
  },
}
