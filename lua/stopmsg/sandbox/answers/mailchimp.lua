-- From https://mailchimp.com/developer/marketing/api/campaigns/unschedule-campaign/ and
-- https://mailchimp.com/developer/marketing/docs/errors/; the details of errors are ours.

local function refusal(status, title, detail, says)
  return {
    status = status,
    headers = { ["Content-Type"] = "application/problem+json" },
    body = ('{"type":"https://mailchimp.com/developer/marketing/docs/errors/","title":"%s",'
      .. '"status":%d,"detail":"%s","instance":"995c5cb0-3280-4a6e-808b-3b096d0bb219"}')
      :format(title, status, detail),
    says = says,
  }
end

local function campaign(status, says)
  return {
    status = 200,
    body = '{"id":"<id>","type":"regular","create_time":"2026-11-29T09:00:00+00:00",'
      .. '"status":"' .. status .. '","emails_sent":0,"recipients":{"list_id":"9a1b2c3d4e"}}',
    says = says,
  }
end

local NOT_NOW = refusal(400, "Bad Request", "The campaign is not scheduled", "not_stoppable")

local function missing(says)
  return refusal(404, "Resource Not Found", "The requested resource could not be found.", says)
end

local function action(says)
  return {
    scheduled = { status = 204, body = "", says = says },
    stopped = NOT_NOW,
    sent = NOT_NOW,
    missing = missing("not_found"),
  }
end

return {
  id = "42694e%04x",
  settings = { server = "us6" },
  stop = action("stopped"),
  stop_dispatch = action("accepted"),
  status = {
    scheduled = campaign("schedule", "open"),
    stopped = campaign("save", "stopped"),
    sent = campaign("sent", "too_late"),
    missing = missing("not_stoppable"),
  },
  find = {
    status = 200,
    body = '{"campaigns":[<entries>],"total_items":<total>}',
    entry = campaign("schedule").body,
  },
  check = { status = 200, body = '{"health_status":"Everything\'s Chimpy!"}', says = "accepted" },
  credentials = refusal(401, "API Key Invalid",
    "Your API key may be invalid, or you've attempted to access the wrong datacenter."),
  throttle = refusal(429, "Too Many Requests", "You have exceeded 10 simultaneous connections."),
}
