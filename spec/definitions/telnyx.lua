return {
  name = "telnyx",
  about = "Telnyx: cancels a scheduled message",
  docs = "https://developers.telnyx.com/api-reference/messages/cancel-a-scheduled-message.md",
  url = "https://api.telnyx.com/v2",
  headers = { Authorization = "Bearer {token}" },
  id = "uuid",
  error = { code = "errors[1].code", text = "errors[1].title", form = "string" },
  stop = {
    request = "DELETE /messages/{id}",
    [200] = {
      id = { "data.id", "id" },
      code = { "data.to[].status", "to[].status" },
      means = { cancelled = "stopped", scheduled = "accepted", queued = "too_late",
        sending = "too_late", sent = "too_late", delivered = "too_late", expired = "not_stoppable",
        sending_failed = "not_stoppable", delivery_failed = "too_late",
        delivery_unconfirmed = "too_late" },
      verifies = { "stopped" },
    },
    [403] = "unknown",
    [404] = "not_found",
  },
  status = {
    request = "GET /messages/{id}",
    [200] = {
      id = { "data.id", "id" },
      state = { "data.to[].status", "to[].status" },
      means = { cancelled = "stopped", scheduled = "open", queued = "too_late",
        sending = "too_late", sent = "too_late", delivered = "too_late", expired = "not_stoppable",
        sending_failed = "not_stoppable", delivery_failed = "too_late",
        delivery_unconfirmed = "too_late" },
    },
  },
}
