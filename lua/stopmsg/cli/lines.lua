-- Records of a file, one after the other, in bounded memory: lines, and those of CSV and NDJSON.
--
-- A reader is made of an open file at its beginning: next = lines.plain(file, on_block), and
--   value, line = next(shape)
-- gives an id, a problem { message, shown } in place of one, or nil at the end, and the number of
-- the line where it began. Where a shape of ids is given, a number may stand for so many of them.

local core = require("stopmsg.core")
local json = require("stopmsg.json")
local text = require("stopmsg.text")

local lines = {}

local BLOCK = 64 * 1024

-- A line, or a record of CSV, of more bytes than this is not read.
lines.MAX = 64 * 1024

local HASH = ("#"):byte()
local BOM = "\239\187\191"

local function problem(message, shown)
  return { message = message, shown = shown and text.cut(shown, 200) or "" }
end

-- The bytes of a file that were not taken yet: `bytes` from `at` on. `on_block` sees each block.
local function new_buffer(file, on_block)
  local self = { bytes = "", at = 1, line = 1, is_first = true, is_last = false }

  -- Reads on; false at the end of the file.
  function self.more()
    local block, why
    if not self.is_last then
      block, why = file:read(BLOCK)
    end
    if why then
      error({ unreadable = why }, 0)
    elseif not block or block == "" then
      self.is_last = true
      return false
    end
    on_block(block)
    if self.is_first and (block:find("^\255\254") or block:find("^\254\255")) then
      error({ unreadable = "this is UTF-16: convert it to UTF-8" }, 0)
    end
    local nul = block:find("\0", 1, true)
    if nul then
      local _, breaks = block:sub(1, nul):gsub("\n", "")
      local _, before = self.bytes:sub(self.at):gsub("\n", "")
      error({ unreadable = ("this is no text file: line %d holds a byte of value 0"):format(
        self.line + before + breaks) }, 0)
    end
    self.is_first = false
    self.bytes = self.bytes:sub(self.at) .. block
    self.at = 1
    return true
  end

  -- Goes to what follows the next line feed, without holding what is before it.
  function self.skip_line()
    local to = self.bytes:find("\n", self.at, true)
    while not to do
      self.at = #self.bytes + 1
      if not self.more() then
        return
      end
      to = self.bytes:find("\n", self.at, true)
    end
    self.at = to + 1
    self.line = self.line + 1
  end

  -- The next line without its end, and its number; nil at the end, false for one that is too long.
  function self.take_line()
    local line = self.line
    local to = self.bytes:find("\n", self.at, true)
    while not to and #self.bytes - self.at < lines.MAX and self.more() do
      to = self.bytes:find("\n", self.at, true)
    end
    local last = to and to - 1 or #self.bytes
    if last - self.at + 1 > lines.MAX then
      self.skip_line()
      return false, line
    end
    if not to and self.at > #self.bytes then
      return nil
    end
    local taken = self.bytes:sub(self.at, last)
    self.at = last + 2
    self.line = line + 1
    return taken, line
  end

  self.more()
  if self.bytes:sub(1, 3) == BOM then
    self.at = 4
  end
  return self
end

local TOO_LONG = ("longer than %d bytes"):format(lines.MAX)

-- One id a line. White space around it, blank lines, and what follows a `#` are no part of it.
function lines.plain(file, on_block)
  local buffer = new_buffer(file, on_block)
  local next_line, count_lines = core.next_line, core.count_lines
  return function(shape)
    while true do
      if shape then
        local count, after = count_lines(buffer.bytes, buffer.at, shape)
        if count > 0 then
          buffer.at = after
          buffer.line = buffer.line + count
          return count, buffer.line - count
        end
      end
      local id, after = next_line(buffer.bytes, buffer.at, HASH)
      if id then
        local line = buffer.line
        buffer.at = after
        buffer.line = line + 1
        return id, line
      end
      local taken, line = buffer.take_line()
      if taken == nil then
        return nil
      elseif not taken then
        return problem("a line " .. TOO_LONG), line
      end
      taken = taken:gsub("^%s+", ""):gsub("^#.*", ""):gsub("%s#.*", "")
      taken = taken:find("%S") and taken:match("^.*%S") or nil
      if taken then
        return taken, line
      end
    end
  end
end

-- An object a line, the id in the one called `field`.
function lines.ndjson(file, on_block, field)
  local buffer = new_buffer(file, on_block)
  return function()
    while true do
      local taken, line = buffer.take_line()
      if taken == nil then
        return nil
      elseif not taken then
        return problem("a line " .. TOO_LONG), line
      elseif taken:find("%S") then
        local object = json.decode(taken)
        local value = type(object) == "table" and object[field]
        if type(object) ~= "table" then
          return problem("no JSON object", taken), line
        elseif type(value) == "number" and value % 1 == 0 and math.abs(value) < 2 ^ 53 then
          return ("%.0f"):format(value), line
        elseif type(value) == "number" then
          return problem(("the number in %s is no whole number that can be told exactly; write it "
            .. "as a string"):format(text.quote(field)), taken), line
        elseif type(value) ~= "string" or value == "" then
          return problem("no id in " .. text.quote(field), taken), line
        end
        return value, line
      end
    end
  end
end

-- CSV

local SEPARATORS = { ",", ";", "\t" }

-- fields, next = record(bytes, at, separator, is_last): the fields of the record at `at` and where
-- the one after it begins. nil where it is not whole, or nil and what is wrong with it.
local function record(bytes, at, separator, is_last)
  local fields = {}
  local plain = "[" .. separator .. "\n]"
  while true do
    if bytes:byte(at) == 34 then
      local from, value, to = at + 1, ""
      repeat
        to = bytes:find('"', from, true)
        if not to then
          return nil, is_last and "a quote that does not end" or nil
        end
        value = value .. bytes:sub(from, to - 1)
        from = to + 2
        local is_double = bytes:byte(to + 1) == 34
        value = is_double and value .. '"' or value
      until not is_double
      if to == #bytes and not is_last then
        return nil -- the next block may begin with another quote
      end
      fields[#fields + 1] = value
      at = bytes:match("^\r?()", to + 1)
      if at > #bytes and not is_last then
        return nil
      end
    else
      local to = bytes:find(plain, at)
      if not to and not is_last then
        return nil
      end
      to = to or #bytes + 1
      local value = bytes:sub(at, to - 1)
      fields[#fields + 1] = bytes:byte(to) ~= separator:byte() and value:gsub("\r$", "") or value
      at = to
    end
    local after = bytes:sub(at, at)
    if after == "\n" or after == "" then
      return fields, at + 1
    elseif after ~= separator then
      return nil, "text after a quoted field"
    end
    at = at + 1
  end
end

-- The next record that is not blank, and its line; nil at the end, or a problem.
local function take_record(buffer, separator)
  while true do
    if buffer.at > #buffer.bytes and not buffer.more() then
      return nil
    end
    local fields, after = record(buffer.bytes, buffer.at, separator, buffer.is_last)
    while not fields and not after and #buffer.bytes - buffer.at < lines.MAX do
      buffer.more()
      fields, after = record(buffer.bytes, buffer.at, separator, buffer.is_last)
    end
    local line = buffer.line
    if not fields or after - buffer.at > lines.MAX then
      local shown = buffer.bytes:sub(buffer.at, buffer.at + 200):match("^[^\r\n]*")
      buffer.skip_line()
      return problem(type(after) == "string" and after or "a record " .. TOO_LONG, shown), line
    end
    local _, breaks = buffer.bytes:sub(buffer.at, after - 1):gsub("\n", "")
    buffer.at, buffer.line = after, line + breaks
    if #fields > 1 or fields[1]:find("%S") then
      return fields, line
    end
  end
end

local function trim(value)
  return value:find("%S") and value:match("^%s*(.*%S)") or ""
end

local function column_of(header, field)
  for _, is_same in ipairs({
    function(name) return name == field end,
    function(name) return name:lower() == field:lower() end,
  }) do
    for i, name in ipairs(header) do
      if is_same(trim(name)) then
        return i
      end
    end
  end
end

local function nothing() end

-- separator, column of the first line | nil, its fields
local function read_header(file, field)
  local start, header = file:seek("cur", 0), nil
  for _, separator in ipairs(SEPARATORS) do
    file:seek("set", start)
    local fields = take_record(new_buffer(file, nothing), separator)
    file:seek("set", start)
    if fields and not fields.message then
      header = header or fields
      local column = column_of(fields, field)
      if column then
        return separator, column
      end
    end
  end
  return nil, header or {}
end

-- A header and records, the id in the column called `field`.
function lines.csv(file, on_block, field)
  local separator, column = read_header(file, field)
  if not separator then
    local names = {}
    for i, name in ipairs(column) do
      names[i] = i <= 20 and text.quote(trim(name)) or nil
    end
    error({ unreadable = ("no column is called %s; there are %s"):format(text.quote(field),
      #names > 0 and table.concat(names, ", ") or "none") }, 0)
  end
  local buffer = new_buffer(file, on_block)
  take_record(buffer, separator)
  return function()
    local fields, line = take_record(buffer, separator)
    if not fields then
      return nil
    elseif fields.message then
      return fields, line
    end
    local value = fields[column] and trim(fields[column]) or ""
    if value == "" then
      return problem("no id in column " .. text.quote(field), table.concat(fields, separator)), line
    end
    return value, line
  end
end

-- next = lines.fields(file, on_block, field): CSV or NDJSON, whichever it looks like.
function lines.fields(file, on_block, field)
  local start = file:seek("cur", 0)
  local head = file:read(1024) or ""
  file:seek("set", start)
  local first = head:gsub("^" .. BOM, ""):match("%S")
  if first == "[" then
    error({ unreadable = "a JSON array is not read: give one object a line" }, 0)
  end
  return (first == "{" and lines.ndjson or lines.csv)(file, on_block, field)
end

return lines
