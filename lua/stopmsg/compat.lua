-- What differs between Lua 5.1 and 5.4. The only file that may name it.

local compat = {
  -- Both nil where every number is a float.
  math_type = math.type,
  tointeger = math.tointeger,
}

-- Lua 5.1 cannot tell whether its collector was stopped, and a step would start it again.
local can_tell = pcall(collectgarbage, "isrunning")

-- Lets the collector work off `kib` KiB, unless the user has stopped it.
function compat.collect(kib)
  if can_tell and collectgarbage("isrunning") then
    collectgarbage("step", kib)
  end
end

return compat
