-- One of the XML gateways of PROVIDERS-MORE.md, section 4.
return {
  name = "webcom",
  about = "Webcom: deletes a scheduled SMS",
  docs = "https://apidocs.webcom.mobi/en/modes-of-interaction/xml-specification/",
  url = "https://xml.webcom.mobi",
  settings = { login = { about = "the user's name; the token is the password" } },
  answers = { format = "xml", root = "response" },
  id = "digits",
  stop = {
    request = "POST /xml/scheduled.php",
    text = {
      type = "application/xml",
      body = "<request><security><login value='{login}'/><password value='{token}'/></security>"
        .. "<delete_schedule><schedule id_sms='{id}'/></delete_schedule></request>",
    },
    [200] = { code = "schedule", means = { delete = "stopped", not_found = "not_found" } },
  },
}
