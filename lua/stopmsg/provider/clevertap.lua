-- CleverTap. A campaign stands for its whole audience.

return {
  name = "clevertap",
  about = "CleverTap: stops a scheduled or running campaign",
  docs = "https://developer.clevertap.com/docs/stop-campaign-api",
  url = "https://{region}/1",
  settings = {
    account = { pattern = "^[%w%-]+$", about = "the project's id; the token is its passcode" },
    region = {
      about = "where the project is, as in the dashboard's address",
      one_of = {
        eu1 = "eu1.api.clevertap.com",
        in1 = "in1.api.clevertap.com",
        us1 = "us1.api.clevertap.com",
        sg1 = "sg1.api.clevertap.com",
        aps3 = "aps3.api.clevertap.com",
        mec1 = "mec1.api.clevertap.com",
      },
    },
  },
  headers = { ["X-CleverTap-Account-Id"] = "{account}", ["X-CleverTap-Passcode"] = "{token}" },
  id = { pattern = "^[1-9]%d*$", max = 19, number = true, about = "a campaign's number" },
  error = { code = "status", text = "error", form = "^fail$", has = "error" },
  stop = {
    request = "POST /targets/stop.json",
    json = { id = "{id}" },
    -- A campaign that was stopped before gets the same, and a running one has left in part.
    [200] = { code = "status", text = "error", means = { success = "accepted", fail = "failed" } },
    [404] = "failed", -- a campaign that is not there gets `fail` under 200
  },
}
