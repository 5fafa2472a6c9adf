return {
  name = "braze",
  about = "Braze: deletes a scheduled message",
  docs = "https://www.braze.com/docs/api/endpoints/messaging/schedule_messages/",
  url = "https://{instance}.braze.com",
  settings = {
    instance = {
      about = "the host's first words, as in rest.iad-01",
      one_of = { ["iad-01"] = "rest.iad-01", ["fra-01"] = "rest.fra-01" },
    },
  },
  headers = { Authorization = "Bearer {token}" },
  id = "uuid",
  error = { text = "message", form = "text" },
  rate = { 250000, per = 3600 },
  stop = {
    request = "POST /messages/schedule/delete",
    json = { schedule_id = "{id}" },
    [200] = { code = "message", means = { success = "accepted" } },
    [201] = { code = "message", means = { success = "accepted" } },
    [404] = "not_found",
  },
}
