-- Tencent Chat Push (TIMPush). Every request holds a UserSig, a ticket that is signed with the
-- application's key; every answer has HTTP 200.

local DOCS = "https://www.tencentcloud.com/document/product/1047/"

-- What all of Chat's methods ask to be called with.
local WITH = "?sdkappid={app}&identifier={admin}&usersig={signature}&random={random}"
  .. "&contenttype=json"

-- What every method may answer.
local SHARED = { has = { ActionStatus = "FAIL" }, code = "ErrorCode", text = "ErrorInfo", means = {
  [60007] = "throttle", [60011] = "throttle", [60018] = "throttle", [60019] = "throttle",
  [60004] = "credentials", [60005] = "credentials", [60006] = "credentials",
  [60010] = "credentials", [70001] = "credentials", [70003] = "credentials",
  [70009] = "credentials", [70013] = "credentials", [70014] = "credentials",
  [70016] = "credentials", [70020] = "credentials", [70050] = "credentials",
  [70051] = "credentials",
} }

return {
  name = "timpush",
  about = "Tencent Chat Push: deletes a scheduled push task, recalls one that runs",
  docs = DOCS .. "78841",
  url = "https://{region}",
  settings = {
    app = { pattern = "^[1-9]%d*$", max = 10, number = true, about = "the SDKAppID" },
    admin = { pattern = "^[%w_%-]+$", default = "administrator", about = "an App admin's account" },
    region = { about = "where the application is", default = "sg", one_of = {
      cn = "console.tim.qq.com", sg = "adminapisgp.im.qcloud.com", kr = "adminapikr.im.qcloud.com",
      de = "adminapiger.im.qcloud.com", us = "adminapiusa.im.qcloud.com",
      id = "adminapiidn.im.qcloud.com", sa = "adminapiksa.im.qcloud.com" } },
    type = { about = "whom the tasks are for", default = "All", one_of = { "All", "Tag", "User" } },
  },
  sign = {
    hmac = "sha256",
    text = "TLS.identifier:{admin}\nTLS.sdkappid:{app}\nTLS.time:{time}\nTLS.expire:300\n",
    ticket = {
      text = '{{"TLS.ver":"2.0","TLS.identifier":"{admin}","TLS.sdkappid":{app},"TLS.time":{time},'
        .. '"TLS.expire":300,"TLS.sig":"{signature}"}}',
      letters = "*-_",
    },
  },
  stop = {
    id = { pattern = "^[1-9]%d*$", max = 19, number = true, about = "a scheduled task's TaskID" },
    request = "POST /v4/timpush/delete_sched_task" .. WITH,
    json = { Sdkappid = "{app}", TaskID = "{id}", Type = "{type}" },
    rate = 5,
    [200] = {
      { has = { ActionStatus = "OK" }, id = "TaskID", code = "ErrorCode", text = "ErrorInfo",
        form = { "^0$", "number" }, means = { [0] = "stopped" } },
      { has = { ActionStatus = "FAIL" }, code = "ErrorCode", text = "ErrorInfo",
        form = { "^9010[4567]$", "number" }, means = { [90104] = "invalid", [90105] = "again",
          [90106] = "too_late", [90107] = "too_late" } },
      SHARED,
    },
  },
  stop_dispatch = {
    docs = DOCS .. "60571",
    id = { pattern = "^[%w_%-]+$", max = 128, about = "the TaskId of a push to all or to a tag" },
    request = "POST /v4/timpush/revoke" .. WITH,
    json = { TaskId = "{id}" },
    rate = 1,
    [200] = {
      { has = { ActionStatus = "OK" }, code = "ErrorCode", text = "ErrorInfo",
        form = { "^0$", "number" }, means = { [0] = "accepted" } },
      { has = { ActionStatus = "FAIL" }, code = "ErrorCode", text = "ErrorInfo",
        form = { "^900[045]%d$", "number" }, means = { [90001] = "failed",
          [90009] = "credentials", [90049] = "not_found", [90050] = "recalled",
          [90051] = "throttle" } },
      SHARED,
    },
  },
}
