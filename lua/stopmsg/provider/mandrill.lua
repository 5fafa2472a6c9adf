-- Mailchimp Transactional, once Mandrill. The key stands in each body.

local DOCS = "https://mailchimp.com/developer/transactional/api/messages/"

return {
  name = "mandrill",
  about = "Mailchimp Transactional (Mandrill): cancels a scheduled e-mail",
  docs = DOCS .. "cancel-scheduled-email/",
  url = "https://mandrillapp.com/api/1.3",
  id = { pattern = "^%x+$", max = 64, about = "a message id, hex digits like a92c74e4c5d7" },
  error = { code = "name", text = "message", form = "^%u%l+_%u%a+$", has = { "status", "code" } },
  refused = { Invalid_Key = "credentials" },
  stop = {
    request = "POST /messages/cancel-scheduled",
    json = { key = "{token}", id = "{id}" },
    -- The record of what was cancelled; one of two specifications has it in a list.
    [200] = { id = { "_id", "[1]._id" }, means = "stopped" },
    refused = { Unknown_Message = "not_found" },
  },
  check = {
    docs = "https://mailchimp.com/developer/transactional/api/users/ping-2/",
    request = "POST /users/ping2",
    json = { key = "{token}" },
    [200] = { exactly = '{"PING":"PONG!"}', means = "accepted" },
  },
  find = {
    docs = DOCS .. "list-scheduled-emails/",
    request = "POST /messages/list-scheduled",
    json = { key = "{token}" },
    where = { recipient = { json = "to", entry = "to", about = "an e-mail address" } },
    each = ".",
    id = "_id",
    -- All of them can be cancelled.
    most = 1000,
  },
}
