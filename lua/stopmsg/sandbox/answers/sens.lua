-- From https://api.ncloud-docs.com/docs/en/sens-sms-reservation-delete and
-- https://api.ncloud-docs.com/docs/en/sens-sms-reservation-status-get; the form of errors from
-- https://api.ncloud-docs.com/docs/en/common-ncpapi

local function status(word, says)
  return {
    status = 200,
    body = '{"reserveId":"<id>","reserveTime":"2026-12-01 09:00","reserveTimeZone":"Asia/Seoul",'
      .. '"reserveStatus":"' .. word .. '"}',
    says = says,
  }
end

local function failed(code, message, says)
  return {
    status = code,
    body = '{"error":{"errorCode":"' .. code .. '","message":"' .. message .. '"}}',
    says = says,
  }
end

local MISSING = failed(404, "Not Found", "not_found")
local LATE = failed(400, "Bad Request", "failed")
local NOWHERE = failed(404, "Not Found", "not_stoppable")

return {
  id = "RSSA-1640000000000-%04d",
  settings = { service = "ncp:sms:kr:500000000001:sens", access_key = "sandboxAccessKey" },
  fates = { ["0412"] = "failed", ["0413"] = "stale", ["0414"] = "processing",
    ["0415"] = "skipped" },
  stop = {
    scheduled = { status = 204, body = "", says = "stopped" },
    stopped = { status = 204, body = "", says = "stopped" },
    sent = LATE,
    processing = LATE,
    failed = LATE,
    stale = LATE,
    skipped = LATE,
    missing = MISSING,
  },
  status = {
    scheduled = status("READY", "open"),
    stopped = status("CANCELED", "stopped"),
    sent = status("DONE", "too_late"),
    processing = status("PROCESSING", "too_late"),
    failed = status("FAIL", "not_stoppable"),
    stale = status("STALE", "not_stoppable"),
    skipped = status("SKIP", "not_stoppable"),
    missing = NOWHERE,
  },
  credentials = {
    status = 401,
    body = '{"error":{"errorCode":"200","message":"Authentication Failed"}}',
  },
  throttle = {
    status = 429,
    body = '{"error":{"errorCode":"400","message":"Quota Exceeded"}}',
  },
}
