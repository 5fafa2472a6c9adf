-- TextMagic. A schedule may be repeated; deleted, it sends nothing more. Its errors look like any
-- gateway's, so only calls are used that have no errors of one id.

return {
  name = "textmagic",
  about = "TextMagic: deletes schedules, 100 in a request",
  docs = "https://github.com/textmagic/textmagic-rest-python-v2/blob/master/docs/"
    .. "TextMagicApi.md",
  url = "https://rest.textmagic.com/api/v2",
  settings = { user = { pattern = "^[%w@._%-]+$",
    about = "the account's username; the token is an API key" } },
  auth = { basic = "{user}:{token}" },
  id = { pattern = "^%d+$", max = 19, about = "a schedule's number" },
  stop = {
    inferred = "how many ids fit into a request",
    request = "POST /schedules/delete",
    limit = 100,
    join = ",",
    json = { ids = "{ids}" },
    -- Schedules that have sent everything can be deleted, too.
    [204] = "accepted",
  },
  status = {
    request = "GET /schedules/search?ids={ids}&status=x&limit=100",
    limit = 100,
    join = ",",
    [200] = { each = "resources", id = "id", state = "completed",
      means = { [false] = "open", [true] = "too_late" },
      others = { "not_stoppable", "gone_or_sent" } },
  },
  check = {
    request = "GET /user",
    [200] = { has = { "id", "username" }, means = "accepted" },
  },
  find = {
    request = "GET /schedules?status=a&limit=100",
    where = {
      since = { entry = "nextSend", time = "rfc3339", about = "which send next from then on" },
      till = { entry = "nextSend", time = "rfc3339", about = "which send next before" },
    },
    each = "resources",
    id = "id",
    next = { by = "page", as = "query:page", first = 1, size = 100 },
  },
}
