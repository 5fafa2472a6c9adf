-- What the sandbox remembers of one provider's ids: when each was stopped, and which of those
-- that fail once have failed. All else follows from the id itself.

local memory = {}

local Memory = {}
Memory.__index = Memory

local ONCE = { ["0429"] = 429, ["0500"] = 500 }
local ALWAYS = { ["0503"] = 503 }

-- now: function that returns seconds. settle: seconds until a stop shows.
function memory.new(now, settle)
  return setmetatable({ now = now, _settle = settle, _stopped = {}, _failed = {} }, Memory)
end

-- Whether an id with this ending can fail a whole request; cheaper than :trouble, and changes
-- nothing.
function memory.is_trouble(ending)
  return ONCE[ending] or ALWAYS[ending]
end

-- status = memory:trouble(ids): the HTTP status with which to refuse a request for these ids, or
-- nil. Of several that fail once, each fails a request of its own.
function Memory:trouble(ids)
  for _, id in ipairs(ids) do
    local ending = id:sub(-4)
    local status = ALWAYS[ending]
    if not status and ONCE[ending] and not self._failed[id] then
      self._failed[id] = true
      status = ONCE[ending]
    end
    if status then
      return status
    end
  end
  return nil
end

function Memory:stop(id, at)
  if not self._stopped[id] then
    self._stopped[id] = at
  end
end

function Memory:was_stopped(id)
  return self._stopped[id] ~= nil
end

-- time = memory:shown(id): when the id was stopped, nil while status calls do not show it yet.
function Memory:shown(id)
  local at = self._stopped[id]
  return at and at + self._settle <= self.now() and at or nil
end

return memory
