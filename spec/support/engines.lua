-- Engines for specs that need no more than one call: with its methods beside their own.

local core = require("stopmsg.core")

local engines = {}

local METHODS = {
  prepare = "engine", authorize = "engine", preview = "engine", start = "engine", close = "engine",
  has_met_sandbox = "engine", in_flight = "engine", news = "engine",
  submit = "call", offer = "call", collect = "call", codes = "call", forsake = "call",
  ready = "call", wait = "call",
}

-- Engine and call as one object. Its step() tells also whether there is something to collect.
function engines.alone(engine)
  local call = engine:call()
  local self = {}
  function self.step()
    local moved, message, code = engine:step()
    if moved then
      return true, call:ready() > 0
    end
    return nil, message, code
  end
  for name, owner in pairs(METHODS) do
    local of = owner == "call" and call or engine
    local method = of[name]
    -- Makes nothing: what it calls is to be the first to run a finalizer.
    self[name] = function(_, ...)
      return method(of, ...)
    end
  end
  return setmetatable(self, {
    __tostring = function()
      return tostring(engine)
    end,
  })
end

-- engine = engines.new(options) | nil, message, code
function engines.new(options)
  local engine, message, code = core.engine(options)
  if not engine then
    return nil, message, code
  end
  return engines.alone(engine)
end

return engines
