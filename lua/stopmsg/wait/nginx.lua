-- Waiting inside nginx. Callers wait on semaphores. One pump per worker, a timer that runs while
-- requests are in flight, drives the transfers of all clients and wakes each caller whose response
-- has arrived. nginx's event loop does not know libcurl's sockets, so the pump polls them.
--
-- A client that disconnects can end a handler at any moment. So only numbers of calls are kept, and
-- their semaphores weakly; the pump completes the requests.

local core = require("stopmsg.core")

local nginx = {}

-- Seconds between two polls: after activity, at most, and the growth factor.
local SHORT, LONG, GROWTH = 0.001, 0.005, 1.25

-- Seconds of work after which a call lets other handlers run.
local SLICE = 0.001

-- Seconds after which a timer that has not begun never will: nginx drops it silently when too many
-- are running.
local GRACE = 0.05

-- Longest single wait in seconds; nginx counts milliseconds in 32 bits.
local LONGEST = 3600

-- Idle semaphores kept for reuse.
local MOST_IDLE = 256

-- Phases in which nginx lets Lua wait. ssl_client_hello and proxy_ssl_verify need OpenResty's own,
-- patched nginx.
local CAN_WAIT = {
  rewrite = true, server_rewrite = true, access = true, precontent = true, content = true,
  timer = true, preread = true, ssl_cert = true, ssl_client_hello = true, ssl_session_fetch = true,
  proxy_ssl_cert = true, proxy_ssl_verify = true,
}

local WEAK_VALUES = { __mode = "v" }

-- This worker's pump: lanes with requests in flight, when it was requested, whether it runs, how
-- long it sleeps between two polls, and the semaphore it sleeps on.
local pump = {
  lanes = {},
  asked_at = nil,
  is_running = false,
  pause = SHORT,
  semaphore = nil,
}

-- Idle semaphores. One lent to a handler that was ended is not returned; the collector frees it.
local idle = {}

-- When a call of this worker last let other handlers run.
local resumed_at = 0

local function api()
  return package.loaded.ngx
end

local function borrow_semaphore()
  local semaphore = table.remove(idle)
  if semaphore then
    return semaphore
  end
  -- Created only in a worker: a semaphore must not come from the master.
  local message
  semaphore, message = require("ngx.semaphore").new()
  return semaphore or error(message, 0)
end

local function give_back(semaphore)
  if #idle < MOST_IDLE then
    idle[#idle + 1] = semaphore
  end
end

-- Wakes the waiter. Returns false if there is none: an unclaimed post would wake a later, unrelated
-- waiter.
local function wake(semaphore)
  local is_waited_for = semaphore and semaphore:count() < 0
  if is_waited_for then
    semaphore:post()
  end
  return is_waited_for
end

-- Waits for a post, at most `seconds`.
local function sleep_on(semaphore, seconds)
  -- nginx drops fractions of a millisecond: waking a little early would mean waiting twice.
  local was_posted = semaphore:wait(math.ceil(math.min(seconds, LONGEST) * 1000) / 1000)
  resumed_at = core.now()
  return was_posted
end

-- Returns whether this Lua runs inside nginx.
function nginx.is_here()
  local ngx = api()
  return type(ngx) == "table" and type(ngx.timer) == "table" and type(ngx.get_phase) == "function"
end

-- Returns nil if a call can wait here, else the reason and the way out.
function nginx.refusal()
  local phase = api().get_phase()
  if not CAN_WAIT[phase] then
    return ("cannot wait in the %s phase of nginx; use ngx.timer.at(0, …)%s")
      :format(phase, phase == "init" and " in init_worker_by_lua" or "")
  end
end

-- Lets the rest of the worker run. nginx counts from its last clock update, so after more than a
-- millisecond of work this takes no time. With 0 seconds, nginx would log a warning.
local function rest()
  api().sleep(0.001)
  resumed_at = core.now()
end

-- Lets the rest of the worker run when it has waited long enough, or if `must`.
function nginx.breathe(must)
  if must or core.now() - resumed_at >= SLICE then
    rest()
  end
end

-- The engine of one client and the calls that wait for it.
local Lane = {}
Lane.__index = Lane

-- Wakes the waiting call of this number, once.
function Lane:_wake(number)
  local semaphore = self._callers[number]
  if semaphore then
    self._callers[number] = nil
    semaphore:post()
  end
end

-- Drives transfers and wakes the calls whose responses arrived. Returns whether any did, or more
-- has arrived than one step may take.
function Lane:move()
  local engine = self._engine
  local moved, more = engine:step()
  -- First wake those waiting for a slot: the others would take it at once for their next request.
  self:_offer()
  local number = engine:news()
  local has_any = number ~= nil or more
  while number do
    self:_wake(number)
    number = engine:news()
  end
  self._fault = not moved and more or nil -- the next step may succeed
  if not moved then
    self:wake_all()
  end
  return has_any
end

-- Wakes as many queued calls as may send a request.
function Lane:_offer()
  local in_flight = self._engine:in_flight()
  local free = self._slots - in_flight
  if self._outage.is_troubled then
    free = math.min(free, self._outage:room(core.now(), in_flight))
  end
  local queue, wants = self._queue, self._wants
  while free > 0 and queue.first <= queue.last do
    local number = queue[queue.first]
    queue[queue.first] = nil
    queue.first = queue.first + 1
    if wants[number] and wake(self._callers[number]) then
      self._callers[number] = nil
      free = free - 1
    end
    wants[number] = nil
  end
end

-- Returns whether nothing is in flight and no call waits for a slot. A call that was offered a slot
-- may have ended, so the pump stays for the others.
function Lane:_is_quiet()
  return self._engine:in_flight() == 0 and self._queue.first > self._queue.last
end

-- Puts a call without a slot into the queue, unless it is there. A call that waits for something
-- else keeps its place, and is passed over.
function Lane:_queue_up(number, wants_slot)
  local is_queued = self._wants[number] ~= nil
  if wants_slot and not is_queued then
    local queue = self._queue
    queue.last = queue.last + 1
    queue[queue.last] = number
  end
  if wants_slot or is_queued then
    self._wants[number] = wants_slot
  end
end

function Lane:wake_all()
  for number in pairs(self._callers) do
    self:_wake(number)
  end
end

local function carry()
  pump.pause = SHORT
  while next(pump.lanes) do
    local is_busy = false
    for lane in pairs(pump.lanes) do
      is_busy = (not lane._is_closed and lane:move()) or is_busy
      if lane._is_closed or lane:_is_quiet() then
        pump.lanes[lane] = nil
      end
    end
    if next(pump.lanes) then
      pump.pause = is_busy and SHORT or math.min(pump.pause * GROWTH, LONG)
      sleep_on(pump.semaphore, pump.pause)
    end
  end
end

-- The timer's function. nginx also starts it in a worker that is about to exit (see its argument),
-- and that worker stays until it has ended.
local function run_pump()
  if pump.is_running then
    return
  end
  pump.is_running, pump.asked_at = true, nil
  pump.semaphore = pump.semaphore or borrow_semaphore()
  local ended, message = pcall(carry)
  pump.is_running = false
  if not ended then
    api().log(api().ERR, "stopmsg: ", message)
    for lane in pairs(pump.lanes) do
      lane:wake_all()
    end
  end
end

-- Starts the pump if needed. Returns false if nginx has no timer for it.
local function start_pump()
  if pump.is_running then
    return true
  end
  local now = core.now()
  if pump.asked_at and now - pump.asked_at < GRACE then
    return true
  end
  local is_late = pump.asked_at ~= nil
  pump.asked_at = api().timer.at(0, run_pump) and now or nil
  return pump.asked_at ~= nil and not is_late
end

-- After a new request, makes a slowed pump poll often again.
local function kick()
  if pump.is_running and pump.pause > 2 * SHORT then
    pump.pause = SHORT
    wake(pump.semaphore)
  end
end

-- Waits until the call may have work, or until the timeout. wants_slot: the call has a request
-- without a slot.
function Lane:wait(call, seconds, wants_slot)
  if seconds <= 0 then
    rest()
    return
  end
  local number = call:number()
  self:_queue_up(number, wants_slot or false)
  if not (pump.is_running and pump.lanes[self]) and not self:_is_quiet() then
    pump.lanes[self] = true
    if not start_pump() then
      -- Each caller drives transfers itself until nginx has a timer again.
      self:move()
      seconds = math.min(seconds, SHORT)
    elseif not pump.is_running then
      seconds = math.min(seconds, GRACE)
    end
  end
  local semaphore = borrow_semaphore()
  self._callers[number] = semaphore
  local was_posted = sleep_on(semaphore, seconds)
  -- A semaphore posted just at the timeout would wake its next borrower.
  if was_posted or self._callers[number] then
    give_back(semaphore)
  end
  self._callers[number] = nil
end

-- Returns a session's functions; see wait/init.lua. The pump drives the requests of its calls.
function nginx.open(engine, slots, outage)
  local lane = setmetatable({
    _engine = engine,
    _slots = slots,
    _outage = outage,
    _callers = setmetatable({}, WEAK_VALUES), -- number of a waiting call -> its semaphore
    _queue = { first = 1, last = 0 }, -- numbers of calls without a slot
    _wants = {}, -- number of a call in the queue -> whether it still waits for a slot
    _fault = nil, -- error of the last step
    _is_closed = false,
  }, Lane)
  return {
    wait = function(call, seconds, _, wants_slot)
      lane:wait(call, seconds, wants_slot)
    end,
    breathe = nginx.breathe,
    step = function()
      return not lane._fault, lane._fault
    end,
    sent = function()
      -- Send at once: with many handlers, waiting for the pump would add up to milliseconds.
      engine:start()
      kick()
    end,
    closed = function()
      lane._is_closed = true
      lane:wake_all()
    end,
  }
end

return nginx
