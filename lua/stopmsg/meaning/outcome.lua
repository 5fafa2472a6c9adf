-- Outcomes, and the evidence that each needs.

local outcome = {}

---@type table<string, stopmsg.OutcomeInfo>
outcome.all = {
  stopped = {
    about = "The provider confirmed that the message will not be sent.",
    settled = true,
    stopped = true,
  },
  accepted = {
    about = "The provider took the request but promises nothing.",
    settled = false,
  },
  recalled = {
    about = "The message was delivered and then deleted; it may have been read.",
    settled = true,
  },
  too_late = {
    about = "The message is being sent or was already sent.",
    settled = true,
    stopped = false,
  },
  not_stoppable = {
    about = "Its state forbids a stop; the provider does not say which state.",
    settled = true,
    stopped = false,
  },
  not_found = {
    about = "The provider does not know this id.",
    settled = true,
  },
  denied = {
    about = "The provider refused the credentials or the permission.",
    settled = true,
    stopped = false,
  },
  invalid = {
    about = "The id is malformed; stopmsg or the provider rejected it.",
    settled = true,
    stopped = false,
  },
  failed = {
    about = "Certainly not stopped: the request never arrived or was refused.",
    settled = true,
    stopped = false,
  },
  unknown = {
    about = "The request was sent, but no trustworthy response came back.",
    settled = false,
  },
  open = {
    about = "A lookup found the message neither stopped nor sent.",
    settled = false,
    stopped = false,
  },
  skipped = {
    about = "Never sent: deadline, outage, interruption or refused credentials came first.",
    settled = false,
    stopped = false,
  },
}

-- All words, in display order.
outcome.names = {
  "stopped",
  "accepted",
  "recalled",
  "too_late",
  "not_stoppable",
  "not_found",
  "denied",
  "invalid",
  "failed",
  "unknown",
  "open",
  "skipped",
}

-- Zero counts. Written out because a table of known size is cheapest for small calls.
function outcome.counts()
  return {
    stopped = 0, accepted = 0, recalled = 0, too_late = 0, not_stoppable = 0, not_found = 0,
    denied = 0, invalid = 0, failed = 0, unknown = 0, open = 0, skipped = 0,
  }
end

-- Outcomes that hold whatever an earlier attempt did. All others say "not stopped"; after an
-- attempt that may have worked, "too late" may be the echo of our own success.
local HOLDS = { stopped = true, accepted = true, recalled = true, unknown = true, open = true }

-- word = outcome.weigh(word, is_ambiguous): weakens an outcome if an earlier attempt may have
-- worked unseen.
function outcome.weigh(word, is_ambiguous)
  if is_ambiguous and not HOLDS[word] then
    return "unknown"
  end
  return word
end

-- Marks an item as ambiguous and weakens its outcome accordingly.
function outcome.taint(item)
  item.ambiguous = true
  local word = outcome.weigh(item.outcome, true)
  if word ~= item.outcome then
    item.reason = item.reason or item.outcome
    item.outcome = word
  end
end

return outcome
