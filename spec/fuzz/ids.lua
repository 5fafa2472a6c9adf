-- Lists of ids: their forms, and who was seen before, against a plain table.
--
-- Input: a line with the name of a form, then an id a line.

local core = require("stopmsg.core")
local forms = require("stopmsg.ids")

local NAMES = { u = "uuid", d = "digits", h = "hex32", t = "text" }

-- What may be sent, told without patterns of the forms.
local function is_fine(name, id)
  if name == "uuid" then
    return #id == 36 and not id:find("[^%x-]") and #id:gsub("-", "") == 32
      and id:find("^........%-....%-....%-....%-............$") ~= nil
  elseif name == "hex32" then
    return #id == 32 and not id:find("%X")
  elseif name == "digits" then
    return #id >= 1 and #id <= 19 and not id:find("%D")
  end
  return #id >= 1 and #id <= 256 and not id:find("[^\33-\126]") and id ~= "." and id ~= ".."
end

-- Admits all of the list as a run does: many at once, and one by one what is not usual.
local function admit(mask, list)
  local known, fresh = core.known(#list, mask), {}
  local taken, places, at = {}, {}, 1
  while at <= #list do
    local count = known:admit(list, at, #list, at - 1, taken, places, 0)
    for i = 1, count do
      assert(taken[i] == list[at + i - 1] and places[i] == at + i - 1, "another id")
      fresh[at + i - 1] = 0
    end
    at = at + count
    if at <= #list then
      local fits, earlier = pcall(known.add, known, list[at]:lower(), at)
      fresh[at] = fits and (earlier or 0) or false
      at = at + 1
    end
  end
  return fresh
end

return function(data)
  local letter, rest = data:match("^(%l)\n(.*)$")
  local name = NAMES[letter]
  if not name then
    return
  end
  local form, list = forms.forms[name], {}
  for line in (rest .. "\n"):gmatch("(.-)\n") do
    local sent, key = forms.check(form, line)
    assert((sent ~= nil) == is_fine(name, line), "the form is not what it says")
    if sent then
      assert(sent == line, "another id")
      assert(forms.check(form, key), "a key that is none")
    else
      assert(type(key) == "string" and #key < 1000, "no reason")
    end
    list[#list + 1] = line
  end
  if not form.mask then
    return
  end
  local seen = {}
  for i, earlier in ipairs(admit(form.mask, list)) do
    local key = list[i]:lower()
    if not is_fine(name, key) then
      assert(earlier == false, "admitted, and not of the form")
    else
      assert(earlier == (seen[key] or 0), "seen at another place")
      seen[key] = seen[key] or i
    end
  end
end
