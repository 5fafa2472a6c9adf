return {
  name = "knock",
  about = "Knock: cancels the runs of a workflow",
  docs = "https://docs.knock.app/send-notifications/canceling-workflows",
  url = "https://api.knock.app/v1",
  settings = { recipient = { optional = true, about = "one recipient's id" } },
  headers = { Authorization = "Bearer {token}" },
  id = { write = "{workflow}/{key}", workflow = "^[%w%-_]+$", key = "^[%w%-_.:]+$" },
  error = { code = "code", text = "message", form = "string", status = "status" },
  stop = {
    request = "POST /workflows/{workflow}/cancel",
    json = { cancellation_key = "{key}", recipients = { "{recipient}" } },
    [200] = "accepted",
    [204] = "accepted",
    refused = { resource_missing = "not_found" },
  },
}
