-- Makes foreign text safe for reports, logs and terminals.

local text = {}

local MAX = 200

-- Removes control characters: C0, DEL, and C1 in UTF-8.
local function strip(s)
  s = s:gsub("%c", "")
  -- Removes whole runs: the bytes around a removed character could form another one.
  return (s:gsub("\194+[\128-\159]+", ""))
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
