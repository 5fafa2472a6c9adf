return {
  name = "wavecell",
  about = "8x8: cancels a scheduled SMS",
  docs = "https://developer.8x8.com/connect/reference/cancel-scheduled-message",
  url = "https://{region}/api/v1/subaccounts/{account}",
  settings = {
    account = { pattern = "^[%w%-._&]+$", max = 50, about = "the sub-account's id" },
    region = { one_of = { ap = "sms.8x8.com", us = "sms.us.8x8.com", uk = "sms.8x8.uk",
      id = "sms.8x8.id" }, default = "ap", about = "where the account is" },
  },
  headers = { Authorization = "Bearer {token}" },
  id = "uuid",
  error = { code = "code", text = "message", form = "integer" },
  stop = {
    request = "DELETE /messages/{id}",
    [200] = { code = "cancelledCount", more_than = 0, means = { [true] = "stopped",
      [false] = "too_late" } },
    refused = { [1000] = "invalid", [1001] = "denied", [1200] = "credentials",
      [1300] = "not_found" },
  },
  status = {
    request = "GET /messages/{id}",
    [200] = { state = "status.state", means = { cancelled = "stopped", queued = "open",
      sent = "too_late", delivered = "too_late" } },
  },
}
