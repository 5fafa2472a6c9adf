-- The client of stopmsg: made once, before nginx forks its workers. Each of them opens connections
-- of its own at first use.

local limit = require("gateway.limit")
local metrics = require("gateway.metrics")
local settings = require("gateway.settings")
local stopmsg = require("stopmsg")

settings.token() -- raises where there is none

return stopmsg.new({
  provider = settings.provider,
  base_url = settings.base_url,
  token = settings.token,
  concurrency = settings.concurrency,
  rate = settings.rate and limit.take,
  on_event = metrics.event,
})
