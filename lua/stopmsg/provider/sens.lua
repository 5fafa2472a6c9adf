-- Naver Cloud SENS, reserved SMS. Every request is signed, and is good for five minutes.

local DOCS = "https://api.ncloud-docs.com/docs/en/sens-sms-reservation-"

return {
  name = "sens",
  about = "Naver Cloud SENS: cancels an SMS reservation",
  docs = DOCS .. "delete",
  url = "https://sens.apigw.ntruss.com/sms/v2/services/{service}",
  settings = {
    service = { pattern = "^[%w:%-_.]+$", about = "the SMS service's id, like ncp:sms:kr:…:name" },
    access_key = { pattern = "^%w+$", about = "the Access Key ID; the token is its secret key" },
  },
  headers = {
    ["x-ncp-apigw-timestamp"] = "{time}",
    ["x-ncp-iam-access-key"] = "{access_key}",
    ["x-ncp-apigw-signature-v2"] = "{signature}",
  },
  sign = { hmac = "sha256", text = "{method} {target}\n{time}\n{access_key}", time = "unix_ms" },
  id = { pattern = "^[%w%-_]+$", max = 128, about = "a reservation's id, like RSSA-…" },
  error = { code = "error.errorCode", text = "error.message", form = "^%d+$" },
  refused = { ["300"] = "failed" }, -- the gateway has no such address
  stop = {
    request = "DELETE /reservations/{id}",
    [204] = "stopped",
  },
  status = {
    docs = DOCS .. "status-get",
    request = "GET /reservations/{id}/reserve-status",
    [200] = {
      id = "reserveId",
      state = "reserveStatus",
      means = {
        READY = "open",
        CANCELED = "stopped",
        PROCESSING = "too_late",
        DONE = "too_late",
        FAIL = "not_stoppable",
        STALE = "not_stoppable",
        SKIP = "not_stoppable",
      },
    },
  },
}
