-- Ids as spreadsheets, databases and programs write them, and invisible characters in ids.

local ids = require("stopmsg.ids")
local record = require("stopmsg.record")

local disguise = {}

-- Wrappings; the first capture is the id.
local WRAPPINGS = {
  "^(.*)[,;]$", "^{(.*)}$", '^=?"(.*)"$', "^'(.*)'$", "^'(.*)$",
  "^[uU][rR][nN]:[uU][uU][iI][dD]:(.*)$", "^%((.*)%)$", "^<(.*)>$", "^\239\187\191(.*)$",
}

-- Returns whether a form accepts nearly any text, even a table row.
local function is_free(form)
  return not form.usual and ids.check(form, "a,b;c|d") ~= nil
end

-- Returns whether an id has its form; if the form accepts anything, whether it is a usual one.
local function is_proper(form, id)
  if not ids.check(form, id) then
    return false
  elseif form.usual then
    return id:find(form.usual) ~= nil
  end
  return not is_free(form)
end

-- Returns whether `value` looks like an id of this form, possibly in disguise.
function disguise.is_id(form, value)
  if is_free(form) then
    return not value:find("[,;|\t]") and ids.check(form, value) ~= nil
  end
  return disguise.undress(form, value) ~= nil
end

-- Adds the dashes to a UUID without them.
local function dashed(form, value)
  if form ~= ids.forms.uuid or #value ~= 32 then
    return nil
  end
  local made, at = {}, 1
  for _, length in ipairs({ 8, 4, 4, 4, 12 }) do
    made[#made + 1] = value:sub(at, at + length - 1)
    at = at + length
  end
  return table.concat(made, "-")
end

-- id = disguise.undress(form, value): the id that `value` spells, or nil. Only for forms with a
-- single spelling: elsewhere a brace may be part of the id.
function disguise.undress(form, value)
  for _ = 1, 4 do
    for _, candidate in ipairs({ value, dashed(form, value) }) do
      if is_proper(form, candidate) then
        return candidate
      end
    end
    local inner
    for _, wrapping in ipairs(WRAPPINGS) do
      inner = inner or value:match(wrapping)
    end
    if not inner then
      return nil
    end
    value = inner:match("^%s*(.-)%s*$")
  end
end

local INVISIBLE = {
  [0xA0] = "a no-break space", [0xAD] = "a soft hyphen", [0x34F] = "a grapheme joiner",
  [0x61C] = "a direction mark", [0x180E] = "a vowel separator", [0x200B] = "a zero width space",
  [0x200C] = "a zero width non-joiner", [0x200D] = "a zero width joiner",
  [0x200E] = "a left-to-right mark", [0x200F] = "a right-to-left mark",
  [0x2028] = "a line separator", [0x2029] = "a paragraph separator", [0x202F] = "a narrow space",
  [0x2060] = "a word joiner", [0x3000] = "a wide space", [0xFEFF] = "a byte order mark",
  [0xFFFD] = "a byte that is not a character",
}

local RANGES = { { 0x2000, 0x200A, "a space of another width" },
  { 0x202A, 0x202E, "a direction mark" }, { 0x2066, 0x2069, "a direction mark" } }

-- The code point of a UTF-8 character.
local function code_of(char)
  local first = char:byte()
  local code = first < 0xE0 and first - 0xC0 or first < 0xF0 and first - 0xE0 or first - 0xF0
  for i = 2, #char do
    code = code * 64 + char:byte(i) - 0x80
  end
  return code
end

local function invisible(code)
  for _, range in ipairs(RANGES) do
    if code >= range[1] and code <= range[2] then
      return range[3]
    end
  end
  return INVISIBLE[code]
end

-- message = disguise.explain(value, about): explains why this is not an id if there is a special
-- reason, else nil.
function disguise.explain(value, about)
  local number = value:find("^[%d.,]+[eE]%+%d+$")
  if number then
    return ("a spreadsheet rounded this number and the id is lost: export the column as text; "
      .. "expected %s"):format(about)
  end
  local other
  for char in record.utf8(value):gmatch("[\194-\244][\128-\191]+") do
    local code = code_of(char)
    local name = invisible(code)
    if name then
      return ("the id contains %s (U+%04X); expected %s"):format(name, code, about)
    end
    other = other or ("the id contains '%s' (U+%04X), which is not ASCII; expected %s"):format(char,
      code, about)
  end
  return other
end

return disguise
