-- Twilio Programmable Messaging. A message that was scheduled is cancelled by an update of its
-- status; DELETE on the same address would remove the record, and is no cancel.

return {
  name = "twilio",
  about = "Twilio Programmable Messaging: cancels a scheduled message",
  docs = "https://www.twilio.com/docs/messaging/features/message-scheduling",
  url = "https://api.twilio.com/2010-04-01/Accounts/{account}",
  settings = {
    account = {
      pattern = "^AC%x+$",
      max = 34,
      about = "the Account SID, AC…, on the Console's first page",
    },
    key = {
      pattern = "^[AS][CK]%x+$",
      max = 34,
      default = "{account}",
      about = "an API key's SID, SK…; the token is then its secret, else the Auth Token",
    },
  },
  auth = { basic = "{key}:{token}" },
  headers = { Accept = "application/json" },
  id = { pattern = "^[SM]M%x+$", max = 34, about = "a message SID like SM… or MM…" },
  error = { code = "code", text = "message", form = "integer", status = "status" },
  stop = {
    request = "POST /Messages/{id}.json",
    form = { Status = "canceled" },
    [200] = {
      id = "sid",
      code = "status",
      means = { canceled = "stopped" },
      verifies = { "stopped" },
    },
    refused = {
      [30409] = "too_late", -- https://www.twilio.com/docs/api/errors/30409
      [20404] = "not_found",
      [20003] = "credentials",
    },
  },
  status = {
    docs = "https://www.twilio.com/docs/messaging/api/message-resource",
    request = "GET /Messages/{id}.json",
    [200] = {
      id = "sid",
      state = "status",
      means = {
        scheduled = "open",
        accepted = "open",
        queued = "open",
        canceled = "stopped",
        sending = "too_late",
        sent = "too_late",
        delivered = "too_late",
        undelivered = "too_late",
        partially_delivered = "too_late",
        read = "too_late",
        failed = "not_stoppable",
        receiving = "not_stoppable",
        received = "not_stoppable",
      },
    },
    refused = { [20003] = "credentials" },
  },
  check = {
    docs = "https://www.twilio.com/docs/messaging/api/message-resource",
    request = "GET /Messages.json?PageSize=1",
    [200] = { has = { "messages", "page_size" }, means = "accepted" },
    refused = { [20003] = "credentials" },
  },
  find = {
    docs = "https://www.twilio.com/docs/messaging/api/message-resource",
    inferred = "that the newest messages come first is inferred",
    -- 1000 would do, and be a megabyte that is read at once.
    request = "GET /Messages.json?PageSize=250",
    where = {
      sender = { query = "From", entry = "from" },
      recipient = { query = "To", entry = "to" },
    },
    each = "messages",
    id = "sid",
    state = "status",
    means = {
      scheduled = "open",
      canceled = "stopped",
      accepted = "not_stoppable",
      queued = "not_stoppable",
      sending = "too_late",
      sent = "too_late",
      delivered = "too_late",
      undelivered = "too_late",
      partially_delivered = "too_late",
      read = "too_late",
      failed = "not_stoppable",
      receiving = "not_stoppable",
      received = "not_stoppable",
    },
    -- Messages can be scheduled 35 days ahead.
    next = { by = "url", path = "next_page_uri", oldest = { path = "date_created", days = 36 } },
  },
}
