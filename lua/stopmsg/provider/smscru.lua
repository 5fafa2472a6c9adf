-- SMSC.ru, mailings. Its JSON says on no page how a success looks, its XML does.

return {
  name = "smscru",
  about = "SMSC.ru: switches off a mailing that waits to be sent",
  docs = "https://smsc.ru/api/http/jobs/",
  url = "https://smsc.ru/sys",
  answers = { format = "xml", root = "result" },
  id = "digits",
  stop = {
    request = "GET /jobs.php?cancel=1&fmt=2&charset=utf-8&apikey={token}&id={id}",
    [200] = { code = { "error_code", "." }, text = "error", means = {
      -- Whether one that was sent gets another answer is on no page.
      OK = "accepted",
      [1] = "failed", -- in the parameters
      [2] = "credentials",
      [3] = "again", -- it could not be saved
      [4] = "throttle", -- the address is shut out for a while
      [9] = "throttle", -- the same within a minute, or fifteen at once
    } },
  },
}
