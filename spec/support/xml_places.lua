-- Where the content of each element of an XML text stands, for specs that put others there.

local places = {}

-- list = places.of(text): { path, from, to, name_from, last } of each element, in the order of
-- their ends; name_from to last is the whole element. The outermost has the path "".
function places.of(text)
  local list, stack, at = {}, {}, 1
  while true do
    local from, last, slash, name, rest = text:find("<(/?)([%a_][%w_]*)([^<>]*)>", at)
    if not from then
      return list
    end
    at = last + 1
    if slash == "/" then
      local place = table.remove(stack)
      place.to, place.last = from - 1, last
      list[#list + 1] = place
    elseif rest:sub(-1) ~= "/" then
      local outer = stack[#stack]
      local path = not outer and "" or outer.path == "" and name or outer.path .. "." .. name
      stack[#stack + 1] = { path = path, name_from = from, from = last + 1 }
    end
  end
end

return places
