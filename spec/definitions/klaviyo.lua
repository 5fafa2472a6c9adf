return {
  name = "klaviyo",
  about = "Klaviyo: cancels a campaign that is being sent",
  docs = "https://developers.klaviyo.com/en/reference/cancel_campaign_send",
  url = "https://a.klaviyo.com/api",
  headers = {
    Authorization = "Klaviyo-API-Key {token}",
    Accept = "application/vnd.api+json",
    revision = "2026-07-15",
  },
  id = { pattern = "^%w+$", max = 64, about = "a campaign id" },
  error = { code = "errors[1].code", text = "errors[1].detail", form = "string" },
  rate = { 150, per = 60, burst = 10 },
  stop = {
    request = "PATCH /campaign-send-jobs/{id}",
    headers = { ["Content-Type"] = "application/vnd.api+json" },
    json = {
      data = { type = "campaign-send-job", id = "{id}", attributes = { action = "cancel" } },
    },
    [204] = "accepted",
    refused = { not_found = "not_found" },
  },
  status = {
    request = "GET /campaign-send-jobs/{id}",
    [200] = {
      id = "data.id",
      state = "data.attributes.status",
      means = { queued = "open", processing = "open", complete = "too_late",
        cancelled = "stopped" },
    },
  },
}
