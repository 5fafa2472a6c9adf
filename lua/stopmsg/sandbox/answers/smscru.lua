-- From https://smsc.ru/api/http/jobs/jobs_answer/, in English at https://smscentre.com

local XML = { ["Content-Type"] = "text/xml; charset=utf-8" }

local function refusal(code, text, says)
  return {
    status = 200,
    headers = XML,
    body = ("<result><error>%s</error><error_code>%d</error_code></result>"):format(text, code),
    says = says,
  }
end

local OFF = { status = 200, headers = XML, body = "<result>OK</result>", says = "accepted" }

return {
  id = "%08d",
  stop = {
    scheduled = OFF,
    stopped = OFF,
    sent = OFF,
    missing = refusal(1, "parameters error", "failed"),
  },
  credentials = refusal(2, "authorise error"),
  throttle = refusal(9, "duplicate request, wait a minute"),
}
