-- The collector's parameters, in the words of each Lua.

local collector = {}

local has_param = pcall(collectgarbage, "param", "pause")

-- Sets "pause" or "stepmul", and gives what it was.
function collector.set(name, value)
  if has_param then
    return collectgarbage("param", name, value)
  end
  return collectgarbage("set" .. name, value)
end

return collector
