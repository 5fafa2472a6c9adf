-- Turns what was promised into what is proven: looks up messages until each is settled, or the time
-- is over. Pure policy: looking up and waiting are passed in.

local verify = {}

-- How much longer each further wait is, up to the longest (seconds).
local GROWTH, LONGEST = 1.5, 10

-- Never at the provider, or refused there: no lookup could tell more.
local CERTAIN = { failed = true, skipped = true, denied = true, invalid = true }

-- Words that a lookup may still change. The others are the provider's own, and get one look.
local OPEN = { accepted = true, unknown = true, open = true, stopped = true }

-- Took the stop, or may have taken it.
local PROMISED = { stopped = true, accepted = true, unknown = true }

-- Puts what a lookup proves into an item. True when nothing is left to look up.
local function apply(item, found, left_before)
  if not found.state then
    return not OPEN[item.outcome] -- no answer about this id
  end
  item.state = found.state
  local word = found.outcome
  if word == "stopped" then
    -- The word may have other causes; after a stop that was taken, or may have been, it has one.
    local is_proven = found.verified or PROMISED[item.outcome]
    item.verified = is_proven or nil
    item.message = not is_proven and found.message or nil
  elseif word == "too_late" or word == "not_stoppable" then
    if item.outcome == "stopped" then
      left_before.count = left_before.count + 1
    end
    item.verified = found.verified
    item.message = found.message
  else
    return not OPEN[item.outcome]
  end
  item.outcome, item.reason, item.http = word, nil, nil
  return true
end

-- Places of the items that are worth a look.
local function places_of(report)
  local places = {}
  for place, item in ipairs(report) do
    if not item.verified and not CERTAIN[item.outcome] then
      places[#places + 1] = place
    end
  end
  return places
end

-- verify.run(report, with): changes the report's items in place.
-- with: lookup(ids, seconds) -> report of a status call; wait(seconds); clock(); timeout, interval
-- (seconds).
function verify.run(report, with)
  local deadline = with.clock() + with.timeout
  local pause = with.interval
  local places = places_of(report)
  local left_before = { count = 0 }
  local refused
  while #places > 0 and not refused do
    local left = deadline - with.clock()
    if left <= 0 then
      break
    end
    with.wait(math.min(pause, left))
    pause = math.min(pause * GROWTH, LONGEST)
    left = deadline - with.clock()
    if left <= 1e-3 then
      break
    end

    local ids = {}
    for i, place in ipairs(places) do
      ids[i] = report[place].id
    end
    local found = with.lookup(ids, left)
    report.requests = report.requests + found.requests
    report.retries = report.retries + found.retries
    report.connections = report.connections + found.connections
    for _, warning in ipairs(found.warnings) do
      report.warnings[#report.warnings + 1] = warning
    end
    local open = {}
    for i, place in ipairs(places) do
      if not apply(report[place], found[i], left_before) then
        open[#open + 1] = place
      end
    end
    for i = 1, found.counts.denied > 0 and #found or 0 do
      refused = refused or (found[i].outcome == "denied" and found[i])
    end
    places = open
  end
  if refused then
    report.warnings[#report.warnings + 1] = "the status lookup was refused"
      .. (refused.message and ": " .. refused.message or "")
  end
  if left_before.count > 0 then
    report.warnings[#report.warnings + 1] =
      ("%d message(s) had left before the stop that was promised"):format(left_before.count)
  end
end

return verify
