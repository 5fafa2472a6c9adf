-- Finalizers on every Lua, and a collector that runs them when it is to.

local collector = require("spec.support.collector")

local finalizer = {}

local newproxy = rawget(_G, "newproxy")

-- Calls f() when the collector comes by the next time.
function finalizer.arm(f)
  if newproxy then
    getmetatable(newproxy(true)).__gc = f
  else
    setmetatable({}, { __gc = f })
  end
end

-- What engine:collect() gives, with f() called in the middle of it.
function finalizer.collect(engine, f)
  collectgarbage()
  collectgarbage("stop")
  finalizer.arm(f)
  local multiplier = collector.set("stepmul", newproxy and 0 or 100000)
  collectgarbage("restart")
  local slot, status, body, stage = engine:collect()
  collector.set("stepmul", multiplier)
  return slot, status, body, stage
end

return finalizer
