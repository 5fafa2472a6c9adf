-- Per-item answers by the thousand, from a seed: what providers say, what they might, and what is
-- left of it on a bad line.

local json_answers = {}

local Source = {}
Source.__index = Source

-- source = json_answers.new(seed, fields)
function json_answers.new(seed, fields)
  return setmetatable({ _state = seed, _fields = fields }, Source)
end

-- A whole number from 1 to `n`, the same on every Lua.
function Source:number(n)
  self._state = self._state * 16807 % 2147483647
  return self._state % n + 1
end

function Source:chance(percent)
  return self:number(100) <= percent
end

function Source:pick(list)
  return list[self:number(#list)]
end

-- The text as a JSON string; escaped where it need not be, now and then.
function Source:quote(text)
  local often = self:chance(20) and 40 or 0
  local quoted = text:gsub("[%z\1-\127]", function(c)
    if c == '"' or c == "\\" then
      return self:chance(80) and "\\" .. c or ("\\u%04x"):format(c:byte())
    elseif c:byte() < 32 or self:chance(often) then
      return (self:chance(50) and "\\u%04x" or "\\u%04X"):format(c:byte())
    end
    return c
  end)
  return '"' .. quoted .. '"'
end

function Source:space()
  return self:chance(85) and "" or self:pick({ " ", "\n  ", "\t", "\r\n" })
end

local CODES = {
  "200", "403", "404", "201", "0", "-1", "-0", "200.0", "2e2", "2E+2", "20000e-2", "0.5",
  "-12.25e-3", "1e400", "-1e400", "1e-400", "999999999999999", "1000000000000000",
  "9007199254740993", "123456789012345678901234567890",
  '"200"', '"OK"', '"006"', '""', '"\\u004fK"', '"\\ud83d\\ude00"',
  '"a\\nb\\/\\"\\\\"', "null", "true", "false", "{}", "[]", '{"code":200}', "[200]",
}

-- Not JSON, though near it.
local WRONG = { "0200", "00", "2.", "-", "+1", ".5", "1e", "0x1", "NaN", "'1'", '"\\x"', "tru",
  '"\\ud800"', '"\\udc00\\udc00"', '"\\ud800\\u0041"', '"\1"', "" }

local JUNK = {
  "0", "-1.5e+10", "true", "false", "null", '""', '"\\u0000"', '"\\ud834\\udd1e\\b\\f\\t"',
  "{}", "[]", '[1,[2,[{"x":[]}]]]', '"}],\\""', "[{}]", '"\195\164\255"', "1E5", "-0",
}

-- Any value, in which the fields' names may stand where they mean nothing.
function Source:junk()
  if self:chance(70) then
    return self:pick(JUNK)
  end
  local f = self._fields
  return ('{%s:%s,%s:[{%s:"a","x":%s}]}'):format(self:quote(f.code), self:pick(CODES),
    self:quote(f.list), self:quote(f.id), self:pick(JUNK))
end

function Source:name()
  return self:quote(self:pick({ "x", "", "errors", "message", "itemsx", "item", "Code", "\255" }))
end

-- Up to `n` members of an object that mean nothing.
function Source:members(n)
  local members = {}
  for i = 1, self:number(n + 1) - 1 do
    members[i] = self:name() .. self:space() .. ":" .. self:space() .. self:junk()
  end
  return members
end

-- How an entry is written: \1 stands for its id, \2 for its code.
function Source:style()
  local f = self._fields
  local members = self:members(self:chance(30) and 3 or 0)
  table.insert(members, self:number(#members + 1), self:quote(f.id) .. self:space() .. ":\1")
  if self:chance(95) then
    table.insert(members, self:number(#members + 1),
      self:quote(f.code) .. ":" .. self:space() .. "\2" .. self:space())
  end
  return "{" .. self:space() .. table.concat(members, self:space() .. ",") .. self:space() .. "}"
end

local FORMS = {
  "%08x-00aB-4000-8000-0000000000%02d", "%x_%d", "%d%02d", "\195\164%x %d", 'q"%x\\%d', "/%x\1%d",
}

function Source:ids()
  local form, ids = self:pick(FORMS), {}
  for i = 1, self:number(9) - 1 do
    ids[i] = form:format(self:number(99999999), i)
  end
  return ids
end

function Source:spell(id)
  if self:chance(10) then
    id = self:chance(50) and id:upper() or id:lower()
  end
  if id:find("^[1-9]%d*$") and self:chance(50) then
    return self:chance(95) and id or id .. self:pick({ ".0", "e0", "000000000000", ".5" })
  end
  return self:quote(id)
end

-- The entries that a provider would give, one an id.
function Source:entries(ids)
  local style, is_same, usual = self:style(), self:chance(70), self:pick(CODES)
  local entries = {}
  for i, id in ipairs(ids) do
    if not is_same and self:chance(50) then
      style = self:style()
    end
    local code = self:chance(1) and self:pick(WRONG) or self:chance(60) and usual
      or self:pick(self:chance(70) and { "200", "403", "7" } or CODES)
    entries[i] = style:gsub("[\1\2]", { ["\1"] = self:spell(id), ["\2"] = code })
  end
  return entries
end

-- Entries shuffled, left out, doubled, and others among them.
function Source:disturb(entries)
  for _ = 1, self:number(4) do
    local at, kind = self:number(#entries + 1), self:number(6)
    if kind == 1 then
      table.insert(entries, at, self:junk())
    elseif kind == 2 then
      table.insert(entries, at, (self:entries({ "nobody's", "1" })[self:number(2)]))
    elseif kind == 3 then
      local junk = self:junk()
      for i = #entries, 2, -1 do
        table.insert(entries, i, junk)
      end
    elseif entries[at] and kind == 4 then
      table.remove(entries, at)
    elseif entries[at] and kind == 5 then
      table.insert(entries, self:number(#entries + 1), entries[at])
    elseif entries[at] then
      local other = self:number(#entries)
      entries[at], entries[other] = entries[other], entries[at]
    end
  end
end

-- text, ids of an answer
function Source:answer()
  local ids = self:ids()
  local entries = self:entries(ids)
  if self:chance(50) then
    self:disturb(entries)
  end
  local list = "[" .. self:space() .. table.concat(entries, self:space() .. "," .. self:space())
    .. self:space() .. "]"
  local members = self:members(2)
  for _ = 1, self:chance(97) and 1 or 2 do
    table.insert(members, self:number(#members + 1),
      self:quote(self._fields.list) .. self:space() .. ":" .. self:space() .. list)
  end
  local text = "{" .. table.concat(members, ",") .. self:space() .. "}"
  return self:space() .. text .. self:space(), ids
end

local BYTES = {
  "{", "}", "[", "]", ",", ":", '"', "\\", "0", "1", "-", "+", ".", "e", "E", "u", " ", "\t", "\n",
  "\0", "\1", "\31", "\127", "\255", "null", "true", '""', "\\u12", "\\ud800", "{}", ",,", "/",
}

-- The text with one to three faults.
function Source:mutate(text)
  for _ = 1, self:number(3) do
    local at = self:number(#text + 1)
    local last = math.min(#text, at + self:number(self:chance(70) and 3 or 60) - 1)
    local kind = self:number(6)
    if kind == 1 then
      text = text:sub(1, at - 1) .. text:sub(last + 1)
    elseif kind == 2 then
      text = text:sub(1, last) .. text:sub(at)
    elseif kind == 3 then
      text = text:sub(1, at - 1) .. self:pick(BYTES) .. text:sub(at)
    elseif kind == 4 then
      text = text:sub(1, at - 1) .. self:pick(BYTES) .. text:sub(at + 1)
    elseif kind == 5 then
      text = text:sub(1, at - 1) .. string.char(self:number(256) - 1) .. text:sub(at + 1)
    elseif self:chance(30) then
      text = text:sub(1, at - 1)
    end
  end
  return text
end

return json_answers
