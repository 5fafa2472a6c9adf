-- From https://www.tencentcloud.com/document/product/1047/78841 and …/60571

local function refusal(code, text, says)
  return {
    status = 200,
    body = '{"ActionStatus":"FAIL","ErrorInfo":"' .. text .. '","ErrorCode":' .. code
      .. ',"TaskID":0}',
    says = says,
  }
end

local DONE = '{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0'

local DELETED = { status = 200, body = DONE .. ',"TaskID":<id>}', says = "stopped" }
local REVOKED = { status = 200, body = DONE .. "}", says = "accepted" }

return {
  id = "12345%05d",
  settings = { app = "88888888", admin = "administrator" },
  fates = { ["0106"] = "dispatched", ["0104"] = "refused", ["0050"] = "recalled" },
  stop = {
    scheduled = DELETED,
    stopped = refusal(90106, "delete failed: task done", "too_late"),
    sent = refusal(90107, "delete failed: task dispatching", "too_late"),
    dispatched = refusal(90106, "delete failed: task done", "too_late"),
    missing = refusal(90104, "invalid request", "invalid"),
    refused = refusal(90104, "invalid request", "invalid"),
    recalled = refusal(90106, "delete failed: task done", "too_late"),
  },
  stop_dispatch = {
    scheduled = REVOKED,
    stopped = refusal(90050, "task already revoked", "recalled"),
    recalled = refusal(90050, "task already revoked", "recalled"),
    missing = refusal(90049, "no such task", "not_found"),
  },
  credentials = refusal(70003, "invalid usersig"),
  throttle = refusal(60007, "too many requests"),
}
