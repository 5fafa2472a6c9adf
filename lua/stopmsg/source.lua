-- Where ids come from: functions that give `true, id`, or `false` at the end.

local text = require("stopmsg.text")

local source = {}

-- count = source.length(list) | nil, message
-- The number of places in a list, holes included. nil and why, for what is no list.
function source.length(list)
  local count, last = 0, 0
  for key in pairs(list) do
    if type(key) ~= "number" or key < 1 or key % 1 ~= 0 then
      return nil, ("a list of ids expected, this table has the key %s"):format(text.quote(key))
    end
    count = count + 1
    last = math.max(last, key)
  end
  if last > 2 * count + 16 then
    return nil, ("a list of ids expected, this table has %d of %.0f places filled"):format(count,
      last)
  end
  return last
end

-- The places 1 to count of a list, holes included.
function source.list(list, count)
  local i = 0
  return function()
    i = i + 1
    if i > count then
      return false
    end
    return true, list[i]
  end
end

-- Lines of an open file, without the carriage returns of other systems; blank ones are no ids.
function source.file(file)
  return function()
    local line
    repeat
      line = file:read("*l")
      line = line and line:gsub("%s+$", "")
    until line ~= ""
    return line ~= nil, line
  end
end

function source.iterator(iterator)
  return function()
    local id = iterator()
    return id ~= nil, id
  end
end

return source
