-- The end of a run of `stopmsg stop`: totals, reasons, next steps and exit code.

local advice = require("stopmsg.cli.advice")
local exit = require("stopmsg.cli.exit")
local output = require("stopmsg.cli.output")
local progress = require("stopmsg.cli.progress")
local reports = require("stopmsg.report")

local conclusion = {}

-- Reasons shown with the totals.
local MOST_REASONS = 5

-- Adds the figures and warnings of a further call to the summary.
function conclusion.add_report(summary, report)
  for _, name in ipairs({ "requests", "retries", "connections", "elapsed" }) do
    summary[name] = summary[name] + report[name]
  end
  for _, message in ipairs(report.warnings) do
    local is_known = false
    for _, known in ipairs(summary.warnings) do
      is_known = is_known or known == message
    end
    if not is_known then
      summary.warnings[#summary.warnings + 1] = message
    end
  end
end

-- Extends the library's counts to the whole input. Reasons are those of this run, which has seen no
-- others.
function conclusion.summarize(run, summary)
  summary.total = 0
  for word, count in pairs(run.counts) do
    summary.counts[word] = count
    summary.total = summary.total + count
  end
  summary.reasons = run.reasons
  run.shortage = run.found and run.found:shortage()
  run.is_refused = run.is_refused or (run.found and run.found:is_refused()) or false
  summary.ok = summary.counts.stopped == run:total() and not run.shortage
  summary.is_interrupted = run.signal ~= nil
  return summary
end

-- "timeout 49,990, http_503 10": the most common reasons; nil if there are none.
function conclusion.top_reasons(run)
  local list, parts = output.by_frequency(run.reasons), {}
  for i = 1, math.min(MOST_REASONS, #list) do
    parts[i] = ("%s %s"):format(list[i].reason, progress.grouped(list[i].count))
  end
  return #parts > 0 and table.concat(parts, ", ") or nil
end

-- Returns the most common reason of these outcomes; nil if there is none.
local function commonest(run, ...)
  local best, most = nil, 0
  for _, word in ipairs({ ... }) do
    for reason, count in pairs(run.own_reasons[word] or {}) do
      if count > most or (count == most and reason < best) then
        best, most = reason, count
      end
    end
  end
  return best
end

-- Returns advice on the next step; nil if there is nothing to do.
local function advice_of(run, summary)
  return advice.of({
    counts = summary.counts,
    reason_of = function(...)
      return commonest(run, ...)
    end,
    left = run:total() - summary.total,
    shortage = run.shortage,
    list_advice = run.found and run.found:advice(summary.total > 0 and 1 or 0),
    is_empty = run.found and summary.total == 0,
    journal = run.book and run.args.journal,
    lookup = run.lookup,
    has_verified = run.store ~= nil,
    unproven = run.store and run.unproven or 0,
    refused = run.is_refused and run.refusal or nil,
    rate_fault = run.rate_fault,
    is_strange = run.strange > 0 and not run.has_answer,
    pause = run.pause,
    clock = run.pause and os.date("%H:%M:%S", os.time() + math.ceil(run.pause)),
  })
end

function conclusion.report(run, summary)
  local host, args = run.host, run.args
  run.bar:clear()
  if not args.quiet then
    for _, message in ipairs(summary.warnings) do
      host:say("warning: " .. message)
    end
    if args.format ~= "text" or args.output or run.sink.failure then
      local reasons = conclusion.top_reasons(run)
      host:say(reports.totals(summary) .. (reasons and "; reasons: " .. reasons or ""))
    end
  end
  local is_told = run.signal or run.is_refused or run.rate_fault or not args.quiet
  local line = is_told and advice_of(run, summary)
  if run.fault then
    host:say(run.fault)
  elseif line then
    host:say((run.signal and "interrupted; " or "") .. line)
  elseif run.signal then
    host:say("interrupted; nothing left to do")
  end
  if run.fault or run.sink.failure then
    return exit.fault
  end
  return exit.of(summary.counts, {
    credentials = run.is_refused,
    signal = run.signal,
    unproven = run.store ~= nil and run.unproven > 0,
    shortage = run.shortage ~= nil,
    nothing = run.found ~= nil and summary.total == 0,
  })
end

return conclusion
