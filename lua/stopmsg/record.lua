-- Formats an item as a line of JSON. Not lua-cjson, because the usual item has three fields, and
-- everything but its id was formatted before.

local native = require("stopmsg.command")

local record = {}

local FIELDS = {
  "outcome", "reason", "code", "http", "message", "attempts", "ambiguous", "verified", "state",
  "left",
}

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

-- Maximum number of cached endings.
local MAX_TAILS = 1000

local function escape(char)
  return ESCAPES[char] or ("\\u%04x"):format(char:byte())
end

-- Length of the UTF-8 character at `at`; nil if there is none.
local function char_length(s, at)
  local first = s:byte(at)
  local length = first < 0x80 and 1 or first >= 0xC2 and first <= 0xDF and 2
    or first >= 0xE0 and first <= 0xEF and 3 or first >= 0xF0 and first <= 0xF4 and 4 or nil
  if not length or (length > 1 and not s:find("^" .. ("[\128-\191]"):rep(length - 1), at + 1)) then
    return nil
  end
  local second = s:byte(at + 1)
  if (first == 0xE0 and second < 0xA0) or (first == 0xED and second > 0x9F)
    or (first == 0xF0 and second < 0x90) or (first == 0xF4 and second > 0x8F) then
    return nil -- overlong, a surrogate, or too large
  end
  return length
end

-- text = record.utf8(s): replaces invalid UTF-8 with U+FFFD, because JSON must be UTF-8.
function record.utf8(s)
  if not s:find("[\128-\255]") then
    return s
  end
  local parts, at = {}, 1
  while at <= #s do
    local length = char_length(s, at)
    parts[#parts + 1] = length and s:sub(at, at + length - 1) or "\239\191\189"
    at = at + (length or 1)
  end
  return table.concat(parts)
end

-- text = record.quote(value): a string or number as JSON.
function record.quote(value)
  if type(value) == "number" then
    return value % 1 == 0 and ("%.0f"):format(value) or ("%.14g"):format(value)
  end
  if not value:find('[%c"\\\127-\255]') then
    return '"' .. value .. '"'
  end
  value = record.utf8(value):gsub('[%c"\\\127]', escape)
  -- Control characters beyond ASCII, which terminals interpret, too.
  value = value:gsub("\194([\128-\159])", function(char)
    return ("\\u%04x"):format(char:byte())
  end)
  return '"' .. value .. '"'
end

local function write_tail(item)
  local parts = {}
  for _, name in ipairs(FIELDS) do
    local value = item[name]
    if value ~= nil then
      parts[#parts + 1] = (',"%s":'):format(name)
      parts[#parts + 1] = value == true and "true" or record.quote(value)
    end
  end
  parts[#parts + 1] = "}\n"
  return table.concat(parts)
end

-- Whether an item has only id, outcome and code.
function record.is_usual(item)
  return not (item.reason or item.message or item.attempts or item.http or item.ambiguous
    or item.verified or item.state or item.left)
end

-- tail = record.cached(write): caches write(item) by outcome and code.
function record.cached(write)
  local tails, count = {}, 0
  return function(item)
    if not record.is_usual(item) then
      return write(item)
    end
    local word, code = item.outcome, item.code
    local known = tails[word]
    if not known then
      known = {}
      tails[word] = known
    end
    local key = code == nil and "" or code
    local tail = known[key]
    if not tail then
      tail = write(item)
      if count < MAX_TAILS then
        count = count + 1
        known[key] = tail
      end
    end
    return tail
  end
end

-- tail = record.tails()(item): the line after the id, from `,"outcome"` to its end.
function record.tails()
  return record.cached(write_tail)
end

local Lines = {}
Lines.__index = Lines

-- Collects lines, to write them together.
function record.lines()
  return setmetatable({ _lines = native.lines() }, Lines)
end

-- size = gathered:add(id, tail, number, at): adds a line and returns the bytes collected. A
-- journal's line has a `number` and the time `at` (milliseconds).
function Lines:add(id, tail, number, at)
  local size
  if number then
    size = self._lines:add('{"n":', number, ',"id":', id, tail, at)
  else
    size = self._lines:add('{"id":', nil, nil, id, tail)
  end
  if not size then
    size = self._lines:write((number and ('{"n":%d,"id":'):format(number) or '{"id":')
      .. record.quote(id) .. (at and tail:sub(1, -3) .. (',"at":%.0f}\n'):format(at) or tail))
  end
  return size
end

-- count = record.put(ids, places, first, last, journal, tail, at, results, frame): the same for
-- ids[first..last], whose lines differ in nothing else: for the journal a line with places[i] and
-- this ending, for the results frame.open, the id and frame.close. Either may be nil. Ends before
-- the first id that needs more care, such as one with the byte frame.without in it.
function record.put(ids, places, first, last, journal, tail, at, results, frame)
  if journal then
    tail = '"' .. tail
  end
  if not results then
    return native.put(ids, places, first, last, journal and journal._lines, '{"n":', ',"id":"',
      tail, at)
  end
  return native.put(ids, places, first, last, journal and journal._lines, '{"n":', ',"id":"', tail,
    at, results._lines, frame.open, frame.close, frame.without)
end

function Lines:write(s)
  return self._lines:write(s)
end

function Lines:size()
  return self._lines:size()
end

-- Returns everything collected, without removing it.
function Lines:text()
  return self._lines:text()
end

-- true = gathered:send(file): writes everything collected, without removing it; nil, message
function Lines:send(file)
  if io.type(file) == "file" then
    return self._lines:send(file)
  end
  local wrote, message = file:write(self._lines:text())
  if wrote then
    wrote, message = file:flush()
  end
  return wrote, message
end

-- true = gathered:append_to(log, more): the same, and the text `more`, to a core.log; nil, message
function Lines:append_to(log, more)
  return log:append(self._lines, more)
end

function Lines:clear()
  self._lines:clear()
end

return record
