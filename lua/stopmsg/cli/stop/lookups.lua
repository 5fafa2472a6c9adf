-- Lookups of `stopmsg stop --verify`: first of ids that an earlier run may have sent, and at the
-- end of ids that are not proven.

local conclusion = require("stopmsg.cli.stop.conclusion")
local duration = require("stopmsg.cli.duration")
local exit = require("stopmsg.cli.exit")
local outcome = require("stopmsg.meaning.outcome")
local progress = require("stopmsg.cli.progress")
local reports = require("stopmsg.report")

local lookups = {}

-- Maximum number of items held for verification.
local MAX_HELD = 100000

-- Ids looked up together before anything is sent.
local CHUNK = 2000

-- Returns a store for items that a lookup may still change. When it is full, settled items leave
-- first.
function lookups.new_store()
  return { settled = {}, open = {} }
end

local CERTAIN = { failed = true, skipped = true, denied = true, invalid = true, recalled = true }

-- Keeps an item for verification. Returns an item that there is no room for, or nil.
function lookups.keep(store, entry)
  local item = entry.item
  if item.verified or CERTAIN[item.outcome] then
    return entry
  end
  local list = outcome.all[item.outcome].settled and store.settled or store.open
  list[#list + 1] = entry
  if #store.settled + #store.open <= MAX_HELD then
    return nil
  end
  store.has_overflown = true
  return table.remove(store.settled) or table.remove(store.open)
end

-- Whether hold() has anything to do in this run.
function lookups.may_hold(run)
  return run.store ~= nil or (run.book ~= nil and run.book.has_late)
end

-- Keeps an unproven stop of an earlier run for a lookup instead of sending it again. What a killed
-- run may have kept back is in no file of results yet: it is output, now if nothing is looked up.
function lookups.hold(run, position, id)
  local open, book = run.store and run.store.open, run.book
  local is_late = book:is_late(position)
  if type(id) ~= "string" or not (is_late or (open and book:is_promised(position))) then
    return
  end
  local item = { id = id, outcome = (book:known(position)) }
  if open and #open < MAX_HELD then
    open[#open + 1] = { item = item, position = position, is_late = is_late }
  elseif is_late then
    run:begin() -- so that the journal tells when this run has output it
    run.sink:item(item, run.tail(item))
  end
end

-- Keeps all unproven stops of an earlier run for verification.
function lookups.hold_all(run, entries)
  for _, entry in ipairs(entries) do
    lookups.hold(run, entry.position, entry.id)
  end
end

-- Outcomes that a message's state settles. A stop that is on record proves no more, and is not sent
-- again.
local SETTLED = { stopped = true, accepted = true, too_late = true, not_stoppable = true,
  recalled = true }

-- Looks up ids that an earlier run may have sent, and outputs those that are settled. Ids that are
-- open or have no result remain to be sent.
local function settle_found(run, entries, summary)
  local list = {}
  for i, entry in ipairs(entries) do
    list[i] = entry.id
  end
  local found = run.client:status(list, {
    kind = run.args.dispatch and "dispatch" or "message",
    deadline = run.args.deadline or math.huge,
    is_interrupted = function()
      return run:tick()
    end,
  })
  for i, entry in ipairs(entries) do
    local seen = found[i]
    if (seen.state or seen.verified) and SETTLED[seen.outcome]
      and seen.reason ~= "gone_or_sent" then
      local item = { id = entry.id, outcome = seen.outcome, state = seen.state,
        message = seen.message, ambiguous = true,
        verified = seen.outcome ~= "accepted" or nil }
      local tail = run.tail(item)
      run:begin()
      run.counts.unknown = run.counts.unknown - 1
      run.settled = run.settled - 1
      run:count(item, 1)
      run.sink:item(item, tail) -- before the journal: see Run:take
      run.book:settle(entry.position, item, tail)
    end
    run.is_refused = run.is_refused or exit.is_end(seen)
  end
  conclusion.add_report(summary, found)
end

-- Looks up ids that an earlier run may have sent, before any is sent again. The returned report
-- counts only requests.
function lookups.look_first(run)
  local summary = reports.new()
  local entries = {}
  run.bar:wait_for("looking up ids that may have been sent")
  for position, id in run:unsettled() do
    local _, is_ambiguous = run.book:known(position)
    if is_ambiguous and type(id) == "string" then
      entries[#entries + 1] = { id = id, position = position }
    end
    if #entries == CHUNK then
      settle_found(run, entries, summary)
      entries = {}
    end
    if run.is_refused or run.has_ended then
      break
    end
  end
  if #entries > 0 and not run.is_refused and not run.has_ended then
    settle_found(run, entries, summary)
  end
  run.is_refused = false -- the stop itself may be allowed
  run.bar:wait_for(nil)
  return summary
end

-- Looks up the held items and outputs them.
function lookups.verify(run, summary)
  local store = run.store
  local report, entries = reports.new(), {}
  report.kind = summary.kind
  for _, list in ipairs({ store.open, store.settled }) do
    for _, entry in ipairs(list) do
      entries[#entries + 1] = entry
      report[#report + 1] = entry.item
      entry.before = { outcome = entry.item.outcome, reason = entry.item.reason,
        verified = entry.item.verified }
    end
  end
  if #entries > 0 and not run:tick() then
    local what = ("verifying %s, up to %s"):format(progress.grouped(#entries),
      duration.words(run.args.verify))
    run.bar:wait_for(what)
    if not run.args.quiet then
      run:tell(what)
    end
    run.client:verify(report, {
      timeout = run.args.verify,
      is_interrupted = function()
        return run:tick()
      end,
    })
  end
  for _, entry in ipairs(entries) do
    local item, before = entry.item, entry.before
    if entry.is_late then
      run:begin()
    end
    run.sink:item(item, run.tail(item))
    if item.outcome ~= before.outcome or item.verified ~= before.verified then
      run:count(before, -1)
      run:count(item, 1)
      if run.book then
        run:begin()
        run.book:outcome(entry.position, item, run.tail(item))
      end
    end
  end
  conclusion.add_report(summary, report)
  if store.has_overflown then
    table.insert(summary.warnings,
      ("only the first %s unproven ids were looked up"):format(progress.grouped(MAX_HELD)))
  end
  if run.unproven > 0 then
    table.insert(summary.warnings, ("the provider confirmed %s stop%s, but no lookup proved %s "
      .. "within %s"):format(progress.grouped(run.unproven), run.unproven == 1 and "" or "s",
      run.unproven == 1 and "it" or "them", duration.words(run.args.verify)))
  end
end

return lookups
