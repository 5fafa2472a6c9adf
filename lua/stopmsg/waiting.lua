-- How a call waits for the network: in the calling thread, or by a scheduler's sleep.

local waiting = {}

-- Seconds between two looks while nothing happens, and where that rises to.
local SHORT, LONG = 0.001, 0.005

-- wait = waiting.thread(): wait(engine, seconds) returns when something happened or the time is
-- over; nothing else runs in this thread until then.
function waiting.thread()
  return function(engine, seconds)
    engine:wait(seconds)
  end
end

-- wait = waiting.scheduler(sleep): the same by `sleep(seconds)`, which lets others run. The
-- third argument of each wait says whether something happened since the last one.
function waiting.scheduler(sleep)
  local pause = SHORT
  return function(_, seconds, was_busy)
    pause = was_busy and SHORT or math.min(pause * 1.5, LONG)
    sleep(math.max(0, math.min(seconds, pause)))
  end
end

return waiting
