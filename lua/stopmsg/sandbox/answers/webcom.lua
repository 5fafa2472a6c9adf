-- From https://apidocs.webcom.mobi/en/modes-of-interaction/xml-specification/
-- request-to-delete-a-scheduled-sms

local function answer(status, inner, says)
  return {
    status = status,
    headers = { ["Content-Type"] = "text/xml; charset=utf-8" },
    body = '<?xml version="1.0" encoding="utf-8"?><response>' .. inner .. "</response>",
    says = says,
  }
end

local GONE = answer(200, '<scheduled id_sms="<id>">not_found</scheduled>', "not_found")

return {
  id = "%08d",
  settings = { login = "sandbox" },
  stop = {
    scheduled = answer(200, '<scheduled id_sms="<id>">delete</scheduled>', "stopped"),
    stopped = GONE,
    sent = GONE,
    missing = GONE,
  },
  credentials = answer(400, "<error>Incorrect login or password</error>"),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" }, body = "" },
}
