-- Work, counted in instructions of Lua: the same on every machine, however busy.

local work = {}

-- How many are counted at once.
local STEP = 100

-- counter = work.counter(): { count, of(f), stop() }. of(f) does the same as f and is counted, in a
-- coroutine of its own.
function work.counter()
  local jit = rawget(_G, "jit")
  if jit then
    jit.off() -- compiled code calls no hook
    jit.flush()
  end
  local counter = { count = 0 }
  local function step()
    counter.count = counter.count + STEP
  end
  function counter.of(f)
    return function(...)
      debug.sethook(step, "", STEP)
      return f(...)
    end
  end
  -- Where hooks are no coroutine's own.
  function counter.stop()
    if jit then
      debug.sethook()
      jit.on()
    end
  end
  return counter
end

return work
