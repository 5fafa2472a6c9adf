return {
  name = "clevertap",
  about = "CleverTap: stops a campaign",
  docs = "https://developer.clevertap.com/docs/stop-campaign-api",
  url = "https://{region}.api.clevertap.com/1",
  settings = {
    account = { about = "the account's id; the token is its passcode" },
    region = { about = "as in eu1", default = "eu1" },
  },
  headers = { ["X-CleverTap-Account-Id"] = "{account}", ["X-CleverTap-Passcode"] = "{token}" },
  id = { pattern = "^%d+$", number = true, about = "a campaign's number" },
  error = { text = "error", form = "text" },
  stop = {
    request = "POST /targets/stop.json",
    json = { id = "{id}" },
    [200] = { code = "status", means = { success = "stopped", fail = "failed" } },
  },
  find = {
    request = "POST /targets/list.json",
    json = { from = "{since}", to = "{till}" },
    where = {
      since = { time = "%Y%m%d", entry = "scheduled_on", required = true },
      till = { time = "%Y%m%d", entry = "scheduled_on", required = true },
    },
    each = "targets",
    id = "id",
    state = "status",
    means = { pending = "open", scheduled = "open", running = "open", completed = "too_late",
      discarded = "stopped", stopped = "stopped" },
  },
}
