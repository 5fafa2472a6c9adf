-- stopmsg work

local clients = require("stopmsg.client")
local connection = require("stopmsg.cli.connection")
local duration = require("stopmsg.cli.duration")
local exit = require("stopmsg.cli.exit")
local jobs = require("stopmsg.cli.jobs")
local native = require("stopmsg.command")
local output = require("stopmsg.cli.output")
local progress = require("stopmsg.cli.progress")
local providers = require("stopmsg.provider")
local results = require("stopmsg.cli.results")
local sharing = require("stopmsg.cli.sharing")
local text = require("stopmsg.text")
local worker = require("stopmsg.fleet.worker")

local command = {
  name = "work",
  holds_signals = true,
  summary = "work on a job: take ids and stop them",
  examples = [[
Examples:
  stopmsg work friday
  stopmsg work friday --rate 50 --shared revicom-main --once
]],
}

-- Seconds for which a worker that is not heard of keeps its entries.
local LEASE = 30
local LEAST_LEASE, LONGEST_LEASE = 1, 86400

-- Ids that may wait in a worker to be sent: as many as keep its requests in flight.
local LEAST_WAITING, MOST_WAITING = 64, 10000

-- Requests in flight where the user names no number.
local BATCHES_IN_FLIGHT, SINGLES_IN_FLIGHT = 4, 16

-- Pauses and outages of so many seconds are told.
local LONG = 2

-- Seconds for which a worker that ends waits for Redis at most.
local LEAVE = 10

function command.configure(parser)
  jobs.configure(parser)
  connection.configure(parser)
  parser:option("--lease", ("Seconds after which a silent worker's ids go to others (%d)."):format(
    LEASE)):argname("SECONDS"):convert(connection.seconds("lease"))
  parser:flag("--once", "Do not wait: end when nothing is left to take, or there is no such job.")
  connection.configure_pace(parser)
  sharing.configure(parser)
  parser:option("--progress", "Progress display: auto, bar, plain or none (auto)."):argname("HOW")
    :choices({ "auto", "bar", "plain", "none" }):default("auto"):show_default(false)
  parser:flag("-q --quiet", "Print only results and errors.")
  parser:flag("-v --verbose", "Print a line for each response.")
  parser:epilog([[
Provider and settings come with the job. Address and token are this worker's own, and so is -p FILE
where the provider is not built in; a job for another address is refused. Waits for a job that is
not fed yet. Ends when the job is finished or cancelled. Results are for stopmsg collect.

What this worker could not ask the provider goes back to the job, and the worker ends: others go on.
SIGTERM finishes what is in flight, and gives the rest back.

]] .. jobs.about .. exit.about_work)
end

-- true | nil, message: what the job says of its provider becomes options of this worker.
local function adopt(args, host, job)
  local own = args.provider
  if not own and not providers.is_built_in(job.provider) then
    return nil, ("the job is for %s, which is not built in: pass its definition with -p FILE")
      :format(text.quote(job.provider))
  end
  args.provider = own or job.provider
  local provider, message = connection.provider(args, host)
  if not provider then
    return nil, message
  elseif provider.name ~= job.provider then
    return nil, ("the job is for %s, but -p names %s"):format(text.quote(job.provider),
      text.quote(provider.name))
  end
  args.set = args.set or {}
  for line in job.settings:gmatch("[^\n]+") do
    table.insert(args.set, line)
  end
  args.dispatch = job.kind == "dispatch"
  args.undocumented = job.flags:find("undocumented", 1, true) ~= nil
  args.all = job.flags:find("all", 1, true) ~= nil
  return provider
end

-- What the library tells while it works, for people.
local Listener = {}
Listener.__index = Listener

function Listener:tell(line)
  self.bar:clear()
  self.host:say(line)
end

function Listener:notice(event)
  local kind, is_quiet = event.type, self.args.quiet
  if kind == "response" and self.args.verbose then
    self:tell(output.event(event))
  elseif kind == "retry" then
    self.bar:trouble(("%s, trying again"):format(event.reason or "no answer"))
  elseif kind == "throttle" then
    self.bar:wait_for("pause", self.host.now() + event.delay)
    if event.delay > LONG and not is_quiet then
      self:tell(("the provider asked for a pause: sending nothing for %s"):format(
        duration.words(event.delay)))
    end
  elseif kind == "outage" and event.of == "rate" then
    self.bar:wait_for(event.phase == "begin" and "waiting for the shared rate" or nil)
  elseif kind == "outage" and event.phase == "begin" then
    self.bar:outage(output.failure(event))
    if not is_quiet then
      self:tell("the provider does not answer: " .. output.failure(event))
    end
  elseif kind == "outage" then
    self.bar:outage(nil)
    if event.reason == "answered" and event.elapsed >= LONG and not is_quiet then
      self:tell(("the provider is answering again after %s"):format(duration.words(event.elapsed)))
    end
  end
end

local function counts_in_words(counts)
  local said = progress.outcomes(counts)
  return said ~= "" and ": " .. said or ""
end

local Work = {}
Work.__index = Work

-- Called often while the run goes on. Whether it is to end.
function Work:tick()
  local host, now = self.host, self.host.now()
  self.worker:step()
  self.bar:tick(now, self.worker.settled, self.worker.counts)
  if not self.signal then
    self.signal = host.signals.signal()
    if self.signal then
      self.worker:stop()
      self.listener:tell("stopping: what is in flight is finished, up to 2 s; "
        .. "Ctrl-C again to leave now")
    end
  end
  local trouble = self.store.link:trouble() or self.worker.trouble
  if not trouble then
    self.away_since, self.has_told = nil, false
  else
    self.away_since = self.away_since or now
    if now - self.away_since >= LONG and not self.has_told then
      self.has_told = true
      self.listener:tell(("%s: waiting up to %s"):format(trouble,
        duration.words(self.patience)))
    end
    if now - self.away_since >= self.patience then
      self.lost = trouble
    end
  end
  return self.signal ~= nil or self.lost ~= nil or self.worker.fault ~= nil
end

-- Why the worker ended, in words, and the exit code.
function Work:close(is_told)
  local made, store = self.worker, self.store
  local failure, ending = made.failure, made.ending
  local done = ("%s settled here%s"):format(jobs.ids(made.settled), counts_in_words(made.counts))
  local lost = made.fault or self.lost or (not is_told and store.link:trouble())
  if failure and failure.reason == "credentials" then
    return ("%s; what this worker held went back to the job; %s"):format(
      connection.refused(self.args), done), exit.credentials
  elseif lost and not (failure or self.signal) then
    return ("%s; what this worker held goes to others when its lease is over; %s"):format(
      store.explain(lost), done), made.fault and made.settled == 0 and exit.usage or exit.undone
  elseif self.signal then
    return ("interrupted; %s; %s"):format(is_told and "what this worker held went back to the job"
      or "what this worker held goes to others when its lease is over", done),
      exit.signal + self.signal
  elseif failure then
    local why = failure.message and ("%s: %s"):format(failure.reason or failure.outcome,
      failure.message) or failure.reason or failure.outcome
    return ("the provider could not be asked (%s); what this worker held went back to the job; %s")
      :format(why, done), exit.undone
  elseif self.why_ended and not ending then
    return ("the provider could not be asked (%s); what this worker held went back to the job; %s")
      :format(self.why_ended, done), exit.undone
  elseif ending == "over" then
    return ("the job %s is finished; %s"):format(store.job, done), exit.ok
  elseif ending == "dead" then
    return ("all that is left of the job %s is in dead entries: stopmsg job %s --retry gives them "
      .. "out again; %s"):format(store.job, store.job, done), exit.ok
  elseif ending == "cancelled" then
    return ("the job %s is cancelled; %s"):format(store.job, done), exit.ok
  elseif ending == "lost" then
    return ("%s has lost the job %s: unless its feed still runs, %s; %s"):format(store.name,
      store.job, jobs.START_OVER, done), exit.undone
  elseif made.is_paused then
    return ("the job %s is paused; %s"):format(store.job, done), exit.ok
  end
  return ("nothing is left to take; %s"):format(done), exit.ok
end

local function run(args, host, with)
  local operation, client, store = with.operation, with.client, with.store
  local limit = math.min(args.batch_size or operation.limit, operation.limit)
  local in_flight = args.concurrency or (limit > 1 and BATCHES_IN_FLIGHT or SINGLES_IN_FLIGHT)
  local self = setmetatable({
    host = host,
    args = args,
    store = store,
    patience = args.patience or jobs.default_patience,
    listener = with.listener,
  }, Work)
  self.worker = worker.new({
    store = store,
    me = jobs.own_name(),
    lease = args.lease or LEASE,
    clock = host.now,
    time = native.process.time,
    line = results.writer(),
    most = math.max(LEAST_WAITING, math.min(MOST_WAITING, in_flight * limit)),
    batch = limit,
    is_once = args.once,
  })
  self.bar = progress.new({
    host = host,
    mode = args.quiet and "none" or args.progress,
    total = 0,
    words = function()
      return ("%s settled here%s"):format(jobs.ids(self.worker.settled),
        counts_in_words(self.worker.counts))
    end,
  })
  with.listener.bar = self.bar
  host.signals.farewell(("%s%s: quit at once; other workers take over what this one held once its "
    .. "lease has expired\n"):format(self.bar:farewell(), host.command))
  host.signals.hold(true)
  local items, report, running = clients.stream(client, function(chunk, want)
    return self.worker:fill(chunk, want)
  end, {
    kind = args.dispatch and "dispatch" or "message",
    all = args.all,
    is_interrupted = function()
      return self:tick()
    end,
  })
  self.worker.ended = function()
    return running:ended()
  end
  for item, place in items do
    self.worker:take(item, place)
  end
  self.why_ended = running:ended()
  local since = host.now()
  local is_told = self.worker:finish(function()
    store.connection:wait(math.max(0, math.min(store.link:due(), 0.05)))
    local waited = host.now() - since
    return waited >= LEAVE or (store.link.fault ~= nil and waited >= self.patience)
  end)
  self.bar:clear()
  if not args.quiet then
    for _, message in ipairs(report.warnings) do
      host:say("warning: " .. message)
    end
  end
  local line, code = self:close(is_told)
  if not args.quiet or code ~= exit.ok then
    host:say(line)
  end
  return code
end

-- code = command.run(args, host)
function command.run(args, host)
  local function refuse(message, code)
    host:say(message)
    return code or exit.usage
  end
  local lease = args.lease or LEASE
  if lease < LEAST_LEASE or lease > LONGEST_LEASE then
    return refuse(("--lease: from %d s to a day is expected"):format(LEAST_LEASE))
  end
  local store, code = jobs.open(args, host)
  if not store then
    return code
  end
  local totals
  if args.once then
    totals, code = jobs.totals(store, host)
  else
    totals, code = jobs.awaited(store, host, args.patience or jobs.default_patience)
  end
  if not totals then
    return code
  end
  local provider, message = adopt(args, host, totals.job)
  if not provider then
    return refuse(message)
  end
  local shared, unshared = sharing.open(args, host)
  if unshared then
    return refuse(unshared)
  end
  args.rate_function = shared and shared.rate or nil
  local listener = setmetatable({ host = host, args = args }, Listener)
  local client
  client, message = connection.open(args, host, provider, function(event)
    listener:notice(event)
  end)
  if not client then
    return refuse(message)
  end
  local operation
  operation, message = clients.operation(client, "stop", args.dispatch and "dispatch" or "message",
    args.all)
  if not operation then
    return refuse(connection.translate(message))
  end
  local digest = native.digest()
  digest:add(clients.address(client, operation))
  if digest:hex() ~= totals.job.address then
    return refuse(("the job %s is for another address than %s, which this worker would ask%s; give "
      .. "--base-url as feed was given it"):format(args.job, args.shown_url,
      args.base_url_from and (" (from %s)"):format(args.base_url_from) or ""))
  end
  if shared then
    local can_share, unable = shared:check(host)
    if not can_share then
      return refuse(unable)
    end
  end
  connection.tell_address(args, host)
  code = run(args, host, { client = client, operation = operation, store = store,
    listener = listener })
  client:close()
  store:close()
  return code
end

return command
