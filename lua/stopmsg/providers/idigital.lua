local direct = require("stopmsg.providers.direct")

return direct.brand({
  name = "idigital",
  about = "i-Digital Direct: stops a whole dispatch (mailing) by its number",
  docs = "https://api.docs.direct.i-dgtl.ru/dispatches/stop",
  base_url = "https://direct.i-dgtl.ru",
  documented = { "stop_dispatch", "status_dispatch" },
})
