-- The last line of a stop: what to do next. Pure. Never suggests what would not help.

local duration = require("stopmsg.cli.duration")
local outcome = require("stopmsg.meaning.outcome")
local progress = require("stopmsg.cli.progress")
local sharing = require("stopmsg.cli.sharing")

local advice = {}

-- What to do where somebody else responds.
advice.ELSEWHERE = "check --base-url and the proxy, then run the same command again"

local AGAIN = "run the same command again"

-- Outcomes for which nothing more can be done.
local MISSED = { "too_late", "recalled", "not_stoppable", "not_found", "denied", "invalid" }

-- "12 ids", "1 id"
local function ids(count)
  return ("%s id%s"):format(progress.grouped(count), count == 1 and "" or "s")
end

local function is_are(count)
  return count == 1 and "is" or "are"
end

local function count_of(counts, words)
  local count, named = 0, {}
  for _, word in ipairs(words) do
    if (counts[word] or 0) > 0 then
      count = count + counts[word]
      named[#named + 1] = word
    end
  end
  return count, named
end

-- line = advice.of(known): the line, or nil if there is nothing to do.
--
-- known: counts (by outcome), reason_of (a function: the commonest reason of some outcomes), left
-- (ids not reached), journal (its path), lookup (the options for one; nil if the provider has
-- none), has_verified (whether a lookup was done), unproven (stops confirmed by the provider only,
-- after lookups), rate_fault (why there is no shared rate), refused (about the token), is_strange
-- (no response came from the provider), shortage (why a list is incomplete) and list_advice (what
-- to do about that), is_empty (the list was empty), pause (seconds that the provider asked for) and
-- clock (the time after it).
function advice.of(known)
  local counts = known.counts
  local unknown, accepted = counts.unknown or 0, counts.accepted or 0
  local open = unknown + (counts.failed or 0) + (counts.skipped or 0) + known.left
  local promised = accepted + known.unproven
  local function why(...)
    local reason = known.reason_of(...)
    return reason and (" (%s)"):format(reason) or ""
  end
  if known.refused and known.is_strange then
    return known.refused .. ", but no response was in the provider's form: check --base-url, the "
      .. "proxy and the token, then run the same command again"
  elseif known.refused then
    return known.refused .. "; fix the token, then run the same command again"
  elseif known.rate_fault and open > 0 then
    return ("%s %s not settled (%s): %s"):format(ids(open), is_are(open), known.rate_fault,
      sharing.ADVICE)
  elseif known.is_strange then
    return "no response was in the provider's form: " .. advice.ELSEWHERE
  elseif known.shortage then
    local cause = known.shortage ~= "" and ": " .. known.shortage or ""
    local next_step = known.list_advice or AGAIN
    return ("the list was not read to its end, so there may be more%s; %s%s"):format(cause,
      next_step, known.journal and next_step == AGAIN and " to go on from " .. known.journal or "")
  elseif known.is_empty then
    return "found nothing that can still be stopped"
  elseif known.pause and open > 0 then
    return ("the provider asked for a pause of %s: run the same command again after %s"):format(
      duration.words(known.pause), known.clock)
  elseif unknown > 0 and known.lookup and not known.has_verified then
    local what = ("%s %s"):format(ids(unknown), is_are(unknown))
    if open > unknown then
      what = ("%s are not settled, %s of them"):format(ids(open), progress.grouped(unknown))
    end
    return ("%s unknown%s: run again with %s, which %s"):format(what, why("unknown"), known.lookup,
      known.journal and "looks them up first and sends only those still open"
      or "looks up unproven ids")
  elseif open > 0 and known.journal then
    return ("%s; run the same command again to go on from %s"):format(
      known.left > 0 and ids(known.left) .. (known.left == 1 and " was" or " were")
      .. " not reached"
      or ("%s %s not settled%s"):format(ids(open), is_are(open),
        why("unknown", "failed", "skipped")), known.journal)
  elseif open > 0 then
    return ("%s %s not settled%s; no journal was kept: run the command again, and add --journal "
      .. "FILE to be able to resume"):format(ids(open), is_are(open),
      why("unknown", "failed", "skipped"))
  elseif promised > 0 and known.lookup and not known.has_verified then
    return ("%s %s unproven: run again with %s, which looks %s up"):format(ids(promised),
      is_are(promised), known.lookup, promised == 1 and "it" or "them")
  elseif promised > 0 and known.has_verified then
    -- Without a journal the same command would send them again.
    return ("%s %s still unproven: %s later to look %s up again"):format(ids(promised),
      is_are(promised), known.journal and "run the same command" or "use stopmsg status",
      promised == 1 and "it" or "them")
  end
  local missed, named = count_of(counts, MISSED)
  if missed > 0 and known.journal then
    return ("%s %s not stopped: stopmsg report %s --only %s lists %s"):format(ids(missed),
      missed == 1 and "was" or "were", known.journal, table.concat(named, ","),
      missed == 1 and "it" or "them")
  end
end

-- Reasons of what is unknown though the provider responded. So does an outcome that an earlier
-- attempt put in doubt: it is the reason then.
local RESPONDED = {
  unknown_code = true, unknown_state = true, missing_in_answer = true, gone_or_sent = true,
}

-- Returns whether an item comes from the provider itself.
function advice.is_answer(item)
  local word, reason = item.outcome, item.reason
  if word == "unknown" and reason then
    return RESPONDED[reason] or outcome.all[reason] ~= nil
  elseif word == "denied" or (word == "failed" and item.http and item.http < 500) then
    return not advice.is_strange(item)
  end
  return word ~= "unknown" and word ~= "failed" and word ~= "skipped" and outcome.all[word] ~= nil
    and item.reason ~= "malformed_id"
end

-- What to do about a list that was not read to its end; `err` says why, `pages` of it were read.
function advice.of_list(err, pages)
  if err and err.reason == "filter_ignored" then
    return "use another filter, or give ids"
  end
  return pages == 0 and err and advice.is_strange(err) and advice.ELSEWHERE or AGAIN
end

-- Returns whether an item comes from a proxy or another stranger.
function advice.is_strange(item)
  local message = item.message
  return item.reason == "bad_response"
    or (message ~= nil and message:find("not in the provider's form", 1, true) ~= nil)
end

return advice
