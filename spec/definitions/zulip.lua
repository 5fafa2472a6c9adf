return {
  name = "zulip",
  about = "Zulip: deletes a scheduled message",
  docs = "https://zulip.com/api/delete-scheduled-message",
  url = "{base_url}/api/v1",
  settings = { bot = { about = "the bot's e-mail address" } },
  auth = { basic = "{bot}:{token}" },
  id = "digits",
  error = { code = "code", text = "msg", form = "string" },
  stop = {
    request = "DELETE /scheduled_messages/{id}",
    [200] = { code = "result", means = { success = "stopped" } },
    refused = { BAD_REQUEST = { "not_stoppable", "gone_or_sent" } },
  },
  status = {
    request = "GET /scheduled_messages",
    [200] = { each = "scheduled_messages", id = "scheduled_message_id", means = "open",
      others = { "not_stoppable", "gone_or_sent" } },
  },
}
