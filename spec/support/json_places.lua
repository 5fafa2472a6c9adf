-- Where each value of a JSON text stands, for specs that put others there.

local places = {}

-- list = places.of(text): { path, from, to, name_from } of each value, the outermost first.
-- `name_from` is where its name begins, of a field.
function places.of(text)
  local list = {}
  local value

  local function skip(at)
    return text:find("%S", at)
  end

  local function string_end(at)
    repeat
      at = at + 1
      at = text:find('[\\"]', at)
      local is_end = text:sub(at, at) == '"'
      at = is_end and at or at + 1
    until is_end
    return at
  end

  local function inside(at, path, is_object)
    local close, index = is_object and "}" or "]", 0
    at = skip(at + 1)
    while text:sub(at, at) ~= close do
      local name_from, inner
      if is_object then
        local last = string_end(at)
        name_from, inner = at, path .. (path == "" and "" or ".") .. text:sub(at + 1, last - 1)
        at = skip(text:find(":", last, true) + 1)
      else
        index = index + 1
        inner = ("%s[%d]"):format(path, index)
      end
      at = skip(value(at, inner, name_from) + 1)
      at = text:sub(at, at) == "," and skip(at + 1) or at
    end
    return at
  end

  function value(at, path, name_from)
    local place, char = { path = path, from = at, name_from = name_from }, text:sub(at, at)
    list[#list + 1] = place
    if char == "{" or char == "[" then
      place.to = inside(at, path, char == "{")
    elseif char == '"' then
      place.to = string_end(at)
    else
      place.to = text:find("[^%w+.%-]", at) and text:find("[^%w+.%-]", at) - 1 or #text
    end
    return place.to
  end

  value(skip(1), "")
  return list
end

return places
