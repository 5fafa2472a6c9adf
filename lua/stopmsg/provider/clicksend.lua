-- ClickSend, SMS. Its pages say little of this call's answers, so a success promises nothing.

return {
  name = "clicksend",
  about = "ClickSend: cancels a scheduled SMS",
  docs = "https://developers.clicksend.com/docs/messaging/sms/other/cancel-scheduled-message",
  url = "https://rest.clicksend.com/v3",
  settings = {
    user = { pattern = "^[%w_.@+%-]+$", about = "the user's name; the token is the API key" },
  },
  auth = { basic = "{user}:{token}" },
  headers = { Accept = "application/json" },
  id = { pattern = "^[%w%-]+$", max = 64, about = "a message id, mostly a UUID" },
  error = { code = "response_code", text = "response_msg", form = "^%u[%u_]+$",
    status = "http_code" },
  stop = {
    request = "PUT /sms/{id}/cancel",
    [200] = { has = { http_code = 200 }, code = "response_code", text = "response_msg",
      means = { SUCCESS = "accepted" } },
  },
  check = {
    docs = "https://developers.clicksend.com/docs/account/account/view-account-details",
    request = "GET /account",
    [200] = { has = { http_code = 200 }, code = "response_code", text = "response_msg",
      means = { SUCCESS = "accepted" } },
  },
}
