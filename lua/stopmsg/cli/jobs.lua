-- What the commands of a fleet share: feed, work, job, collect.

local address = require("stopmsg.fleet.address")
local check = require("stopmsg.fleet.check")
local connection = require("stopmsg.cli.connection")
local core = require("stopmsg.core")
local duration = require("stopmsg.cli.duration")
local exit = require("stopmsg.cli.exit")
local options = require("stopmsg.options")
local progress = require("stopmsg.cli.progress")
local sharing = require("stopmsg.cli.sharing")
local shared = require("stopmsg.shared")
local store = require("stopmsg.fleet.store")
local text = require("stopmsg.text")

local jobs = {}

-- Seconds for which a Redis that is away is waited for at first, and by commands that only look.
local PATIENCE = 5

-- Seconds between two looks for a job that is not fed yet.
local LOOK_EVERY = 0.5

-- The form of what is kept in Redis.
jobs.VERSION = "1"

jobs.about = [[
The job is kept by the Redis in STOPMSG_REDIS (redis://host:port, or rediss:// for TLS), its
password in STOPMSG_REDIS_PASSWORD. The token never goes there.

]]

function jobs.configure(parser)
  parser:argument("job", "Name of the job."):argname("JOB")
end

-- The same for commands that ask Redis only.
function jobs.configure_patience(parser)
  parser:option("--patience", "How long to wait while Redis is away (5; once at work, 60).")
    :argname("SECONDS"):convert(connection.seconds("patience"))
end

-- "12 ids", "1 id"
function jobs.ids(count)
  return ("%s id%s"):format(progress.grouped(count), count == 1 and "" or "s")
end

function jobs.entries(count)
  return ("%s %s"):format(progress.grouped(count), count == 1 and "entry" or "entries")
end

-- A name that no other process has, and that people know.
function jobs.own_name()
  local file = io.open("/proc/sys/kernel/hostname")
  local host = file and file:read("*l") or os.getenv("HOSTNAME") or "host"
  if file then
    file:close()
  end
  return ("%s/%d/%s"):format(host:gsub("[^%w.%-]", "-"), core.pid(), core.uuid():sub(1, 8))
end

-- A name as people know it.
function jobs.shown_name(name)
  return (text.printable(name):gsub("/%x%x%x%x%x%x%x%x$", ""))
end

-- Why Redis cannot be used, with where its address and password come from.
local function translate(message, has_password)
  if message:find("wants a password", 1, true) and not has_password then
    return ("%s: set %s"):format(message, sharing.PASSWORD)
  elseif message:find("refused the", 1, true) and has_password then
    return ("%s (the one in %s)"):format(message, sharing.PASSWORD)
  end
  return message
end

-- made = jobs.open(args, host): the storage of the job that args name; nil, code: it was told.
function jobs.open(args, host)
  local function refuse(message, code)
    host:say(message)
    return nil, code or exit.usage
  end
  local name, wrong = args.job, shared.name_fault(args.job)
  if wrong then
    return refuse(("the job %s: expected %s"):format(text.quote(name), wrong))
  end
  local url, password = host.getenv(sharing.ADDRESS), host.getenv(sharing.PASSWORD)
  if not url or url == "" then
    return refuse(("a job needs Redis: set %s=redis://host:port"):format(sharing.ADDRESS))
  end
  local place
  place, wrong = address.parse(url)
  if not place then
    return refuse(("%s %s"):format(sharing.ADDRESS,
      (wrong:gsub("give it apart from the address", "put it into " .. sharing.PASSWORD))))
  end
  local has_password = password ~= nil and password ~= ""
  local called, made = pcall(store.new, {
    address = place,
    password = has_password and password or nil,
    ca_file = args.ca_file,
  }, name)
  if not called then
    return refuse(tostring(made))
  end
  made.explain = function(message)
    return translate(message, has_password)
  end
  local patience = args.patience or PATIENCE
  local warnings, message, is_final = check.server(made.link, patience,
    jobs.waiter(host, patience))
  if not warnings then
    return refuse(made.explain(message), is_final and exit.usage or exit.undone)
  end
  for _, warning in ipairs(warnings) do
    host:say("warning: " .. warning)
  end
  made.lasting, made.patience = message, patience
  return made
end

-- Does nothing for so many seconds, but for what the connection wants.
function jobs.rest(made, host, seconds)
  local till = host.now() + seconds
  while host.now() < till do
    made:step()
    made.connection:wait(till - host.now())
  end
end

-- totals | nil, code: it was told. Where there is no such job that is told, too, unless absent() is
-- given: then it is asked for again, each time after that.
function jobs.totals(made, host, patience, on_wait, absent)
  local totals, message, is_final = made:wait(patience or made.patience, on_wait, "totals")
  if totals then
    if totals.job.version ~= jobs.VERSION then
      host:say(("the job %s was fed by another version of stopmsg"):format(made.job))
      return nil, exit.usage
    end
    return totals
  elseif totals == false and absent then
    absent()
    return jobs.totals(made, host, patience, on_wait, absent)
  elseif totals == false then
    host:say(("%s has no job %s: feed it first, stopmsg feed %s -p PROVIDER -i FILE"):format(
      made.name, made.job, made.job))
    return nil, exit.usage
  end
  return nil, jobs.fail(made, host, message, is_final)
end

-- code = jobs.fail(made, host, message, is_final): tells why a verb has no reply. Without a message
-- somebody ended the wait.
function jobs.fail(made, host, message, is_final)
  if message then
    host:say(made.explain(message))
  end
  return is_final and exit.usage or exit.undone
end

-- on_wait = jobs.waiter(host, patience): for Store:wait, tells once that Redis is away.
function jobs.waiter(host, patience, is_over)
  local told
  return function(trouble)
    if trouble and not told and not trouble:find("not answered yet", 1, true)
      and not trouble:find("not connected yet", 1, true) then
      told = trouble
      host:say(("%s: waiting up to %s"):format(trouble, duration.words(patience)))
    elseif not trouble then
      told = nil
    end
    return is_over and is_over()
  end
end

-- For a command that can be run again: the first signal is only recorded from now on, and a second
-- one ends it at once.
function jobs.hold(host)
  host.signals.farewell(host.command .. ": quit at once; run the same command again to go on\n")
  host.signals.hold(true)
end

jobs.default_patience = options.defaults.patience

-- The same of a job that may be fed later: waits for it, and says so once.
function jobs.awaited(made, host, patience)
  local has_told = false
  return jobs.totals(made, host, patience, jobs.waiter(host, patience), function()
    if not has_told then
      host:say(("%s has no job %s yet: waiting for stopmsg feed %s"):format(made.name, made.job,
        made.job))
      has_told = true
    end
    jobs.rest(made, host, LOOK_EVERY)
  end)
end

local NUMBERS = { "fed", "total", "size" }

-- How a job stands, in numbers. state: feeding, running, paused, cancelled, finished.
function jobs.standing(totals)
  local job, counts = totals.job, totals.counts
  local known = { counts = {}, settled = counts.settled or 0, dead = counts.dead or 0 }
  for _, name in ipairs(NUMBERS) do
    known[name] = tonumber(job[name]) or 0
  end
  for _, word in ipairs(require("stopmsg.meaning.outcome").names) do
    known.counts[word] = counts[word] or 0
  end
  -- Of a cancelled job: ids that may have been sent, and have no outcome.
  known.unsure = totals.unsure
  known.to_collect = known.settled - (counts.collected or 0)
  known.is_finished = known.fed == known.total and known.settled == known.total
  known.state = known.is_finished and "finished" or job.state
  if known.state == "running" and known.fed < known.total then
    known.state = job.feeder ~= "" and "feeding" or "not fed"
  end
  return known
end

-- What to do about a job that is gone. Fed again, it would know nothing of what was sent: the
-- "too late" of a message that it had stopped would be believed.
jobs.START_OVER = "start over with what stopmsg status shows as open"

return jobs
