-- SMSAPI. Its clients join ids with commas; what becomes of the rest where one is unknown is on no
-- page, so each is asked about alone.

local ERROR = { has = "message", code = "error", form = "integer", text = "message", means = {
  [301] = { "not_stoppable", "gone_or_sent" },
  [101] = "credentials",
  [102] = "credentials",
  [105] = "denied",
} }

local ANSWER = {
  { has = { count = 1 }, each = "list", id = "id", means = "stopped",
    others = { "not_stoppable", "gone_or_sent" } },
  { has = { count = 0 }, each = "list", id = "id", means = "unknown",
    others = { "not_stoppable", "gone_or_sent" } },
  ERROR,
}

return {
  name = "smsapi",
  about = "SMSAPI: deletes a scheduled SMS",
  docs = "https://www.smsapi.com/docs",
  url = "https://api.smsapi.{site}",
  settings = {
    site = { one_of = { "com", "pl", "bg", "se" }, default = "com",
      about = "the ending of the site where the account is" },
  },
  headers = { Authorization = "Bearer {token}", Accept = "application/json" },
  id = { pattern = "^%w+$", max = 64, about = "a message id", usual = "^%x+$" },
  stop = {
    inferred = "the codes of refused credentials",
    request = "POST /sms.do",
    form = { sch_del = "{id}", format = "json" },
    [200] = ANSWER,
    [201] = ANSWER,
  },
  check = {
    docs = "https://www.smsapi.com/docs",
    request = "GET /profile",
    [200] = { { has = { "name", "points" }, means = "accepted" }, ERROR },
  },
}
