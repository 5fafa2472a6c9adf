-- Novu. A trigger's steps that are delayed are cancelled; those that ran before have left.

return {
  name = "novu",
  about = "Novu: cancels the delayed steps of a triggered event",
  docs = "https://docs.novu.co/api-reference/events/cancel-triggered-event",
  url = "https://{region}/v1",
  settings = {
    region = {
      about = "where the account is",
      one_of = { us = "api.novu.co", eu = "eu.api.novu.co" },
      default = "us",
    },
  },
  headers = {
    Authorization = "ApiKey {token}",
    Accept = "application/json",
    ["Idempotency-Key"] = "{uuid}",
  },
  id = { pattern = "^[%w_.:%-]+$", about = "a transaction id like txn_6f1b2c" },
  error = { text = "message", form = "text", status = "statusCode",
    has = { "timestamp", "path" } },
  stop = {
    request = "DELETE /events/trigger/{id}",
    [200] = { code = { "data", "." }, means = { [true] = "stopped", [false] = "not_stoppable" } },
    -- An event that is not there gets `false`: only a wrong address is not found.
    [404] = "failed",
  },
  check = {
    docs = "https://docs.novu.co/api-reference/notifications/list-all-events",
    request = "GET /notifications?limit=1&page=0",
    [200] = { has = { "data", "hasMore" }, means = "accepted" },
  },
}
