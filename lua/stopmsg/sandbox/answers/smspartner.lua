-- From https://www.docpartner.dev/en/api/sms-partner/send-sms/cancel-scheduled-sms

local function answer(is_success, code, text, says)
  return {
    status = 200,
    body = ('{"success":%s,"code":%d,"message":"%s"}'):format(tostring(is_success), code, text),
    says = says,
  }
end

return {
  id = "%08d",
  fates = { ["0405"] = "soon", ["0400"] = "nameless" },
  stop = {
    scheduled = answer(true, 200, "The SMS sending has been canceled.", "stopped"),
    stopped = answer(false, 5, "The SMS has already been canceled", "stopped"),
    sent = answer(false, 7, "You cannot cancel an SMS already sent", "too_late"),
    missing = answer(false, 4, "Message not found", "not_found"),
    soon = answer(false, 6, "It is due to be sent within the next 5 minutes", "too_late"),
    nameless = answer(false, 3, "Message ID is required", "invalid"),
  },
  credentials = answer(false, 10, "Invalid API key"),
  throttle = { status = 429, headers = { ["Retry-After"] = "1" }, body = "" },
}
