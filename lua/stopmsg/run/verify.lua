-- Turns what was promised into what is proven: looks up messages until each is settled, or the time
-- is over. Pure policy: looking up and waiting are passed in.

local verify = {}

-- How much longer each further pause is, and the longest one (seconds) unless more was asked for.
local GROWTH, LONGEST = 1.5, 10

-- Seconds that are kept for the last look, so that what settles late is still seen.
local LAST_LOOK = 0.5

-- Items that are looked at without a pause.
local PIECE = 128

-- Never at the provider, or refused there: no lookup could tell more.
local CERTAIN = { failed = true, skipped = true, denied = true, invalid = true, recalled = true }

-- Words that a lookup may still change. The others are the provider's own, and are looked up once.
local OPEN = { accepted = true, unknown = true, open = true, stopped = true }

-- Took the stop, or may have taken it.
local PROMISED = { stopped = true, accepted = true, unknown = true }

-- Puts what a lookup proves into an item. True when nothing is left to look up.
local function apply(report, item, found, counts)
  if found.reason == "gone_or_sent" then
    -- Stopped, or sent: it proves neither.
    if item.outcome == "open" then
      item.outcome, item.reason, item.message = found.outcome, found.reason, found.message
    end
    return item.outcome ~= "accepted" and item.outcome ~= "unknown"
  elseif not found.state then
    return not OPEN[item.outcome] -- no answer about this id
  end
  item.state, item.left = found.state, found.left or item.left
  local word = found.outcome
  if word == "stopped" then
    -- The word may have other causes; after a stop that was taken, or may have been, it has one.
    local is_proven = found.verified or (PROMISED[item.outcome] and not report.is_lookup)
    item.verified = is_proven or nil
    item.message = (found.verified or not is_proven) and found.message or nil
  elseif word == "too_late" or word == "not_stoppable" then
    if word == "too_late" and item.outcome == "stopped" then
      counts.left = counts.left + 1
    end
    item.verified = found.verified
    item.message = found.message
  else
    -- A refusal that does not say why may be the echo of our own stop, which does not show yet.
    local may_settle = word == "open" and item.outcome == "not_stoppable"
    return not OPEN[item.outcome] and not may_settle
  end
  item.outcome, item.reason, item.http = word, nil, nil
  return true
end

-- Places of the items that are worth a look.
local function places_of(report, breathe)
  local places = {}
  for place, item in ipairs(report) do
    if place % PIECE == 0 then
      breathe()
    end
    if not item.verified and not CERTAIN[item.outcome] then
      places[#places + 1] = place
    end
  end
  return places
end

local function warn(report, message)
  for _, known in ipairs(report.warnings) do
    if known == message then
      return
    end
  end
  report.warnings[#report.warnings + 1] = message
end

-- Whether asking again would only be refused again.
local function is_hopeless(found)
  return found.outcome == "invalid" or (found.outcome == "failed" and found.http ~= nil)
end

-- One look at the items of `places`. Gives the places that are still open.
local function look(report, places, found, counts, breathe)
  report.requests = report.requests + found.requests
  report.retries = report.retries + found.retries
  report.connections = report.connections + found.connections
  for _, warning in ipairs(found.warnings) do
    warn(report, warning)
  end
  local open = {}
  counts.unanswered = 0
  for i, place in ipairs(places) do
    local item = found[i]
    if i % PIECE == 0 then
      breathe()
    end
    if not apply(report, report[place], item, counts) then
      if not item.state and item.outcome ~= "not_stoppable" then
        counts.unanswered, counts.example = counts.unanswered + 1, item
      end
      if is_hopeless(item) then
        counts.hopeless, counts.example = counts.hopeless + 1, item
      else
        open[#open + 1] = place
      end
    end
    if item.outcome == "denied" and item.reason == "credentials" then
      counts.refused = counts.refused or item
    end
  end
  return open
end

-- Counts what no lookup has proven, in report.unproven, and warns of it unless is_silent. breathe()
-- may be nil.
function verify.tally(report, breathe, is_silent)
  local count, states, example = 0, {}, nil
  for place, item in ipairs(report) do
    if breathe and place % PIECE == 0 then
      breathe()
    end
    if OPEN[item.outcome] and not item.verified then
      count = count + 1
      if item.state then
        states[item.state] = (states[item.state] or 0) + 1
        if not example or states[item.state] > states[example] then
          example = item.state
        end
      end
    end
  end
  report.unproven = count
  if count > 0 and not is_silent then
    warn(report, ("%d message(s) are still unproven%s"):format(count,
      example and (", their state is '%s'"):format(example) or ""))
  end
end

-- verify.run(report, with): changes the report's items in place, and counts what stays unproven.
-- with: lookup(ids, seconds) -> report of a status call; wait(seconds); clock(); timeout, interval
-- (seconds); is_interrupted() or nil; breathe() or nil, called now and then in what takes a while.
function verify.run(report, with)
  local breathe = with.breathe or function() end
  local deadline = with.clock() + with.timeout
  local last_look = deadline - math.min(LAST_LOOK, with.timeout / 4)
  local longest = math.max(LONGEST, with.interval)
  local pause, is_last = with.interval, false
  local places = places_of(report, breathe)
  -- left: had left before the stop. unanswered, hopeless: without an answer in the last look, and
  -- for good; example: one of these. refused: a lookup that ends them all.
  local counts = { left = 0, unanswered = 0, hopeless = 0, example = nil, refused = nil }
  while #places > 0 and not is_last and not counts.refused do
    is_last = with.clock() + pause >= last_look
    with.wait(is_last and math.max(0, last_look - with.clock()) or pause)
    pause = math.min(pause * GROWTH, longest)
    local left = deadline - with.clock()
    if left <= 0 or (with.is_interrupted and with.is_interrupted()) then
      break
    end
    local ids = {}
    for i, place in ipairs(places) do
      ids[i] = report[place].id
      if i % PIECE == 0 then
        breathe()
      end
    end
    places = look(report, places, with.lookup(ids, left), counts, breathe)
  end

  local refused = counts.refused
  local is_told = refused ~= nil
  if refused then
    warn(report, "the status lookup was refused" .. (refused.message and ": " .. refused.message
      or ""))
  elseif counts.example and counts.example.message and counts.unanswered + counts.hopeless > 0 then
    is_told = true
    warn(report, ("%d message(s) could not be looked up: %s"):format(
      math.max(counts.unanswered, counts.hopeless), counts.example.message))
  end
  if counts.left > 0 then
    warn(report, ("%d message(s) were sent although the provider promised to stop them"):format(
      counts.left))
  end
  verify.tally(report, breathe, is_told)
end

return verify
