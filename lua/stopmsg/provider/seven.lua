-- seven.io, SMS. The answer lists the ids that were deleted; what it does not list was not.

-- What a wrong key gets: a number alone.
local REFUSED = { code = ".", form = { "^90%d$", "number" },
  means = { [900] = "credentials", [902] = "denied" } }

return {
  name = "seven",
  about = "seven.io: deletes scheduled SMS, 100 in a request",
  docs = "https://www.seven.io/en/docs/gateway/http-api/delete-sms/",
  url = "https://gateway.seven.io/api",
  headers = { ["X-Api-Key"] = "{token}", Accept = "application/json" },
  id = { number = true, about = "a message's number like 77150850625" },
  stop = {
    inferred = "how many ids fit into a request, and what a wrong key gets",
    request = "DELETE /sms",
    limit = 100,
    json = { ids = "{ids}" },
    [200] = {
      { has = { success = { true, "true" } }, each = "deleted", means = "stopped",
        others = { "not_stoppable", "gone_or_sent" } },
      REFUSED,
    },
  },
  check = {
    docs = "https://www.seven.io/en/docs/gateway/http-api/balance/",
    request = "GET /balance",
    [200] = { { has = { "amount", "currency" }, means = "accepted" }, REFUSED },
  },
}
