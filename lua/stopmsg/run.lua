-- The run loop: takes ids from a source, sends them in batches, decides what the answers mean,
-- repeats what may be repeated, and hands out one item an id as each settles.
--
-- It is a stream from end to end: what is read ahead, in flight and settled but not handed out is
-- bounded, whatever the length of the source. Nothing here knows a provider, and nothing waits but
-- through `pool.wait`.

local answer = require("stopmsg.answer")
local compat = require("stopmsg.compat")
local intake = require("stopmsg.intake")
local retry = require("stopmsg.retry")
local settleds = require("stopmsg.settled")
local text = require("stopmsg.text")

local run = {}

-- More different warnings than this tell nobody anything.
local MAX_WARNINGS = 50

-- Seconds that a consumer may keep us from looking at the network, and how many where it shares
-- its thread with others, which then get their turn.
local LOOK_EVERY, SHARE_EVERY = 0.005, 0.001

-- Batches that wait for their repeat, by request in flight, from which on no new ids are read.
local MAX_WAITING = 4

-- After an interruption, what is in flight may take this many seconds. How often is asked whether
-- there was one.
local GRACE, ASK_EVERY = 2, 0.1

-- Ids of a call whose run is used again, and how many such runs are kept.
local SMALL, MOST_IDLE = 16, 1024

-- What every use of a closed client says.
run.CLOSED = "attempt to use a closed client"

-- What a run says that was left in the middle of something, for the lack of memory: nobody knows
-- any more what became of its ids.
run.TORN = "attempt to go on with a run that broke off"

local Run = {}
Run.__index = Run

-- Calls what is the user's. At these places nothing of the run is half done: should it raise, the
-- run can be gone on with.
local function outside(self, f, ...)
  local is_inside = self._is_torn
  self._is_torn = false
  local given = f(...)
  self._is_torn = is_inside
  return given
end

local function warn(self, message, is_own)
  local warnings = self._task.summary.warnings
  message = is_own and message or text.clean(message, self._pool.redact)
  for _, known in ipairs(warnings) do
    if known == message then
      return
    end
  end
  if message and #warnings < MAX_WARNINGS then
    warnings[#warnings + 1] = message
  end
end

-- A run on the connections of `pool`, without a task yet. What run.new() does not set anew is empty
-- again at the end of a run, or belongs to the pool.
local function new(pool)
  local self = setmetatable({
    _pool = pool,
    _task = nil,
    _retry = retry.new({}),
    _intake = nil,
    _settled = nil,
    _must_share = nil, -- a function: whether others have waited for long enough
    _items = nil, -- the slice that is being handed out, up to _count
    _places = nil,
    _at = 0,
    _count = 0,
    _waiting = {}, -- batches that will be sent again, each from its time `at` on
    _partial = nil, -- a batch that is being read
    _is_cut = false, -- reading it was stopped so that others get their turn
    _held = nil, -- a batch that found no free slot
    _inbox = {}, -- answers that another run of the client collected for us
    _events = {}, -- for the user's hook, in their order
    _in_flight = 0,
    _has_begun = false, -- to give out items
    _has_renewed = false, -- the token
    _has_form = false, -- an answer was the provider's own
    _has_strangers = false, -- one was not
    _is_torn = false, -- whether it is in the middle of something, users' functions apart
    _on_way = 0, -- answers of it on their way to the inbox; left there, they are lost
    _ended = nil, -- why nothing more is sent
    _abandons_at = nil, -- when what is in flight is given up after an interruption
    _started = 0,
    _looked = 0, -- when the network was last looked at
    _skip = 0, -- items to hand out before the clock is asked again
    _gap = 1,
  }, Run)
  self._must_share = pool.breathe and function()
    return pool.clock() - self._looked >= SHARE_EVERY
  end
  self._intake = intake.new(function(chunk, want)
    return outside(self, self._task.source, chunk, want)
  end)
  self._settled = settleds.new(self._intake, pool.redact, function(message)
    warn(self, message)
  end, pool.breathe ~= nil)
  return self
end

-- A run over `task`, on the connections of `pool`.
--
-- pool, shared by all runs of a client: engine, clock (a function), wait(engine, seconds,
-- was_busy, run), breathe() or nil, pacer, flights (slot -> batch), generation (number of the
-- current token), renew() or nil, redact(text), emit(event) or nil, is_closed, idle_runs (a list of
-- runs to be used again) or nil.
--
-- task: operation (checked definition), number (of the operation in the engine), source (see
-- source.lua), limit (ids a batch), concurrency, timeout, deadline (a time), max_attempts, random
-- or nil, format, provider (its name), summary (a report to count in), on_item or nil,
-- is_interrupted (a function) or nil, result (a list that gets all items at their places, with a
-- repeated id known for the whole run) and total (places in the source), or neither.
function run.new(pool, task)
  local self = pool.idle_runs and table.remove(pool.idle_runs) or new(pool)
  self._task = task
  self._retry:begin(task)
  self._intake:begin(task.operation.id, task.limit, task.result, task.total)
  self._settled:begin(task.operation, task.limit)
  self._items, self._places, self._at, self._count = nil, nil, 0, 0
  self._has_begun, self._has_renewed, self._ended, self._abandons_at = false, false, nil, nil
  self._has_form, self._has_strangers = false, false
  self._started, self._looked, self._skip, self._gap = pool.clock(), 0, 0, 1
  return self
end

-- Keeps a small run that has ended well for the next call: with hundreds of calls at a time, its
-- tables are most of what the collector would have to do.
local function give_back_run(self)
  local idle, task = self._pool.idle_runs, self._task
  local is_small = task.total and task.total <= SMALL
  -- One that was interrupted may have left answers that are still to come.
  if idle and is_small and #idle < MOST_IDLE and not self._abandons_at then
    -- What is the caller's must not stay here.
    self._settled:forget()
    self._task, self._intake.result, self._intake.seen = nil, nil, nil
    idle[#idle + 1] = self
  end
end

-- Moves what can be moved. Whether an answer is there.
local function step(pool)
  local moved, found = pool.engine:step()
  if not moved then
    error("libcurl: " .. found, 0)
  end
  return found
end

-- Tells the user's hook.
local function emit(self, event)
  event.provider = self._task.provider
  event.operation = self._task.operation.name
  outside(self, self._pool.emit, event)
  if self._pool.is_closed then
    error(run.CLOSED, 0)
  end
end

-- Notes an event to be told in its turn, when nothing is half done: a hook may raise.
local function note(self, event)
  if self._pool.emit then
    self._events[#self._events + 1] = event
  end
end

local function tell(self)
  while self._events[1] do
    emit(self, table.remove(self._events, 1))
  end
end

-- The next ids of the source as a batch; nil where there are none for now.
local function read_batch(self)
  local batch = self._partial or self._intake:batch()
  -- Kept while the source is asked: should that raise, what it gave before is not lost.
  self._partial = batch
  local must_share = self._must_share
  if not must_share and not self._has_begun and self._in_flight > 0 then
    -- The first answer is not to wait for the ids of others.
    must_share = function()
      return step(self._pool)
    end
  end
  self._is_cut = self._intake:read(batch, self._settled, must_share)
  if self._is_cut then
    return nil
  end
  self._partial = nil
  return batch.count > 0 and batch or nil
end

-- The batch that is due to be sent at `now`.
local function due_batch(self, now)
  local batch = self._held
  if batch then
    self._held = nil
    return batch
  end
  local waiting = self._waiting
  for i = 1, #waiting do
    if waiting[i].at <= now then
      return table.remove(waiting, i)
    end
  end
  -- An outage must not make a heap of what the source gives.
  if not self._intake.is_over and #waiting < MAX_WAITING * self._task.concurrency then
    return read_batch(self)
  end
end

-- Sends both halves of a batch that was refused as a whole; an id that stands alone is at fault.
local function halve(self, batch, verdict, now)
  if batch.count == 1 then
    return self._settled:add(batch, verdict)
  end
  local middle = math.floor(batch.count / 2)
  batch.at = now
  if batch.attempts > 0 then
    -- What holds should the time be over before the halves are sent.
    batch.last = { outcome = "failed", reason = verdict.reason, code = verdict.code,
      http = verdict.http, message = verdict.message }
  end
  -- In front of what waits for its time: it is due at once.
  table.insert(self._waiting, 1, intake.part(batch, middle + 1, batch.count))
  table.insert(self._waiting, 1, intake.part(batch, 1, middle))
end

local TOO_LARGE = { outcome = "invalid", reason = "too_large", message = "too large for a request" }

-- Nothing may come between the engine and what is noted here: a finalizer that uses the client
-- would take the answer, or the slot.
local submit = compat.interpreted(function(engine, number, batch, timeout, flights)
  local slot, why = engine:submit(number, batch.ids, 1, batch.count, timeout)
  if slot then
    flights[slot] = batch
  end
  return slot, why
end)

-- Starts what can be started. Returns whether anything was, and the time from which on more may.
local function fill(self, now)
  local pool, task = self._pool, self._task
  local engine, pacer = pool.engine, pool.pacer
  local has_started = false
  self._is_cut = false
  while self._in_flight < task.concurrency do
    local at = pacer:ready_at(now)
    if at > now then
      if pacer:paused_until() >= task.deadline then
        self._ended = "rate_limited" -- an earlier call was told to stay away for longer than that
        return has_started, now
      end
      return has_started, at
    end
    local batch = due_batch(self, now)
    if not batch then
      break
    end
    now = pool.clock() -- the source may have taken its time
    if pool.is_closed then
      error(run.CLOSED, 0) -- it may have waited, too
    end
    if now >= task.deadline then
      self._held = batch
      break
    end
    local timeout = math.min(task.timeout, task.deadline - now)
    batch.run = self
    batch.generation = pool.generation
    batch.started = now
    local slot, why = submit(engine, task.number, batch, timeout, pool.flights)
    if slot then
      has_started = true
      pacer:sent(now)
      self._retry:request()
      self._in_flight = self._in_flight + 1
      if pool.emit then
        emit(self, { type = "request", ids = batch.count, attempt = batch.tries + 1 })
      end
      if task.limit > 1 then
        -- Reading the next ids takes a while: let this request leave first.
        if step(pool) and not self._has_begun then
          break
        end
        now = pool.clock()
      end
    elseif why == "no free slot" then
      self._held = batch
      break
    else
      halve(self, batch, TOO_LARGE, now)
    end
  end
  return has_started, nil
end

-- Puts a batch aside until it is sent again.
local function send_again(self, batch, verdict, at)
  batch.last = verdict
  batch.at = at
  self._waiting[#self._waiting + 1] = batch
  self._task.summary.retries = self._task.summary.retries + 1
end

-- The answer says "later", or there was none.
local function again(self, batch, verdict, retry_after, now)
  local delay = not self._ended
    and self._retry:again(batch.tries, retry_after, self._task.deadline - now)
  if not delay then
    return self._settled:add(batch, verdict)
  end
  if verdict.outcome == "unknown" and not self._task.operation.is_lookup then
    batch.is_ambiguous = true
  end
  send_again(self, batch, verdict, now + delay)
  note(self, { type = "retry", ids = batch.count, delay = delay, reason = verdict.reason })
end

-- HTTP 429: nothing of this client is sent before the pause is over.
local function throttle(self, batch, verdict, retry_after, now)
  local left = self._task.deadline - now
  local pause, is_repeated = self._retry:throttled(batch.tries, retry_after, left)
  self._pool.pacer:pause(now + pause)
  if retry_after and retry_after >= left then
    self._ended = self._ended or "rate_limited" -- give back at once
  end
  if is_repeated and not self._ended then
    send_again(self, batch, verdict, now + pause)
  else
    self._settled:add(batch, verdict)
  end
  note(self, { type = "throttle", delay = pause })
end

-- The token was refused. It is renewed once; a second refusal ends the run.
local function refuse(self, batch, verdict, now)
  local pool = self._pool
  local is_renewed = batch.generation ~= pool.generation
  if not is_renewed and pool.renew and not self._has_renewed and not self._ended then
    self._has_renewed = true
    is_renewed = pool.renew()
    if not is_renewed then
      warn(self, "the token was refused, and the token function gave no new one")
    end
  end
  if is_renewed and not self._ended then
    batch.tries = batch.tries - 1
    return send_again(self, batch, verdict, now)
  end
  self._ended = self._ended or "credentials"
  self._settled:add(batch, verdict)
end

-- One finished request of this run.
local function arrived(self, batch, status, body, stage, fault, detail, retry_after, connections,
    items)
  local task = self._task
  local now = self._pool.clock()
  local action, verdict, warnings
  self._in_flight = self._in_flight - 1
  batch.tries = batch.tries + 1
  task.summary.connections = task.summary.connections + connections
  if stage ~= "queued" and stage ~= "connected" then
    batch.attempts = batch.attempts + 1
    task.summary.requests = task.summary.requests + 1
  end
  if fault then
    action, verdict = answer.lost(stage, fault, detail)
    if fault == "timeout" and now >= task.deadline and verdict.outcome == "unknown" then
      verdict.reason = "deadline"
    end
  else
    local reply = { status = status, body = body, format = task.format, items = items }
    local is_in_form, _
    action, verdict, warnings, _, is_in_form = answer.read(task.operation, reply, batch.ids)
    self._has_form = self._has_form or is_in_form
    self._has_strangers = self._has_strangers or not is_in_form
  end
  if warnings then
    for _, message in ipairs(warnings) do
      warn(self, message)
    end
  end
  if self._pool.emit then
    note(self, {
      type = "response",
      ids = batch.count,
      status = status > 0 and status or nil,
      stage = stage,
      fault = fault,
      elapsed = now - batch.started,
    })
  end
  if action == "settle" then
    self._settled:add(batch, verdict)
  elseif action == "again" then
    again(self, batch, verdict, retry_after, now)
  elseif action == "throttle" then
    throttle(self, batch, verdict, retry_after, now)
  elseif action == "halve" then
    halve(self, batch, verdict, now)
  else
    refuse(self, batch, verdict, now)
  end
  tell(self)
end

-- batch, status, … as engine:collect() gives them; the batch is false where nobody knows of it.
local take = compat.interpreted(function(engine, flights)
  local slot, status, body, stage, fault, detail, retry_after, connections, items =
    engine:collect()
  if not slot then
    return nil
  end
  local batch = flights[slot] or false
  flights[slot] = nil
  return batch, status, body, stage, fault, detail, retry_after, connections, items
end)

-- Whose answer it is where submitting broke off before that was noted.
local NOBODY = {}

-- Takes one answer: of this run it is dealt with, another's goes into its inbox. `self` may be nil.
-- Gives the run whose answer it was, nil when there is none.
local function deliver(self, engine, flights)
  local batch, status, body, stage, fault, detail, retry_after, connections, items =
    take(engine, flights)
  if batch == nil then
    return nil
  end
  local owner = batch and batch.run or NOBODY
  if batch and owner == self then
    arrived(self, batch, status, body, stage, fault, detail, retry_after, connections, items)
  elseif batch then
    owner._on_way = owner._on_way + 1
    -- Made before its place is chosen: a finalizer may use the client and deliver another one.
    local parcel = { batch, status, body, stage, fault, detail, retry_after, connections, items }
    owner._inbox[#owner._inbox + 1] = parcel
    owner._on_way = owner._on_way - 1
  end
  return owner
end

-- Moves bytes on behalf of nobody, and puts what came into the inboxes; told(run) for each.
-- true | nil, message, code
function run.move(engine, flights, told)
  local moved, message, code = engine:step()
  if not moved then
    return nil, message, code
  end
  local owner = deliver(nil, engine, flights)
  while owner do
    told(owner)
    owner = deliver(nil, engine, flights)
  end
  return true
end

-- Takes the answers that are there, as long as there is room. True when there were any.
local function collect(self)
  local pool = self._pool
  local has_any = false
  while self._settled:has_room() and deliver(self, pool.engine, pool.flights) do
    has_any = true
  end
  -- One by one: should a hook raise, the others are still there.
  while self._inbox[1] do
    local a = table.remove(self._inbox, 1)
    arrived(self, a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9])
    has_any = true
    if self._must_share and self._must_share() then
      break
    end
  end
  return has_any
end

local function ignore() end

-- Waits `seconds` on behalf of nobody, while others' requests go on. An interruption ends it.
function run.pause(pool, seconds, is_interrupted)
  local till = pool.clock() + seconds
  local nobody = {}
  local left = seconds
  while left > 0 and not (is_interrupted and is_interrupted()) do
    if pool.is_closed then
      error(run.CLOSED, 0)
    end
    local moved, message = run.move(pool.engine, pool.flights, ignore)
    if not moved then
      error("libcurl: " .. message, 0)
    end
    local pause = is_interrupted and math.min(left, ASK_EVERY) or left
    pool.wait(pool.engine, pause, false, nobody)
    left = till - pool.clock()
  end
end

-- Nothing more is sent: what waits is settled with what is known of it, what was never sent is
-- skipped. What is in flight is still waited for.
local function give_back(self)
  local skipped = { outcome = "skipped", reason = self._ended }
  local waiting = self._waiting
  self._waiting = {}
  if self._held then
    waiting[#waiting + 1] = self._held
    self._held = nil
  end
  for _, batch in ipairs(waiting) do
    self._settled:add(batch, batch.last or (batch.is_ambiguous and {
      outcome = "unknown",
      reason = self._ended,
    }) or skipped)
  end
  while not self._intake.is_over and self._intake:has_room(self._settled) do
    local batch = read_batch(self)
    if self._is_cut then
      break
    elseif batch then
      self._settled:add(batch, skipped)
    end
  end
end

-- Settles what is in flight without its answers: nobody waits for them any more.
local function abandon(self)
  local flights = self._pool.flights
  for slot, batch in pairs(flights) do
    if batch.run == self then
      local nobody = { run = { _inbox = {}, _on_way = 0 } }
      flights[slot] = nobody
      self._in_flight = self._in_flight - 1
      self._task.summary.requests = self._task.summary.requests + 1
      batch.attempts = batch.attempts + 1
      self._settled:add(batch, { outcome = "unknown", reason = "interrupted" })
    end
  end
end

local function is_over(self)
  return self._intake.is_over and self._in_flight == 0 and not self._held and #self._waiting == 0
    and #self._inbox == 0
end

-- The next moment at which there is something to do without the network.
local function next_time(self, at)
  if self._ended and not self._intake.is_over and self._intake:has_room(self._settled) then
    return 0 -- the rest of the source is given back
  end
  if self._is_cut then
    return 0
  end
  local time = math.min(at or math.huge, self._ended and math.huge or self._task.deadline)
  if self._held or self._in_flight >= self._task.concurrency then
    return time -- what waits for its time waits for a slot, too
  end
  for _, batch in ipairs(self._waiting) do
    time = math.min(time, math.max(batch.at, at or 0))
  end
  return time
end

local function check_whole(self)
  if self._is_torn or self._on_way > 0 then
    error(run.TORN, 0)
  end
end

-- The next items that have settled; nil when nothing has.
local function take_slice(self)
  check_whole(self)
  self._is_torn = true
  local items, places, count = self._settled:slice()
  self._is_torn = false
  return items, places, count
end

-- One turn of the loop: send, move bytes, take answers. With `may_wait` it waits when there was
-- nothing to do.
local function turn(self, may_wait)
  local pool = self._pool
  if pool.is_closed then
    error(run.CLOSED, 0)
  end
  check_whole(self)
  self._is_torn = true
  local now = pool.clock()
  self._looked = now
  if now >= self._task.deadline then
    self._ended = self._ended or "deadline"
  end
  local has_started, at
  local is_interrupted = self._task.is_interrupted
  if is_interrupted and not self._abandons_at and outside(self, is_interrupted) then
    self._ended = self._ended or "interrupted"
    self._abandons_at = now + GRACE
  end
  if self._ended then
    give_back(self)
  elseif self._settled:has_room() then
    has_started, at = fill(self, now)
  end
  step(pool)
  local has_any = collect(self)
  if self._abandons_at and now >= self._abandons_at and self._settled:has_room() then
    abandon(self) -- with room left, no answer that is here was overlooked
  end
  if may_wait and self._settled.backlog == 0 and not has_any and not is_over(self) then
    local seconds = math.max(0, next_time(self, at) - now)
    if is_interrupted then
      seconds = math.min(seconds, ASK_EVERY)
    end
    if self._inbox[1] then
      seconds = 0 -- a finalizer that used the client has collected it just now
    end
    outside(self, pool.wait, pool.engine, seconds, has_started, self)
  end
  self._is_torn = false
end

-- Looks at the network while the consumer is busy with what is ready, and lets others run. How
-- often is measured by the clock, and how often the clock is asked by how fast items are taken.
local function keep_moving(self)
  self._skip = self._skip - 1
  if self._skip > 0 then
    return
  end
  local pool = self._pool
  local elapsed = pool.clock() - self._looked
  if elapsed >= (pool.breathe and SHARE_EVERY or LOOK_EVERY) then
    self._skip, self._gap = 1, 1
    turn(self, false)
    if pool.breathe then
      pool.breathe()
      self._looked = pool.clock()
    end
  else
    self._gap = math.min(self._gap * 2, 64)
    self._skip = self._gap
  end
end

-- Whether the run waits for a place in the engine, which others hold.
function Run:wants_slot()
  return self._held ~= nil
end

local function finish(self)
  local task, taken = self._task, self._intake
  if taken.odd > 0 then
    warn(self, ("%d id(s) of an unusual shape were sent as they are, the first is %s; expected %s")
      :format(taken.odd, text.quote(taken.odd_example), task.operation.id.about))
    taken.odd = 0
  end
  if self._has_strangers and not self._has_form then
    warn(self, "no answer was in the provider's form: check base_url and the proxy")
  end
  if self._pool.engine:has_met_sandbox() then
    -- As it is: the sandbox's token is a word of it.
    warn(self, "the answers are those of a sandbox: no message was stopped", true)
  end
  task.summary.elapsed = self._pool.clock() - self._started
end

-- The next items, none of them handed out. False at the end.
local function next_slice(self)
  local items, places, count = take_slice(self)
  while not items do
    if is_over(self) then
      finish(self)
      return false
    end
    turn(self, true)
    items, places, count = take_slice(self)
  end
  self._has_begun = true
  self._items, self._places, self._at, self._count = items, places, 0, count
  return true
end

local function tell_item(self, item, place)
  local task = self._task
  if task.on_item then
    task.on_item(item, place)
  end
  if self._pool.emit then
    emit(self, { type = "item", item = item })
  end
end

-- item, place = run:next(), nil at the end
function Run:next()
  if self._settled.backlog > 0 or self._at < self._count then
    keep_moving(self)
  end
  if self._at == self._count and not next_slice(self) then
    return nil
  end
  local at = self._at + 1
  self._at = at
  local item, place = self._items[at], self._places[at]
  self._task.summary:count(item)
  tell_item(self, item, place)
  return item, place
end

-- Runs to the end; the items are in task.result. Whoever calls it lets go of the run with that: the
-- next call may have it.
function Run:finish()
  local summary = self._task.summary
  local has_hooks = self._task.on_item or self._pool.emit
  while next_slice(self) do
    local items, places, count = self._items, self._places, self._count
    summary:count_all(items, count)
    if has_hooks then
      for i = 1, count do
        tell_item(self, items[i], places[i])
      end
    end
    if self._must_share then
      self._skip = 1 -- a slice is a lot of items
    end
    keep_moving(self)
  end
  give_back_run(self)
end

return run
