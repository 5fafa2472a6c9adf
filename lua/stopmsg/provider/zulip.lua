-- Zulip. Each organization has a server of its own; users and bots see their own messages only.

local DOCS = "https://zulip.com/api/"

-- Of a message that was sent, deleted, or never there.
local GONE = { has = { "msg", result = "error" }, code = "code", text = "msg",
  means = { BAD_REQUEST = { "not_stoppable", "gone_or_sent" } } }

return {
  name = "zulip",
  about = "Zulip: deletes a scheduled message",
  docs = DOCS .. "delete-scheduled-message",
  url = "{base_url}/api/v1",
  settings = { user = { pattern = "^[^%s/@]+@[^%s/@]+$",
    about = "the e-mail address of the user or bot that the key belongs to" } },
  auth = { basic = "{user}:{token}" },
  id = "digits",
  stop = {
    request = "DELETE /scheduled_messages/{id}",
    [200] = { has = { msg = "" }, code = "result", means = { success = "stopped" } },
    [400] = GONE,
    [404] = GONE,
  },
  status = {
    docs = DOCS .. "get-scheduled-messages",
    request = "GET /scheduled_messages",
    [200] = {
      has = { result = "success" },
      each = "scheduled_messages",
      id = "scheduled_message_id",
      state = "failed",
      means = {
        [false] = "open",
        [true] = { "open", note = "sending it failed; it goes out only if it is edited" },
      },
      others = { "not_stoppable", "gone_or_sent" },
    },
  },
  check = {
    docs = DOCS .. "get-own-user",
    request = "GET /users/me",
    [200] = { has = { "user_id", "email", result = "success" }, means = "accepted" },
  },
  find = {
    docs = DOCS .. "get-scheduled-messages",
    request = "GET /scheduled_messages",
    where = {
      since = { entry = "scheduled_delivery_timestamp", time = "unix", about = "due from then" },
      till = { entry = "scheduled_delivery_timestamp", time = "unix", about = "due before" },
    },
    each = "scheduled_messages",
    id = "scheduled_message_id",
  },
}
