-- Forms of ids: what may be sent, and when two spellings are the same id.

local compat = require("stopmsg.compat")
local text = require("stopmsg.text")

local ids = {}

-- A form of hex digits (x in the mask), ignoring case.
local function hex(mask, about)
  return {
    mask = mask,
    pattern = "^" .. mask:gsub("%-", "%%-"):gsub("x", "%%x") .. "$",
    max = #mask,
    fold = true,
    about = about,
  }
end

-- Fields of a form. `pattern`: what an id must match, or a list of alternatives. `max`: bytes.
-- `about`: for messages. `usual`: a pattern that all known ids match; others are sent with a
-- warning. `fold`: case is ignored (for usual ids). `mask`: lets the core check many ids at once.
-- `number`: written into JSON without quotes. For ids with parts: `parts`, a list of forms with a
-- `name`; `place_of`, their positions by name; `between`, the separators.
ids.forms = {
  uuid = hex("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "a UUID (8-4-4-4-12 hex digits)"),
  digits = { pattern = "^%d+$", max = 19, about = "a number of at most 19 digits" },
  hex32 = hex(("x"):rep(32), "32 hex digits"),
  text = { pattern = "^[\33-\126]+$", max = 256, about = "printable ASCII without spaces" },
}

-- 2^53: from here on floats skip integers, so it is unclear which id was meant.
local EXACT = 9007199254740992

-- The digits of an integer id; nil for any other number.
local function digits_of(number)
  if compat.math_type and compat.math_type(number) == "integer" then
    return ("%d"):format(number)
  end
  if number == math.floor(number) and number > -EXACT and number < EXACT then
    return ("%.0f"):format(number)
  end
  return nil
end

-- Why `id` does not have this form, for messages.
local function fault(form, id)
  if #id == 0 then
    return "the id is empty; expected " .. form.about
  end
  if #id > form.max then
    return ("the id has %d bytes; expected %s"):format(#id, form.about)
  end
  local control = id:match("%c")
  if control then
    return ("the id contains a control character (byte %d); expected %s"):format(control:byte(),
      form.about)
  end
  return "the id has the wrong format; expected " .. form.about
end

-- A key that is equal for all spellings of one id. For ids of an unusual format it is unknown which
-- spellings are equal, so they are kept as they are.
function ids.key(form, id)
  local folds = form.fold and (not form.usual or id:find(form.usual))
  return folds and id:lower() or id
end

local check

-- Splits an id into its parts; nil if it does not have them.
local function divide(form, id)
  local values, at = {}, 1
  for i, between in ipairs(form.between) do
    local from, to = id:find(between, at, true)
    if not from then
      return nil
    end
    values[i] = id:sub(at, from - 1)
    at = to + 1
  end
  values[#values + 1] = id:sub(at)
  return values
end

-- part = ids.part(form, id, place): a part of a checked id.
function ids.part(form, id, place)
  return divide(form, id)[place]
end

-- The same for an id given as a table of parts.
local function gather(form, id)
  local values = {}
  for name in pairs(id) do
    if not form.place_of[name] then
      return nil, ("the id has an unknown part %s; expected %s"):format(text.quote(name),
        form.about)
    end
  end
  for i, part in ipairs(form.parts) do
    values[i] = id[part.name]
    if values[i] == nil then
      return nil, ("the id lacks '%s'; expected %s"):format(part.name, form.about)
    end
  end
  return values
end

-- Checks an id with parts.
local function check_parts(form, id)
  local values, message
  if type(id) == "table" then
    values, message = gather(form, id)
  elseif type(id) == "string" and #id <= form.max then
    values = divide(form, id)
  end
  if not values then
    return nil, message or (type(id) == "string" and fault(form, id))
      or "expected a string or a table of parts as id, got a " .. type(id)
  end
  local keys = {}
  for i, part in ipairs(form.parts) do
    local between = form.between[i]
    values[i], keys[i] = check(part, values[i])
    if not values[i] then
      return nil, ("the %s of the id: %s"):format(part.name, keys[i])
    elseif between and values[i]:find(between, 1, true) then
      return nil, ("the %s of the id contains %s, which separates the parts"):format(part.name,
        text.quote(between))
    end
  end
  local function join(list)
    local joined = list[1]
    for i, between in ipairs(form.between) do
      joined = joined .. between .. list[i + 1]
    end
    return joined
  end
  return join(values), join(keys)
end

local function matches(pattern, id)
  if type(pattern) == "string" then
    return id:find(pattern) ~= nil
  end
  for _, one in ipairs(pattern) do
    if id:find(one) then
      return true
    end
  end
  return false
end

-- sent, key = ids.check(form, id) | nil, message. `sent`: the id as sent to the provider; `key`:
-- equal for spellings of the same id.
function ids.check(form, id)
  if form.parts then
    return check_parts(form, id)
  end
  local sent = id
  if type(id) == "number" then
    sent = digits_of(id)
    if not sent then
      return nil, ("the number %s cannot be represented exactly; pass the id as a "
        .. "string"):format(tostring(id))
    end
  elseif type(id) ~= "string" then
    return nil, "expected a string as id, got a " .. type(id)
  end
  if #sent > form.max or not matches(form.pattern, sent) or sent:find("%c") then
    return nil, fault(form, sent)
  end
  -- JSON has no such numbers; the id would change.
  if form.number and not (sent == "0" or sent:find("^%-?[1-9]%d*$")) then
    return nil, ("the id is not a JSON number; expected %s"):format(form.about)
  end
  -- In a path these mean directories, escaped or not.
  if sent == "." or sent == ".." then
    return nil, fault(form, sent)
  end
  return sent, ids.key(form, sent)
end

check = ids.check

-- Returns whether two texts are the same id.
function ids.is_same(form, a, b)
  return a == b or (form ~= nil and ids.key(form, a) == ids.key(form, b))
end

-- Returns whether Lua accepts this pattern. Lua reads a pattern only as far as a subject matches,
-- so every character is tried.
local function is_pattern(pattern)
  for byte = 32, 126 do
    if not compat.try(string.find, string.char(byte):rep(64), pattern) then
      return false
    end
  end
  return true
end

ids.is_pattern = is_pattern

-- form = ids.form(name or table) | nil, message
function ids.form(given)
  if type(given) == "string" then
    if ids.forms[given] then
      return ids.forms[given]
    end
    return nil, "unknown id form " .. text.quote(given)
  end
  if type(given) ~= "table" then
    return nil, "expected the name of an id form or a table"
  end
  if type(given.pattern) ~= "string" or not is_pattern(given.pattern) then
    return nil, "an id form needs `pattern`, a Lua pattern"
  end
  if type(given.max) ~= "number" or given.max < 1 or given.max > 4096 then
    return nil, "an id form needs `max`, 1 to 4096 bytes"
  end
  if type(given.about) ~= "string" then
    return nil, "an id form needs `about`, for messages"
  end
  return given
end

return ids
