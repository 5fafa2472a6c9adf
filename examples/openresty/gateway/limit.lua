-- The rate of requests to the provider, shared by all workers: a busy one may use what idle ones
-- leave. Time is cut into slots, and each slot has a few permits that are taken by counting in a
-- shared dictionary, which is atomic. A slot that nobody used is gone, so there is no debt and
-- nothing to repair after a crash or a reload.

local settings = require("gateway.settings")

local limit = {}

-- Workers wake about a millisecond late: slots that are shorter would be lost.
local SHORTEST = 0.05

-- seconds = limit.take(): 0 with a permit for one request, else after how long to ask again.
function limit.take()
  local permits = math.ceil(settings.rate * SHORTEST)
  local length = permits / settings.rate
  ngx.update_time()
  local now = ngx.now()
  local slot = math.floor(now / length)
  local taken, message = ngx.shared.gateway_rate:incr(slot, 1, 0, 2 * length)
  if not taken then
    error("gateway_rate: " .. message, 0)
  end
  return taken <= permits and 0 or (slot + 1) * length - now
end

return limit
