-- Finds the cause of a refused token: the id, which may belong to another account, or the token. A
-- token that worked earlier in the call goes on trial when it is refused: it is used for another
-- id. If that request is answered, the earlier refusals were due to their ids.

local trial = {}

local Trial = {}
Trial.__index = Trial

-- token: the number of the token on trial.
function trial.new(token)
  return setmetatable({
    token = token,
    is_open = false, -- other ids may be sent with it
    witness = nil, -- the batch now sent with it
    was_answered = false, -- answered: a request sent with or after the refused one
    _refused = {}, -- { batch, verdict, sends }, in order of refusal
  }, Trial)
end

-- Adds a refused batch. sends: requests that the run had sent by then.
function Trial:add(batch, verdict, sends)
  self._refused[#self._refused + 1] = { batch = batch, verdict = verdict, sends = sends }
end

-- entries = :answered(number): request `number` of the run was answered. Removes and returns the
-- entries refused before it was sent.
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

-- Removes and returns all entries.
function Trial:take_all()
  local all = self._refused
  self._refused = {}
  return all
end

-- Returns whether the first refused batch was refused before, with another token that had worked.
function Trial:is_refused_again()
  return self._refused[1].batch.was_refused
end

function Trial:is_over()
  return #self._refused == 0
end

-- entry = :take_other(): removes and returns the last of several refused entries, to test with when
-- no other id is left. nil if there is only one.
function Trial:take_other()
  return #self._refused > 1 and table.remove(self._refused) or nil
end

return trial
