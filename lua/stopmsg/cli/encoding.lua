-- Detects the encoding of files and converts them to UTF-8.

local native = require("stopmsg.command")
local record = require("stopmsg.record")

local encoding = {}

-- Bytes needed for detection.
local HEAD = 512

-- name, length of the BOM = encoding.detect(head): "UTF-16LE", "UTF-16BE", or "UTF-8" for anything
-- that needs no conversion.
function encoding.detect(head)
  if head:sub(1, 3) == "\239\187\191" then
    return "UTF-8", 3
  elseif head:sub(1, 2) == "\255\254" then
    return "UTF-16LE", 2
  elseif head:sub(1, 2) == "\254\255" then
    return "UTF-16BE", 2
  end
  -- Without a BOM: in UTF-16, every other byte of ASCII text is zero.
  head = head:sub(1, HEAD)
  local pairs_of, even, odd = math.floor(#head / 2), 0, 0
  for i = 1, pairs_of * 2, 2 do
    local first, second = head:byte(i, i + 1)
    even = even + (first == 0 and second ~= 0 and 1 or 0)
    odd = odd + (second == 0 and first ~= 0 and 1 or 0)
  end
  if pairs_of > 0 and odd > pairs_of * 0.6 then
    return "UTF-16LE", 0
  elseif pairs_of > 0 and even > pairs_of * 0.6 then
    return "UTF-16BE", 0
  end
  return "UTF-8", 0
end

-- convert = encoding.converter(name): convert(bytes, is_last) -> UTF-8; nil if no conversion is
-- needed
--  nil, message
function encoding.converter(name)
  if name == "UTF-8" then
    return nil
  end
  local decoder, message = native.decoder(name, name:find("^UTF%-16") and 2 or 1)
  if not decoder then
    return nil, message
  end
  return function(bytes, is_last)
    return decoder:decode(bytes, is_last)
  end
end

-- text = encoding.text(bytes): a short file as UTF-8, without its BOM | nil, message
function encoding.text(bytes)
  local name, mark = encoding.detect(bytes)
  local convert, message = encoding.converter(name)
  if message then
    return nil, message
  end
  bytes = bytes:sub(mark + 1)
  return convert and convert(bytes, true) or bytes
end

-- Possible readings in UTF-8 of a name in an unknown encoding. Valid UTF-8 is kept.
function encoding.spellings(name)
  if not name:find("[\128-\255]") or record.utf8(name) == name then
    return { name }
  end
  local list = {}
  for _, charset in ipairs({ "CP1251", "CP1252" }) do
    local convert = encoding.converter(charset)
    list[#list + 1] = convert and convert(name, true) or nil
  end
  return list
end

-- Ranges of capital letters beyond ASCII, with the distance to their lower case.
local CAPITALS = {
  { 0xC0, 0xDE, 32 }, -- Latin; 0xD7 (multiplication sign) does no harm
  { 0x391, 0x3AB, 32 }, -- Greek
  { 0x400, 0x40F, 80 }, -- Cyrillic
  { 0x410, 0x42F, 32 },
}

-- Ranges in which each capital is followed by its lower case.
local ALTERNATING = { { 0x100, 0x137 }, { 0x14A, 0x177 }, { 0x460, 0x481 }, { 0x48A, 0x4BF } }

local function small(code)
  for _, range in ipairs(CAPITALS) do
    if code >= range[1] and code <= range[2] then
      return code + range[3]
    end
  end
  for _, range in ipairs(ALTERNATING) do
    if code >= range[1] and code <= range[2] then
      return code % 2 == 0 and code + 1 or code
    end
  end
  return code
end

-- text = encoding.fold(text): lower case, including two-byte characters of UTF-8.
function encoding.fold(s)
  return (s:lower():gsub("([\194-\223])([\128-\191])", function(first, second)
    local code = small((first:byte() - 0xC0) * 64 + second:byte() - 0x80)
    return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64)
  end))
end

return encoding
