-- stopmsg job

local connection = require("stopmsg.cli.connection")
local exit = require("stopmsg.cli.exit")
local jobs = require("stopmsg.cli.jobs")
local outcome = require("stopmsg.meaning.outcome")
local progress = require("stopmsg.cli.progress")
local record = require("stopmsg.record")
local text = require("stopmsg.text")

local command = {
  name = "job",
  summary = "show how a job stands, and control it",
  examples = [[
Examples:
  stopmsg job friday
  stopmsg job friday --watch
  stopmsg job friday --pause
]],
}

-- Seconds between two looks with --watch.
local EVERY = 1

-- Entries that are moved or forgotten at a time.
local PIECE = 500

local ACTIONS = { "pause", "resume", "cancel", "retry", "forget" }

function command.configure(parser)
  jobs.configure(parser)
  parser:flag("--watch", "Continue until the job is finished.")
  parser:flag("--pause", "Pause the workers.")
  parser:flag("--resume", "Resume after --pause.")
  parser:flag("--cancel", "End the job; unsettled ids stay unsettled.")
  parser:flag("--retry", "Retry dead entries.")
  parser:flag("--forget", "Remove the job and all its results from Redis.")
  parser:flag("-y --yes", "Do not ask for confirmation.")
  jobs.configure_patience(parser)
  connection.configure_ca(parser)
  parser:option("--format", "Format: text or json (text).")
    :argname("FORMAT"):choices({ "text", "json" }):default("text"):show_default(false)
  parser:epilog([[
An entry is dead when three workers in a row were lost with it, and none settled an id of it.
--forget wants --yes as long as ids are not settled, or results not collected.

]] .. jobs.about .. exit.about_job)
end

-- code = command.code(known): of a job as it stands.
function command.code(known)
  local counts = {}
  for word, count in pairs(known.counts) do
    counts[word] = count
  end
  if known.state == "cancelled" then
    counts.unknown = (counts.unknown or 0) + known.unsure
    counts.skipped = (counts.skipped or 0) + known.total - known.settled - known.unsure
  elseif not known.is_finished then
    return exit.unfinished
  end
  return exit.of(counts)
end

local function settled_in_words(known)
  local said = progress.outcomes(known.counts)
  return progress.grouped(known.settled) .. (said ~= "" and ": " .. said or "")
end

local STATES = {
  ["not fed"] = "not all ids are in it, and no feed runs: run stopmsg feed again",
}

-- Lines for people.
local function lines_of(made, totals, known)
  local job = totals.job
  local lines = {
    ("job        %s: %s, %s%s"):format(made.job, text.printable(job.provider),
      jobs.ids(known.total), job.kind == "dispatch" and " (dispatches)" or ""),
    ("state      %s"):format(STATES[known.state] or known.state),
    ("fed        %s of %s%s"):format(progress.grouped(known.fed), progress.grouped(known.total),
      job.feeder ~= "" and ", by " .. jobs.shown_name(job.feeder) or ""),
    ("settled    %s"):format(settled_in_words(known)),
    ("waiting    %s"):format(jobs.entries(totals.waiting)),
    ("at work    %s"):format(jobs.entries(totals.held)),
  }
  table.sort(totals.workers, function(a, b)
    return a.name < b.name
  end)
  for _, worker in ipairs(totals.workers) do
    if worker.held > 0 then
      lines[#lines + 1] = ("           %s: %s, heard %.0f s ago"):format(
        jobs.shown_name(worker.name), jobs.entries(worker.held), worker.idle)
    end
  end
  if known.dead > 0 then
    lines[#lines + 1] = ("dead       %s, %s: stopmsg job %s --retry retries them"):format(
      jobs.entries(totals.dead), jobs.ids(known.dead), made.job)
  end
  if known.unsure > 0 then
    lines[#lines + 1] = ("unsure     %s may have been sent, and have no outcome"):format(
      jobs.ids(known.unsure))
  end
  lines[#lines + 1] = ("results    %s to be collected%s"):format(progress.grouped(known.to_collect),
    known.to_collect > 0 and (": stopmsg collect %s -o FILE"):format(made.job) or "")
  return lines
end

local function as_json(made, totals, known)
  local counts = {}
  for i, name in ipairs(outcome.names) do
    counts[i] = ('"%s":%.0f'):format(name, known.counts[name])
  end
  local workers = {}
  for i, worker in ipairs(totals.workers) do
    workers[i] = ('{"name":%s,"entries":%.0f,"idle":%.3f}'):format(record.quote(worker.name),
      worker.held, worker.idle)
  end
  return ('{"job":%s,"provider":%s,"state":%s,"total":%.0f,"fed":%.0f,"settled":%.0f,"counts":{%s},'
    .. '"waiting":%.0f,"held":%.0f,"dead":%.0f,"dead_ids":%.0f,"unsure":%.0f,"to_collect":%.0f,'
    .. '"workers":[%s]}'):format(record.quote(made.job), record.quote(totals.job.provider),
    record.quote(known.state), known.total, known.fed, known.settled, table.concat(counts, ","),
    totals.waiting, totals.held, totals.dead, known.dead, known.unsure, known.to_collect,
    table.concat(workers, ","))
end

-- Prints how it stands. Returns whether that could be written.
local function show(args, host, made, totals, known)
  if args.format == "json" then
    host.stdout:write(as_json(made, totals, known), "\n")
  else
    host.stdout:write(table.concat(lines_of(made, totals, known), "\n"), "\n")
  end
  return host.stdout:flush() ~= nil
end

-- Says a verb. reply | nil, code
local function say(made, host, ...)
  local reply, message, is_final = made:wait(made.patience, nil, ...)
  if reply then
    return reply
  end
  return nil, jobs.fail(made, host, message, is_final)
end

local STATE = { pause = "paused", resume = "running", cancel = "cancelled" }

local function change(made, host, action)
  local reply, code = say(made, host, "change", STATE[action])
  if not reply then
    return code
  elseif reply[1] == "cancelled" and action ~= "cancel" then
    host:say(("the job %s is cancelled: that cannot be undone"):format(made.job))
    return exit.usage
  end
  host:say(("the job %s is %s"):format(made.job, reply[2]))
end

local function retry(made, host)
  local moved = 0
  while true do
    local reply, code = say(made, host, "retry", PIECE)
    if not reply then
      return code
    end
    moved = moved + reply[1]
    if reply[2] == 0 or reply[1] == 0 then
      break
    end
  end
  host:say(moved > 0 and ("%s to be retried"):format(jobs.entries(moved))
    or ("the job %s has no dead entries"):format(made.job))
end

local function forget(args, made, host, totals, known)
  if not args.yes then
    local why
    if not known.is_finished and known.state ~= "cancelled" then
      why = ("%s are not settled"):format(jobs.ids(known.total - known.settled))
    elseif known.to_collect > 0 then
      why = ("the results of %s are not collected"):format(jobs.ids(known.to_collect))
    elseif totals.held > 0 then
      why = ("workers hold %s"):format(jobs.entries(totals.held))
    end
    if why then
      host:say(("%s: pass --yes to forget the job %s anyway"):format(why, made.job))
      return exit.usage
    end
  end
  repeat
    local reply, code = say(made, host, "forget", PIECE)
    if not reply then
      return code
    end
  until reply[1] == 0
  host:say(("the job %s is forgotten"):format(made.job))
end

local function watch(args, host, made)
  local shown
  local patience = args.patience or jobs.default_patience
  local totals, code = jobs.awaited(made, host, patience)
  while totals do
    local known = jobs.standing(totals)
    local is_over = known.is_finished or known.state == "cancelled"
    local line = ("%s: %s of %s settled (%s), %s at work, %s to be collected"):format(known.state,
      progress.grouped(known.settled), jobs.ids(known.total),
      progress.outcomes(known.counts, "unknown"), jobs.entries(totals.held),
      progress.grouped(known.to_collect))
    if is_over then
      show(args, host, made, totals, known)
      return command.code(known)
    elseif args.format == "json" then
      if not show(args, host, made, totals, known) then
        return command.code(known)
      end
    elseif line ~= shown then
      shown = line
      host:say(line)
    end
    jobs.rest(made, host, EVERY)
    totals, code = jobs.totals(made, host, patience, jobs.waiter(host, patience))
  end
  return code
end

-- code = command.run(args, host)
function command.run(args, host)
  local action
  for _, name in ipairs(ACTIONS) do
    if args[name] and action then
      host:say(("use only one of --%s and --%s"):format(action, name))
      return exit.usage
    end
    action = args[name] and name or action
  end
  if action and args.watch then
    host:say(("use only one of --watch and --%s"):format(action))
    return exit.usage
  end
  local made, code = jobs.open(args, host)
  if not made then
    return code
  elseif args.watch then
    code = watch(args, host, made)
    made:close()
    return code
  end
  local totals
  totals, code = jobs.totals(made, host)
  if not totals then
    return code
  end
  if action == "forget" then
    code = forget(args, made, host, totals, jobs.standing(totals)) or exit.ok
  elseif action then
    code = (action == "retry" and retry(made, host))
      or (STATE[action] and change(made, host, action)) or exit.ok
  else
    local known = jobs.standing(totals)
    show(args, host, made, totals, known)
    code = command.code(known)
  end
  made:close()
  return code
end

return command
