-- The URL functions that the sandbox needs.

local url = {}

function url.decode(text)
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

-- name -> list of values, in the order of the query
function url.query(text)
  local fields = {}
  for encoded, value in (text or ""):gmatch("([^&=]+)=([^&]*)") do
    local name = url.decode(encoded)
    local values = fields[name] or {}
    values[#values + 1] = url.decode((value:gsub("%+", " ")))
    fields[name] = values
  end
  return fields
end

return url
