-- Confirms results: looks up messages until each is settled or the time is over. Pure policy:
-- lookup and wait are passed in.

local verify = {}

-- Growth of the pause between lookups, and its limit in seconds unless the caller's interval is
-- longer.
local GROWTH, LONGEST = 1.5, 10

-- Seconds kept for the last lookup, which catches messages that settle late.
local LAST_LOOK = 0.5

-- Items handled between two calls of breathe().
local PIECE = 128

-- Never reached the provider, or refused there: a lookup adds nothing.
local CERTAIN = { failed = true, skipped = true, denied = true, invalid = true, recalled = true }

-- Outcomes that a lookup may change. All others come from the provider and are looked up once.
local OPEN = { accepted = true, unknown = true, open = true, stopped = true }

-- Outcomes after which the provider has, or may have, accepted the stop.
local PROMISED = { stopped = true, accepted = true, unknown = true }

-- Returns whether a lookup found the message. Some providers show it without a word for its state.
local function is_answer(found)
  return found.state ~= nil or found.verified or found.outcome == "open"
end

-- Applies a lookup result to an item. Returns true if the item needs no further lookup.
local function apply(report, item, found, counts)
  if found.reason == "gone_or_sent" then
    -- Either stopped or sent; this proves neither.
    if item.outcome == "open" then
      item.outcome, item.reason, item.message = found.outcome, found.reason, found.message
    end
    return item.outcome ~= "accepted" and item.outcome ~= "unknown"
  elseif not is_answer(found) then
    return not OPEN[item.outcome] -- no result for this id
  end
  item.state, item.left = found.state or item.state, found.left or item.left
  local word = found.outcome
  if word == "stopped" then
    -- The status may have other causes. After an accepted or unconfirmed stop, the stop is the
    -- cause.
    local is_proven = found.verified or (PROMISED[item.outcome] and not report.is_lookup)
    item.verified = is_proven or nil
    item.message = (found.verified or not is_proven) and found.message or nil
  elseif word == "too_late" or word == "not_stoppable" or word == "recalled" then
    if word == "too_late" and item.outcome == "stopped" then
      counts.left = counts.left + 1
    end
    item.verified = found.verified
    item.message = found.message
  elseif word == "accepted" then
    -- The stop is on record, which is all that this lookup will ever tell.
    if item.outcome == "stopped" then
      return true
    end
    item.message = found.message
  else
    -- An unexplained refusal may be the echo of our own stop, which is not visible yet.
    local may_settle = word == "open" and item.outcome == "not_stoppable"
    return not OPEN[item.outcome] and not may_settle
  end
  item.outcome, item.reason, item.http = word, nil, nil
  return true
end

-- Returns the places of items that a lookup may change.
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

-- Returns whether another lookup would be refused again.
local function is_hopeless(found)
  return found.outcome == "invalid" or (found.outcome == "failed" and found.http ~= nil)
end

-- Applies one lookup to the items at `places`. Returns the places that are still open.
local function look(report, places, found, counts, breathe)
  report.requests = report.requests + found.requests
  report.retries = report.retries + found.retries
  report.connections = report.connections + found.connections
  for _, warning in ipairs(found.warnings) do
    report:warn(warning)
  end
  local open = {}
  counts.unanswered = 0
  for i, place in ipairs(places) do
    local item = found[i]
    if i % PIECE == 0 then
      breathe()
    end
    if not apply(report, report[place], item, counts) then
      if not is_answer(item) and item.outcome ~= "not_stoppable" then
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

-- Counts unconfirmed items in report.unproven, and warns about them unless is_silent. breathe() may
-- be nil.
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
    report:warn(("%d message(s) are still unproven%s"):format(count,
      example and (", their state is '%s'"):format(example) or ""))
  end
end

-- verify.run(report, with): updates the report's items in place and counts unconfirmed ones.
-- with: lookup(ids, seconds) -> report of a status call; wait(seconds); clock(); timeout, interval
-- (seconds); is_interrupted() or nil; breathe() or nil, called now and then in long steps.
function verify.run(report, with)
  local breathe = with.breathe or function() end
  local deadline = with.clock() + with.timeout
  local last_look = deadline - math.min(LAST_LOOK, with.timeout / 4)
  local longest = math.max(LONGEST, with.interval)
  local pause, is_last = with.interval, false
  local places = places_of(report, breathe)
  -- left: sent before the stop. unanswered, hopeless: items without a result, in the last lookup
  -- and for good; example: one of these. refused: a lookup refusal that ends all lookups.
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
    report:warn("the status lookup was refused" .. (refused.message and ": " .. refused.message
      or ""))
  elseif counts.example and counts.example.message and counts.unanswered + counts.hopeless > 0 then
    is_told = true
    report:warn(("%d message(s) could not be looked up: %s"):format(
      math.max(counts.unanswered, counts.hopeless), counts.example.message))
  end
  if counts.left > 0 then
    report:warn(("%d message(s) were sent although the provider promised to stop them"):format(
      counts.left))
  end
  verify.tally(report, breathe, is_told)
end

return verify
