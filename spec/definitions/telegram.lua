return {
  name = "telegram",
  about = "Telegram: deletes messages that were delivered",
  docs = "https://core.telegram.org/bots/api#deletemessages",
  url = "https://api.telegram.org/bot{token}",
  id = {
    write = "{chat}/{message}",
    chat = { pattern = "^%-?%d+$", number = true, about = "a chat's number" },
    message = { pattern = "^%d+$", number = true, about = "a message's number" },
  },
  error = { code = "error_code", text = "description", form = "integer" },
  retry_after = "parameters.retry_after",
  stop = {
    request = "POST /deleteMessage",
    json = { chat_id = "{chat}", message_id = "{message}" },
    [200] = { code = "result", has = "ok", means = { [true] = "recalled" } },
    texts = {
      ["message to delete not found"] = "not_found",
      ["message can't be deleted"] = "not_stoppable",
      ["chat not found"] = "not_found",
    },
    -- What is not there is skipped without a word.
    many = {
      request = "POST /deleteMessages",
      limit = { 2, 100 },
      together = "chat",
      json = { chat_id = "{chat}", message_ids = "{message}" },
      [200] = { code = "result", has = "ok", means = { [true] = "accepted" } },
    },
  },
}
