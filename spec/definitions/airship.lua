return {
  name = "airship",
  about = "Airship: deletes a schedule",
  docs = "https://www.airship.com/docs/developer/rest-api/ua/operations/schedules/index.md",
  url = "https://{region}/api",
  settings = {
    application = { pattern = "^[%w_%-]+$", about = "the app key; the token is the master secret" },
    region = { one_of = { us = "go.airship.com", eu = "go.airship.eu" }, default = "us",
      about = "where the account is" },
  },
  auth = { basic = "{application}:{token}" },
  headers = { Accept = "application/vnd.urbanairship+json; version=3" },
  id = "uuid",
  error = { code = "error_code", text = "error", form = "integer" },
  bare = { 404 },
  stop = {
    request = "DELETE /schedules/{id}",
    [204] = "stopped",
    [404] = { "not_stoppable", "gone_or_sent" },
  },
  find = {
    request = "GET /schedules/",
    each = "schedules",
    id = { path = "url", match = "([^/]+)$" },
    next = { by = "url", path = "next_page" },
  },
}
