-- Compiles the form of ids in a definition into what ids.check takes. Pure.

local ids = require("stopmsg.ids")
local schema = require("stopmsg.provider.schema")
local template = require("stopmsg.provider.template")
local text = require("stopmsg.text")

local shape = {}

local MAX, MAX_PARTS = 256, 4

-- Pattern of numeric ids; JSON allows no leading zeros.
local NUMBER = "^%-?%d+$"

function shape.check_pattern(where, pattern)
  if type(pattern) ~= "string" then
    schema.fail(where, "expected a Lua pattern, got a " .. type(pattern))
  elseif not ids.is_pattern(pattern) then
    schema.fail(where, text.quote(pattern) .. " is not a Lua pattern")
  elseif not pattern:find("^%^") or not pattern:find("%$$") then
    schema.fail(where, "must match the whole value: begin with '^' and end with '$'")
  end
end

local function check_max(where, max)
  if max and (max < 1 or max > 4096 or max % 1 ~= 0) then
    schema.fail(where .. ".max", "expected 1 to 4096 bytes")
  end
end

-- Compiles a form without parts.
local function single(where, given, about)
  if type(given.pattern) == "table" then
    schema.check_list(where .. ".pattern", given.pattern, "string")
    for i, pattern in ipairs(given.pattern) do
      shape.check_pattern(("%s.pattern[%d]"):format(where, i), pattern)
    end
  elseif given.pattern then
    shape.check_pattern(where .. ".pattern", given.pattern)
  elseif not given.number then
    schema.fail(where, "needs `pattern`, a Lua pattern of the whole id")
  end
  check_max(where, given.max)
  local known = ids.forms[given.usual]
  if known then
    return { pattern = given.pattern, max = given.max or MAX, about = given.about or about,
      usual = known.pattern, fold = known.fold, mask = known.mask, number = given.number }
  elseif given.usual and not ids.is_pattern(given.usual) then
    schema.fail(where .. ".usual", text.quote(given.usual) .. " is not a Lua pattern")
  end
  return {
    pattern = given.pattern or NUMBER,
    max = given.max or (given.number and 19) or MAX,
    about = given.about or about,
    usual = given.usual,
    fold = given.ignore_case,
    number = given.number,
  }
end

local function part_of(where, given, name)
  if type(given) == "string" then
    given = { pattern = given }
  elseif type(given) ~= "table" then
    schema.fail(where, "expected a Lua pattern, or a table with one")
  end
  schema.check(where, given, schema.fields.part)
  local part = single(where, given, name)
  part.name = name
  return part
end

-- Returns the names of the parts in order, and the separators between them.
local function order_of(where, write)
  local pieces, message = template.parse(write)
  if not pieces then
    schema.fail(where, message)
  end
  local names, between = {}, {}
  for i, piece in ipairs(pieces) do
    local is_name = type(piece) == "table"
    if is_name ~= (i % 2 == 1) or (i == #pieces and not is_name) then
      schema.fail(where, "expected parts with separators, like '{channel}/{message}'")
    elseif is_name then
      names[#names + 1] = piece[1]
    else
      between[#between + 1] = piece
    end
  end
  if #names < 2 or #names > MAX_PARTS then
    schema.fail(where, ("expected two to %d parts, like '{channel}/{message}'"):format(MAX_PARTS))
  end
  return names, between
end

-- Compiles a form with parts.
local function compound(where, given)
  local names, between = order_of(where .. ".write", given.write)
  local form = { parts = {}, place_of = {}, between = between, max = #table.concat(between) }
  for i, name in ipairs(names) do
    if form.place_of[name] then
      schema.fail(where .. ".write", "contains {" .. name .. "} twice")
    elseif given[name] == nil then
      schema.fail(where, ("`write` contains {%s}, so its pattern is required: %s = \"^…$\""):format(
        name, name))
    end
    form.place_of[name] = i
    form.parts[i] = part_of(where .. "." .. name, given[name], name)
    form.max = form.max + form.parts[i].max
  end
  form.about = given.about or "an id like " .. given.write:gsub("[{}]", ""):upper()
  return form
end

-- form = shape.of(where, given): from a name or a table.
function shape.of(where, given)
  if type(given) == "string" then
    local form = ids.forms[given]
    if not form then
      schema.fail(where, ("unknown id form %s; did you mean '%s'?"):format(text.quote(given),
        text.nearest(given, ids.forms)))
    end
    return form
  elseif type(given) ~= "table" then
    schema.fail(where, "expected the name of an id form or a table")
  end
  local is_compound = given.write ~= nil
  schema.check(where, given, schema.fields.id, function(name, value)
    return is_compound and type(name) == "string" and type(value) ~= "number"
      and type(given.write) == "string" and given.write:find("{" .. name .. "}", 1, true)
  end)
  if is_compound then
    for _, name in ipairs({ "pattern", "max", "usual", "number", "ignore_case" }) do
      if given[name] ~= nil then
        schema.fail(where .. "." .. name, "belongs to the parts of the id")
      end
    end
    return compound(where, given)
  end
  if not given.about then
    schema.fail(where, "needs `about`, used in messages: \"a message SID\"")
  end
  return single(where, given)
end

return shape
