-- The engine of csrc/engine.c, with the calls of csrc/call.c, as the run loop uses them, over a
-- clock that moves only when it is told to, with answers from a script: no socket, no thread, no
-- real time.

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
-- not known to be empty), retry_after, connections, meaning (its number, where it is a usual one),
-- fault, detail, stage ("complete", or "sent" with a fault), reached (the stage at its timeout) }.
-- fits: a function that tells whether these ids go into one request.
-- All requests stay in `requests`.
function fake.new(options)
  return setmetatable({
    requests = {},
    waits = 0,
    serves = 0, -- waits in which the engine might go on by itself
    most = 0, -- requests in flight at one time
    broken = nil, -- what `step` fails with
    _clock = options.clock,
    slots = options.slots or 1024,
    _answer = options.answer,
    _fits = options.fits,
    _flying = {}, -- index of a request -> { request, answer, due, call, asked }
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

local Call = {}
Call.__index = Call

-- call = engine:call()
function Engine:call()
  check_open(self)
  return setmetatable({ _engine = self, _done = {} }, Call)
end

-- A request of a call. asked: { id, place, count, generation, started }, of one that was offered.
local function begin(self, number, ids, first, last, timeout, asked)
  local engine = self._engine
  check_open(engine)
  if engine._used >= engine.slots then
    return nil, "no free slot"
  end
  local sent = {}
  for i = first, last do
    assert(type(ids[i]) == "string", "an id that is no string")
    sent[#sent + 1] = ids[i]
  end
  if engine._fits and not engine._fits(sent) then
    return nil, "the request would be too large"
  end
  local request = {
    number = number,
    ids = sent,
    at = engine._clock(),
    timeout = timeout,
    secret = engine.secret,
    index = #engine.requests + 1,
    attempt = 0,
  }
  for _, id in ipairs(sent) do
    engine._tried[id] = (engine._tried[id] or 0) + 1
    request.attempt = math.max(request.attempt, engine._tried[id])
  end
  engine.requests[request.index] = request
  local answer = engine._answer(request)
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
  engine._flying[request.index] = { request = request, answer = answer, due = request.at + after,
    call = self, asked = asked }
  engine._used = engine._used + 1
  engine.most = math.max(engine.most, engine._used)
  return request.index
end

function Call:submit(number, ids, first, last, timeout)
  return begin(self, number, ids, first, last, timeout)
end

function Call:offer(number, ids, places, first, last, timeout, sends, generation)
  for i = first, last do
    local asked = { ids[i], places[i], sends + i - first + 1, generation, self._engine._clock() }
    if not begin(self, number, ids, i, i, timeout, asked) then
      return i - first
    end
  end
  return last - first + 1
end

-- Requests that are in flight, the first that is due first.
local function flying(self)
  local list = {}
  for _, flight in pairs(self._flying) do
    list[#list + 1] = flight
  end
  table.sort(list, function(one, other)
    if one.due ~= other.due then
      return one.due < other.due
    end
    return one.request.index < other.request.index
  end)
  return list
end

function Engine:step()
  check_open(self)
  if self.broken then
    return nil, self.broken, 1
  end
  local now = self._clock()
  for _, flight in ipairs(flying(self)) do
    if flight.due <= now then
      self._flying[flight.request.index] = nil
      self._used = self._used - 1
      local done = flight.call._done
      done[#done + 1] = flight
    end
  end
  return true
end

-- number, status, body, stage, fault, detail, retry_after, connections, items, id, place, count,
--   generation, started = call:collect() | nil
function Call:collect()
  local engine = self._engine
  check_open(engine)
  local flight = table.remove(self._done, 1)
  if not flight then
    return
  end
  local answer, request = flight.answer, flight.request
  engine._idle = 0
  local status = answer.status or (answer.fault and 0 or 200)
  local body = answer.body ~= false and (answer.body or "") or nil
  local fields, items = engine._read[request.number], answer.meaning
  if items then
    body = nil
  elseif fields and status == 200 and not answer.fault then
    items, body = core.read_items(fields, request.ids, body or "")
  end
  local asked = flight.asked or {}
  return request.index, status, body, answer.stage or (answer.fault and "sent" or "complete"),
    answer.fault, answer.fault and (answer.detail or answer.fault), answer.retry_after,
    answer.connections or 0, items, asked[1], asked[2], asked[3], asked[4], asked[5]
end

function Call:codes(ids, places, most)
  check_open(self._engine)
  local count, meaning, connections, generation, oldest = 0, 0, 0, 0, math.huge
  while count < most do
    local flight = self._done[1]
    local means = flight and flight.asked and flight.answer.meaning
    if not means or (count > 0 and means ~= meaning) then
      break
    end
    table.remove(self._done, 1)
    count, meaning, self._engine._idle = count + 1, means, 0
    ids[count], places[count] = flight.asked[1], flight.asked[2]
    connections = connections + (flight.answer.connections or 0)
    generation, oldest = flight.asked[4], math.min(oldest, flight.asked[5])
  end
  return count, self._done[1] ~= nil, meaning, connections, generation, oldest
end

function Call:forsake()
  for _, flight in ipairs(flying(self._engine)) do
    if flight.call == self then
      flight.call = { _done = {} } -- nobody
      local asked = flight.asked or {}
      return flight.request.index, asked[1], asked[2], asked[3], asked[4], asked[5]
    end
  end
end

function Call:ready()
  return #self._done
end

function Call:in_flight()
  return self._engine._used + #self._done
end

-- Moves the clock to the next answer, or by `seconds`, whichever comes first.
function Call:wait(seconds)
  local engine = self._engine
  check_open(engine)
  engine.waits = engine.waits + 1
  if #self._done > 0 then
    return
  end
  local now = engine._clock()
  local first = flying(engine)[1]
  assert(first or seconds < math.huge, "the run waits for nothing")
  local time = now + seconds + ROUND_UP
  if first and first.due < time then
    time = math.max(now, first.due)
  end
  engine._idle = (time - now <= 2 * ROUND_UP) and engine._idle + 1 or 0
  assert(engine._idle < MAX_IDLE, "the run spins")
  engine._clock.time = time
end

-- count = call:serve(…), as the real one: waits, and begins a request for one of ids[first..last]
-- for each usual answer that is there at that moment.
function Call:serve(number, ids, places, first, last, timeout, sends, generation, seconds, _,
    deadline)
  local engine, count = self._engine, 0
  engine.serves = engine.serves + 1
  self:wait(seconds)
  engine:step()
  for _, flight in ipairs(self._done) do
    if not (flight.asked and flight.answer.meaning) then
      return 0
    end
    count = count + 1
  end
  timeout = math.min(timeout, deadline - engine._clock())
  if timeout <= 0 then
    return 0
  end
  return self:offer(number, ids, places, first, math.min(last, first + count - 1), timeout, sends,
    generation)
end

function Engine:in_flight()
  return self._used
end

function Engine.has_met_sandbox()
  return false
end

function Engine:close()
  self._is_closed = true
end

return fake
