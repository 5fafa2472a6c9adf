-- From the Java client, https://github.com/GetuiLaboratory/getui-pushapi-java-client-v2, and
-- https://docs.getui.com/getui/server/rest_v2/code. What a task gets that is gone is ours.

local DONE = { status = 200, body = '{"code":0,"msg":"success"}', says = "accepted" }

local GONE = { status = 400, body = '{"code":20001,"msg":"param invalid"}', says = "failed" }

local BOTH = { scheduled = DONE, stopped = DONE, sent = GONE, missing = GONE }

return {
  id = "RASA_1129_sandbox%04d",
  settings = { app = "sandboxApp", key = "sandboxKey" },
  stop = BOTH,
  stop_dispatch = BOTH,
  credentials = { status = 401, body = '{"code":10001,"msg":"token is invalid"}' },
  throttle = { status = 403, body = '{"code":10005,"msg":"request too frequently"}' },
}
