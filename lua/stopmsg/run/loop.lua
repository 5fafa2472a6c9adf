-- The run loop: sends ids from a source in batches, interprets the responses, retries where that is
-- safe, and hands out one item per id as each settles.
--
-- Memory is bounded whatever the length of the source: there are limits on ids read ahead, in
-- flight, and settled but not handed out. No code here knows a provider. The only blocking call is
-- `session.wait`.

local answer = require("stopmsg.meaning.answer")
local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local intake = require("stopmsg.run.ids")
local patience = require("stopmsg.run.patience")
local repeats = require("stopmsg.run.repeats")
local settleds = require("stopmsg.run.items")
local text = require("stopmsg.text")

local run = {}

-- Maximum time in seconds that the consumer may keep the loop from the network, and the same on a
-- thread shared with other coroutines.
local LOOK_EVERY, SHARE_EVERY = 0.005, 0.001

-- Batches waiting for a retry, per request in flight, at which reading new ids stops.
local MAX_WAITING = 4

-- Seconds that requests in flight get after an interruption, and the interval in seconds between
-- checks for one.
local GRACE, ASK_EVERY = 2, 0.1

-- Requests started before other coroutines get a turn.
local FEW = 8

-- Maximum ids of a call whose run is reused, and the maximum number of idle runs.
local SMALL, MOST_IDLE = 16, 1024

-- Error for any use of a closed client.
run.CLOSED = "attempt to use a closed client"

-- Warning of every report that has answers of a sandbox.
run.SANDBOX = "these results come from a sandbox: no message was stopped"

-- Error for resuming a run that ran out of memory mid-step: the state of its ids is lost.
run.TORN = "attempt to resume a run that failed"

local Run = {}
Run.__index = Run

-- Calls user code. The run is consistent here and survives an error.
local function outside(self, f, ...)
  local is_inside = self._is_torn
  self._is_torn = false
  local given, more = f(...)
  self._is_torn = is_inside
  return given, more
end

local function warn(self, message, is_own)
  self._task.summary:warn(is_own and message or text.clean(message, self._session.redact))
end

-- Queues an event until the run is consistent, since a hook may use the client.
local function note(self, event)
  if self._session.emit or self._session.alarm then
    self._events[#self._events + 1] = event
  end
end

-- Drives all transfers.
function run.step(session)
  local moved, message
  if session.step then
    moved, message = session.step()
  else
    moved, message = session.engine:step()
  end
  if not moved then
    error("libcurl: " .. message, 0)
  end
end

-- Drives all transfers. Returns whether this run has a response.
local function find_answer(self)
  run.step(self._session)
  return self._call:ready() > 0
end

-- Creates a run on the connections of `session`, without a task. All fields that run.new() does not
-- reset are empty at the end of a run or belong to the session.
local function new(session)
  local self = setmetatable({
    _session = session,
    _task = nil,
    _intake = nil,
    _settled = nil,
    _repeats = nil,
    _patience = nil,
    _must_share = nil, -- returns whether other coroutines have waited long enough; nil if none do
    _items = nil, -- the slice being handed out, up to _count
    _places = nil,
    _at = 0,
    _count = 0,
    _partial = nil, -- the batch being read
    _is_cut = false, -- reading it was interrupted to let others run
    _held = nil, -- a batch that found no free slot
    _engine = nil,
    _call = nil, -- this run's requests in the engine
    _flights = {}, -- request number -> its batch, if any
    _offers = false, -- ids may go to the engine without a batch
    _events = {}, -- for the user's hook, in order
    _in_flight = 0,
    _has_begun = false, -- has handed out an item
    _has_form = false, -- a response had the provider's format
    _has_strangers = false, -- a response had another format
    _is_torn = false, -- the run is mid-step, outside user code
    _is_held = false, -- the provider is down or at its limit of requests
    _has_raised = {}, -- hook name -> true once the hook raised
    _abandons_at = nil, -- when to abandon requests in flight after an interruption
    _started = 0,
    _looked = 0, -- when the loop last looked at the network
    _skip = 0, -- items to hand out before the next clock check
    _gap = 1,
  }, Run)
  self._is_share_due = session.breathe and function()
    return session.clock() - self._looked >= SHARE_EVERY
  end
  self._has_answer = function()
    return find_answer(self)
  end
  self._intake = intake.new(function(chunk, want)
    return outside(self, self._task.source, chunk, want)
  end, session.breathe ~= nil)
  self._settled = settleds.new(self._intake, session.redact, function(message)
    warn(self, message)
  end, session.breathe ~= nil)
  local hooks = {
    note = function(event)
      note(self, event)
    end,
    warn = function(message)
      warn(self, message)
    end,
    pause = function(seconds)
      self._patience:pause(seconds)
    end,
  }
  self._patience = patience.new(hooks)
  self._repeats = repeats.new(self._intake, self._settled, hooks)
  return self
end

-- Adjusts the count of requests in flight.
local function count_flying(self, count)
  local traffic = self._session.traffic
  self._in_flight = self._in_flight + count
  if traffic then
    traffic.in_flight = traffic.in_flight + count
  end
end

-- Goes on with the request of run/one.lua, for the only id of the list.
local function take_over(self)
  self._intake:ahead(self._settled, nil, 1)
  self._intake:took(1)
  self._repeats:offered(1)
  count_flying(self, 1)
end

-- Returns a run for `task` on the connections of `session`.
--
-- session, shared by all runs of a client: engine, clock (a function), wait(call, seconds,
-- was_busy, wants_slot, redis), breathe(), step() and sent() or nil (see wait/init.lua), pacer,
-- outage, generation (number of the current token), renew() or nil, redact(text), emit(event) or
-- nil, is_closed, idle_runs (a list of reusable runs) or nil.
--
-- task: operation (checked definition), number (of the operation in the engine), single_number (of
-- its one-id form) or nil, verdicts and single_verdicts (indexed by the core's meaning numbers) or
-- nil, pacer (of the operation) or nil, source (see run/source.lua; or a list itself), limit (ids
-- per batch), concurrency, timeout, deadline (a time), patience (seconds), max_attempts, random or
-- nil, format, provider (its name), summary (the report that counts), on_item or nil,
-- is_interrupted (a function) or nil, result (a list that receives all items at their places, with
-- duplicates recognised for the whole run) and total (places in the source), or neither.
-- is_page: its ids are requests for pages of a list, and their items raise no events.
-- is_slow: its source waits for a network too, so settled items are handed out before it is called.
-- sink(ids, places, first, last, outcome, code, verified) -> count, or nil: takes ids[first..last],
-- whose items would have no other fields, in place of the items. The first id it does not take gets
-- an item.
--
-- asked: { call, started } of a request for the only id, which the run takes over; see run/one.lua.
function run.new(session, task, asked)
  local self = session.idle_runs and table.remove(session.idle_runs) or new(session)
  local now = asked and asked.started or session.clock()
  self._task = task
  if asked or self._engine ~= session.engine then
    self._engine, self._call = session.engine, asked and asked.call or session.engine:call()
  end
  self._repeats:begin(task, session, self._call)
  self._patience:begin(task, session, now)
  local operation = task.operation
  self._offers = task.limit == 1 and not (operation.single or operation.has_uuid or operation.sign
    or operation.signing)
  self._intake:begin(operation.id, task.limit, task.result, task.total,
    operation.together and operation.id.place_of[operation.together],
    type(task.source) == "table" and task.source or nil)
  self._settled:begin(task.operation, task.limit, task.sink, task.summary)
  self._items, self._places, self._at, self._count = nil, nil, 0, 0
  self._has_begun, self._is_held, self._abandons_at = task.sink ~= nil, false, nil
  self._has_form, self._has_strangers = false, false
  self._started, self._looked, self._skip, self._gap = now, 0, 0, 1
  -- A few ids keep nobody waiting.
  self._must_share = not (task.total and task.total <= SMALL) and self._is_share_due or nil
  self._has_raised.on_item, self._has_raised.on_event = nil, nil
  if asked then
    take_over(self)
  end
  return self
end

-- Keeps a small run that ended well for the next call. With hundreds of calls at a time, its tables
-- would be most of the collector's work.
local function give_back_run(self)
  local idle, task = self._session.idle_runs, self._task
  local is_small = task.total and task.total <= SMALL
  -- After an interruption, abandoned requests may still get responses.
  if idle and is_small and #idle < MOST_IDLE and not self._abandons_at then
    -- Drops all references to the caller's data.
    self._settled:forget()
    self._repeats:forget()
    self._patience:forget()
    self._intake:forget()
    self._task = nil
    idle[#idle + 1] = self
  end
end

-- Calls a user's hook. Reports its first error as a warning, and never ends the run for it.
local function call_hook(self, name, hook, ...)
  local is_inside = self._is_torn
  self._is_torn = false
  local called, message = compat.try_hook(hook, ...)
  self._is_torn = is_inside
  if not called and not self._has_raised[name] then
    self._has_raised[name] = true
    warn(self, ("%s raised an error: %s"):format(name, tostring(message)))
  end
  if self._session.is_closed then
    error(run.CLOSED, 0)
  end
end

-- Lets other coroutines run. Returns the time.
local function share(self)
  outside(self, self._session.breathe)
  self._looked = self._session.clock()
  return self._looked
end

local function emit(self, event)
  event.provider = self._task.provider
  event.operation = self._task.operation.name
  call_hook(self, "on_event", self._session.emit or self._session.alarm, event)
end

local function tell(self)
  while self._events[1] do
    emit(self, table.remove(self._events, 1))
  end
end

-- Returns the function that interrupts reading ids, or nil.
local function pause_of(self)
  if not self._must_share and not self._has_begun and self._in_flight > 0 then
    return self._has_answer -- deliver the first response without reading more ids first
  end
  return self._must_share
end

-- Reads the next batch from the source: `most` ids, or as many as a request holds. Returns nil if
-- there are none now.
local function read_batch(self, most)
  local batch = self._partial or self._intake:batch()
  -- Kept while the source is called: if that raises, the ids read before are not lost.
  self._partial = batch
  self._is_cut = self._intake:read(batch, self._settled, pause_of(self), most)
  if self._is_cut then
    return nil
  end
  self._partial = nil
  return batch.count > 0 and batch or nil
end

-- Returns whether to read more ids. The limit keeps ids from piling up during an outage.
local function may_read(self)
  local taken = self._intake
  return not taken.is_over and (not taken.waits_till or self._session.clock() >= taken.waits_till)
    and self._repeats:count() < MAX_WAITING * self._task.concurrency
end

-- Returns the batch due at `now`, if any.
local function due_batch(self, now)
  local batch = self._repeats:due(now)
  if not batch and may_read(self) then
    batch = read_batch(self)
  end
  return batch
end

-- Returns the batch that probes whether an outage is over, or nil and when to look again. A probe
-- takes one new id at a time, since its result may stay unknown.
local function probe_batch(self, now)
  local outage = self._session.outage
  local failed, is_same = self._repeats:probe(now)
  if may_read(self) and (is_same or not failed or not outage:takes_failed()) then
    local fresh = read_batch(self, self._task.patience > 0 and 1 or nil)
    if fresh or self._is_cut then
      return fresh
    end
  end
  if is_same and now < outage:repeats_at() then
    return nil, outage:repeats_at()
  end
  return failed and self._repeats:take(failed)
end

-- Returns whether the source has no further id for now. It may itself wait for results of earlier
-- ids.
local function is_exhausted(self)
  return self._intake.is_over or self._intake.is_dry
end

-- While a token is on trial and no new id is left, returns one of several refused batches. Ends the
-- trial if there is none.
local function witness(self, now)
  if self._is_cut or self._repeats:count() > 0 or not is_exhausted(self) then
    return nil -- one is still to come
  end
  local batch = self._repeats:other()
  if not batch and self._in_flight == 0 then
    self._repeats:close_trial(now)
  end
  return batch
end

-- Returns the next batch to send, or nil and perhaps when to look again.
local function next_batch(self, now)
  local batch, at = self._held or self._repeats:take_first(), nil
  local limit = self._intake.limit
  self._held = nil
  if not batch then
    if self._session.outage.is_shut then
      batch, at = probe_batch(self, now)
    else
      batch = due_batch(self, now)
    end
    if not batch and self._repeats.trial then
      batch = witness(self, now)
    end
  end
  if batch and batch.count > limit then
    batch = self._repeats:cut(batch, limit, now)
  end
  return batch, at
end

-- Returns the time at which the provider's state allows a request.
local function allowed_at(self, now)
  local session, held_till = self._session, nil
  local outage = session.outage
  if outage.is_shut then
    if outage:ready_at() > now then
      held_till = outage:ready_at()
    elseif not self._patience:left(now) then
      held_till = self._patience:ends_at(now)
    end
  elseif outage.window and outage:room(now, self._call:in_flight()) < 1 then
    held_till = math.huge
  end
  self._is_held = held_till ~= nil
  outage:queue(self, self._is_held)
  return held_till or now
end

-- For a rate shared with other processes: applies pauses that they were asked for, and checks that
-- the rate is still reachable.
local function heed_keeper(self, now)
  local pacer = self._session.pacer
  local pause = pacer:take_news()
  if pause then
    self._patience:pause(pause)
    note(self, { type = "throttle", delay = pause })
    if patience.is_endless(pause) then
      self._repeats:finish("rate_limited")
    end
  end
  if self._patience:watch_rate(now, pacer.trouble, pacer.trouble_since) then
    self._repeats:finish("outage")
  end
  tell(self)
end

-- Returns the time at which the next request may start.
local function ready_at(self, now)
  local session, task = self._session, self._task
  if self._repeats:is_narrow() and not self._repeats:may_ask(now, self._in_flight) then
    return math.huge -- until the responses in flight have arrived
  end
  local at = session.pacer:ready_at(now)
  if session.pacer.keeper or self._patience.rate_trouble then
    heed_keeper(self, now)
  end
  if task.pacer then
    at = math.max(at, task.pacer:ready_at(now))
  end
  if at > now then
    if session.pacer:paused_until() >= task.deadline then
      self._repeats:finish("rate_limited") -- an earlier pause outlasts this call
      return now
    end
    return at
  end
  return session.outage.is_troubled and allowed_at(self, now) or now
end

-- Returns the timeout in seconds of a request sent at `now`.
local function timeout_at(self, now)
  local seconds = math.min(self._task.timeout, self._task.deadline - now)
  if self._session.outage.is_shut then
    seconds = math.min(seconds, self._patience:left(now) or seconds)
  end
  return seconds
end

-- Counts responses and their ids; `started` is when the oldest request was sent.
local function count_answered(self, count, ids, started, now)
  local traffic = self._session.traffic
  count_flying(self, -count)
  if traffic then
    traffic.count, traffic.ids = traffic.count + count, traffic.ids + ids
    traffic.slowest = math.max(traffic.slowest, now - started)
  end
end

-- Counts requests sent: always one if there are events or a rate limit.
local function note_sent(self, now, count, ids, attempt)
  local session = self._session
  count_flying(self, count)
  session.pacer:sent(now)
  if self._task.pacer then
    self._task.pacer:sent(now)
  end
  if session.sent then
    session.sent()
  end
  if session.emit then
    emit(self, { type = "request", ids = ids, attempt = attempt })
  end
end

-- Returns the header lines from the definition's `sign`, or nil if it gives none that are usable.
local function sign(self, batch, operation, number)
  local method, origin, target, headers, body = self._session.engine:preview(number, batch.ids, 1,
    batch.count, batch.uuid)
  local called, given = compat.try(operation.sign, { method = method, url = origin .. target,
    headers = headers, body = body or "" })
  if not called or type(given) ~= "table" then
    warn(self, ("the definition's `sign` %s"):format(called and "returned no table of headers"
      or "raised an error: " .. tostring(given)))
    return nil
  end
  local lines = {}
  for name, value in pairs(given) do
    lines[#lines + 1] = ("%s: %s"):format(tostring(name), tostring(value))
    if lines[#lines]:find("%c") or not lines[#lines]:find("^[%w%-_]+: ") then
      warn(self, "the definition's `sign` returned an invalid header")
      return nil
    end
  end
  return lines
end

-- Prepares a request: returns the batch, cut if it is below the minimum of a batch request, and the
-- number of its operation in the engine. Returns nil after settling a batch that cannot be signed.
local function prepare(self, batch, now)
  local task = self._task
  local operation, number = task.operation, task.number
  batch.asked = nil
  if operation.single and batch.count < operation.least then
    batch = batch.count > 1 and self._repeats:cut(batch, 1, now) or batch
    operation, number = operation.single, task.single_number
    batch.asked = operation
  end
  if operation.has_uuid and not batch.uuid then
    batch.uuid = core.uuid()
  end
  if operation.sign then
    batch.lines = sign(self, batch, operation, number)
    if not batch.lines then
      self._settled:add(batch, { outcome = "failed", reason = "not_signed",
        message = "the definition's function could not sign the request" })
      return nil
    end
  end
  if operation.signing then
    batch.made = self._session:made(operation, number, batch)
  end
  return batch, number
end

-- Fetches a token for all calls. Returns false if that failed; the batch is then settled or waits
-- for a retry.
local function fetch_token(self, batch, now)
  local got, verdict, fault = self._session.fetch:get(self._task.deadline)
  if got then
    return true
  elseif fault then
    batch.generation, batch.started = self._session.generation, now
    batch.tries = batch.tries + 1
    self._repeats:decide(self._session.clock(), batch, "again", verdict, false, nil, fault,
      verdict.message)
  else
    self._settled:add(batch, verdict)
    self._repeats:finish("credentials")
  end
  return false
end

-- Returns whether the deadline has passed; the source may have taken long. Raises if the source
-- closed the client.
local function is_late(self, now)
  if self._session.is_closed then
    error(run.CLOSED, 0)
  end
  return now >= self._task.deadline
end

-- Returns whether ids without history, which need no prepared texts, may be sent.
local function may_offer(self, now)
  local session, again, taken = self._session, self._repeats, self._intake
  return self._offers and not self._held and not session.outage.is_troubled
    and not again:is_narrow() and again:count() == 0 and not taken.is_over
    and (not taken.waits_till or now >= taken.waits_till)
    and (not session.fetch or session.fetch:is_ready(now))
end

-- Starts as many one-id requests as allowed. Returns their number; at 0, the next request needs a
-- batch.
local function offer(self)
  local session, task = self._session, self._task
  local room = session.pacer.is_free and not task.pacer and not session.emit
    and task.concurrency - self._in_flight or 1
  local pool, first, last, is_cut = self._intake:ahead(self._settled, pause_of(self),
    self._must_share and math.min(room, FEW) or room)
  self._is_cut = is_cut
  local now = session.clock()
  if not pool or pool.given or pool.keys or is_late(self, now) then
    return 0
  end
  local count = self._call:offer(task.number, pool.ids, pool.places, first, last,
    timeout_at(self, now), self._repeats.sends, session.generation)
  if count > 0 then
    self._intake:took(count)
    self._repeats:offered(count)
    note_sent(self, now, count, 1, 1)
  end
  return count
end

-- Starts a request for the next batch. Returns false if there is none or it must wait, and then
-- perhaps the time at which to try again.
local function send_next(self, now)
  local session = self._session
  local batch, at = next_batch(self, now)
  if not batch then
    return false, at
  end
  now = session.clock()
  if is_late(self, now) then
    self._held = batch
    return false
  end
  if session.fetch and not session.fetch:is_ready(now) then
    if session.fetch:is_busy(now) then
      self._held = batch
      return false, session.fetch:look_at(now)
    elseif not fetch_token(self, batch, now) then
      return false
    end
    now = session.clock()
  end
  local number
  batch, number = prepare(self, batch, now)
  if not batch then
    return false
  end
  batch.generation, batch.started = session.generation, now
  local flight, why = self._call:submit(number, batch.ids, 1, batch.count, timeout_at(self, now),
    batch.uuid, batch.lines, batch.made)
  if flight then
    self._flights[flight] = batch
    if session.outage.is_shut then
      session.outage:probed(now, batch, batch.tries + batch.attempts == 0)
    end
    self._repeats:sent(batch)
    note_sent(self, now, 1, batch.count, batch.tries + 1)
    return true
  elseif why == "no free slot" then
    self._held = batch
    return false
  end
  self._repeats:too_large(batch, now)
  return true
end

-- Returns whether no id is left to be sent.
local function is_sent(self)
  return self._intake.is_over and not self._held and self._repeats:is_empty()
end

-- Starts all requests that may start. Returns whether any did, and when more may.
local function fill(self, now)
  local session, task, outage = self._session, self._task, self._session.outage
  local before = self._repeats.sends
  self._is_cut, self._is_held = false, false
  -- During an outage the next probe may start while one still hangs.
  while not self._repeats.ended and (self._in_flight < task.concurrency or outage.is_shut) do
    if session.pacer.is_free and not outage.is_troubled and is_sent(self) then
      break
    end
    local at = ready_at(self, now)
    if at > now or self._repeats.ended then
      return self._repeats.sends > before, at
    end
    if not may_offer(self, now) or offer(self) == 0 then
      local was_sent
      was_sent, at = send_next(self, now)
      if not was_sent then
        return self._repeats.sends > before, at
      end
      -- Reading the next ids takes time: let this request leave first.
      if task.limit > 1 and find_answer(self) and not self._has_begun then
        break
      end
    end
    if self._must_share and self._must_share() then
      self._is_cut = true
      break
    end
    now = session.clock()
  end
  return self._repeats.sends > before
end

-- Interprets a complete response; see meaning/answer.lua.
local function read(self, batch, status, body, items)
  local task = self._task
  if type(items) == "number" then
    local verdicts = batch.asked and task.single_verdicts or task.verdicts
    return "settle", verdicts[items], nil, true, true
  end
  local reply = { status = status, body = body, format = task.format, items = items }
  local asked = batch.asked or task.operation
  local action, verdict, warnings, is_usable, is_in_form = answer.read(asked, reply, batch.ids)
  local pause = (action == "throttle" or action == "again") and answer.pause(asked, reply) or nil
  return action, verdict, warnings, is_usable, is_in_form, pause
end

-- Handles one finished request. items: the core's reading of a batch response, or the meaning
-- number of a usual one.
local function arrived(self, batch, status, body, stage, fault, detail, retry_after, connections,
    items)
  local task = self._task
  local now = self._session.clock()
  local action, verdict, warnings, is_usable
  count_answered(self, 1, batch.count, batch.started, now)
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
    local is_in_form, pause
    action, verdict, warnings, is_usable, is_in_form, pause = read(self, batch, status, body, items)
    retry_after = retry_after or pause
    if is_in_form then
      self._has_form = true
    else
      self._has_strangers = true
    end
  end
  if warnings then
    for _, message in ipairs(warnings) do
      warn(self, message)
    end
  end
  if self._session.emit then
    note(self, {
      type = "response",
      ids = batch.count,
      status = status > 0 and status or nil,
      stage = stage,
      fault = fault,
      elapsed = now - batch.started,
    })
  end
  self._repeats:decide(now, batch, action, verdict, is_usable, retry_after, fault, detail)
  if self._session.outage.is_troubled then
    self._patience:look(now)
  end
  tell(self)
end

-- Returns a batch for an id sent by offer(), so that it can have a history.
local function offered(self, id, place, number, generation, started)
  local batch = self._intake:lone(id, place)
  batch.number, batch.generation, batch.started = number, generation, started
  return batch
end

-- Takes one response. Returns false if there was none.
local function take_one(self)
  local flight, status, body, stage, fault, detail, retry_after, connections, items, id, place,
    number, generation, started = self._call:collect()
  if not flight then
    return false
  end
  local batch = self._flights[flight]
  self._flights[flight] = nil
  if id then
    batch = offered(self, id, place, number, generation, started)
  end
  arrived(self, batch, status, body, stage, fault, detail, retry_after, connections, items)
  return true
end

-- Takes many usual responses to offered ids at once, unless they bear on a token's trial, an outage
-- or events. Returns their number, and whether a response of another kind is left.
local function gather(self)
  local session, task = self._session, self._task
  if not self._offers or session.emit or self._repeats.trial or session.outage.is_troubled then
    return 0, true
  end
  local count, is_more, connections, generation, oldest = self._settled:gather(self._call,
    task.verdicts)
  if count > 0 then
    local now = session.clock()
    count_answered(self, count, count, oldest, now)
    self._has_form = true
    task.summary.connections = task.summary.connections + connections
    task.summary.requests = task.summary.requests + count
    self._repeats:answered(now, generation)
  end
  return count, is_more
end

-- Takes available responses while there is room. Returns whether there were any.
local function collect(self)
  local has_any = false
  while self._settled:has_room() do
    local count, is_more = gather(self)
    local has_more = is_more and self._settled:has_room() and take_one(self)
    has_any = has_any or has_more or count > 0
    if not has_more or (self._must_share and self._must_share()) then
      break
    end
  end
  return has_any
end

-- Waits `seconds` while requests of other calls go on. An interruption ends it.
function run.pause(session, seconds, is_interrupted)
  local till = session.clock() + seconds
  local nobody = session.engine:call()
  local left = seconds
  while left > 0 and not (is_interrupted and is_interrupted()) do
    if session.is_closed then
      error(run.CLOSED, 0)
    end
    run.step(session)
    session.wait(nobody, is_interrupted and math.min(left, ASK_EVERY) or left, false)
    left = till - session.clock()
  end
end

-- Stops sending: settles waiting ids by what is known of them, and unsent ids as skipped. Requests
-- in flight may still finish.
local function give_back(self)
  self._repeats:give_back()
  if self._held then
    self._repeats:give_up(self._held)
    self._held = nil
  end
  while not self._intake.is_over and self._intake:has_room(self._settled) do
    local batch = read_batch(self)
    if self._is_cut then
      break
    elseif batch then
      self._repeats:give_up(batch)
    end
  end
end

-- Settles requests in flight without their responses.
local function abandon(self)
  local flight, id, place, number, generation, started = self._call:forsake()
  while flight do
    local batch = self._flights[flight]
    self._flights[flight] = nil
    if id then
      batch = offered(self, id, place, number, generation, started)
    end
    count_flying(self, -1)
    self._task.summary.requests = self._task.summary.requests + 1
    batch.attempts = batch.attempts + 1
    self._settled:add(batch, { outcome = "unknown", reason = "interrupted" })
    flight, id, place, number, generation, started = self._call:forsake()
  end
end

local function is_over(self)
  return self._in_flight == 0 and is_sent(self)
end

-- Returns the next time at which there is work without network activity. Nothing is sent before
-- `at` (nil for now).
local function next_time(self, now, at)
  local ended = self._repeats.ended
  if self._is_cut
    or (ended and not self._intake.is_over and self._intake:has_room(self._settled)) then
    return now -- read the source on, or settle the rest of it
  elseif ended then
    return (self._held or not self._repeats:is_empty()) and now or math.huge
  end
  local time, is_shut = math.min(at or math.huge, self._task.deadline), self._session.outage.is_shut
  local ends_at = is_shut and self._patience:ends_at(now) or math.huge
  if ends_at > now then
    time = math.min(time, ends_at)
  end
  if self._held or (self._in_flight >= self._task.concurrency and not is_shut) then
    return time -- waiting batches need a slot, too
  end
  local waits_till = not self._intake.is_over and self._intake.waits_till
  if waits_till and self._repeats:count() < MAX_WAITING * self._task.concurrency then
    time = math.min(time, math.max(waits_till, at or now))
  end
  return math.min(time, self._repeats:next_at(at or 0))
end

-- Returns why sending stopped; nil if it has not.
function Run:ended()
  return self._repeats.ended
end

local function check_whole(self)
  if self._is_torn then
    error(run.TORN, 0)
  end
end

-- Returns the next settled items; nil if there are none.
local function take_slice(self)
  check_whole(self)
  self._is_torn = true
  local items, places, count = self._settled:slice()
  self._is_torn = false
  return items, places, count
end

-- Returns whether the run has nothing under way that could show whether the provider responds.
local function is_idle(self)
  return self._in_flight == 0 and not self._held and is_exhausted(self)
    and self._repeats:count() == 0
end

-- Ends the run if it should no longer wait for a provider that does not respond.
local function watch(self, now)
  local patient, again = self._patience, self._repeats
  patient:look(now)
  if self._session.outage.is_shut and not again.ended then
    local reason = patient:watch(now, again.sends, self._in_flight)
    if reason then
      again:finish(reason)
    elseif self._in_flight == 0 and not self._held and self._intake.is_over
      and again:is_foreign() then
      again:finish("outage") -- each id has a response, and no other id is left to probe with
    end
  end
  tell(self)
end

-- One turn of the loop: send, drive transfers, take responses. With `may_wait`, waits if there was
-- nothing to do.
local function turn(self, may_wait)
  local session = self._session
  if session.is_closed then
    error(run.CLOSED, 0)
  end
  check_whole(self)
  self._is_torn = true
  local now = session.clock()
  self._looked = now
  if now >= self._task.deadline then
    self._repeats:finish("deadline")
  end
  local has_started, at
  local is_interrupted = self._task.is_interrupted
  if is_interrupted and not self._abandons_at and outside(self, is_interrupted) then
    self._repeats:finish("interrupted")
    self._abandons_at = now + GRACE
  end
  if self._repeats:has_doubts() then
    self._repeats:resolve(now, is_idle(self))
  end
  if session.outage.is_troubled then
    watch(self, now)
  end
  if self._repeats.ended then
    self._is_held = false
    give_back(self)
  elseif self._settled:has_room() then
    has_started, at = fill(self, now)
  end
  run.step(session)
  if self._must_share then
    now = share(self) -- reading a response takes time
    if session.is_closed then
      error(run.CLOSED, 0)
    end
  end
  local has_any = collect(self)
  if self._abandons_at and now >= self._abandons_at and self._settled:has_room() then
    abandon(self) -- with room left, every response that has arrived was taken
  end
  if may_wait and self._settled.backlog == 0 and not has_any and not is_over(self) then
    local seconds = math.max(0, next_time(self, now, at) - now)
    if is_interrupted then
      seconds = math.min(seconds, ASK_EVERY)
    end
    outside(self, session.wait, self._call, seconds, has_started,
      self._held ~= nil or self._is_held, session.pacer:connection())
  elseif self._must_share then
    share(self)
  end
  self._is_torn = false
end

-- Drives the network while the consumer handles ready items, and lets other coroutines run. The
-- clock sets the interval; the consumer's speed sets how often the clock is read.
local function keep_moving(self)
  self._skip = self._skip - 1
  if self._skip > 0 then
    return
  end
  local session = self._session
  local elapsed = session.clock() - self._looked
  if elapsed >= (session.breathe and SHARE_EVERY or LOOK_EVERY) then
    self._skip, self._gap = 1, 1
    turn(self, false)
  else
    self._gap = math.min(self._gap * 2, 64)
    self._skip = self._gap
  end
end

local function finish(self)
  local task, taken = self._task, self._intake
  if taken.odd > 0 then
    warn(self, ("%d id(s) with an unusual format were sent as given, the first is %s; expected %s")
      :format(taken.odd, text.quote(taken.odd_example), task.operation.id.about))
    taken.odd = 0
  end
  if self._has_strangers and not self._has_form then
    warn(self, "no response was in the provider's form: check base_url and the proxy")
  end
  if self._session.engine:has_met_sandbox() then
    -- Not redacted: the sandbox's token is a word of this text.
    warn(self, run.SANDBOX, true)
  end
  local now = self._session.clock()
  self._session.outage:queue(self, false)
  self._patience:finish(now, self._repeats.ended)
  task.summary.elapsed = now - self._started
  tell(self)
end

-- Loads the next slice. Returns false at the end.
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
    call_hook(self, "on_item", task.on_item, item, place)
  end
  if self._session.emit and not task.is_page then
    emit(self, { type = "item", item = item })
  end
end

-- item, place = run:next(); nil at the end.
function Run:next()
  local is_slow = self._task.is_slow
  if not is_slow and (self._settled.backlog > 0 or self._at < self._count) then
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

-- Runs to the end; the items are in task.result. Do not use the run afterwards; it may be reused.
function Run:finish()
  local summary = self._task.summary
  local has_hooks = self._task.on_item or self._session.emit
  self._settled:count_in(summary.counts, not has_hooks)
  while next_slice(self) do
    local items, places, count = self._items, self._places, self._count
    if has_hooks then
      for i = 1, count do
        tell_item(self, items[i], places[i])
      end
    end
    if self._must_share then
      self._skip = 1 -- a slice holds many items
    end
    keep_moving(self)
  end
  summary:add_up()
  give_back_run(self)
end

return run
