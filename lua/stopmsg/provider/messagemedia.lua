-- Sinch MessageMedia, now Sinch Engage. Errors are a text alone; those that count are known by it.

local STATES = {
  cancelled = "stopped",
  scheduled = "open",
  queued = "too_late",
  processing = "too_late",
  processed = "too_late",
  enroute = "too_late",
  submitted = "too_late",
  delivered = "too_late",
  read = "too_late",
  expired = "too_late",
  held = "not_stoppable",
  rejected = "not_stoppable",
  failed = "not_stoppable",
}

return {
  name = "messagemedia",
  about = "Sinch MessageMedia (Engage): cancels a scheduled SMS or MMS",
  docs = "https://github.com/messagemedia/sinchengage-documentation",
  url = "https://{region}.app.api.sinch.com",
  settings = {
    key = { pattern = "^[%w_%-]+$", about = "the API key; the token is its secret" },
    region = { about = "where the account is", one_of = { "eu", "au" } },
  },
  auth = { basic = "{key}:{token}" },
  headers = { Accept = "application/json" },
  id = "uuid",
  error = { text = "message", form = "text" },
  stop = {
    request = "PUT /v1/messages/{id}",
    json = { status = "cancelled" },
    [200] = { exactly = { "", "{}" }, means = "stopped" },
    [400] = {
      { has = "details[1]", text = "message", texts = { ["failed to parse"] = "failed" } },
      { has = "details[1]", text = "message", means = "not_stoppable" },
    },
    [403] = "failed",
    [404] = "failed",
    texts = {
      ["invalid authentication credentials"] = "credentials",
      ["resource not found."] = "not_found",
    },
  },
  status = {
    request = "GET /v1/messages/{id}",
    [200] = { id = "message_id", state = "status", means = STATES },
    [403] = "failed",
    [404] = "failed",
    texts = {
      ["invalid authentication credentials"] = "credentials",
      ["resource not found."] = { "not_stoppable", "gone_or_sent" },
    },
  },
  check = {
    inferred = "that good credentials get 404 for a message that does not exist",
    request = "GET /v1/messages/00000000-0000-0000-0000-000000000000",
    [200] = { has = "message_id", means = "accepted" },
    [403] = "failed",
    [404] = "failed",
    texts = {
      ["invalid authentication credentials"] = "credentials",
      ["resource not found."] = "accepted",
    },
  },
  find = {
    inferred = "which time of a message the report goes by",
    request = "POST /v2-preview/reporting/messages/detail",
    json = { status = { "SCHEDULED" }, page_size = 100, timezone = "UTC" },
    where = {
      since = { json = "start_date", entry = "timestamp", time = "rfc3339", default = "-45d" },
      till = { json = "end_date", entry = "timestamp", time = "rfc3339", default = "+365d" },
    },
    each = "messages",
    id = "message_id",
    state = "status",
    means = STATES,
    next = { by = "page", as = "json:page", first = 0, size = 100, more = "pagination.has_next" },
  },
}
