-- SMS Partner. Its page says what each code means, but not under which HTTP status it comes.

local DONE = { has = { success = true }, code = "code", text = "message",
  means = { [200] = "stopped" } }

-- Small numbers are codes of many APIs; the page shows a text with each of these.
local REFUSED = {
  has = { success = false, message = "^%w" },
  code = "code",
  text = "message",
  means = {
    [1] = "credentials",
    [3] = "invalid",
    [4] = "not_found",
    [5] = "stopped", -- already
    [6] = "too_late", -- five minutes before
    [7] = "too_late",
    [10] = "credentials",
  },
}

return {
  name = "smspartner",
  about = "SMS Partner: cancels a scheduled SMS",
  docs = "https://www.docpartner.dev/en/api/sms-partner/send-sms/cancel-scheduled-sms",
  url = "https://api.smspartner.fr/v1",
  id = "digits",
  stop = {
    request = "GET /message-cancel?apiKey={token}&messageId={id}&_format=json",
    [200] = { DONE, REFUSED },
    [400] = REFUSED,
    [403] = REFUSED,
    [404] = REFUSED,
  },
}
