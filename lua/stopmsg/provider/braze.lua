-- Braze. A schedule stands for its whole audience. Errors are a text alone, as gateways send them,
-- so no 4xx settles a message.

return {
  name = "braze",
  about = "Braze: deletes a scheduled message by its schedule id",
  docs = "https://www.braze.com/docs/api/endpoints/messaging/schedule_messages/"
    .. "post_delete_scheduled_messages/",
  url = "https://rest.{instance}",
  settings = {
    instance = {
      about = "the name of the REST endpoint: iad-01 of https://rest.iad-01.braze.com",
      one_of = {
        ["iad-01"] = "iad-01.braze.com",
        ["iad-02"] = "iad-02.braze.com",
        ["iad-03"] = "iad-03.braze.com",
        ["iad-04"] = "iad-04.braze.com",
        ["iad-05"] = "iad-05.braze.com",
        ["iad-06"] = "iad-06.braze.com",
        ["iad-07"] = "iad-07.braze.com",
        ["iad-08"] = "iad-08.braze.com",
        ["us-10"] = "us-10.braze.com",
        ["fra-01"] = "fra-01.braze.eu",
        ["fra-02"] = "fra-02.braze.eu",
        ["au-01"] = "au-01.braze.com",
        ["id-01"] = "id-01.braze.com",
      },
    },
  },
  headers = { Authorization = "Bearer {token}" },
  id = { pattern = "^[%w_%-]+$", max = 128, about = "the schedule id that Braze answered with" },
  rate = { 200000, per = 3600, burst = 50000 }, -- 250,000 an hour are allowed
  stop = {
    request = "POST /messages/schedule/delete",
    json = { schedule_id = "{id}" },
    -- Close to the time of sending it reaches all, some or none.
    [200] = { code = "message", means = { success = "accepted" } },
    [201] = { code = "message", means = { success = "accepted" } },
  },
}
