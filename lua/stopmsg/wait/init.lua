-- How a call waits for the network: in the calling thread, by a scheduler's sleep, or inside nginx.

local core = require("stopmsg.core")
local nginx = require("stopmsg.wait.nginx")

local waiting = {}

-- Seconds between two looks while nothing happens, and where that rises to.
local SHORT, LONG = 0.001, 0.005

-- Seconds of work after which a call lets others go on.
local SLICE = 0.002

-- wait = waiting.thread(): wait(call, seconds, _, _, redis) returns when something happened, in the
-- engine or on a connection to Redis, or the time is over; nothing else runs in this thread until
-- then.
function waiting.thread()
  return function(call, seconds, _, _, redis)
    call:wait(seconds, redis)
  end
end

-- wait, breathe = waiting.scheduler(sleep, clock): the same by `sleep(seconds)`, which lets others
-- run. The third argument of each wait says whether something happened since the last one.
-- breathe() lets others run when it is time to, breathe(true) in any case.
function waiting.scheduler(sleep, clock)
  local pause = SHORT
  local resumed_at = clock()
  local function rest(seconds)
    sleep(seconds)
    resumed_at = clock()
  end
  local function wait(_, seconds, was_busy)
    pause = was_busy and SHORT or math.min(pause * 1.5, LONG)
    rest(math.max(0, math.min(seconds, pause)))
  end
  local function breathe(must)
    if must or clock() - resumed_at >= SLICE then
      rest(0)
    end
  end
  return wait, breathe
end

-- way = waiting.choose(sleep): how the calls of a client wait; chosen once, also where nothing may
-- be opened yet. sleep: the scheduler's, or nil.
--
-- Gives { open, breathe, refusal }. open(engine, slots, outage) -> { wait, breathe, step, sent,
-- closed }: what a session uses. All but open and wait may be nil. step() moves bytes in place of
-- the engine; sent() is called once requests were handed to the engine, closed() once it is closed;
-- refusal() says why no call can wait just here.
function waiting.choose(sleep)
  if not sleep and nginx.is_here() then
    return { open = nginx.open, breathe = nginx.breathe, refusal = nginx.refusal }
  end
  local wait, breathe
  if sleep then
    wait, breathe = waiting.scheduler(sleep, core.now)
  else
    wait = waiting.thread()
  end
  return {
    open = function()
      return { wait = wait, breathe = breathe }
    end,
    breathe = breathe,
  }
end

return waiting
