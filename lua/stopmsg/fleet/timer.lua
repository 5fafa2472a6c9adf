-- A caller for keeper.lua that queries Redis from nginx timers: a handler that did so itself would
-- wait for Redis before each request.

local client = require("stopmsg.fleet.client")
local compat = require("stopmsg.compat")
local core = require("stopmsg.core")

local timer = {}

-- Seconds after which a reply is late, and after which it is given up.
local SLOW, TIMEOUT = 0.5, 3

-- Seconds between two checks for a reply, which wakes no handler; and the same for a late reply.
local LOOK_EVERY, LOOK_SLOWLY = 0.005, 0.05

-- Seconds after which a timer that has not begun never will: nginx drops it silently when too many
-- are running.
local GRACE = 0.05

local Timer = {}
Timer.__index = Timer

-- caller = timer.new(connect, release, key): connect() returns a client
-- nil, message; release(redis, is_usable) takes it back.
function timer.new(connect, release, key)
  return setmetatable({
    _connect = connect,
    _release = release,
    _key = key,
    _jobs = {}, -- { arguments, on_reply, since }; the first may be in flight
    _is_running = false,
    _asked_at = nil, -- when a timer was requested
  }, Timer)
end

local function finish(self, job, value, err)
  if self._jobs[1] == job then
    table.remove(self._jobs, 1)
    client.answer(job.on_reply, value, err)
  end -- otherwise the job has timed out
end

local function work(self)
  local called, redis, err = compat.try_hook(self._connect)
  if not called then
    redis, err = nil, redis
  end
  local is_usable = redis ~= nil
  while self._jobs[1] do
    local job, value = self._jobs[1], nil
    if is_usable then
      value, err = client.script(redis, self._key, job.arguments)
      is_usable = not err or client.is_reply(err)
    end
    finish(self, job, value, not value and tostring(err) or nil)
  end
  if redis then
    self._release(redis, is_usable)
  end
end

local function start(self)
  local now = core.now()
  if self._is_running or (self._asked_at and now - self._asked_at < GRACE) then
    return
  end
  local asked = package.loaded.ngx.timer.at(0, function()
    if self._is_running then
      return
    end
    self._is_running, self._asked_at = true, nil
    local ended, message = pcall(work, self)
    self._is_running = false
    if not ended then
      package.loaded.ngx.log(package.loaded.ngx.ERR, "stopmsg: ", message)
    end
  end)
  self._asked_at = asked and now or nil
end

function Timer:run(arguments, on_reply)
  self._jobs[#self._jobs + 1] = { arguments = arguments, on_reply = on_reply, since = core.now() }
  start(self) -- without a timer, the next check tries again
  return true
end

function Timer:step()
  local job = self._jobs[1]
  if not job then
    return
  end
  if core.now() - job.since > TIMEOUT then
    finish(self, job, nil, "timed out")
  end
  start(self)
end

local function is_late(self)
  local job = self._jobs[1]
  return job and core.now() - job.since > SLOW
end

function Timer:trouble()
  return is_late(self) and "Redis has not answered yet" or nil
end

function Timer:due()
  return is_late(self) and LOOK_SLOWLY or LOOK_EVERY
end

return timer
