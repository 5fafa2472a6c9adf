-- Klaviyo. The id is a campaign's: its send job has the same.

local DOCS = "https://developers.klaviyo.com/en/reference/"

return {
  name = "klaviyo",
  about = "Klaviyo: cancels the sending of a campaign",
  docs = DOCS .. "cancel_campaign_send",
  url = "https://a.klaviyo.com/api",
  settings = {
    channel = {
      about = "which campaigns `find` lists",
      one_of = { "email", "sms", "mobile_push" },
      default = "email",
    },
  },
  headers = {
    Authorization = "Klaviyo-API-Key {token}",
    Accept = "application/vnd.api+json",
    revision = "2026-07-15",
  },
  id = { pattern = "^%w+$", max = 64, about = "a campaign id like 01GDDKASAP8TKDDA2GRZDSVP4H" },
  error = { code = "errors[1].code", text = "errors[1].detail", form = "^%l[%l_]+$",
    has = { "errors[1].id", "errors[1].title" } },
  -- 150 a minute are allowed, 10 at once.
  rate = { 140, per = 60, burst = 10 },
  stop = {
    request = "PATCH /campaign-send-jobs/{id}",
    headers = { ["Content-Type"] = "application/vnd.api+json" },
    json = {
      data = { type = "campaign-send-job", id = "{id}", attributes = { action = "cancel" } },
    },
    [204] = "accepted", -- a campaign that is being sent has left in part
  },
  status = {
    docs = DOCS .. "get_campaign_send_job",
    request = "GET /campaign-send-jobs/{id}",
    [200] = {
      id = "data.id",
      state = "data.attributes.status",
      means = {
        queued = "open",
        processing = "open",
        complete = "too_late",
        cancelled = { "accepted", note = "what had left before is in the campaign's report" },
      },
    },
  },
  check = {
    docs = DOCS .. "get_campaigns",
    request = "GET /campaigns?fields%5Bcampaign%5D=status"
      .. "&filter=equals(messages.channel,'{channel}')",
    [200] = { has = { "data", "links" }, means = "accepted" },
  },
  find = {
    docs = DOCS .. "get_campaigns",
    inferred = "which of the states can still be cancelled",
    unit = "campaign",
    request = "GET /campaigns?filter=equals(messages.channel,'{channel}')",
    each = "data",
    id = "id",
    state = "attributes.status",
    means = {
      scheduled = "open",
      ["preparing to schedule"] = "open",
      ["preparing to send"] = "open",
      ["adding recipients"] = "open",
      ["queued without recipients"] = "open",
      sending = "open",
      ["sending segments"] = "open",
      sent = "too_late",
      ["variations sent"] = "too_late",
      cancelled = "stopped",
      draft = "not_stoppable",
    },
    next = { by = "url", path = "links.next" },
  },
}
