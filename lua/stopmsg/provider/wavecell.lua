-- 8x8 CPaaS, once Wavecell: SMS. The answer counts what was cancelled.

local DOCS = "https://developer.8x8.com/connect/reference/"

return {
  name = "wavecell",
  about = "8x8 CPaaS (Wavecell): cancels a scheduled SMS",
  docs = DOCS .. "cancel-scheduled-message",
  url = "https://{region}/api/v1/subaccounts/{account}",
  settings = {
    account = { pattern = "^[%w%-._&]+$", max = 50, about = "the sub-account's id" },
    region = {
      about = "where the account is",
      one_of = { ap = "sms.8x8.com", us = "sms.us.8x8.com", uk = "sms.8x8.uk",
        id = "sms.8x8.id" },
      default = "ap",
    },
  },
  headers = { Authorization = "Bearer {token}" },
  id = "uuid",
  error = { code = "code", text = "message", form = "integer", least = 1000, has = "errorId" },
  refused = { [1001] = "denied", [1200] = "credentials" },
  stop = {
    request = "DELETE /messages/{id}",
    -- 0 is of a message that is there: sent, or cancelled before.
    [200] = { code = "cancelledCount", more_than = 0,
      means = { [true] = "stopped", [false] = "not_stoppable" } },
    refused = { [1000] = "invalid", [1300] = "not_found" },
  },
  status = {
    docs = DOCS .. "get-sms-message-details",
    request = "GET /messages/{id}",
    rate = 1,
    [200] = {
      id = "umid",
      state = "status.state",
      means = {
        queued = { "unknown", note = "8x8 has no word for a message that was cancelled" },
        sent = "too_late",
        delivered = "too_late",
        read = "too_late",
        undelivered = "too_late",
        failed = "not_stoppable",
        rejected = "not_stoppable",
      },
    },
    refused = { [1000] = "invalid", [1300] = { "not_stoppable", "gone_or_sent" } },
  },
  check = {
    docs = DOCS .. "get-sms-message-details",
    inferred = "that good credentials get 404 for a message that does not exist",
    request = "GET /messages/00000000-0000-0000-0000-000000000000",
    [200] = { has = "umid", means = "accepted" },
    refused = { [1000] = "accepted", [1300] = "accepted" },
  },
}
