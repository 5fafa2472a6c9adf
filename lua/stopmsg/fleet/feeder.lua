-- Feeds the ids of an input into a job, entry by entry. Stays a bounded distance ahead of the
-- workers, and resumes from the storage's position if the storage lost data.

local feeder = {}

-- Seconds after which an inactive feeder is taken for dead, and between two checks.
local SILENCE, LOOK_EVERY = 2, 0.1

local Feeder = {}
Feeder.__index = Feeder

-- made = feeder.new(options): store, me (a unique name), what (identity of the job), size (of an
-- entry), total (ids of the input), reader() (returns a function that gives the ids from the first
-- on, with a non-string for an id that cannot be sent), line(position, id) (the result of such an
-- id), lasting (seconds until a write of the storage is on disk), limits (see store.lua), patience
-- (seconds for an unreachable storage), clock, on_wait (as for store:wait), on_full(which is full,
-- or nil): returns true to stop.
function feeder.new(options)
  local self = {}
  for name, value in pairs(options) do
    self[name] = value
  end
  self.position = 0 -- ids up to this one are in the job
  self._top = nil -- the highest position ever fed
  self._read = 0 -- ids read so far
  self._next = nil
  return setmetatable(self, Feeder)
end

-- reply | nil, "AWAY", message, is_final
local function ask(self, ...)
  local reply, message, is_final = self.store:wait(self.patience, self.on_wait, ...)
  if reply then
    return reply
  end
  return nil, "AWAY", message, is_final
end

-- Waits for one interval. Returns true to stop.
local function rest(self, which)
  self.store:step()
  self.store.connection:wait(LOOK_EVERY)
  return self.on_full(which)
end

-- Registers as the feeder. true
-- nil, why, detail
local function begin(self)
  local known, since
  while true do
    local is_silent = known and self.clock() - since >= SILENCE
    local reply, why, detail, is_final = ask(self, "begin", self.me, self.what,
      self.lasting, is_silent and known or nil, self._top)
    if not reply then
      return nil, why, detail, is_final
    elseif reply[1] == "OK" then
      self.position, self._identity = tonumber(reply[2]), reply[3]
      self._top = math.max(self._top or 0, self.position)
      self._lasts_at = self._lasts_at or -math.huge
      if reply[4] == "cancelled" then
        return nil, "cancelled"
      end
      return true
    elseif reply[1] ~= "BUSY" then
      return nil, reply[1], reply
    end
    local feeding, beat = reply[2], reply[3]
    if known and (known.feeder ~= feeding or known.beat ~= beat) then
      return nil, "BUSY", feeding
    end
    known, since = known or { feeder = feeding, beat = beat }, since or self.clock()
    if rest(self, nil) then
      return nil, "AWAY", "interrupted"
    end
  end
end

-- Returns the next entry of ids after `position`; nil if the input ends too early.
local function read_chunk(self, position)
  if not self._next or self._read > position then
    self._next, self._read = self.reader(), 0
  end
  while self._read < position do
    if self._next() == nil then
      return nil
    end
    self._read = self._read + 1
  end
  local to = math.min(position + self.size, self.total)
  local chunk = { from = position, to = to, ids = {}, settled = {} }
  for i = 1, to - position do
    local id = self._next()
    if id == nil then
      return nil
    end
    self._read = self._read + 1
    chunk.ids[i] = id
    if type(id) ~= "string" then
      chunk.ids[i] = ""
      chunk.settled[#chunk.settled + 1] = { at = i, line = self.line(position + i, id) }
    end
  end
  return chunk
end

-- Handles the reply to an entry. Returns true to go on, false to try again; or nil, why, detail.
local function judge(self, chunk, reply)
  local said = reply[1]
  if said == "OK" then
    if chunk.to > chunk.from then
      self.position, self._lasts_at = chunk.to, self.clock() + self.lasting
    end
    self._top = math.max(self._top, chunk.to)
    return true
  elseif said == "AT" then
    -- The reply to an earlier attempt was lost, or the storage lost data.
    self.position = tonumber(reply[2])
    self._top = math.max(self._top, self.position)
    return true
  elseif said == "EPOCH" or (said == "LOST" and reply[2] ~= self._identity) then
    -- The last request may have been carried out before.
    self._top = math.max(self._top, chunk.to)
    local begun, why, detail, is_final = begin(self)
    if not begun then
      return nil, why, detail, is_final
    end
    return true
  elseif said == "FULL" then
    if rest(self, reply[2]) then
      return nil, "AWAY", "interrupted"
    end
    return false
  end
  return nil, said == "LOST" and "FORGOTTEN" or said == "OTHER" and "BUSY" or said, reply[2]
end

-- Returns whether all ids are in the job and on disk.
local function is_done(self)
  return self.position == self.total and self.clock() >= self._lasts_at
end

-- true
-- nil, why, detail, is_final: feeds until all ids are in the job. why: DIFFERS (detail: the reply),
-- BUSY (the other feeder), cancelled, FORGOTTEN, SHORT (the input changed), AWAY (a message).
function Feeder:run()
  local going, why, detail, is_final = begin(self)
  local chunk
  while going ~= nil and not is_done(self) do
    if not chunk or chunk.from ~= self.position then
      chunk = read_chunk(self, self.position)
    end
    if not chunk then
      going, why = nil, "SHORT"
      break
    end
    local reply
    reply, why, detail, is_final = ask(self, "feed", self.me, self._identity, chunk, self.limits)
    if not reply then
      going = nil
      break
    end
    going, why, detail, is_final = judge(self, chunk, reply)
    if going and chunk.from == chunk.to then
      if not is_done(self) and rest(self, nil) then
        going, why, detail = nil, "AWAY", "interrupted"
      end
    elseif going then
      self.on_full(nil)
    end
  end
  if why ~= "AWAY" and why ~= "BUSY" or self.store:is_ready() then
    self.store:wait(1, nil, "leave", self.me)
  end
  if going == nil then
    return nil, why, detail, is_final
  end
  return true
end

return feeder
