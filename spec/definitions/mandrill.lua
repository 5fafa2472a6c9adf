return {
  name = "mandrill",
  about = "Mailchimp Transactional: cancels a scheduled e-mail",
  docs = "https://mailchimp.com/developer/transactional/api/messages/cancel-scheduled-email/",
  url = "https://mandrillapp.com/api/1.3",
  id = { pattern = "^%w+$", max = 64, about = "a message id" },
  error = { code = "name", text = "message", form = "string" },
  stop = {
    request = "POST /messages/cancel-scheduled",
    json = { key = "{token}", id = "{id}" },
    [200] = { id = "_id", means = "stopped" },
    refused = { Unknown_Message = "not_found", Invalid_Key = "credentials" },
  },
  status = {
    request = "POST /messages/list-scheduled",
    json = { key = "{token}" },
    id = { pattern = "^%w+$", max = 64, about = "a message id" },
    [200] = { each = ".", id = "_id", means = "open",
      others = { "not_stoppable", "gone_or_sent" } },
  },
  find = { request = "POST /messages/list-scheduled", json = { key = "{token}" }, each = ".",
    id = "_id", where = { recipient = { json = "to", entry = "to" } } },
}
