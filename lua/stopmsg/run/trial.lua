-- Finds the cause of a refused token: the id, which may belong to another account, or the token. A
-- token that worked earlier in the call goes on trial when it is refused: it is used for another
-- id. If that request is answered, the earlier refusals were due to their ids.

local trial = {}

local Trial = {}
Trial.__index = Trial

-- again, settled, hooks: those of the same run; see run/loop.lua.
function trial.new(session, again, settled, hooks)
  return setmetatable({
    refused = nil, -- { batch, verdict, sends }, in order of refusal; nil if no token is on trial
    alone = nil, -- a refused batch that must be first to use a new token
    worked = nil, -- number of the last token that settled an id
    _again = again,
    _settled = settled,
    _hooks = hooks,
    _session = session,
    _task = nil,
    _token = nil, -- number of the token on trial
    _is_open = false, -- other ids may be sent with it
    _witness = nil, -- the batch now sent with it
    _was_answered = false, -- answered: a request sent with or after the refused one
    _is_out = false, -- `alone` is in flight
    _renewed = nil, -- number of the last token this call asked for
    _is_barren = false, -- the token before that one never worked
  }, Trial)
end

-- Resets for a new call; the previous one is drained.
function Trial:begin(task)
  self._task = task
  self.refused, self.alone, self.worked, self._renewed, self._is_barren = nil, nil, nil, nil, false
end

-- Ends the trial. Returns its entries.
local function close(self)
  local entries = self.refused
  self.refused, self._witness = nil, nil
  return entries
end

-- Settles ids to which alone the token was refused.
local function deny(self, entry)
  entry.verdict.reason, entry.batch.was_refused = "forbidden", nil
  self._settled:add(entry.batch, entry.verdict)
end

-- Sends refused ids again with the current token.
local function ask_again(self, entry, now)
  if self._again:may_send(entry.batch) then
    self._again:keep(entry.batch, entry.verdict, now)
  else
    deny(self, entry)
  end
end

-- Returns whether there is a new token. `first` is the batch refused first. A new token that never
-- worked ends the run, unless that batch may have invalidated it.
local function renew(self, first, has_worked)
  local session = self._session
  if session.generation ~= self._token then
    return true -- another call renewed it
  end
  local is_new = self._renewed == self._token
  local may_be_spoilt = first.was_refused and not self._is_barren
  if not session.renew or self._again.ended or not (has_worked or not is_new or may_be_spoilt) then
    return false
  end
  local is_renewed, fault = session.renew(self._task.deadline)
  if not is_renewed then
    self._hooks:warn("the token was refused, and " .. (fault and "the token function " .. fault
      or "no new one was issued"))
    return false
  end
  local is_due = session.fetch and not session.fetch:is_ready(session.clock()) -- it comes later
  self._renewed = session.generation + (is_due and 1 or 0)
  self._is_barren = is_new and not has_worked
  return true
end

-- Gives up the token on trial: gets a new one or ends the run.
local function condemn(self, now)
  local has_worked, first = self.worked == self._token, self.refused[1]
  if not renew(self, first.batch, has_worked) then
    self._again:finish("credentials")
    return self:give_back()
  end
  local entries = close(self)
  if self._is_barren then
    table.insert(entries, table.remove(entries, 1)) -- others first
  elseif has_worked and first.batch.was_refused then
    deny(self, table.remove(entries, 1)) -- refused with two tokens that both worked
  else
    first.batch.was_refused = first.batch.was_refused or has_worked
    if self._again:may_send(first.batch) then
      -- A token may be valid for only a few requests. The first one shows what caused the refusal.
      self.alone, self._is_out = first.batch, false
    end
  end
  for _, entry in ipairs(entries) do
    ask_again(self, entry, now)
  end
end

-- Ends the trial: applies f to each refused entry, to settle it or send it again.
local function acquit(self, now, f)
  for _, entry in ipairs(close(self)) do
    f(self, entry, now)
  end
end

-- Handles a refused token.
function Trial:refuse(batch, verdict, was_witness, now)
  local token, has_worked = self._session.generation, self.worked == self._session.generation
  local entry = { batch = batch, verdict = verdict, sends = self._again.sends }
  if self._again.ended then
    self._settled:add(batch, verdict)
  elseif batch.generation ~= token then
    ask_again(self, entry, now)
  elseif not self.refused and batch.was_refused and has_worked then
    deny(self, entry) -- refused with two tokens that both worked
  elseif not self.refused then
    self.refused, self._token, self._is_open = { entry }, token, has_worked or batch.was_refused
    self._was_answered = has_worked and batch.started < self._session.outage.usable_at
  else
    table.insert(self.refused, entry)
    if was_witness then
      condemn(self, now)
    end
  end
end

-- Records that a batch was settled, which speaks for its token.
function Trial:hear(batch)
  self.worked = batch.generation
  if self.refused and batch.generation == self._token then
    local others = {}
    for _, entry in ipairs(self.refused) do
      if entry.sends < batch.number then
        deny(self, entry)
      else
        others[#others + 1] = entry
      end
    end
    self.refused, self._was_answered = others, true
    if not others[1] then
      close(self)
    end
  end
end

-- Returns whether a request may start now. A token on trial allows one at a time, and none unless
-- it is known to work.
function Trial:may_ask(now, in_flight)
  if not self.refused then
    return not self._is_out
  end
  local is_known = self._is_open or self.worked == self._token
  if self._token ~= self._session.generation then
    acquit(self, now, ask_again) -- another call renewed it
  elseif not is_known and in_flight == 0 then
    condemn(self, now)
  else
    return not self._witness and is_known
  end
  return true
end

-- Returns the batch that must go first; nil if there is none or it is in flight.
function Trial:take_first()
  return self.alone and not self._is_out and self._again:take(self.alone) or nil
end

-- Returns the last of several refused batches to test with, when no new id is left; nil if there is
-- none.
function Trial:other()
  local refused = self.refused
  local entry = refused[#refused]
  if #refused == 1 or not self._again:may_send(entry.batch) then
    return nil
  end
  refused[#refused] = nil
  entry.batch.last, entry.batch.is_repeat = entry.verdict, true
  return entry.batch
end

-- Ends a trial with nothing in flight and no other id to test with. A new token gives the best
-- answer.
function Trial:decide(now)
  if self.refused[1].batch.was_refused or (self._was_answered and not self._session.renew) then
    acquit(self, now, deny)
  else
    condemn(self, now)
  end
end

-- Records that a batch was sent.
function Trial:sent(batch)
  if self.refused then
    self._witness = batch
  elseif batch == self.alone then
    self._is_out = true
  end
end

-- Records that a batch's request is over. Returns whether it was sent with a token on trial.
function Trial:landed(batch)
  local was_witness = batch == self._witness
  if was_witness then
    self._witness = nil
  end
  if batch == self.alone then
    self.alone, self._is_out = nil, false
  end
  return was_witness
end

-- Settles all refused ids as refused.
function Trial:give_back()
  for _, entry in ipairs(close(self) or {}) do
    self._settled:add(entry.batch, entry.verdict)
  end
end

return trial
