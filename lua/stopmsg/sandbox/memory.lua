-- What the sandbox remembers of one provider's ids: when each was stopped, and which of those that
-- fail once have failed. Everything else follows from the id.

local campaigns = require("stopmsg.sandbox.campaign")

local memory = {}

local Memory = {}
Memory.__index = Memory

local ONCE = { ["0429"] = 429, ["0500"] = 500 }
local ALWAYS = { ["0503"] = 503 }

-- now(): seconds. settle: seconds until a stop shows. campaign: the held messages, { size,
-- created_per_second, create_seconds, leave_per_second }; nil for a few examples.
function memory.new(now, settle, campaign)
  return setmetatable({ now = now, _settle = settle, _stopped = {}, _failed = {},
    _wanted = campaign or campaigns.examples, _held = nil, _campaign = nil }, Memory)
end

-- Holds messages with ids of this format. with: newest_first, lists_all (see campaign.lua).
function Memory:hold(format, with)
  self._held = {
    now = self.now,
    settle = self._settle,
    format = format,
    newest_first = with.newest_first,
    lists_all = with.lists_all,
    size = self._wanted.size or 0,
    created_per_second = self._wanted.created_per_second,
    create_seconds = self._wanted.create_seconds,
    leave_per_second = self._wanted.leave_per_second,
  }
end

-- The held messages, or nil. Created on first use, since nobody uses all providers.
function Memory:campaign()
  if self._held and not self._campaign then
    self._campaign = campaigns.new(self._held)
  end
  return self._campaign
end

-- Counts of the held messages by state; nil if nobody asked for them.
function Memory:tally()
  return self._campaign and self._campaign:tally()
end

-- The number of a held message, and their total; nil for all other ids.
local function held(self, id)
  local campaign = self:campaign()
  return campaign and campaign:number(id), campaign
end

-- "scheduled", "stopped" or "sent" for a held message, as lookups show it if is_shown; nil for
-- others.
function Memory:state(id, is_shown)
  local number, campaign = held(self, id)
  return number and campaign:state(number, is_shown)
end

-- Returns whether a held message was sent.
function Memory:has_left(id)
  return self:state(id) == "sent"
end

-- Returns whether an id with this ending can fail a whole request. Cheaper than :trouble, and
-- changes nothing.
function memory.is_trouble(ending)
  return ONCE[ending] or ALWAYS[ending]
end

-- status = memory:trouble(ids): the HTTP status with which to refuse a request for these ids, or
-- nil. Ids that fail once each fail a request of their own.
function Memory:trouble(ids)
  for _, id in ipairs(ids) do
    local ending = not held(self, id) and id:sub(-4)
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
  local number, campaign = held(self, id)
  if number then
    campaign:stop(number)
  elseif not self._stopped[id] then
    self._stopped[id] = at
  end
end

-- Returns whether another stop finds it already stopped; counts these for held messages.
function Memory:is_again(id)
  local is_stopped = self:was_stopped(id)
  if is_stopped then
    self:stop(id)
  end
  return is_stopped
end

function Memory:was_stopped(id)
  local number, campaign = held(self, id)
  if number then
    return campaign:state(number) == "stopped"
  end
  return self._stopped[id] ~= nil
end

-- time = memory:shown(id): when the id was stopped; nil until lookups show it.
function Memory:shown(id)
  local number, campaign = held(self, id)
  if number then
    return campaign:state(number, true) == "stopped" and self.now() or nil
  end
  local at = self._stopped[id]
  return at and at + self._settle <= self.now() and at or nil
end

return memory
