-- Decides what happens after a request that left ids unsettled: whether they are retried, when, in
-- which parts and with which token.

local patience = require("stopmsg.run.patience")
local retry = require("stopmsg.run.retry")
local text = require("stopmsg.text")
local tls = require("stopmsg.tls")
local trials = require("stopmsg.run.trial")

local repeats = {}

-- Ids of one batch refused alike, with none accepted, after which the cause is not in the ids.
local ALIKE = 4

local Repeats = {}
Repeats.__index = Repeats

-- given, settled, patient, hooks: those of the same run; see run/loop.lua.
function repeats.new(session, given, settled, patient, hooks)
  local self = setmetatable({
    ended = nil, -- why sending stopped
    sends = 0, -- requests of this call
    trial = nil, -- of a refused token
    _given = given,
    _settled = settled,
    _patience = patient,
    _hooks = hooks,
    _session = session,
    _task = nil,
    _call = nil,
    _waiting = {}, -- batches waiting for a retry, each until its time `at`
    _doubted = {}, -- failed batches that may turn out to be part of an outage
  }, Repeats)
  self.trial = trials.new(session, self, settled, hooks)
  return self
end

-- Resets for a new call; the previous one is drained. call: its requests in the engine.
function Repeats:begin(task, call)
  self._task, self._call = task, call
  self.ended, self.sends = nil, 0
  self.trial:begin(task)
end

-- Stops sending, for this reason. Only the first reason counts.
function Repeats:finish(reason)
  self.ended = self.ended or reason
end

-- Returns whether to send the ids again. With max_attempts of 1, no id is sent twice.
function Repeats:may_send(batch)
  return not self.ended and (self._task.max_attempts > 1 or batch.attempts == 0)
end

-- Keeps a batch for a retry.
function Repeats:keep(batch, verdict, at)
  batch.last, batch.at, batch.is_repeat = verdict, at, true
  self._waiting[#self._waiting + 1] = batch
end

-- Returns whether this call waits for the current outage to end.
local function is_waited_for(self)
  return self._session.outage.is_shut and self._task.patience > 0
end

-- Returns whether a pause outlasts the call or the longest acceptable pause.
local function is_endless(self, pause, now)
  return patience.is_endless(pause) or pause >= self._task.deadline - now
end

-- Keeps a batch during an outage that this call waits for. Returns the pause before the next probe.
local function wait_for_it(self, batch, verdict, retry_after, now)
  local outage = self._session.outage
  if retry_after then
    self._patience:pause(retry_after)
    self._hooks:note({ type = "throttle", delay = retry_after })
    if is_endless(self, retry_after, now) then
      return self:finish("rate_limited")
    end
    outage:hold(now, retry_after)
  end
  self:keep(batch, verdict, now)
  return math.max(0, outage.due_at - now)
end

-- Settles a failed batch, unless the failure may still turn out to be part of an outage.
local function conclude(self, batch, verdict)
  if self:may_send(batch) and self._task.patience > 0
    and batch.spell == self._session.outage.spell then
    batch.last = verdict
    self._doubted[#self._doubted + 1] = batch
  else
    self._settled:add(batch, verdict)
  end
end

-- Schedules a retry outside an outage, by the number of the batch's own failures. Returns its
-- delay.
local function repeat_it(self, batch, verdict, retry_after, now)
  local left = self._task.deadline - now
  if self.ended or (retry_after and is_endless(self, retry_after, now)) then
    return nil
  end
  local delay, is_used_up = retry.delay(self._task, batch.failures + batch.in_spell,
    retry_after, left)
  if delay then
    self:keep(batch, verdict, now + delay)
    batch.is_timed = retry_after ~= nil
  end
  return delay, is_used_up
end

-- Handles a response that asks to try later, or no response.
local function again(self, batch, verdict, retry_after, now)
  local delay, is_used_up
  if is_waited_for(self) then
    delay = self:may_send(batch) and wait_for_it(self, batch, verdict, retry_after, now)
  else
    delay, is_used_up = repeat_it(self, batch, verdict, retry_after, now)
  end
  if delay then
    self._hooks:note({ type = "retry", ids = batch.count, delay = delay, reason = verdict.reason })
  elseif is_used_up then
    conclude(self, batch, verdict)
  else
    self._settled:add(batch, verdict)
  end
end

-- Handles HTTP 429: the client sends nothing before the pause is over.
local function throttle(self, batch, verdict, retry_after, now)
  local outage, pacer = self._session.outage, self._session.pacer
  local pause = outage:throttled(now, batch.started, self._call:in_flight(), retry_after)
  local is_longer = now + pause > math.max(now, pacer.paused_till)
  pacer:pause(now + pause, pause)
  if retry_after then
    self._patience:pause(retry_after)
    if is_endless(self, retry_after, now) then
      self:finish("rate_limited")
    end
  end
  if self:may_send(batch) then
    self:keep(batch, verdict, math.max(now, pacer.paused_till))
  else
    self._settled:add(batch, verdict)
  end
  if is_longer then
    self._hooks:note({ type = "throttle", delay = pause })
  end
end

-- Handles a response without the provider's format. Its verdict holds, unless it is part of an
-- outage.
local function doubt(self, batch, verdict, is_complete, now)
  if not is_complete then
    return self._settled:add(batch, verdict)
  end
  batch.is_foreign = true
  if is_waited_for(self) and self:may_send(batch) then
    self:keep(batch, verdict, now)
  else
    conclude(self, batch, verdict)
  end
end

-- Returns whether any batch is in doubt.
function Repeats:has_doubts()
  return self._doubted[1] ~= nil
end

-- Settles batches whose failure was no part of an outage. is_idle: no request of the run is left
-- that could show one.
function Repeats:resolve(now, is_idle)
  local doubted, outage = self._doubted, self._session.outage
  self._doubted = {}
  for _, batch in ipairs(doubted) do
    if batch.spell ~= outage.spell or (is_idle and not outage.is_shut) or not self:may_send(batch)
    then
      self._settled:add(batch, batch.last)
    elseif outage.is_shut then
      self:keep(batch, batch.last, now)
    else
      self._doubted[#self._doubted + 1] = batch
    end
  end
end

-- Puts ids first..last, as a new batch, at the head of the retry queue.
local function put_part(self, batch, first, last, now)
  local part = self._given:part(batch, first, last)
  part.at, part.family, part.is_repeat = now, batch.family, batch.is_repeat
  table.insert(self._waiting, 1, part)
end

local function split(self, batch, middle, now)
  put_part(self, batch, middle + 1, batch.count, now)
  put_part(self, batch, 1, middle, now)
end

local function failed(verdict)
  return { outcome = "failed", reason = verdict.reason, code = verdict.code, http = verdict.http,
    message = verdict.message }
end

-- Settles the other parts of a refused batch; their ids are not at fault.
local function fail_family(self, family, verdict)
  local others = {}
  for _, batch in ipairs(self._waiting) do
    if batch.family == family then
      self._settled:add(batch, failed(verdict))
    else
      others[#others + 1] = batch
    end
  end
  self._waiting = others
end

-- Settles an id that was refused in a request of its own.
local function blame(self, batch, verdict)
  self._settled:add(batch, verdict)
  local family = batch.family
  if family then
    local key = tostring(verdict.http) .. "/" .. tostring(verdict.code)
    family.alike[key] = (family.alike[key] or 0) + 1
    if family.alike[key] == ALIKE and not family.is_accepted then
      family.is_hopeless = true
      fail_family(self, family, verdict)
    end
  end
end

-- Handles a batch refused as a whole. After a 413, sends its halves and caps later batches at that
-- size. Otherwise halves it until the ids at fault are alone.
local function halve(self, batch, verdict, now)
  local is_too_large, family = verdict.http == 413, batch.family
  local middle = math.ceil(batch.count / 2)
  if batch.count == 1 and not is_too_large then
    return blame(self, batch, verdict)
  elseif is_too_large then
    self._given:shrink(middle)
  end
  if batch.count == 1 or not self:may_send(batch) or (family and family.is_hopeless) then
    return self._settled:add(batch, failed(verdict))
  end
  if not is_too_large then
    batch.family = family
      or { alike = {}, in_flight = 0, is_accepted = false, is_hopeless = false }
    middle = math.floor(batch.count / 2)
  end
  batch.last = failed(verdict) -- used if the call ends before the halves are sent
  split(self, batch, middle, now)
end

-- Splits a batch whose request is too large to be sent.
function Repeats:too_large(batch, now)
  if batch.count == 1 then
    return self._settled:add(batch, { outcome = "invalid", reason = "too_large",
      message = "too large for a request" })
  end
  split(self, batch, math.floor(batch.count / 2), now)
end

-- Records that a batch was sent.
function Repeats:sent(batch)
  self.sends = self.sends + 1
  batch.number = self.sends
  if batch.is_repeat then
    batch.is_repeat, batch.is_timed, batch.is_foreign = false, false, false
    if batch.last.outcome == "unknown" and not self._task.operation.is_lookup then
      batch.is_ambiguous = true
    end
    self._task.summary.retries = self._task.summary.retries + 1
  end
  if batch.family then
    batch.family.in_flight = batch.family.in_flight + 1
  end
  self.trial:sent(batch)
end

-- Records `count` one-id first attempts.
function Repeats:offered(count)
  self.sends = self.sends + count
end

-- Records usual responses to such requests; `generation` is the last one's token. Call it only
-- without a trial or an outage.
function Repeats:answered(now, generation)
  self.trial.worked = generation
  self._session.outage:answered(now)
end

local function note_failure(self, now, batch, action, verdict, detail)
  local outage = self._session.outage
  outage:failed(now, batch, {
    reason = verdict.reason,
    message = text.clean(detail, self._session.redact),
    is_alone = self._call:in_flight() == 0,
    is_end = self._given.is_over,
    is_free = action == "throttle",
    is_refused = detail and verdict.reason == "tls" and tls.is_certificate(detail),
  })
  if outage:is_refused() then
    self:finish("tls")
  end
end

-- Settles the ids of a finished request, or keeps them for a retry.
-- action, verdict, is_usable: see meaning/answer.lua. fault, detail: nil if the response is
-- complete.
function Repeats:decide(now, batch, action, verdict, is_usable, retry_after, fault, detail)
  local family, was_witness = batch.family, self.trial:landed(batch)
  if family then
    family.in_flight = family.in_flight - 1
  end
  if is_usable and action == "credentials" then
    self.trial:refuse(batch, verdict, was_witness, now)
    return self._session.outage:answered(now, batch)
  elseif is_usable then
    self._session.outage:answered(now, batch)
    if action == "settle" then
      self.trial:hear(batch)
      if family and not verdict.http then
        family.is_accepted = true
      end
      return self._settled:add(batch, verdict)
    end
  else
    -- What says nothing about the provider: our own lack of memory, and a batch that is too large.
    local is_ours = fault == "memory" or (action == "halve" and batch.count > 1)
    if action ~= "credentials" and not is_ours then
      note_failure(self, now, batch, action, verdict, detail)
    end
    if action == "settle" then
      return doubt(self, batch, verdict, not fault, now)
    end
  end
  if action == "again" then
    again(self, batch, verdict, retry_after, now)
  elseif action == "throttle" then
    throttle(self, batch, verdict, retry_after, now)
  elseif action == "halve" then
    halve(self, batch, verdict, now)
  else
    self.trial:refuse(batch, verdict, was_witness, now)
  end
end

-- Returns whether a part may be sent. Until one part is accepted, parts go one at a time, since all
-- may be refused.
local function may_go(batch)
  local family = batch.family
  return not family or family.is_accepted or family.in_flight == 0
end

-- Removes and returns a batch that is due; nil if there is none.
function Repeats:due(now)
  local waiting = self._waiting
  for i, batch in ipairs(waiting) do
    if batch.at <= now and may_go(batch) then
      return table.remove(waiting, i)
    end
  end
end

-- batch, is_same = :probe(now): returns the batch to probe with during an outage, without removing
-- it. is_same: the last probe used it, too.
function Repeats:probe(now)
  local outage, same = self._session.outage, nil
  for _, batch in ipairs(self._waiting) do
    if may_go(batch) and (batch.at <= now or not batch.is_timed) then
      if not outage:was_last(batch) then
        return batch, false
      end
      same = batch
    end
  end
  return same, same ~= nil
end

-- Removes and returns a batch from the retry queue.
function Repeats:take(batch)
  for i, other in ipairs(self._waiting) do
    if other == batch then
      return table.remove(self._waiting, i)
    end
  end
end

-- Returns the first `limit` ids of a batch; the others go next.
function Repeats:cut(batch, limit, now)
  split(self, batch, limit, now)
  return table.remove(self._waiting, 1)
end

-- Returns when the next batch is due, at the earliest `from`.
function Repeats:next_at(from)
  local time = math.huge
  for _, batch in ipairs(self._waiting) do
    if may_go(batch) then
      time = math.min(time, batch.at)
    end
  end
  return math.max(time, from)
end

-- Returns whether ids that were sent before come first, or bear on others.
function Repeats:is_needed()
  return self._waiting[1] or self.trial.refused or self.trial.alone
end

function Repeats:count()
  return #self._waiting
end

-- Returns whether no batch of the call is left here.
function Repeats:is_empty()
  return #self._waiting == 0 and not self.trial.refused and not self._doubted[1]
end

-- Returns whether all remaining ids have a response that was not the provider's.
function Repeats:is_foreign()
  for _, batch in ipairs(self._waiting) do
    if not batch.is_foreign then
      return false
    end
  end
  return #self._waiting > 0 and not self.trial.refused
end

-- Stops sending: settles waiting batches by what is known of them.
function Repeats:give_back()
  local waiting, doubted = self._waiting, self._doubted
  self._waiting, self._doubted = {}, {}
  for _, list in ipairs({ waiting, doubted }) do
    for _, batch in ipairs(list) do
      self:give_up(batch)
    end
  end
  self.trial:give_back()
end

-- Settles one such batch, which may never have been sent.
function Repeats:give_up(batch)
  local verdict = batch.last
  if not verdict then
    verdict = { outcome = batch.is_ambiguous and "unknown" or "skipped", reason = self.ended }
  end
  self._settled:add(batch, verdict)
end

return repeats
