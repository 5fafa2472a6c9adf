-- Getui. The token of requests is fetched with a signature, and ends after a day. That a task was
-- deleted, or stopped, is told without a word of the task.

local CLIENT = "https://github.com/GetuiLaboratory/getui-pushapi-java-client-v2/blob/837fd9c/src/"
  .. "main/java/com/getui/push/v2/sdk/api/PushApi.java"

local ACCEPTED = { code = "code", text = "msg", means = { [0] = "accepted" } }

return {
  name = "getui",
  about = "Getui: deletes a scheduled push task, stops one that runs",
  docs = CLIENT,
  url = "https://restapi.getui.com/v2/{app}",
  settings = {
    app = { pattern = "^%w+$", about = "the AppID" },
    key = { pattern = "^%w+$", about = "the AppKey; the token is the MasterSecret" },
  },
  headers = { token = "{token}" },
  token = {
    request = "POST https://restapi.getui.com/v2/{app}/auth",
    json = { sign = "{signature}", timestamp = "{time}", appkey = "{key}" },
    sign = { hash = "sha256", text = "{key}{time}{token}", encode = "hex", time = "unix_ms" },
    value = "data.token",
  },
  id = { pattern = "^[%w_%-]+$", max = 128, about = "a task's id, like RASA_0423_…" },
  error = { code = "code", text = "msg", has = "msg", form = { "^[123]%d%d%d%d$", "number" } },
  refused = { [10003] = "throttle", [10005] = "throttle", [20001] = "failed" },
  stop = {
    request = "DELETE /task/schedule/{id}",
    [200] = ACCEPTED,
  },
  stop_dispatch = {
    request = "DELETE /task/{id}",
    [200] = ACCEPTED,
  },
}
