-- Mailgun. Its one call empties the queue of a domain, which is the id.

return {
  name = "mailgun",
  about = "Mailgun: deletes all scheduled and undelivered e-mail of a domain",
  docs = "https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages/"
    .. "delete-v3--domain-name--envelopes",
  url = "https://{region}",
  settings = {
    region = {
      about = "where the domain's e-mail is stored, as `storage.region` of its events says",
      one_of = {
        ["us-east4"] = "storage-us-east4.api.mailgun.net",
        ["us-west1"] = "storage-us-west1.api.mailgun.net",
        ["europe-west1"] = "storage-europe-west1.api.mailgun.net",
      },
    },
  },
  auth = { basic = "api:{token}" },
  id = { pattern = "^%w[%w%-%.]*%.%w[%w%-]*$", max = 253, ignore_case = true,
    about = "a domain like mg.example.com" },
  error = { text = "message", form = "text" },
  stop = {
    all = "every scheduled and undelivered e-mail of the domain",
    request = "DELETE /v3/{id}/envelopes",
    [200] = { code = "message", means = { done = "accepted" } },
    -- Gateways send texts at `message`, too.
    [403] = "failed",
    [404] = "failed",
    texts = { ["domain not found"] = "not_found" },
  },
}
