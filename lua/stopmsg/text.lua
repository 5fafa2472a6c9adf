-- Makes foreign text safe for reports, logs and terminals.

local text = {}

local MAX = 200

-- Characters in UTF-8 that are not seen, or that change the order of what is: they can make a text
-- look like another one.
local DISGUISES = {
  "\194\173", -- U+00AD
  "\205\143", -- U+034F
  "\216\156", -- U+061C
  "\225\133[\159\160]", -- U+115F, U+1160
  "\225\158[\180\181]", -- U+17B4, U+17B5
  "\225\160[\139-\143]", -- U+180B to U+180F
  "\226\128[\139-\143\168-\174]", -- U+200B to U+200F, U+2028 to U+202E
  "\226\129[\160-\175]", -- U+2060 to U+206F
  "\227\133\164", -- U+3164
  "\239\184[\128-\143]", -- U+FE00 to U+FE0F
  "\239\187\191", -- U+FEFF
  "\239\190\160", -- U+FFA0
  "\239\191[\185-\187]", -- U+FFF9 to U+FFFB
  "\240\155\178[\160-\163]", -- U+1BCA0 to U+1BCA3
  "\240\157\133[\179-\186]", -- U+1D173 to U+1D17A
  "\243\160[\128-\191][\128-\191]", -- U+E0000 to U+E0FFF
}

-- Removes control characters (C0, DEL, and C1 in UTF-8) and disguises. Removes whole runs: the
-- bytes around a removed character could form another one.
local function strip(s)
  s = s:gsub("%c", ""):gsub("\194+[\128-\159]+", "")
  if s:find("[\194-\243]") then
    for _, pattern in ipairs(DISGUISES) do
      s = s:gsub(pattern .. "[\128-\191]*", "")
    end
  end
  return s
end

-- Cuts `s` to at most `max` bytes, never inside a UTF-8 character.
function text.cut(s, max)
  if #s <= max then
    return s
  end
  local last = max
  while last > 0 and s:find("^[\128-\191]", last + 1) do
    last = last - 1
  end
  return s:sub(1, last)
end

-- message = text.clean(value, redact): the provider's text without control characters and without
-- the token, at most 200 bytes; nil for an empty text.
-- Redacts before it cuts, because a cut could leave the start of a token at the end.
function text.clean(value, redact)
  if type(value) ~= "string" then
    return nil
  end
  local s = strip(text.cut(value, 64 * 1024))
  if redact then
    s = redact(s)
  end
  s = text.cut(s, MAX)
  return s ~= "" and s or nil
end

-- text = text.printable(s): makes `s` safe for a terminal, at any length.
text.printable = strip

-- Quotes an id or option for a message: cleaned and short.
function text.quote(value)
  if type(value) ~= "string" then
    return tostring(value)
  end
  return "'" .. text.cut(strip(text.cut(value, 1024)), 60) .. (#value > 60 and "...'" or "'")
end

-- Edit distance: letters to add, drop or change to turn `a` into `b`.
local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
      diagonal, row[j] = row[j], best
    end
  end
  return row[#b]
end

-- Length of the common prefix.
local function common(a, b)
  local n = 0
  while n < #a and a:byte(n + 1) == b:byte(n + 1) do
    n = n + 1
  end
  return n
end

-- name = text.nearest(name, known): the key of `known` that was probably meant, by edit distance
-- or a common prefix; nil if none is close.
function text.nearest(name, known)
  local best, least
  name = text.cut(name, 64):lower()
  for key in pairs(known) do
    local candidate = tostring(key)
    local d = distance(name, candidate) - common(name, candidate) / 2
    if not least or d < least or (d == least and candidate < best) then
      best, least = candidate, d
    end
  end
  return best
end

-- Columns that a terminal needs for a printable text, near enough: a character each.
function text.width(s)
  return select(2, s:gsub("[^\128-\191]", ""))
end

return text
