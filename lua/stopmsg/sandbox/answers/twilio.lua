-- From the examples of Twilio's OpenAPI file (`UpdateMessage`, `FetchMessage`, `ListMessage`) and
-- https://www.twilio.com/docs/api/errors

local function message(status)
  return ('{"sid":"<id>","account_sid":"<account>","status":"%s","body":"Hello","from":null,'
    .. '"to":"+15558675310","error_code":null,"error_message":null,"direction":"outbound-api",'
    .. '"messaging_service_sid":"MG00000000000000000000000000000001","num_segments":"1",'
    .. '"date_created":"<mail_time>"}'):format(
    status)
end

local function refusal(code, status, text)
  return ('{"code":%d,"message":"%s","more_info":"https://www.twilio.com/docs/errors/%d",'
    .. '"status":%d}'):format(code, text, code, status)
end

local NOT_FOUND = refusal(20404, 404, "The requested resource was not found")

return {
  id = "SM%032x",
  settings = { account = "AC" .. ("0"):rep(31) .. "1" },
  stop = {
    scheduled = { status = 200, body = message("canceled"), says = "stopped" },
    stopped = {
      status = 409,
      body = refusal(30409, 409, "Message cannot be canceled"),
      says = "too_late",
    },
    sent = {
      status = 409,
      body = refusal(30409, 409, "Message cannot be canceled"),
      says = "too_late",
    },
    missing = { status = 404, body = NOT_FOUND, says = "not_found" },
  },
  status = {
    scheduled = { status = 200, body = message("scheduled"), says = "open" },
    stopped = { status = 200, body = message("canceled"), says = "stopped" },
    sent = { status = 200, body = message("delivered"), says = "too_late" },
    missing = { status = 404, body = NOT_FOUND, says = "not_stoppable" },
  },
  check = { status = 200, body = '{"messages":[],"page":0,"page_size":1}', says = "accepted" },
  find = {
    status = 200,
    body = '{"messages":[<entries>],"page":0,"page_size":250,"next_page_uri":<next>}',
    next_url = "/2010-04-01/Accounts/<account>/Messages.json",
    entry = { scheduled = message("scheduled"), stopped = message("canceled"),
      sent = message("delivered") },
    newest_first = true,
    shows = { recipient = "+15558675310" },
  },
  credentials = { status = 401, body = refusal(20003, 401, "Authenticate") },
  throttle = {
    status = 429,
    headers = { ["Retry-After"] = "1" },
    body = refusal(20429, 429, "Too Many Requests"),
  },
}
