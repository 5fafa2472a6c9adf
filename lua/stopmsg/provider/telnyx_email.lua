-- Telnyx, e-mail: another API than the one for SMS and MMS, with the same key.

local DOCS = "https://developers.telnyx.com/api-reference/email-messages/"

-- The states, with the word for one that waits for its time.
local function states(scheduled)
  return {
    scheduled = scheduled,
    cancelled = "stopped",
    queued = "too_late",
    sending = "too_late",
    sent = "too_late",
    deferred = "too_late",
    delivered = "too_late",
    failed = "not_stoppable",
    sandbox = "not_stoppable",
  }
end

return {
  name = "telnyx_email",
  about = "Telnyx: cancels scheduled e-mails",
  docs = DOCS .. "cancel-a-scheduled-email-message",
  url = "https://api.telnyx.com/v2",
  headers = { Authorization = "Bearer {token}", Accept = "application/json" },
  id = "uuid",
  error = {
    code = "errors[1].code",
    text = { "errors[1].detail", "errors[1].title" },
    form = "^%d%d%d%d%d$",
  },
  stop = {
    request = "DELETE /email_messages/{id}/schedule",
    [200] = {
      id = "data.id",
      code = "data.status",
      means = states("accepted"),
      verifies = { "stopped" },
    },
    -- Documented for a change of the time: no longer scheduled, or being sent.
    [409] = "not_stoppable",
    refused = { ["404/10005"] = "not_found" },
  },
  status = {
    docs = DOCS .. "get-an-email-message",
    request = "GET /email_messages/{id}",
    [200] = { id = "data.id", state = "data.status", means = states("open") },
  },
  check = {
    docs = "https://developers.telnyx.com/api-reference/billing/get-user-balance-details",
    request = "GET /balance",
    [200] = { has = "data.balance", means = "accepted" },
  },
  find = {
    docs = DOCS .. "list-email-messages",
    request = "GET /email_messages",
    where = {
      since = { entry = "scheduled_at", time = "rfc3339", about = "to be sent from" },
      till = { entry = "scheduled_at", time = "rfc3339", about = "to be sent until" },
    },
    each = "data",
    id = "id",
    state = "status",
    means = states("open"),
    next = { by = "cursor", as = "query:page_cursor", path = "meta.page_cursor" },
  },
}
