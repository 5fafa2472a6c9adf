return {
  name = "discord",
  about = "Discord: deletes messages that were delivered",
  docs = "https://discord.com/developers/docs/resources/message",
  url = "https://discord.com/api/v10",
  headers = { Authorization = "Bot {token}" },
  id = { write = "{channel}/{message}", channel = "^%d+$", message = "^%d+$" },
  error = { code = "code", text = "message", form = "integer" },
  retry_after = { header = "X-RateLimit-Reset-After" },
  stop = {
    request = "DELETE /channels/{channel}/messages/{message}",
    [204] = "recalled",
    refused = { [10008] = "not_found", [10003] = "not_found", [50013] = "denied",
      [50001] = "denied" },
    many = {
      request = "POST /channels/{channel}/messages/bulk-delete",
      limit = { 2, 100 },
      together = "channel",
      json = { messages = "{message}" },
      [204] = "recalled",
      refused = { [50034] = "halve" },
    },
  },
  status = {
    request = "GET /channels/{channel}/messages/{message}",
    [200] = { id = { channel = "channel_id", message = "id" }, means = "too_late" },
    [404] = { "not_stoppable", "gone_or_sent" },
  },
}
