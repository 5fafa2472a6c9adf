-- SparkPost (Bird). Deletes all that is scheduled of a campaign, some time after the answer.

return {
  name = "sparkpost",
  about = "SparkPost: deletes the scheduled e-mails of a campaign",
  docs = "https://support.sparkpost.com/docs/tech-resources/transmissions-api-scheduling",
  url = "https://{region}/api/v1",
  settings = {
    region = { one_of = { us = "api.sparkpost.com", eu = "api.eu.sparkpost.com" }, default = "us",
      about = "where the account is" },
    subaccount = { pattern = "^%d+$", optional = true, about = "a subaccount's number" },
  },
  headers = { Authorization = "{token}", ["X-MSYS-SUBACCOUNT"] = "{subaccount}",
    Accept = "application/json" },
  id = { pattern = "^[%w%p]+$", max = 64, about = "a campaign's id, as the sends had it" },
  error = { code = "errors[1].code", text = { "errors[1].description", "errors[1].message" },
    form = "^%d%d%d%d$" },
  stop = {
    inferred = "that codes of errors have four digits",
    request = "DELETE /transmissions?campaign_id={id}",
    [204] = "accepted",
  },
}
