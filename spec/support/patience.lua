-- How specs wait on a machine that may be busy: for what happens, never for a time to pass.

local uv = require("luv")

local patience = {}

-- Seconds after which what is waited for is taken for something that never comes.
patience.SECONDS = 120

-- Milliseconds between two looks: whoever is waited for needs the processor.
local LOOK_EVERY = 1

-- Calls done() again and again until it gives something, which is returned; raises when that takes
-- too long.
function patience.until_(done, about)
  local till = uv.hrtime() + patience.SECONDS * 1e9
  repeat
    local result = done()
    if result then
      return result
    end
    uv.sleep(LOOK_EVERY)
  until uv.hrtime() > till
  error("waited in vain for " .. (about or "what never came"), 2)
end

-- Calls try(seconds) with a limit of time that is doubled until it gives something, which is
-- returned: what fits into no short limit on a busy machine fits into a longer one.
function patience.grow(seconds, try)
  while true do
    local result = try(seconds)
    if result then
      return result
    elseif seconds > patience.SECONDS then
      error(("not even within %g s"):format(seconds), 2)
    end
    seconds = seconds * 2
  end
end

return patience
