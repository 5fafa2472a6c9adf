-- Vonage Messages, RCS only: no other channel can be revoked.

return {
  name = "vonage",
  about = "Vonage Messages: revokes an RCS message that was not delivered yet",
  docs = "https://developer.vonage.com/en/messages/guides/rcs/rcs-message-revocation",
  url = "https://api-{region}.nexmo.com/v1",
  settings = {
    region = {
      about = "where the RCS agent was launched: its country's region",
      one_of = { "eu", "us", "ap" },
    },
  },
  headers = { Authorization = "Bearer {token}", Accept = "application/json" },
  id = "uuid",
  error = { code = "type", text = { "detail", "title" },
    form = "^https://developer%.%a+%.com/.*api%-errors", has = "title" },
  stop = {
    request = "PATCH /messages/{id}",
    json = { status = "revoked" },
    -- Neither promises anything: the message may have been delivered.
    [200] = { exactly = { "", "{}" }, means = "accepted" },
    [202] = { exactly = { "", "{}" }, means = "accepted" },
    [204] = "accepted",
  },
}
