-- Resend, single e-mails.

local DOCS = "https://resend.com/docs/api-reference/emails/"

local STATES = {
  canceled = "stopped",
  scheduled = "open",
  queued = "open",
  sent = "too_late",
  delivered = "too_late",
  delivery_delayed = "too_late",
  bounced = "too_late",
  clicked = "too_late",
  complained = "too_late",
  opened = "too_late",
  failed = "not_stoppable",
  suppressed = "not_stoppable",
}

return {
  name = "resend",
  about = "Resend: cancels a scheduled e-mail",
  docs = DOCS .. "cancel-email",
  url = "https://api.resend.com",
  headers = { Authorization = "Bearer {token}" },
  id = "uuid",
  rate = 5,
  retry_after = { header = "ratelimit-reset" },
  error = { code = "name", text = "message", form = "^%l[%l_]+$", has = "message" },
  refused = { ["403/invalid_api_key"] = "credentials" },
  -- A wrong key is a validation error for all calls but a send.
  texts = { ["api key is invalid"] = "credentials" },
  stop = {
    request = "POST /emails/{id}/cancel",
    -- The answer does not tell the e-mail's state.
    [200] = { has = { object = "email" }, id = "id", means = "accepted" },
    [422] = "not_stoppable",
    refused = { ["404/not_found"] = "not_found", ["422/invalid_parameter"] = "invalid" },
  },
  status = {
    docs = DOCS .. "retrieve-email",
    request = "GET /emails/{id}",
    [200] = { has = { object = "email" }, id = "id", state = "last_event", means = STATES },
  },
  check = {
    docs = DOCS .. "list-emails",
    request = "GET /emails?limit=1",
    [200] = { has = { "data", "has_more" }, means = "accepted" },
  },
  find = {
    docs = DOCS .. "list-emails",
    request = "GET /emails?limit=100",
    each = "data",
    id = "id",
    state = "last_event",
    means = STATES,
    next = { by = "last", as = "query:after", more = "has_more" },
  },
}
