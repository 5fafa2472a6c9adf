-- Ways in which a call waits for the network: in the calling thread, with a scheduler's sleep, or
-- inside nginx.

local core = require("stopmsg.core")
local nginx = require("stopmsg.wait.nginx")

local waiting = {
  ASK_EVERY = 0.1, -- seconds between two questions whether a call is interrupted
  CLOSED = "attempt to use a closed client", -- error for any use of one
}

-- Seconds between two checks while nothing happens: at first, and at most.
local SHORT, LONG = 0.001, 0.005

-- Seconds of work after which a call lets other coroutines run.
local SLICE = 0.001

-- Returns on activity in the engine or on a connection to Redis, or at the timeout. Blocks the
-- thread until then.
function waiting.thread(call, seconds, _, _, redis)
  call:wait(seconds, redis)
end

-- wait, breathe = waiting.scheduler(sleep, clock): waits with `sleep(seconds)`, which lets other
-- coroutines run. The third argument of wait is whether there was activity since the last wait.
-- breathe() lets other coroutines run when it is time, breathe(true) always.
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

-- Drives all transfers of a session. Returns whether more has arrived than one step may take.
function waiting.step(session)
  local moved, more
  if session.step then
    moved, more = session.step()
  else
    moved, more = session.engine:step()
  end
  if not moved then
    error("libcurl: " .. more, 0)
  end
  return more
end

local function check_open(session)
  if session.is_closed then
    error(waiting.CLOSED, 0)
  end
end

-- Drives all transfers, and waits for `seconds` at most unless the call has a response.
function waiting.rest(session, call, seconds)
  check_open(session)
  waiting.step(session)
  if call:ready() == 0 then
    session.wait(call, seconds, false)
  end
  check_open(session)
end

-- Waits `seconds` while other requests go on. An interruption ends it; is_interrupted may be nil.
function waiting.pause(session, seconds, is_interrupted)
  local till, nobody, left = session.clock() + seconds, session.engine:call(), seconds
  while left > 0 and not (is_interrupted and is_interrupted()) do
    waiting.rest(session, nobody, is_interrupted and math.min(left, waiting.ASK_EVERY) or left)
    left = till - session.clock()
  end
end

-- way = waiting.choose(sleep): chooses once how the calls of a client wait. It opens nothing, so it
-- is safe where nothing may be opened yet. sleep: the scheduler's, or nil.
--
-- Returns { open, breathe, refusal }. open(engine, slots, outage) -> { wait, breathe, step, sent,
-- closed }: the functions of a session. All but open and wait may be nil. step() drives transfers
-- in place of the engine. Call sent() after handing requests to the engine, and closed() after
-- closing it. refusal() returns why no call can wait in this place, or nil.
function waiting.choose(sleep)
  if not sleep and nginx.is_here() then
    return { open = nginx.open, breathe = nginx.breathe, refusal = nginx.refusal }
  end
  local wait, breathe = waiting.thread, nil
  if sleep then
    wait, breathe = waiting.scheduler(sleep, core.now)
  end
  return {
    open = function()
      return { wait = wait, breathe = breathe }
    end,
    breathe = breathe,
  }
end

return waiting
