-- Mailchimp Marketing. A campaign that waits is unscheduled; one that is being sent is cancelled,
-- where the plan allows it, and some have it by then.

local DOCS = "https://mailchimp.com/developer/marketing/api/"

-- Errors are problem details, as others have them, too; Mailchimp's have an instance.
local function problem(word, reason)
  return { has = { "type", "title", "instance" }, text = "detail", means = { word, reason } }
end

local STATES = {
  schedule = "open",
  sending = "too_late",
  sent = "too_late",
  save = { "stopped", note = "a draft: unscheduled, or never scheduled" },
}

return {
  name = "mailchimp",
  about = "Mailchimp Marketing: unschedules a campaign, or cancels one that is being sent",
  docs = DOCS .. "campaigns/unschedule-campaign/",
  url = "https://{server}.api.mailchimp.com/3.0",
  settings = { server = { pattern = "^%l+%d+$", max = 8,
    about = "the data center, what stands after the dash of an API key: us6" } },
  auth = { basic = "user:{token}" },
  headers = { Accept = "application/json" },
  id = { pattern = "^%w+$", max = 32, about = "a campaign's id like 42694e9e57", usual = "^%x+$" },
  stop = {
    request = "POST /campaigns/{id}/actions/unschedule",
    [204] = "stopped",
    [400] = problem("not_stoppable"),
    [404] = problem("not_found"),
  },
  stop_dispatch = {
    docs = DOCS .. "campaigns/cancel-campaign/",
    request = "POST /campaigns/{id}/actions/cancel-send",
    [204] = "accepted",
    [400] = problem("not_stoppable"),
    [404] = problem("not_found"),
  },
  status = {
    docs = DOCS .. "campaigns/get-campaign-info/",
    request = "GET /campaigns/{id}",
    [200] = { id = "id", state = "status", means = STATES },
    [404] = problem("not_stoppable", "gone_or_sent"),
  },
  check = {
    docs = DOCS .. "ping/ping/",
    request = "GET /ping",
    [200] = { has = "health_status", means = "accepted" },
  },
  find = {
    docs = DOCS .. "campaigns/list-campaigns/",
    request = "GET /campaigns?status=schedule&count=1000",
    where = {
      since = { query = "since_create_time", entry = "create_time", time = "rfc3339" },
      till = { query = "before_create_time", entry = "create_time", time = "rfc3339" },
      list = { query = "list_id", entry = "recipients.list_id", about = "an audience's id" },
    },
    each = "campaigns",
    id = "id",
    state = "status",
    means = STATES,
    next = { by = "offset", as = "query:offset", first = 0, size = 1000, total = "total_items" },
  },
}
