return {
  name = "vonage",
  about = "Vonage Messages: revokes an RCS message",
  docs = "https://developer.vonage.com/en/messages/guides/rcs/rcs-message-revocation",
  url = "https://{region}.nexmo.com/v1",
  settings = { region = { one_of = { "api-eu", "api-us", "api-ap" }, default = "api-eu",
    about = "where the agent is" } },
  headers = { Authorization = "Bearer {token}" },
  id = "uuid",
  error = { code = "title", text = "detail", form = "string" },
  stop = {
    request = "PATCH /messages/{id}",
    json = { status = "revoked" },
    [200] = "accepted",
    [204] = "accepted",
  },
}
