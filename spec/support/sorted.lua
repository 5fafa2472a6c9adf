-- What comes in no order, in one that can be compared.

local sorted = {}

-- The list itself, sorted.
function sorted.list(list)
  table.sort(list)
  return list
end

function sorted.keys(map)
  local list = {}
  for key in pairs(map) do
    list[#list + 1] = key
  end
  return sorted.list(list)
end

return sorted
