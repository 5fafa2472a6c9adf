-- Starts requests: when one may go, by pace, token and outage, and what it needs before.

local batches = require("stopmsg.run.batches")
local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local fields = require("stopmsg.provider.fields")
local patience = require("stopmsg.run.patience")

local requests = {}

-- Maximum number of requests that the core starts by itself at a time.
local MOST_SERVED = 64

local Requests = {}
Requests.__index = Requests

-- parts: given, settled, again, patience, hooks of the same run; see run/loop.lua.
function requests.new(session, parts)
  return setmetatable({
    in_flight = 0,
    offers = false, -- ids may go to the engine without a batch
    is_held = false, -- the provider is down or at its limit of requests
    call = nil, -- this run's requests in the engine
    batches = batches.new(session, parts.given, parts.settled, parts.again, parts.hooks),
    _session = session,
    _engine = nil,
    _task = nil,
    _flights = {}, -- request number -> its batch, if any
    _given = parts.given,
    _settled = parts.settled,
    _repeats = parts.again,
    _patience = parts.patience,
    _hooks = parts.hooks,
  }, Requests)
end

-- Resets for a new call; the previous one is drained. call: what it has in the engine, or nil.
function Requests:begin(task, call)
  local operation = task.operation
  if call or self._engine ~= self._session.engine then
    self._engine, self.call = self._session.engine, call or self._session.engine:call()
  end
  self._task, self.is_held = task, false
  self.offers = task.limit == 1 and not (operation.single or operation.has_uuid or operation.sign
    or operation.signing)
  self.batches:begin(task, self.call)
end

-- Returns the time at which the provider's state allows a request.
local function allowed_at(self, now)
  local session, held_till = self._session, nil
  local outage = session.outage
  if outage.is_shut then
    if outage.due_at > now then
      held_till = outage.due_at
    elseif not self._patience:left(now) then
      held_till = self._patience:ends_at(now)
    end
  elseif outage.window and outage:room(now, self.call:in_flight()) < 1 then
    held_till = math.huge
  end
  self.is_held = held_till ~= nil
  outage:queue(self, self.is_held)
  return held_till or now
end

-- For a rate that a function knows: applies pauses that other processes were asked for, and checks
-- that the function can still answer.
local function heed_keeper(self, now)
  local pacer = self._session.pacer
  local pause = pacer:take_news()
  if pause then
    self._patience:pause(pause)
    self._hooks:note({ type = "throttle", delay = pause })
    if patience.is_endless(pause) then
      self._repeats:finish("rate_limited")
    end
  end
  if self._patience:watch_rate(now, pacer) then
    self._repeats:finish("outage")
  end
  self._hooks:tell()
end

-- Returns the time at which the next request may start.
local function ready_at(self, now)
  local session, task = self._session, self._task
  if not self._repeats.trial:may_ask(now, self.in_flight) then
    return math.huge -- until the responses in flight have arrived
  end
  local at = session.pacer:ready_at(now)
  if session.pacer.keeper or session.pacer.trouble or self._patience.rate_trouble then
    heed_keeper(self, now)
  end
  if task.pacer then
    at = math.max(at, task.pacer:ready_at(now))
  end
  if at > now then
    if session.pacer.paused_till >= task.deadline then
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

-- Adjusts the count of requests in flight.
local function count_flying(self, count)
  local traffic = self._session.traffic
  self.in_flight = self.in_flight + count
  if traffic then
    traffic.in_flight = traffic.in_flight + count
  end
end

-- Goes on with the request that run/one.lua has made for the only id of the list.
function Requests:take_over()
  self._given:ahead(self._settled, nil, 1)
  self._given:took(1)
  self._repeats:offered(1)
  count_flying(self, 1)
end

-- Counts responses and their ids; `started` is when the oldest request was sent.
function Requests:count_answered(count, ids, started, now)
  local traffic = self._session.traffic
  count_flying(self, -count)
  if traffic then
    traffic.count, traffic.ids = traffic.count + count, traffic.ids + ids
    traffic.slowest = math.max(traffic.slowest, now - started)
  end
end

-- Returns the batch of a request that is over. The values from id on are set for an offered id,
-- which gets its batch here, so that it can have a history.
function Requests:landed(flight, id, place, number, generation, started)
  local batch = self._flights[flight]
  self._flights[flight] = nil
  if id then
    batch = self._given:lone(id, place)
    batch.number, batch.generation, batch.started = number, generation, started
  end
  return batch
end

-- Settles requests in flight without their responses.
function Requests:abandon()
  local flight, id, place, number, generation, started = self.call:forsake()
  while flight do
    local batch = self:landed(flight, id, place, number, generation, started)
    count_flying(self, -1)
    self._task.summary.requests = self._task.summary.requests + 1
    batch.attempts = batch.attempts + 1
    self._settled:add(batch, { outcome = "unknown", reason = "interrupted" })
    flight, id, place, number, generation, started = self.call:forsake()
  end
end

-- Counts requests sent: always one if there are events or a rate limit.
local function note_sent(self, now, count, ids, attempt)
  local session = self._session
  count_flying(self, count)
  if not session.pacer.is_free then
    session.pacer:sent(now)
  end
  if self._task.pacer then
    self._task.pacer:sent(now)
  end
  if session.sent then
    session.sent()
  end
  if session.emit then
    self._hooks:emit({ type = "request", ids = ids, attempt = attempt })
  end
end

-- Returns the header lines from the definition's `sign`, or nil if it gives none that are usable.
local function sign(self, batch, operation, number)
  local method, origin, target, headers, body = self._session.engine:preview(number, batch.ids, 1,
    batch.count, batch.uuid)
  local called, given = compat.try(operation.sign, { method = method, url = origin .. target,
    headers = headers, body = body or "" })
  if not called or type(given) ~= "table" then
    self._hooks:warn(("the definition's `sign` %s"):format(called and "returned no table of headers"
      or "raised an error: " .. compat.words_of(given)))
    return nil
  end
  local lines = {}
  for name, value in pairs(given) do
    lines[#lines + 1] = ("%s: %s"):format(compat.words_of(name), compat.words_of(value))
    if type(name) ~= "string" or not fields.is_header(name) or lines[#lines]:find("%c")
      or type(value) == "table" then
      self._hooks:warn("the definition's `sign` returned an invalid header")
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
  local got, verdict, fault, wrong = self._session:fetch_token(self._task.deadline)
  if wrong then
    self._hooks:warn("the token was refused, and the token function " .. wrong)
  end
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

-- Returns whether ids without history, which need no prepared texts, may be sent.
local function may_offer(self, now)
  local session = self._session
  return self.offers and not self.batches.held and not session.outage.is_troubled
    and not self._repeats:is_needed() and self.batches:is_open(now)
    and (not session.fetch or session.fetch:is_ready(now))
end

-- Returns whether the deadline has passed; the source may have taken long. Raises if the source
-- closed the client.
local function is_late(self, now)
  self._hooks:check_open()
  return now >= self._task.deadline
end

-- Counts requests that the core has started for ids of the pool.
local function note_offered(self, now, count)
  if count > 0 then
    self._given:took(count)
    self._repeats:offered(count)
    note_sent(self, now, count, 1, 1)
  end
  return count
end

-- Returns whether one-id requests may start at once, as many as there are slots.
local function is_free(self)
  return self._session.pacer.is_free and not self._task.pacer and not self._session.emit
end

-- Starts as many one-id requests as allowed. Returns their number; at 0, the next request needs a
-- batch.
local function offer(self)
  local session, task = self._session, self._task
  local room = is_free(self) and task.concurrency - self.in_flight or 1
  local pool, first, last = self.batches:ahead(room, self.in_flight)
  local now = session.clock()
  if not pool or pool.given or pool.keys or is_late(self, now) then
    return 0
  end
  return note_offered(self, now, self.call:offer(task.number, pool.ids, pool.places, first, last,
    timeout_at(self, now), self._repeats.sends, session.generation))
end

-- Returns whether the core may start further one-id requests by itself. Nobody waits then for the
-- first item, for this thread, or to be asked before each request.
function Requests:may_serve(now)
  local session = self._session
  return self.in_flight > 0 and self.batches.has_begun and not session.breathe
    and not session.fetch and not self._repeats.ended and is_free(self) and may_offer(self, now)
end

-- Drives transfers, and waits up to `seconds` for responses. While they are usual, the core starts
-- further one-id requests. Returns false, having driven nothing, if no id is at hand.
function Requests:serve(now, seconds)
  local session, task = self._session, self._task
  local pool, first, last = self._given:at_hand(self._settled, MOST_SERVED)
  -- With a backlog, an id that cannot be sent has its item.
  if self._settled.backlog > 0 or not pool or pool.given or pool.keys then
    return false
  end
  note_offered(self, now, self.call:serve(task.number, pool.ids, pool.places, first, last,
    task.timeout, self._repeats.sends, session.generation, seconds, session.pacer:connection(),
    task.deadline))
  return true
end

-- Starts a request for the next batch. Returns false if there is none or it must wait, and then
-- perhaps the time at which to try again.
local function send_next(self, now)
  local session = self._session
  local batch, at = self.batches:next(now, self.in_flight)
  if not batch then
    return false, at
  end
  now = session.clock()
  if is_late(self, now) then
    self.batches.held = batch
    return false
  end
  if session.fetch and not session.fetch:is_ready(now) then
    if session.fetch:is_busy(now) then
      self.batches.held = batch
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
  local flight, why = self.call:submit(number, batch.ids, 1, batch.count, timeout_at(self, now),
    batch.uuid, batch.lines, batch.made)
  if flight then
    self._flights[flight] = batch
    if session.outage.is_troubled then
      session.outage:sent(now, batch, batch.tries + batch.attempts == 0)
    end
    self._repeats:sent(batch)
    note_sent(self, now, 1, batch.count, batch.tries + 1)
    return true
  elseif why == "no free slot" then
    self.batches.held = batch
    return false
  end
  self._repeats:too_large(batch, now)
  return true
end

-- Starts all requests that may start. Returns whether any did, and when more may.
function Requests:fill(now)
  local session, task, outage = self._session, self._task, self._session.outage
  local before, must_share = self._repeats.sends, self._hooks.must_share
  self.batches.is_cut, self.is_held = false, false
  -- During an outage the next probe may start while one still hangs.
  while not self._repeats.ended and (self.in_flight < task.concurrency or outage.is_shut)
    and not self.batches:is_empty() do
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
      if task.limit > 1 and self.batches:finds_answer() and not self.batches.has_begun then
        break
      end
    end
    if must_share and must_share() then
      self.batches.is_cut = true
      break
    end
    now = session.clock()
  end
  return self._repeats.sends > before
end

-- Records that the run waits for nothing any more.
function Requests:release()
  self._session.outage:queue(self, false)
end

-- Returns whether the run has nothing under way that could show whether the provider responds.
function Requests:is_idle()
  return self.in_flight == 0 and not self.batches.held and self.batches:is_exhausted()
    and self._repeats:count() == 0
end

-- Returns whether no id is left to be sent or answered.
function Requests:is_over()
  return self.in_flight == 0 and self.batches:is_empty()
end

-- Stops sending: settles what is not in flight.
function Requests:give_back()
  self.is_held = false
  self.batches:give_back(self.in_flight)
end

-- Returns the next time at which there is work without network activity. Nothing is sent before
-- `at` (nil for now).
function Requests:next_time(now, at)
  local ended, next_up = self._repeats.ended, self.batches
  if next_up.is_cut or (ended and next_up:can_give_back()) then
    return now -- read the source on, or settle the rest of it
  elseif ended then
    return (next_up.held or not self._repeats:is_empty()) and now or math.huge
  end
  local time, is_shut = math.min(at or math.huge, self._task.deadline), self._session.outage.is_shut
  local ends_at = is_shut and self._patience:ends_at(now) or math.huge
  if ends_at > now then
    time = math.min(time, ends_at)
  end
  if next_up.held or (self.in_flight >= self._task.concurrency and not is_shut) then
    return time -- waiting batches need a slot, too
  end
  return math.min(time, next_up:next_at(now, at))
end

return requests
