local direct = require("stopmsg.provider.direct")

return direct.brand({
  name = "idigital",
  about = "i-Digital Direct: stops a whole dispatch (mailing) by its number",
  docs = "https://api.docs.direct.i-dgtl.ru/dispatches/stop",
  url = "https://direct.i-dgtl.ru",
  documented = { "stop_dispatch", "status_dispatch", "find_dispatch" },
})
