-- Durations for people.

local duration = {}

local UNITS = { ms = 0.001, s = 1, m = 60, h = 3600, [""] = 1 }

-- seconds = duration.parse(text): "90", "1.5", "500ms", "30s", "5m", "1h"; nil for anything else.
function duration.parse(value)
  local number, unit = value:match("^(%d+%.?%d*)(%a*)$")
  if not number then
    number, unit = value:match("^(%.%d+)(%a*)$")
  end
  local factor = UNITS[unit]
  return factor and number and tonumber(number) * factor or nil
end

-- Clock format: "0:07", "2:05:00"
function duration.clock(seconds)
  seconds = math.floor(seconds + 0.5)
  local minutes = math.floor(seconds / 60)
  if minutes < 60 then
    return ("%d:%02d"):format(minutes, seconds % 60)
  end
  return ("%d:%02d:%02d"):format(math.floor(minutes / 60), minutes % 60, seconds % 60)
end

-- In words: "4 s", "12 min", "2 h 5 min"
function duration.words(seconds)
  if seconds < 90 then
    return ("%.0f s"):format(math.max(1, math.floor(seconds + 0.5)))
  end
  local minutes = math.floor(seconds / 60 + 0.5)
  if minutes < 60 then
    return ("%d min"):format(minutes)
  end
  return ("%d h %d min"):format(math.floor(minutes / 60), minutes % 60)
end

return duration
