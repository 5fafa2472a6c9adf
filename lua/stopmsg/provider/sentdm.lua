-- Sent.dm, SMS, WhatsApp and RCS.

local DOCS = "https://docs.sent.dm/start/guides/cancelling-messages"

local FLOWN = { queued = "too_late", processed = "too_late", routed = "too_late", sent = "too_late",
  delivered = "too_late", read = "too_late", failed = "not_stoppable", filtered = "not_stoppable",
  blocked = "not_stoppable", scheduled = "open", cancelled = "stopped" }

return {
  name = "sentdm",
  about = "Sent.dm: cancels a scheduled message",
  docs = DOCS,
  url = "https://api.sent.dm/v3",
  headers = { ["x-api-key"] = "{token}", Accept = "application/json" },
  id = "uuid",
  error = { code = "error.code", text = "error.message", form = "^%u+_%d+$" },
  stop = {
    request = "POST /messages/{id}/cancel",
    headers = { ["Idempotency-Key"] = "{uuid}" },
    [200] = { has = { success = true }, id = "data.id", code = "data.status",
      means = { CANCELLED = "stopped" }, verifies = { "stopped" } },
    -- Released, or finished without having been sent.
    refused = { BUSINESS_006 = "not_stoppable" },
  },
  status = {
    request = "GET /messages/{id}",
    [200] = { has = { success = true }, id = "data.id", state = "data.status", means = FLOWN },
  },
  check = {
    request = "GET /me",
    [200] = { has = { "data", success = true }, means = "accepted" },
  },
}
