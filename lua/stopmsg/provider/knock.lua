-- Knock. A cancellation key stands for all runs that were triggered with it. The answer is empty,
-- whatever became of them.

return {
  name = "knock",
  about = "Knock: cancels the queued runs of a workflow by their cancellation key",
  docs = "https://docs.knock.app/send-notifications/canceling-workflows",
  url = "https://api.knock.app/v1",
  headers = { Authorization = "Bearer {token}", Accept = "*/*" },
  id = {
    write = "{workflow}/{key}",
    workflow = { pattern = "^[%w_%-]+$", max = 128, about = "a workflow's key" },
    key = { pattern = "^[\33-\126]+$", max = 256, about = "a cancellation key" },
    about = "a workflow and a cancellation key like new-comment/comment-42",
  },
  error = { code = "code", text = "message", form = "^%l[%l_]+$", status = "status",
    has = "type" },
  stop = {
    request = "POST /workflows/{workflow}/cancel",
    json = { cancellation_key = "{key}" },
    [200] = "accepted",
    [204] = "accepted",
  },
  check = {
    docs = "https://docs.knock.app/api-reference/users/list",
    request = "GET /users?page_size=1",
    [200] = { has = { "entries", "page_info" }, means = "accepted" },
  },
}
