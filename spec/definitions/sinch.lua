return {
  name = "sinch",
  about = "Sinch: cancels a batch of SMS",
  docs = "https://developers.sinch.com/docs/sms/api-reference/sms/batches/cancelbatchmessage.md",
  url = "https://{region}.sms.api.sinch.com/xms/v1/{plan}",
  settings = {
    plan = { pattern = "^%w+$", about = "the service plan id" },
    region = { one_of = { "us", "eu", "au", "br", "ca" }, default = "us", about = "the region" },
  },
  headers = { Authorization = "Bearer {token}" },
  id = { pattern = "^%w+$", max = 64, about = "a batch id" },
  error = { code = "code", text = "text", form = "string" },
  stop = {
    request = "DELETE /batches/{id}",
    [200] = { id = "id", code = "canceled", means = { [true] = "accepted",
      [false] = "not_stoppable" } },
    [404] = "not_found",
    [409] = "not_stoppable",
  },
  status = {
    request = "GET /batches/{id}",
    [200] = { id = "id", state = "canceled", means = { [true] = "stopped", [false] = "open" } },
  },
  find = {
    request = "GET /batches?page_size=100",
    where = {
      since = { query = "start_date", time = "rfc3339_ms", entry = "created_at", required = true },
      till = { query = "end_date", time = "rfc3339_ms", entry = "created_at" },
      sender = { query = "from", entry = "from", list = "comma" },
    },
    each = "batches",
    id = "id",
    state = "canceled",
    means = { ["true"] = "stopped", ["false"] = "open" },
    next = { by = "page", as = "query:page", first = 0, size = 100, total = "count" },
  },
}
