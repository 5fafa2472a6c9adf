-- Counters that all workers share, and their text for Prometheus.

local stopmsg = require("stopmsg")

local metrics = {}

local PREFIX = "stop_gateway_"
local BUCKETS = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 }

local OUTCOMES = {}
for outcome in pairs(stopmsg.outcomes) do
  OUTCOMES[#OUTCOMES + 1] = outcome
end
table.sort(OUTCOMES)

-- `label` is the name of the one label, `values` those that are told from the start.
local FAMILIES = {
  { "requests_total", "counter", "Requests by HTTP status; /metrics and /health do not count.",
    label = "status" },
  { "request_seconds", "histogram", "Duration of these requests." },
  { "ids_received_total", "counter", "Ids that callers gave." },
  { "ids_total", "counter", "Ids by outcome.", label = "outcome", values = OUTCOMES },
  { "ids_abandoned_total", "counter", "Ids whose caller hung up before they settled." },
  { "ids_in_flight", "gauge", "Ids of calls in hand that have not settled." },
  { "upstream_requests_total", "counter", "Requests to the provider." },
  { "upstream_retries_total", "counter", "Those of them that repeat an earlier one." },
  { "upstream_errors_total", "counter", "Requests to the provider without a good answer.",
    label = "reason" },
  { "upstream_seconds", "histogram", "Duration of requests to the provider." },
}

local store = ngx.shared.gateway_metrics
local label_of = {}
for _, family in ipairs(FAMILIES) do
  label_of[family[1]] = family.label
end

-- The name of a series, which is its key in the dictionary, too.
local function series(name, label, value)
  return PREFIX .. name .. (label and ('{%s="%s"}'):format(label, value) or "")
end

-- Adds to a counter or gauge; `value` is that of its label, if it has one.
function metrics.add(name, number, value)
  store:incr(series(name, label_of[name], value), number, 0)
end

function metrics.observe(name, seconds)
  for _, bound in ipairs(BUCKETS) do
    if seconds <= bound then
      store:incr(series(name .. "_bucket", "le", bound), 1, 0)
    end
  end
  store:incr(series(name .. "_bucket", "le", "+Inf"), 1, 0)
  metrics.add(name .. "_sum", seconds)
  metrics.add(name .. "_count", 1)
end

-- The hook of the client: how it goes with the provider.
function metrics.event(event)
  if event.type == "request" then
    metrics.add("upstream_requests_total", 1)
    if event.attempt > 1 then
      metrics.add("upstream_retries_total", 1)
    end
  elseif event.type == "response" then
    metrics.observe("upstream_seconds", event.elapsed)
    if event.fault or event.status ~= 200 then
      metrics.add("upstream_errors_total", 1, event.fault or "http_" .. event.status)
    end
  end
end

-- The series of a family.
local function all_series(family)
  local name, kind, label = family[1], family[2], family.label
  local list = {}
  if kind == "histogram" then
    for _, bound in ipairs(BUCKETS) do
      list[#list + 1] = series(name .. "_bucket", "le", bound)
    end
    list[#list + 1] = series(name .. "_bucket", "le", "+Inf")
    list[#list + 1] = series(name .. "_sum")
    list[#list + 1] = series(name .. "_count")
  elseif family.values then
    for _, value in ipairs(family.values) do
      list[#list + 1] = series(name, label, value)
    end
  elseif label then
    local start = PREFIX .. name .. "{"
    for _, key in ipairs(store:get_keys(0)) do
      if key:sub(1, #start) == start then
        list[#list + 1] = key
      end
    end
    table.sort(list)
  else
    list[1] = series(name)
  end
  return list
end

-- Answers with all of them.
function metrics.print()
  for _, family in ipairs(FAMILIES) do
    local name = PREFIX .. family[1]
    ngx.print("# HELP ", name, " ", family[3], "\n# TYPE ", name, " ", family[2], "\n")
    for _, key in ipairs(all_series(family)) do
      ngx.print(key, " ", store:get(key) or 0, "\n")
    end
  end
end

return metrics
