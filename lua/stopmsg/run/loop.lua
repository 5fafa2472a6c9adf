-- The run loop: sends ids from a source in batches, interprets the responses, retries where that is
-- safe, and hands out one item per id as each settles.
--
-- Memory is bounded whatever the length of the source: there are limits on ids read ahead, in
-- flight, and settled but not handed out. No code here knows a provider. The only blocking call is
-- `session.wait`.

local hooks = require("stopmsg.run.hooks")
local intake = require("stopmsg.run.ids")
local patience = require("stopmsg.run.patience")
local repeats = require("stopmsg.run.repeats")
local replies = require("stopmsg.run.replies")
local reports = require("stopmsg.report")
local requests = require("stopmsg.run.requests")
local settleds = require("stopmsg.run.items")
local text = require("stopmsg.text")
local waiting = require("stopmsg.wait")

local run = { CLOSED = waiting.CLOSED }

-- Maximum time in seconds that the consumer may keep the loop from the network.
local LOOK_EVERY = 0.005

-- Maximum number of items handed out without a look at the clock.
local MOST_UNSEEN = 64

-- Seconds that requests in flight get after an interruption.
local GRACE = 2

-- Maximum ids of a call whose run is reused, and the maximum number of idle runs.
local SMALL, MOST_IDLE = 16, 1024

local Run = {}
Run.__index = Run

-- Creates a run on the connections of `session`, without a task. Its parts, each for one matter:
-- given (ids come in), settled (items go out), patience, again (what is repeated), requests,
-- replies, and hooks (what is the user's).
local function new(session)
  local self = setmetatable({
    _session = session,
    _task = nil,
    _look_every = session.breathe and hooks.SHARE_EVERY or LOOK_EVERY,
    _slice = settleds.NONE, -- the one being handed out, see run/items.lua
    _gap = 1, -- how many items go out without a look at the clock
    _is_shut = false, -- the client was closed
    _tells = nil, -- whether somebody is told of each item
    _counts_each = false, -- each item is counted when it is handed out, not when it is made
    _abandons_at = nil, -- when to abandon requests in flight after an interruption
    _started = 0,
  }, Run)
  local outer = hooks.new(session)
  local given = intake.new(function(chunk, want)
    return outer:outside(self._task.source, chunk, want)
  end)
  local settled = settleds.new(given, session.redact, function(message)
    outer:warn(message)
  end, session.breathe ~= nil)
  local patient = patience.new(session, outer)
  local parts = { given = given, settled = settled, patience = patient, hooks = outer,
    again = repeats.new(session, given, settled, patient, outer) }
  parts.requests = requests.new(session, parts)
  self._hooks, self._given, self._settled, self._patience = outer, given, settled, patient
  self._repeats, self._requests = parts.again, parts.requests
  self._replies = replies.new(session, parts)
  return self
end

-- Returns counts and reasons of the items handed out. From now on each item is counted when it is.
local function look(self)
  local slice = self._slice
  self._counts_each, slice.till = true, slice.at
  return self._settled:stop_counting(slice)
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
-- heard: what the runs of one call share, which then warns of strangers itself (see
-- run/replies.lua), or nil.
-- is_slow: its source waits for a network too, so settled items are handed out before it is called.
-- sink(ids, places, first, last, outcome, code, verified) -> count, or nil: takes ids[first..last],
-- whose items would have no other fields, in place of the items. The first id it does not take gets
-- an item. at_end: called when the last item was handed out, or nil.
--
-- asked: { call, started } of a request for the only id, which the run takes over; see run/one.lua.
function run.new(session, task, asked)
  local self = session.idle_runs and table.remove(session.idle_runs) or new(session)
  local now = asked and asked.started or session.clock()
  self._task = task
  -- A few ids keep nobody waiting.
  self._hooks:begin(task, not (task.total and task.total <= SMALL))
  self._requests:begin(task, asked and asked.call)
  self._replies:begin(task)
  self._repeats:begin(task, self._requests.call)
  self._patience:begin(task, now)
  self._given:begin(task)
  self._settled:begin(task.operation, task.limit, task.sink, task.summary)
  self._slice, self._tells = settleds.NONE, self._hooks:wants_items() and true
  self._counts_each = task.result ~= nil
  if not task.result then
    self._settled:count_in(task.summary.counts, task.summary.reasons)
    reports.veil(task.summary, function()
      return look(self)
    end)
  end
  self._started, self._gap, self._abandons_at = now, 1, nil
  if asked then
    self._requests:take_over()
  end
  return self
end

-- Keeps a small run that ended well for the next call, but nothing of the caller's. With hundreds
-- of calls at a time, its tables would be most of the collector's work. A call of two ids takes
-- half as many instructions again with a new one.
local function give_back_run(self)
  local idle, task = self._session.idle_runs, self._task
  local is_small = task.total and task.total <= SMALL
  -- After an interruption, abandoned requests may still get responses.
  if idle and is_small and #idle < MOST_IDLE and not self._abandons_at then
    task.source, task.result, task.summary = nil, nil, nil
    task.on_item, task.is_interrupted = nil, nil
    self._given:forget()
    self._settled:forget()
    idle[#idle + 1] = self
  end
end

-- Returns why sending stopped; nil if it has not.
function Run:ended()
  return self._repeats.ended
end

-- Ends the run if it should no longer wait for a provider that does not respond.
local function watch(self, now)
  local patient, again, asked = self._patience, self._repeats, self._requests
  patient:look(now)
  if self._session.outage.is_shut and not again.ended then
    local reason = patient:watch(now, again.sends, asked.in_flight)
    if reason then
      again:finish(reason)
    elseif asked.in_flight == 0 and not asked.batches.held and self._given.is_over
      and again:is_foreign() then
      again:finish("outage") -- each id has a response, and no other id is left to probe with
    end
  end
  self._hooks:tell()
end

-- Returns how many seconds a wait may last. No request may start before `at`.
local function patience_for(self, now, at)
  local asked = self._requests
  local seconds = math.max(0, asked:next_time(now, at) - now)
  if asked.batches.held and not at and not asked.is_held
    and asked.in_flight < self._task.concurrency
    and self._session.outage:has_slot(asked.call:in_flight()) then
    seconds = 0 -- another call's response has just freed it
  end
  return self._task.is_interrupted and math.min(seconds, waiting.ASK_EVERY) or seconds
end

-- Waits until there is something to do. is_busy: whether something just happened; no request may
-- start before `at`.
local function wait(self, now, is_busy, at)
  local session, asked = self._session, self._requests
  self._hooks:outside(session.wait, asked.call, patience_for(self, now, at), is_busy,
    asked.batches.held ~= nil or asked.is_held, session.pacer:connection())
end

-- One turn of the loop: send, drive transfers, take responses. With `may_wait`, waits if there was
-- nothing to do.
local function turn(self, may_wait)
  local session, outer, again, asked = self._session, self._hooks, self._repeats, self._requests
  local settled, must_share = self._settled, outer.must_share
  outer:check_open()
  outer:enter()
  local now = session.clock()
  outer.looked = now
  if now >= self._task.deadline then
    again:finish("deadline")
  end
  local has_started, at
  local is_interrupted = self._task.is_interrupted
  if is_interrupted and not self._abandons_at and outer:outside(is_interrupted) then
    again:finish("interrupted")
    self._abandons_at = now + GRACE
  end
  if again:has_doubts() then
    again:resolve(now, asked:is_idle())
  end
  if session.outage.is_troubled then
    watch(self, now)
  end
  if again.ended then
    asked:give_back()
  elseif settled:has_room() then
    has_started, at = asked:fill(now)
  end
  local has_served = may_wait and not at and settled.backlog == 0 and asked:may_serve(now)
    and asked:serve(now, patience_for(self, now))
  local has_more = not has_served and waiting.step(session)
  if must_share then
    now = outer:share() -- reading a response takes time
    outer:check_open()
  end
  local has_any = self._replies:collect()
  if self._abandons_at and now >= self._abandons_at and settled:has_room() then
    asked:abandon() -- with room left, every response that has arrived was taken
  end
  if may_wait and not has_served and settled.backlog == 0 and not has_any
    and not asked:is_over() then
    wait(self, now, has_started or has_more, at)
  elseif must_share then
    outer:share()
  end
  outer:leave()
end

-- Drives the network while the consumer handles ready items, and lets other coroutines run. The
-- clock sets the interval; the consumer's speed sets how often the clock is read.
local function keep_moving(self)
  if self._session.clock() - self._hooks.looked >= self._look_every then
    self._gap = 1
    turn(self, false)
  else
    self._gap = math.min(self._gap * 2, MOST_UNSEEN)
  end
end

local function finish(self)
  local task, given = self._task, self._given
  if given.odd > 0 then
    self._hooks:warn(("%d id(s) with an unusual format were sent as given, the first is %s; "
      .. "expected %s"):format(given.odd, text.quote(given.odd_example), task.operation.id.about))
    given.odd = 0
  end
  self._replies:finish()
  local now = self._session.clock()
  self._requests:release()
  self._patience:finish(now, self._repeats.ended)
  if task.at_end then
    task.at_end()
  end
  task.summary.elapsed = now - self._started
  if not self._counts_each then
    task.summary:unveil(look(self))
  end
  self._hooks:tell()
end

-- Returns the next settled items; nil if there are none.
local function take_slice(self)
  if self._settled.backlog == 0 then
    return nil
  end
  self._hooks:enter()
  local slice = self._settled:slice()
  self._hooks:leave()
  return slice
end

-- Loads and returns the next slice; nil at the end.
local function next_slice(self)
  local slice = take_slice(self)
  while not slice do
    if self._requests:is_over() then
      self._hooks:check_whole()
      finish(self)
      return nil
    end
    turn(self, true)
    slice = self._slice -- another coroutine may have loaded one meanwhile
    if slice.at == slice.count then
      slice = take_slice(self)
    end
  end
  self._requests.batches.has_begun, self._slice = true, slice
  return slice
end

-- Looks at the network, if it is time, and hands out an item; a few more go without a look.
local function next_item(self)
  local task, slice = self._task, self._slice
  if not task.is_slow and (slice.at < slice.count or self._settled.backlog > 0) then
    keep_moving(self)
    slice = self._slice
  end
  if slice.at == slice.count then
    slice = next_slice(self)
    if not slice then
      return nil
    end
  end
  local at, counts_each = slice.at + 1, self._counts_each
  local item, place = slice[at], slice.places[at]
  slice.at, slice.till = at, at
  if counts_each then
    task.summary:count(item)
  end
  if self._tells then
    self._hooks:tell_item(item, place)
  elseif not counts_each then
    slice.till = task.is_slow and slice.count or math.min(slice.count, at + self._gap - 1)
  end
  return item, place
end

-- next_item = run:iterator(): each call of it returns an item and its place; nil at the end.
function Run:iterator()
  local slice = self._slice -- all that the usual step needs; whoever takes items shares it
  return function()
    local here = slice
    local at = here.at
    if at < here.till then
      at = at + 1
      here.at = at
      return here[at], here.places[at]
    elseif self._is_shut then
      error(run.CLOSED, 2)
    end
    local item, place = next_item(self)
    slice = self._slice
    return item, place
  end
end

-- Hands out nothing more: from now on the iterator raises that the client is closed.
function Run:shut()
  self._slice.till, self._is_shut = self._slice.at, true
end

-- Runs to the end; the items are in task.result. Do not use the run afterwards; it may be reused.
function Run:finish()
  local summary, tells = self._task.summary, self._tells
  self._settled:count_in(summary.counts, summary.reasons, not tells)
  self._requests.batches.has_begun = not tells -- nobody waits for the first item
  local slice = next_slice(self)
  while slice do
    for i = 1, tells and slice.count or 0 do
      self._hooks:tell_item(slice[i], slice.places[i])
    end
    slice.at = slice.count
    if self._settled.backlog > 0 then
      keep_moving(self)
    end
    slice = next_slice(self)
  end
  summary:add_up(self._task.total)
  give_back_run(self)
end

return run
