-- Files of ids, read by the command: whole or in pieces they hold the same ids, and those are the
-- ids that stand in them, told by another reader.
--
-- Input: a line with p, n, j or c (plain, NDJSON, JSON, CSV) and the size of a piece; then the file

local cjson = require("cjson")
local ids = require("stopmsg.ids")
local csv = require("stopmsg.cli.input.csv")
local json = require("stopmsg.cli.input.json")
local plain = require("stopmsg.cli.input.plain")

local File = {}
File.__index = File

-- A file that gives `piece` bytes at most where many are asked for.
local function file_of(bytes, piece)
  return setmetatable({ bytes = bytes, at = 0, piece = piece }, File)
end

function File:read(count)
  local wanted = count > 1024 and math.min(count, self.piece) or count
  local read = self.bytes:sub(self.at + 1, self.at + wanted)
  self.at = self.at + #read
  return read ~= "" and read or nil
end

function File:seek(whence, offset)
  self.at = whence == "set" and offset or self.at + offset
  return self.at
end

-- { id or problem, line } of all records; or nil and what made it unreadable. With `most`, ids are
-- taken so many at a time.
local function read(open, bytes, piece, shape, field, most)
  local list, seen = {}, {}
  local called, failure = pcall(function()
    local next_id = open(file_of(bytes, piece), function(block)
      seen[#seen + 1] = block
    end, field)
    local last = 0
    while true do
      local into = most and { "held" }
      local value, line, is_listed = next_id(shape, into, 1, most)
      if value == nil then
        break
      end
      local is_list = open == json.lines or open == json.values -- a line may hold several
      assert(line > last or (is_list and line == last), "a line that was told before")
      assert(value ~= "", "an empty id")
      last = line
      if type(value) == "number" then
        for i = 1, value do
          list[#list + 1] = { is_listed and assert(into[i + 1]) or false, line + i - 1 }
        end
        last = line + value - 1
      else
        list[#list + 1] = { value, line }
      end
    end
  end)
  if not called then
    assert(type(failure) == "table" and failure.unreadable, failure)
    return nil, failure.unreadable
  end
  assert(table.concat(seen) == bytes, "bytes that were not seen")
  return list
end

local function is_same(one, other)
  local a, b = one[1], other[1]
  if type(a) == "table" and type(b) == "table" then
    -- What is shown of a record ends where no more of it had to be read.
    return a.message == b.message and one[2] == other[2]
      and (a.shown:sub(1, #b.shown) == b.shown or b.shown:sub(1, #a.shown) == a.shown)
  end
  return (a == b or a == false or b == false) and one[2] == other[2]
end

local function compare(list, other, about)
  assert(#list == #other, ("%s: %d and %d ids"):format(about, #list, #other))
  for i, one in ipairs(list) do
    assert(is_same(one, other[i]), ("%s: another id at %d"):format(about, i))
  end
end

local function trim(s)
  return s:match("^%s*(.-)%s*$")
end

local BOM = "\239\187\191"

-- Each line without its end and without a mark before it.
local function lines_of(bytes)
  bytes = bytes:gsub("^" .. BOM, ""):gsub("\r\n", "\n"):gsub("\r", "\n") .. "\n"
  return bytes:gmatch("(.-)\n")
end

local function unmarked(line)
  return (line:gsub("^" .. BOM, ""))
end

local simple = {}

function simple.p(bytes)
  local list, number = {}, 0
  for given in lines_of(bytes) do
    number = number + 1
    local line = trim(unmarked(given))
    local from = line:find("#", 1, true)
    while from and from > 1 and not line:sub(from - 1, from - 1):find("%s") do
      from = line:find("#", from + 1, true)
    end
    line = trim(line:sub(1, (from or #line + 1) - 1))
    if line ~= "" then
      list[#list + 1] = { line, number }
    end
  end
  return list
end

local codec = cjson.new()
codec.decode_invalid_numbers(false)

function simple.n(bytes)
  local list, number = {}, 0
  for line in lines_of(bytes) do
    number = number + 1
    if line:find("%S") then
      local called, object = pcall(codec.decode, unmarked(line))
      local value = called and type(object) == "table" and object.id
      if type(value) == "table" or (value == nil and line:find("[iI][dD]"))
        or select(2, line:gsub('"id"', "")) > 1 or (value ~= nil and line:find("\\", 1, true)) then
        return nil -- lists, other spellings, and names that stand twice
      end
      if type(value) == "number" and value % 1 == 0 and math.abs(value) < 2 ^ 53 then
        value = ("%.0f"):format(value)
      end
      list[#list + 1] = { type(value) == "string" and value ~= "" and value or {}, number }
    end
  end
  return list
end

-- Records of a file that has no quote, with the header's separator.
function simple.c(bytes)
  if bytes:find('"', 1, true) then
    return nil
  end
  local list, number, column, separator, width = {}, 0, nil, nil, nil
  for given in lines_of(bytes) do
    number = number + 1
    local line = unmarked(given)
    if not column and line:find("%S") then
      separator = line:match("[,;\t|]") or ","
      if line:gsub("[" .. separator .. "]", ""):find("[,;\t|]") or line:lower():find("sep=") then
        return nil -- whichever it is
      end
      local i = 0
      for name in (line .. separator):gmatch("(.-)[" .. separator .. "]") do
        i = i + 1
        if column and trim(name):lower() == "id" then
          return nil
        end
        column = column or trim(name) == "id" and i or nil
      end
      width = i
      if not column then
        return nil
      end
    elseif line:find("[^%s]") or line:find(separator or ",", 1, true) then
      local i, found = 0, {}
      for cell in (line .. separator):gmatch("(.-)[" .. separator .. "]") do
        i = i + 1
        local value = trim(cell)
        found = i == column and value ~= "" and value or found
      end
      if i ~= 1 or line:find("%S") then
        list[#list + 1] = { i == width and found or {}, number }
      end
    end
  end
  return list
end

local OPEN = { p = plain.read, n = json.lines, c = csv.read, j = json.values }

return function(data)
  local kind, piece, bytes = data:match("^([pncj])(%d*)\n(.*)$")
  if not kind then
    return
  end
  piece = (tonumber(piece) or 1) % 300 + 3 -- what marks an encoding comes in one piece
  local list, fault = read(OPEN[kind], bytes, 65536, nil, "id")
  local again, again_fault = read(OPEN[kind], bytes, piece, nil, "id")
  assert((list == nil) == (again == nil), "the pieces make a difference")
  if not list then
    -- Of two things that are wrong a small piece may not reach the second.
    assert(fault == again_fault or bytes:find("\0", 1, true), "the pieces make another fault")
    return
  end
  compare(list, again, "in pieces")
  compare(list, read(OPEN[kind], bytes, piece, nil, "id", #bytes % 5 + 1), "many at a time")
  if kind == "p" then
    for _, name in ipairs({ "uuid", "hex32" }) do
      compare(list, read(plain.read, bytes, piece, ids.forms[name].mask), "counted")
    end
  end
  local is_other = bytes:find("^\255\254") or bytes:find("^\254\255") or bytes:find("%z")
  local expected = not is_other and simple[kind] and simple[kind](bytes) or nil
  if expected then
    assert(#expected == #list, ("%d ids, not %d"):format(#list, #expected))
    for i, one in ipairs(expected) do
      local value = list[i][1]
      assert(list[i][2] == one[2], "another line")
      assert(type(one[1]) == "table" and type(value) == "table" or value == one[1], "another id")
    end
  end
end
