-- Alibaba Cloud Mobile Push (EMAS). Every request is signed, with a number that is used once.

return {
  name = "alibaba",
  about = "Alibaba Cloud Mobile Push: cancels a scheduled push",
  docs = "https://help.aliyun.com/document_detail/48090.html",
  url = "https://cloudpush.aliyuncs.com",
  settings = {
    access_key = { pattern = "^[%w.]+$", about = "the AccessKey ID; the token is its secret" },
    app = { pattern = "^%d+$", about = "the application's AppKey" },
  },
  sign = {
    hmac = "sha1",
    key = "{token}&",
    text = "{method}&%2F&{query}",
    escape = "percent",
    time = "rfc3339",
  },
  id = "digits",
  error = { code = "Code", text = "Message", has = "RequestId", form = "^%u%a+[%a.]*$" },
  stop = {
    -- In the order of their names, in which they are signed.
    request = "POST /?AccessKeyId={access_key}&Action=CancelPush&AppKey={app}&Format=JSON"
      .. "&MessageId={id}&SignatureMethod=HMAC-SHA1&SignatureNonce={nonce}&SignatureVersion=1.0"
      .. "&Timestamp={time}&Version=2016-08-01&Signature={signature}",
    [200] = { has = { RequestId = "^%w" }, means = "accepted" },
    [404] = "failed",
    refused = {
      ["InvalidAccessKeyId.NotFound"] = "credentials",
      SignatureDoesNotMatch = "credentials",
      SignatureNonceUsed = "again",
      Throttling = "throttle",
      ["Throttling.User"] = "throttle",
    },
  },
}
