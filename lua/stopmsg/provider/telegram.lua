-- Telegram Bot API. The messages were delivered: they are taken back, up to 48 hours later.

local DOCS = "https://core.telegram.org/bots/api"

return {
  name = "telegram",
  about = "Telegram: deletes messages of a bot that were delivered",
  docs = DOCS .. "#deletemessages",
  url = "https://api.telegram.org/bot{token}",
  id = {
    write = "{chat}/{message}",
    chat = { pattern = "^%-?[1-9]%d*$", max = 20, number = true, about = "a chat's number" },
    message = { pattern = "^[1-9]%d*$", max = 10, number = true, about = "a message's number" },
    about = "a chat and a message like -1001234567890/42",
  },
  error = { code = "error_code", text = "description", form = "integer", status = "error_code",
    has = "ok" },
  retry_after = "parameters.retry_after",
  texts = { ["chat not found"] = "not_found" },
  stop = {
    docs = DOCS .. "#deletemessage",
    request = "POST /deleteMessage",
    json = { chat_id = "{chat}", message_id = "{message}" },
    [200] = { has = { ok = true }, code = "result", means = { [true] = "recalled" } },
    -- What a token of the wrong form gets: the address has no such bot.
    [404] = "credentials",
    texts = {
      ["message to delete not found"] = "not_found",
      ["message can't be deleted"] = "not_stoppable",
      ["message identifier is not specified"] = "invalid",
    },
    many = {
      docs = DOCS .. "#deletemessages",
      request = "POST /deleteMessages",
      limit = { 2, 100 },
      together = "chat",
      json = { chat_id = "{chat}", message_ids = "{message}" },
      -- What is not there is skipped without a word.
      [200] = { has = { ok = true }, code = "result", means = { [true] = "accepted" } },
      [404] = "credentials",
    },
  },
  check = {
    docs = DOCS .. "#getme",
    request = "GET /getMe",
    [200] = { has = { "result.id", ok = true }, means = "accepted" },
    [404] = "credentials",
  },
}
