-- From https://help.aliyun.com/document_detail/48090.html, which has the success; the form of
-- errors is that of all RPC products. What a push gets that has run, or is unknown, is ours.

local REQUEST = "9998B3CC-ED9E-4CB3-A8FB-DCC61296BFBC"

local DONE = { status = 200, body = '{"RequestId":"' .. REQUEST .. '"}', says = "accepted" }

local function refusal(status, code, says)
  return {
    status = status,
    body = ('{"RequestId":"%s","HostId":"cloudpush.aliyuncs.com","Code":"%s","Message":"%s"}')
      :format(REQUEST, code, "The request was refused."),
    says = says,
  }
end

local MISSING = refusal(404, "InvalidMessageId.NotFound", "failed")

return {
  id = "50%04d",
  settings = { access_key = "testid", app = "23267207" },
  stop = {
    scheduled = DONE,
    stopped = DONE,
    sent = refusal(400, "InvalidParameter", "failed"),
    missing = MISSING,
  },
  credentials = refusal(404, "InvalidAccessKeyId.NotFound"),
  throttle = refusal(400, "Throttling.User"),
}
