-- From https://developers.klaviyo.com/en/reference/cancel_campaign_send, .../get_campaign_send_job
-- and .../get_campaigns. Which error a campaign that was sent gets is inferred.

local function refusal(status, code, title, detail, says)
  return {
    status = status,
    body = ('{"errors":[{"id":"9a2f","status":%d,"code":"%s","title":"%s","detail":"%s",'
      .. '"source":{"pointer":"/data/"}}]}'):format(status, code, title, detail),
    says = says,
  }
end

local function job(status, says)
  return {
    status = 200,
    body = '{"data":{"type":"campaign-send-job","id":"<id>","attributes":{"status":"' .. status
      .. '"},"links":{"self":"https://a.klaviyo.com/api/campaign-send-jobs/<id>"}}}',
    says = says,
  }
end

local function missing(says)
  return refusal(404, "not_found", "Not found.", "A campaign with this id does not exist.", says)
end

local FORBIDDEN = refusal(403, "permission_denied", "Forbidden.", "A scope is missing.", "denied")

return {
  id = "01GDDKASAP8TKDDA2G%08d",
  fates = { ["0403"] = "forbidden", ["0202"] = "running" },
  stop = {
    scheduled = { status = 204, body = "", says = "accepted" },
    stopped = { status = 204, body = "", says = "accepted" },
    sent = refusal(400, "invalid", "Invalid input.", "The campaign is not being sent.", "failed"),
    missing = missing("not_found"),
    forbidden = FORBIDDEN,
    running = { status = 204, body = "", says = "accepted" },
  },
  status = {
    scheduled = job("queued", "open"),
    stopped = job("cancelled", "accepted"),
    sent = job("complete", "too_late"),
    missing = missing("not_stoppable"),
    forbidden = FORBIDDEN,
    running = job("processing", "open"),
  },
  check = { status = 200, body = '{"data":[],"links":{"next":null}}', says = "accepted" },
  find = {
    status = 200,
    body = '{"data":[<entries>],"links":{"self":"https://a.klaviyo.com/api/campaigns",'
      .. '"next":<next>}}',
    next_url = "https://a.klaviyo.com/api/campaigns",
    entry = '{"type":"campaign","id":"<id>","attributes":{"name":"Sale","status":"Scheduled",'
      .. '"send_time":"2026-12-01T09:00:00+00:00"}}',
  },
  credentials = refusal(401, "not_authenticated", "Authentication failed.",
    "Authentication credentials were not provided."),
  throttle = {
    status = 429,
    headers = { ["Retry-After"] = "1" },
    body = '{"errors":[{"id":"9a2f","status":429,"code":"throttled","title":"Throttled.",'
      .. '"detail":"Request was throttled."}]}',
  },
}
