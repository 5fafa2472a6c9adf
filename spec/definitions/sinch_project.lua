-- Sinch SMS with the key of a project: tokens are fetched and end.
return {
  name = "sinch_project",
  about = "Sinch SMS: cancels a batch, with a project's key",
  docs = "https://developers.sinch.com/docs/sms/api-reference/sms/batches/cancelbatchmessage.md",
  url = "https://zt.{region}.sms.api.sinch.com/xms/v1/{project}",
  settings = {
    region = { one_of = { "us", "eu" }, default = "us", about = "where the project is" },
    project = { about = "the project's id" },
    key = { about = "the access key's id; the token is its secret" },
  },
  token = {
    request = "POST https://auth.sinch.com/oauth2/token",
    auth = { basic = "{key}:{token}" },
    form = { grant_type = "client_credentials" },
    value = "access_token",
    lasts = "expires_in",
  },
  headers = { Authorization = "Bearer {token}" },
  id = { pattern = "^[%w_%-]+$", max = 64, about = "a batch id" },
  stop = {
    request = "DELETE /batches/{id}",
    [200] = { id = "id", code = "canceled", means = { [true] = "accepted",
      [false] = "not_stoppable" } },
  },
}
