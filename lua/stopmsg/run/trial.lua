-- Finds out whose fault a refused token is: the id's, as it may be another account's, or the
-- token's. A token that has worked in this call is on trial once it is refused: another id is asked
-- with it. If that one is answered, the refusals before it were their ids' own.

local trial = {}

local Trial = {}
Trial.__index = Trial

-- token: the number of the token on trial.
function trial.new(token)
  return setmetatable({
    token = token,
    is_open = false, -- another id may be asked with it
    witness = nil, -- the batch that is asked with it meanwhile
    was_answered = false, -- a request that was in flight beside the refused one, or was sent later
    _refused = {}, -- { batch, verdict, sends }, the first refused first
  }, Trial)
end

-- A batch was refused, after the run had sent so many requests.
function Trial:add(batch, verdict, sends)
  self._refused[#self._refused + 1] = { batch = batch, verdict = verdict, sends = sends }
end

-- entries = :answered(number): those that had been refused when the run's request `number`, which
-- was answered now, was sent. They leave the trial.
function Trial:answered(number)
  self.was_answered = true
  local own, others = {}, {}
  for _, entry in ipairs(self._refused) do
    local list = entry.sends < number and own or others
    list[#list + 1] = entry
  end
  self._refused = others
  return own
end

-- All that is still on trial; it leaves.
function Trial:take_all()
  local all = self._refused
  self._refused = {}
  return all
end

-- Whether the one that was refused first was refused to a token before, which had worked.
function Trial:is_refused_again()
  local first = self._refused[1].batch
  return first.refusals ~= nil and first.refusals > 0
end

function Trial:is_over()
  return #self._refused == 0
end

-- entry = :take_other(): of several that were refused the last, which can be asked once more where
-- no other id is left. nil where there is none.
function Trial:take_other()
  return #self._refused > 1 and table.remove(self._refused) or nil
end

return trial
