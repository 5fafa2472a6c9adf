-- Webcom and its family: mySMPP, SMS Club 24 and other brands have the same XML gateway, each at an
-- address of its own.

return {
  name = "webcom",
  about = "Webcom, mySMPP, SMS Club 24: deletes a scheduled SMS",
  docs = "https://apidocs.webcom.mobi/en/modes-of-interaction/xml-specification/"
    .. "request-to-delete-a-scheduled-sms",
  url = "{base_url}/xml",
  settings = { login = { pattern = "^[^%s/]+$",
    about = "the user's name; the token is the password" } },
  answers = { format = "xml", root = "response" },
  id = "digits",
  stop = {
    request = "POST /scheduled.php",
    text = {
      type = "text/xml; charset=utf-8",
      body = '<?xml version="1.0" encoding="utf-8"?><request><security><login value="{login}"/>'
        .. '<password value="{token}"/></security><delete_schedule><schedule id_sms="{id}"/>'
        .. "</delete_schedule></request>",
    },
    [200] = {
      { id = "scheduled@id_sms", code = "scheduled",
        means = { delete = "stopped", not_found = "not_found" } },
      { code = "error", form = "^Incorrect login or password",
        means = { ["Incorrect login or password"] = "credentials" } },
    },
    [400] = { code = "error", form = "^Incorrect login or password",
      means = { ["Incorrect login or password"] = "credentials" } },
  },
}
