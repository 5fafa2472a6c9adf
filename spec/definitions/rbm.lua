return {
  name = "rbm",
  about = "Google RCS Business Messaging: revokes a message; always 200",
  docs = "https://developers.google.com/business-communications/rcs-business-messaging/",
  url = "https://rcsbusinessmessaging.googleapis.com/v1",
  settings = {
    agent = { about = "the agent's id" },
    client_id = { about = "the service account's client id" },
  },
  token = {
    request = "POST https://oauth2.googleapis.com/token",
    form = { grant_type = "client_credentials", client_id = "{client_id}",
      client_secret = "{token}" },
    value = "access_token",
    lasts = "expires_in",
  },
  headers = { Authorization = "Bearer {token}" },
  id = { write = "{phone}/{message}", phone = "^%+%d+$", message = "^[%w%-]+$" },
  error = { code = "error.status", text = "error.message", form = "^%u[%u_]+$" },
  stop = {
    request = "DELETE /phones/{phone}/agentMessages/{message}?agentId={agent}",
    [200] = { exactly = "{}", means = "accepted" },
  },
}
