-- Nylas v3, e-mails that a mailbox (a grant) sends later.

local DOCS = "https://developer.nylas.com/docs/reference/api/messages/"

-- The words themselves are for people.
local DELETED = { request_id = "^%w", ["data.message"] = "^%w" }

local MISSING = { request_id = "^%w", ["error.type"] = "^%l" }

local STATES = { pending = "open", success = "too_late", sent = "too_late" }

return {
  name = "nylas",
  about = "Nylas: cancels the schedule of an e-mail",
  docs = DOCS .. "delete-a-scheduled-message",
  url = "https://api.{region}.nylas.com/v3/grants",
  settings = {
    grant = { pattern = "^[%w@._%-]+$", about = "the grant's id: whose mailbox sends" },
    region = { one_of = { "us", "eu" }, default = "us", about = "where the application is" },
  },
  headers = { Authorization = "Bearer {token}", Accept = "application/json" },
  id = { pattern = "^[%w%-]+$", max = 64, about = "a schedule's id, a UUID", usual = "uuid" },
  stop = {
    request = "DELETE /{grant}/messages/schedules/{id}",
    -- Within ten seconds of the time to send it is no promise.
    [200] = { has = DELETED, means = "accepted" },
    [202] = { has = DELETED, means = "accepted" },
    [404] = { has = MISSING, text = "error.message", means = "not_found" },
  },
  status = {
    docs = DOCS .. "get-schedule-by-id",
    request = "GET /{grant}/messages/schedules/{id}",
    [200] = { id = { "data.schedule_id", "schedule_id" },
      state = { "data.status.code", "status.code" }, means = STATES },
    [404] = { has = MISSING, text = "error.message",
      means = { "not_stoppable", "gone_or_sent" } },
  },
  check = {
    docs = "https://developer.nylas.com/docs/reference/api/manage-grants/get_grant_by_id/",
    request = "GET /{grant}",
    [200] = { has = { "request_id", "data.grant_status" }, means = "accepted" },
  },
  find = {
    docs = DOCS .. "get-schedules",
    request = "GET /{grant}/messages/schedules",
    each = "data",
    id = "schedule_id",
    state = "status.code",
    means = STATES,
  },
}
