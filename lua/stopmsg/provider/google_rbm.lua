-- Google RCS for Business. The answer is 200 whether or not the message was revoked.

return {
  name = "google_rbm",
  about = "Google RCS for Business: revokes a message that was not delivered yet",
  docs = "https://developers.google.com/business-communications/rcs-business-messaging/reference/"
    .. "rest/v1/phones.agentMessages/delete",
  url = "https://rcsbusinessmessaging.googleapis.com/v1",
  settings = {
    agent = { pattern = "^[%w_.@%-]+$", about = "the agent's id" },
  },
  headers = { Authorization = "Bearer {token}" },
  id = {
    write = "{phone}/{message}",
    phone = { pattern = "^%+%d+$", max = 16, about = "a number like +14155550123" },
    message = { pattern = "^[%w_.%-]+$", max = 128, about = "the message id that the agent gave" },
    about = "a number and a message like +14155550123/7f0c1c5e-1",
  },
  error = { code = "error.status", text = "error.message", form = "^%u[%u_]+$",
    status = "error.code" },
  stop = {
    request = "DELETE /phones/{phone}/agentMessages/{message}?agentId={agent}",
    [200] = { exactly = "{}", means = "accepted" },
    [404] = "failed", -- a message that is not there gets 200
  },
}
