return {
  name = "unisender",
  about = "UniSender: cancels a campaign",
  docs = "https://unisender.com/ru/support/api/messages/cancel-campaign",
  url = "https://api.unisender.com/ru/api",
  id = "digits",
  stop = {
    request = "GET /cancelCampaign?format=json&api_key={token}&campaign_id={id}",
    [200] = {
      { text = "error", code = "error", means = { none = "unknown" }, texts = {
        ["SB140212-01"] = "not_found", ["Access denied"] = "denied",
        ["SF161129-03"] = "not_stoppable", ["Invalid api key"] = "credentials" } },
      { has = "result", means = "stopped" },
    },
  },
  find = {
    request = "GET /getCampaigns?format=json&limit=100&api_key={token}",
    where = { since = { query = "from", entry = "start_time", time = "%Y-%m-%d %H:%M:%S" } },
    each = "result",
    id = "id",
    state = "status",
    means = { scheduled = "open", waits_schedule = "open", waits_censor = "open",
      censor_hold = "open", completed = "too_late", canceled = "stopped" },
    next = { by = "offset", as = "query:offset", first = 0, size = 100, most = 10000 },
  },
}
