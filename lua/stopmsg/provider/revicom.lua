local direct = require("stopmsg.provider.direct")

return direct.brand({
  name = "revicom",
  about = "Revicom Direct: stops messages by uuid, 10,000 in a request",
  docs = "https://api.direct.revicom.ltd/messages/stopping",
  url = "https://direct.revicom.ltd",
  documented = { "stop", "status", "check", "find" },
})
