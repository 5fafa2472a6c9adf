-- What is known of the call in hand, and what of it is counted already. It stands in ngx.ctx, where
-- the log phase finds it even when the handler was ended because the caller hung up.

local metrics = require("gateway.metrics")

local calls = {}

-- A call over `count` ids; `summary` is the second value of client:each.
function calls.begin(count, summary)
  ngx.ctx.call = { count = count, summary = summary, counted = {}, settled = 0 }
  metrics.add("ids_received_total", count)
  metrics.add("ids_in_flight", count)
end

-- Counts what has settled since the last time.
function calls.progress()
  local call = ngx.ctx.call
  for outcome, count in pairs(call.summary.counts) do
    local more = count - (call.counted[outcome] or 0)
    if more > 0 then
      call.counted[outcome] = count
      metrics.add("ids_total", more, outcome)
    end
  end
  metrics.add("ids_in_flight", call.settled - call.summary.total)
  call.settled = call.summary.total
end

-- In the log phase: the request is over, however it ended.
function calls.finish()
  local call = ngx.ctx.call
  if call then
    calls.progress()
    local abandoned = call.count - call.settled
    metrics.add("ids_abandoned_total", abandoned)
    metrics.add("ids_in_flight", -abandoned)
  end
  metrics.add("requests_total", 1, ngx.status)
  metrics.observe("request_seconds", tonumber(ngx.var.request_time))
end

return calls
