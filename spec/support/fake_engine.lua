-- The engine of csrc/engine.c as the run loop uses it, over a clock that moves only when it is told
-- to, with answers from a script: no socket, no thread, no real time.

local core = require("stopmsg.core")

local fake = {}

local Clock = {}
Clock.__index = Clock

function Clock:__call()
  return self.time
end

function Clock:advance(seconds)
  self.time = self.time + seconds
end

-- now = clock(); clock:advance(seconds)
function fake.clock(time)
  return setmetatable({ time = time or 1000 }, Clock)
end

local Engine = {}
Engine.__index = Engine

-- Waits in a row without a moment passing, from which on nothing will ever happen.
local MAX_IDLE = 1000

-- The real one rounds its waits up, too: a time not quite reached would be waited for again.
local ROUND_UP = 1e-6

-- engine = fake.new{ clock, slots, answer, fits }
--
-- answer: a function that gets each request, { number, ids, attempt, at, timeout, secret, index },
-- and returns its answer: { after (seconds, 0.01), status (200), body ("", or false where it is
-- not known to be empty), retry_after, connections,
-- fault, detail, stage ("complete", or "sent" with a fault), reached (the stage at its timeout) }.
-- fits: a function that tells whether these ids go into one request.
-- All requests stay in `requests`.
function fake.new(options)
  return setmetatable({
    requests = {},
    waits = 0,
    most = 0, -- requests in flight at one time
    broken = nil, -- what `step` fails with
    _clock = options.clock,
    slots = options.slots or 1024,
    _answer = options.answer,
    _fits = options.fits,
    _flying = {}, -- slot -> { request, answer, due }
    _done = {},
    _tried = {}, -- id -> requests that held it
    _read = {}, -- operation -> the fields of its answers
    _used = 0,
    _idle = 0,
    _is_closed = false,
  }, Engine)
end

local function check_open(self)
  if self._is_closed then
    error("attempt to use a closed engine", 3)
  end
end

function Engine:prepare(operation)
  check_open(self)
  self.operations = self.operations or {}
  self.operations[#self.operations + 1] = operation
  return #self.operations
end

-- Reads the answers to operation `number` as the real one does, where they have a code for each id.
function Engine:reads(number, operation)
  self._read[number] = operation.items and {
    list = operation.items.list,
    id = operation.items.id,
    code = operation.items.code,
    folds = operation.id.fold and not operation.id.usual,
  }
end

function Engine:authorize(_, secret)
  check_open(self)
  self.secret = secret
end

local function free_slot(self)
  for slot = 1, self.slots do
    if not self._flying[slot] then
      return slot
    end
  end
end

function Engine:submit(number, ids, first, last, timeout)
  check_open(self)
  local slot = free_slot(self)
  if not slot then
    return nil, "no free slot"
  end
  local sent = {}
  for i = first, last do
    assert(type(ids[i]) == "string", "an id that is no string")
    sent[#sent + 1] = ids[i]
  end
  if self._fits and not self._fits(sent) then
    return nil, "the request would be too large"
  end
  local request = {
    number = number,
    ids = sent,
    at = self._clock(),
    timeout = timeout,
    secret = self.secret,
    index = #self.requests + 1,
    attempt = 0,
  }
  for _, id in ipairs(sent) do
    self._tried[id] = (self._tried[id] or 0) + 1
    request.attempt = math.max(request.attempt, self._tried[id])
  end
  self.requests[request.index] = request
  local answer = self._answer(request)
  local after = answer.after or 0.01
  if after > timeout then
    local reached = answer.reached or "sent"
    answer = {
      status = reached == "status" and (answer.status or 200) or 0,
      fault = "timeout",
      detail = "timed out waiting for the response",
      stage = reached,
      connections = answer.connections,
    }
    after = math.max(timeout, 0)
  end
  self._flying[slot] = { request = request, answer = answer, due = request.at + after }
  self._used = self._used + 1
  self.most = math.max(self.most, self._used)
  return slot
end

-- Slots that are still in flight, the first that is due first.
local function flying(self)
  local slots = {}
  for slot, flight in pairs(self._flying) do
    if not flight.is_done then
      slots[#slots + 1] = slot
    end
  end
  table.sort(slots, function(a, b)
    local one, other = self._flying[a], self._flying[b]
    if one.due ~= other.due then
      return one.due < other.due
    end
    return one.request.index < other.request.index
  end)
  return slots
end

function Engine:step()
  check_open(self)
  if self.broken then
    return nil, self.broken, 1
  end
  local now = self._clock()
  for _, slot in ipairs(flying(self)) do
    local flight = self._flying[slot]
    if flight.due <= now then
      flight.is_done = true
      self._done[#self._done + 1] = slot
    end
  end
  return true, #self._done > 0
end

-- slot, status, body, stage, fault, detail, retry_after, connections, items
--   = engine:collect() | nil
function Engine:collect()
  check_open(self)
  local slot = table.remove(self._done, 1)
  if not slot then
    return
  end
  local answer, request = self._flying[slot].answer, self._flying[slot].request
  self._flying[slot] = nil
  self._used = self._used - 1
  self._idle = 0
  local status = answer.status or (answer.fault and 0 or 200)
  local body = answer.body ~= false and (answer.body or "") or nil
  local fields, items = self._read[request.number], nil
  if fields and status == 200 and not answer.fault then
    items, body = core.read_items(fields, request.ids, body or "")
  end
  return slot, status, body, answer.stage or (answer.fault and "sent" or "complete"), answer.fault,
    answer.fault and (answer.detail or answer.fault), answer.retry_after, answer.connections or 0,
    items
end

-- Moves the clock to the next answer, or by `seconds`, whichever comes first.
function Engine:wait(seconds)
  check_open(self)
  self.waits = self.waits + 1
  if #self._done > 0 then
    return
  end
  local now = self._clock()
  local first = self._flying[flying(self)[1]]
  assert(first or seconds < math.huge, "the run waits for nothing")
  local time = now + seconds + ROUND_UP
  if first and first.due < time then
    time = math.max(now, first.due)
  end
  self._idle = (time - now <= 2 * ROUND_UP) and self._idle + 1 or 0
  assert(self._idle < MAX_IDLE, "the run spins")
  self._clock.time = time
end

function Engine.has_met_sandbox()
  return false
end

function Engine:close()
  self._is_closed = true
end

return fake
