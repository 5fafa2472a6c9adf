-- Outcomes on their way to the caller. Items are encoded one by one as they settle: to encode ten
-- thousand at once would hold the worker for milliseconds.

local calls = require("gateway.calls")
local cjson = require("cjson")

local answers = {}

local FLUSH_AT = 500 -- items
local FLUSH_EVERY = 0.05 -- seconds

-- The fields of the whole call, as JSON. A list without entries would be encoded as {}.
local function totals(summary)
  return cjson.encode({
    counts = summary.counts,
    total = summary.total,
    ok = summary.ok,
    requests = summary.requests,
    retries = summary.retries,
    elapsed = summary.elapsed,
    warnings = #summary.warnings > 0 and summary.warnings or nil,
  })
end

-- One document, with the items in the order in which their ids were given.
function answers.document(next_item, summary)
  local items = {}
  for item, place in next_item do
    items[place] = cjson.encode(item)
  end
  ngx.say('{"items":[', table.concat(items, ","), "],", totals(summary):sub(2))
end

-- A line an item as they settle, and the totals as the last line.
function answers.stream(next_item, summary)
  ngx.header.content_type = "application/x-ndjson"
  ngx.header.x_accel_buffering = "no" -- another nginx in front of this one
  local ready = {}

  -- Waits until the caller has taken what is ready; ends the request where it is gone.
  local function send()
    local lines = ready
    ready = {}
    calls.progress()
    if #lines > 0 and not (ngx.print(lines) and ngx.flush(true)) then
      ngx.exit(ngx.ERROR)
    end
  end

  -- What is ready leaves soon, however long the next item takes.
  local ticker = ngx.thread.spawn(function()
    while true do
      ngx.sleep(FLUSH_EVERY)
      send()
    end
  end)
  for item in next_item do
    ready[#ready + 1] = cjson.encode(item) .. "\n"
    if #ready >= FLUSH_AT then
      send()
    end
  end
  ngx.thread.kill(ticker)
  ready[#ready + 1] = totals(summary) .. "\n"
  send()
end

return answers
