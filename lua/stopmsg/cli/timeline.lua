-- The seconds of a report, summed up in longer steps, and its times for people.

local timeline = {}

-- steps = timeline.sum(seconds, origin, step): a list of { second, stopped, missed, requests,
-- slowest }, one per step that has any. Steps are counted from `origin`.
function timeline.sum(seconds, origin, step)
  local steps = {}
  for _, what in ipairs(seconds) do
    local at = origin + math.floor((what.second - origin) / step) * step
    local one = steps[#steps]
    if not one or one.second ~= at then
      one = { second = at, stopped = 0, missed = 0, requests = 0, slowest = 0 }
      steps[#steps + 1] = one
    end
    one.stopped, one.missed = one.stopped + what.stopped, one.missed + what.missed
    one.requests = one.requests + what.requests
    one.slowest = math.max(one.slowest, what.slowest)
  end
  return steps
end

-- time = timeline.clock(milliseconds, form): local time.
function timeline.clock(milliseconds, form)
  return os.date(form or "%Y-%m-%d %H:%M:%S", math.floor(milliseconds / 1000))
end

return timeline
