-- Courier. A refused cancel has the message's record, too, and its state tells why.

local STATES = {
  canceled = "stopped",
  sent = "too_late",
  delivered = "too_late",
  opened = "too_late",
  clicked = "too_late",
  undeliverable = "too_late",
  filtered = "not_stoppable",
  unroutable = "not_stoppable",
  unmapped = "not_stoppable",
  simulated = "not_stoppable",
}

-- The states, with one word for all in which the message has not left.
local function with(word)
  local means = { enqueued = word, routed = word, delayed = word, digested = word,
    throttled = word }
  for state, meaning in pairs(STATES) do
    means[state] = meaning
  end
  return means
end

return {
  name = "courier",
  about = "Courier: cancels a message before it is handed to a provider",
  docs = "https://www.courier.com/docs/reference/logs/cancel",
  url = "https://api.courier.com",
  headers = { Authorization = "Bearer {token}", Accept = "application/json" },
  id = { pattern = "^[%w_%-]+$", max = 64, about = "a message id like 1-5e2b2615-05efbb3acab9" },
  error = { code = "type", text = "message", form = "^%l[%l_]+_error$", has = "message" },
  stop = {
    request = "POST /messages/{id}/cancel",
    [200] = { id = "id", state = "status", text = "error", means = { canceled = "stopped" } },
    [409] = { id = "id", state = "status", text = "error", means = with("not_stoppable") },
  },
  status = {
    docs = "https://www.courier.com/docs/reference/logs/message",
    request = "GET /messages/{id}",
    [200] = { id = "id", state = "status", text = "error", means = with("open") },
  },
  check = {
    docs = "https://www.courier.com/docs/reference/logs/list",
    request = "GET /messages?archived=true",
    [200] = { has = { "results", "paging" }, means = "accepted" },
  },
  find = {
    docs = "https://www.courier.com/docs/reference/logs/list",
    inferred = "which of the states can still be cancelled",
    request = "GET /messages?status=ENQUEUED&status=ROUTED&status=DELAYED&status=DIGESTED"
      .. "&status=THROTTLED",
    where = {
      recipient = { query = "recipient", entry = "recipient", about = "a recipient's id" },
      tag = { query = "tag", list = "repeat", about = "a tag of the message" },
    },
    each = "results",
    id = "id",
    state = "status",
    means = with("open"),
    next = { by = "cursor", as = "query:cursor", path = "paging.cursor", more = "paging.more" },
  },
}
