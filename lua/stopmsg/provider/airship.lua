-- Airship. A schedule stands for its whole audience, and for all its runs where it recurs.

return {
  name = "airship",
  about = "Airship: cancels a scheduled push, SMS or e-mail by its schedule id",
  docs = "https://www.airship.com/docs/developer/rest-api/ua/operations/schedules/",
  url = "https://go.airship.{region}",
  settings = {
    application = {
      pattern = "^[%w_%-]+$",
      max = 64,
      about = "the app key, in the project's settings beside the master secret",
    },
    region = {
      about = "where the project is hosted",
      one_of = { us = "com", eu = "eu" },
      default = "us",
    },
  },
  -- The token is the master secret.
  auth = { basic = "{application}:{token}" },
  headers = { Accept = "application/vnd.urbanairship+json; version=3" },
  id = "uuid",
  error = { code = "error_code", text = "error", form = "integer" },
  bare = { 404 },
  stop = {
    request = "DELETE /api/schedules/{id}",
    [204] = "stopped",
    -- What was sent is gone, like what never was.
    [404] = { "not_stoppable", "gone_or_sent" },
  },
  status = {
    request = "GET /api/schedules/{id}",
    [200] = { has = "schedule", means = "open" },
  },
  check = {
    request = "GET /api/schedules?limit=1",
    [200] = { has = "schedules", means = "accepted" },
  },
  find = {
    unit = "schedule",
    request = "GET /api/schedules?limit=100",
    where = {
      since = { entry = "schedule.scheduled_time", time = "rfc3339", about = "to be sent from" },
      till = { entry = "schedule.scheduled_time", time = "rfc3339", about = "to be sent until" },
    },
    each = "schedules",
    id = { path = "url", match = "([^/]+)$" },
    -- What has run is not listed, so all that is can be stopped.
    next = { by = "url", path = "next_page" },
  },
}
