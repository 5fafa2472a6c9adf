-- Sinch SMS. A batch is what one send request made, for up to 1000 recipients.

local DOCS = "https://developers.sinch.com/docs/sms/api-reference/sms/"

return {
  name = "sinch",
  about = "Sinch SMS: cancels a batch by its id",
  docs = DOCS .. "batches/cancelbatchmessage",
  url = "https://{region}.sms.api.sinch.com/xms/v1/{plan}",
  settings = {
    plan = {
      pattern = "^[%w_%-]+$",
      max = 64,
      about = "the service plan id, in the Sinch dashboard under SMS, APIs",
    },
    region = {
      about = "where the service plan is hosted",
      one_of = { "us", "eu", "au", "br", "ca" },
      default = "us",
    },
  },
  headers = { Authorization = "Bearer {token}", Accept = "application/json" },
  id = {
    pattern = "^[%w_%-]+$",
    max = 64,
    about = "a batch id like 01FC66621XXXXX119Z8PMV1QPQ",
    usual = "^[%u%d]+$",
  },
  error = { code = "code", text = "text", form = "^%l[%l%d_]+$", has = "text" },
  -- Only 400 and 403 are documented with a body.
  bare = { 404 },
  stop = {
    request = "DELETE /batches/{id}",
    [200] = {
      id = "id",
      code = "canceled",
      -- A batch that is being sent is cut short, so `true` promises nothing for each recipient.
      means = { [true] = "accepted", [false] = "not_stoppable" },
    },
    [404] = "not_found",
    [409] = "not_stoppable",
    -- Named by the vendor's older client: the message has been sent out.
    -- https://github.com/clxcommunications/sdk-xms-java
    refused = { ["409/conflict_send_at"] = "too_late" },
  },
  status = {
    docs = DOCS .. "overview",
    request = "GET /batches/{id}",
    [200] = {
      id = "id",
      state = "canceled",
      means = {
        -- As in the answer to the stop.
        [true] = { "accepted",
          note = "recipients whom the batch had reached before are in its delivery report" },
        -- Open to another stop, which changes nothing where it has been sent.
        [false] = { "open",
          note = "not cancelled; Sinch tells only in the delivery report whether it was sent" },
      },
    },
  },
  check = {
    docs = DOCS .. "overview",
    request = "GET /batches?page_size=1",
    [200] = { has = "batches", means = "accepted" },
  },
  find = {
    docs = DOCS .. "overview",
    inferred = "a batch that was sent is listed like one that waits",
    unit = "batch",
    request = "GET /batches?page_size=100",
    where = {
      -- Without it Sinch lists the last 24 hours; it keeps 14 days.
      since = { query = "start_date", time = "rfc3339_ms", entry = "created_at",
        about = "batches made from then on, 14 days back at most", default = "-14d" },
      till = { query = "end_date", time = "rfc3339_ms", entry = "created_at",
        about = "batches made before" },
      sender = { query = "from", entry = "from", list = "comma" },
    },
    each = "batches",
    id = "id",
    state = "canceled",
    means = { [false] = "open", [true] = "stopped" },
    next = { by = "page", as = "query:page", first = 0, size = 100, total = "count" },
  },
}
