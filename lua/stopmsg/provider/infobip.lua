-- Infobip, SMS and e-mail. A bulk is what one send request scheduled, under an id of the customer's
-- or of Infobip's. Each customer has a host of their own.

return {
  name = "infobip",
  about = "Infobip: cancels scheduled SMS or e-mail by their bulk id",
  docs = "https://www.infobip.com/docs/sms/sms-over-api#schedule-sms",
  url = "{base_url}",
  settings = {
    channel = {
      about = "what the bulk holds",
      one_of = { "sms", "email" },
      default = "sms",
    },
  },
  headers = { Authorization = "App {token}", Accept = "application/json" },
  id = { pattern = "^[\33-\126]+$", max = 128, about = "a bulk id like BULK-ID-123-xyz" },
  -- The gateway in front of the API has an envelope of its own.
  error = {
    code = { "requestError.serviceException.messageId", "errorCode" },
    text = { "requestError.serviceException.text", "description" },
    form = "^[%u%d_]+$",
  },
  stop = {
    request = "PUT /{channel}/1/bulks/status?bulkId={id}",
    json = { status = "CANCELED" },
    [200] = {
      id = "bulkId",
      code = "status",
      -- PENDING and PAUSED say that nothing has changed yet.
      means = {
        CANCELED = "stopped",
        FINISHED = "too_late",
        PROCESSING = "too_late",
        FAILED = "not_stoppable",
      },
      verifies = { "stopped" },
    },
    [404] = "failed", -- the gateway's: no such address
    refused = { ["404/NOT_FOUND"] = "not_found", ["409/CONFLICT"] = "not_stoppable" },
  },
  status = {
    request = "GET /{channel}/1/bulks/status?bulkId={id}",
    [200] = {
      id = "bulkId",
      state = "status",
      means = {
        pending = "open",
        paused = "open",
        processing = "too_late",
        canceled = "stopped",
        finished = "too_late",
        failed = "not_stoppable",
      },
    },
  },
  -- A bulk that nobody has: with good credentials it is not found. The balance would need another
  -- permission than the stop.
  check = {
    inferred = "that good credentials get 404 for a bulk that does not exist",
    request = "GET /{channel}/1/bulks/status?bulkId=stopmsg-check",
    [200] = { has = "bulkId", means = "accepted" },
    refused = { ["404/NOT_FOUND"] = "accepted" },
  },
}
