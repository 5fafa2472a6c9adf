-- stopmsg collect

local connection = require("stopmsg.cli.connection")
local exit = require("stopmsg.cli.exit")
local jobs = require("stopmsg.cli.jobs")
local job_command = require("stopmsg.cli.job")
local progress = require("stopmsg.cli.progress")
local results = require("stopmsg.cli.results")

local command = {
  name = "collect",
  holds_signals = true,
  summary = "take the results of a job out of Redis",
  examples = [[
Examples:
  stopmsg collect friday -o friday.ndjson
  stopmsg collect friday -o friday.ndjson --watch
]],
}

-- Pieces of results that are taken at a time, and seconds between two looks with --watch.
local PIECES, EVERY = 64, 0.5

function command.configure(parser)
  jobs.configure(parser)
  parser:option("-o --output", "Write the results to this file."):argname("FILE")
  parser:flag("--watch", "Continue until the job is finished.")
  jobs.configure_patience(parser)
  connection.configure_ca(parser)
  parser:option("--progress", "Progress display: auto, bar, plain or none (auto)."):argname("HOW")
    :choices({ "auto", "bar", "plain", "none" }):default("auto"):show_default(false)
  parser:flag("-q --quiet", "Print only results and errors.")
  parser:epilog([[
FILE is NDJSON, a result a line: "n" is the position in the input, "at" milliseconds since 1970, and
the rest is an item. What FILE holds already is kept, and not written again. Results are on disk
before they leave Redis.

]] .. jobs.about .. exit.about_job)
end

-- Takes what is there. How many ids, or nil, code: it was told.
local function take(made, host, file, patience, on_wait)
  local taken = 0
  while true do
    local pieces, message, is_final = made:wait(patience, on_wait, "results", PIECES)
    if not pieces then
      return nil, jobs.fail(made, host, message, is_final)
    elseif #pieces == 0 then
      return taken
    end
    local wrote, why, is_fault = file:add(pieces)
    if not wrote then
      host:say(why)
      return nil, is_fault and exit.fault or exit.usage
    end
    local names = {}
    for i, piece in ipairs(pieces) do
      names[i] = piece.id
      taken = taken + piece.count
    end
    local removed
    removed, message, is_final = made:wait(patience, on_wait, "remove", names)
    if not removed then
      return nil, jobs.fail(made, host, message, is_final)
    elseif on_wait(nil) then
      return taken
    end
  end
end

-- code = command.run(args, host)
function command.run(args, host)
  local function refuse(message)
    host:say(message)
    return exit.usage
  end
  if not args.output then
    return refuse("no output file: use -o FILE")
  end
  local made, code = jobs.open(args, host)
  if not made then
    return code
  end
  local patience = args.patience or jobs.default_patience
  local totals
  if args.watch then
    totals, code = jobs.awaited(made, host, patience)
  else
    totals, code = jobs.totals(made, host)
  end
  if not totals then
    return code
  end
  local file, message, is_fault = results.open(args.output, tonumber(totals.job.total))
  if not file then
    host:say(message)
    return is_fault and exit.fault or exit.usage
  end
  jobs.hold(host)
  local known = jobs.standing(totals)
  local bar = progress.new({ host = host, mode = args.quiet and "none" or args.progress,
    total = known.total, words = function()
      return ("%s of %s collected"):format(progress.grouped(file.count), jobs.ids(known.total))
    end })
  local signal
  local on_wait = jobs.waiter({ say = function(_, line)
    bar:clear()
    host:say(line)
  end }, patience, function()
    bar:tick(host.now(), file.count, {})
    signal = signal or host.signals.signal()
    return signal ~= nil
  end)
  local taken
  repeat
    taken, code = take(made, host, file, patience, on_wait)
    if taken and not signal then
      totals, code = jobs.totals(made, host, patience, on_wait)
      known = totals and jobs.standing(totals)
    end
    local is_done = not taken or not totals or signal
      or ((known.is_finished or known.state == "cancelled" and totals.held == 0)
      and known.to_collect <= 0)
    local till = host.now() + EVERY
    while args.watch and not is_done and host.now() < till and not on_wait(nil) do
      made:step()
      made.connection:wait(math.min(0.1, till - host.now()))
    end
  until is_done or not args.watch
  bar:clear()
  local closed, why = file:close()
  made:close()
  if not closed then
    host:say(why)
    return exit.fault
  elseif signal then
    host:say("interrupted; run the same command again to go on")
    return exit.signal + signal
  elseif not taken or not totals then
    return code
  end
  if not args.quiet then
    local elsewhere = known.settled - known.to_collect - file.count
    host:say(("%s holds %s%s%s"):format(args.output, jobs.ids(file.count), elsewhere > 0
      and (" (%s of the job were collected into another file)"):format(jobs.ids(elsewhere)) or "",
      known.is_finished and (": the job %s is finished"):format(args.job)
      or ("; the job %s is %s: %s of %s settled"):format(args.job,
        known.state == "cancelled" and known.state or "not finished",
        progress.grouped(known.settled), jobs.ids(known.total))))
  end
  return job_command.code(known)
end

return command
