-- Records of a file, one after the other, in bounded memory: lines, rows of CSV, values of JSON.
--
-- A reader is made of an open file at its beginning: next = lines.plain(file, on_block), and
--   value, line = next(shape)
-- gives an id, a problem { message, shown } in place of one, or nil at the end, and the number of
-- the line where it began. Where a shape of ids is given, a number may stand for so many of them.
--
-- Lines end with LF, CRLF or CR, in any mixture. UTF-16 is read as what it says.

local core = require("stopmsg.core")
local encoding = require("stopmsg.cli.encoding")
local json = require("stopmsg.json")
local text = require("stopmsg.text")

local lines = {}

local BLOCK = 64 * 1024

-- The first bytes of a file, from which its encoding is told, come together.
local HEAD = 512

-- A line, or a record of CSV, of more bytes than this is not read; a value of JSON may hold a list.
lines.MAX = 64 * 1024
lines.MAX_JSON = 1024 * 1024

-- Records from which the separator of a table is told.
local SAMPLE = 32

local HASH = ("#"):byte()
local BOM = "\239\187\191"

local function problem(message, shown)
  return { message = message, shown = shown and text.cut(shown, 200) or "" }
end

local function unreadable(message)
  error({ unreadable = message }, 0)
end

local function nothing() end

local function count_breaks(s)
  local _, breaks = s:gsub("\n", "")
  return breaks
end

-- The next bytes of a file; nil at the end.
local function read_block(file, is_first)
  local block, why = file:read(BLOCK)
  while is_first and block and not why and #block < HEAD do
    local more
    more, why = file:read(HEAD)
    if not more then
      break
    end
    block = block .. more
  end
  if why then
    unreadable(why)
  end
  return block ~= "" and block or nil
end

-- decode(block): the text of one block after the other, nil for the file's end. Its lines end with
-- LF or CRLF.
local function new_decoder()
  local is_first, convert, carry = true, nil, ""
  return function(block)
    if is_first and block then
      local name, mark = encoding.detect(block)
      local message
      convert, message = encoding.converter(name)
      if message then
        unreadable(message)
      end
      block = block:sub(mark + 1)
    end
    is_first = false
    local taken = block or ""
    if convert then
      taken = convert(taken, block == nil)
    end
    if carry ~= "" then
      taken = carry .. taken
    end
    carry = ""
    if block and taken:sub(-1) == "\r" then
      -- Whether this is half of a line's end is told by the next byte.
      carry, taken = "\r", taken:sub(1, -2)
    end
    return core.unify_lines(taken)
  end
end

-- The text of a file that was not taken yet: `bytes` from `at` on. `on_block` sees each block as it
-- is in the file.
local function new_buffer(file, on_block)
  local self = { bytes = "", at = 1, line = 1, is_last = false }
  local is_first, decode = true, new_decoder()

  -- Reads on; false at the end of the file.
  function self.more()
    local taken = ""
    while taken == "" do
      if self.is_last then
        return false
      end
      local block = read_block(file, is_first)
      is_first, self.is_last = false, block == nil
      if block then
        on_block(block)
      end
      taken = decode(block)
    end
    local nul = taken:find("\0", 1, true)
    if nul then
      unreadable(("not a text file: line %d contains a NUL byte"):format(self.line
        + count_breaks(self.bytes:sub(self.at)) + count_breaks(taken:sub(1, nul))))
    end
    self.bytes = self.bytes:sub(self.at) .. taken
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
  return self
end

local TOO_LONG = ("longer than %d bytes"):format(lines.MAX)

-- A line without a byte order mark, which files that were joined have in their midst.
local function unmarked(line)
  return line:byte() == 239 and line:sub(1, 3) == BOM and line:sub(4) or line
end

local function trim(value)
  return value:find("%S") and value:match("^%s*(.*%S)") or ""
end

-- One id a line. White space around it, blank lines, and what follows a `#` are no part of it.
local function significant(line)
  return trim(unmarked(line):gsub("^%s+", ""):gsub("^#.*", ""):gsub("%s#.*", ""))
end

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
      taken = significant(taken)
      if taken ~= "" then
        return taken, line
      end
    end
  end
end

-- JSON

-- The value of this name in an object: as it is written, else in any case of its letters.
local function member(object, name)
  if object[name] ~= nil then
    return object[name]
  end
  local wanted, found = encoding.fold(name), nil
  for key, value in pairs(object) do
    if type(key) == "string" and encoding.fold(key) == wanted then
      if found ~= nil then
        return nil -- which of the two is meant is not known
      end
      found = value
    end
  end
  return found
end

-- Puts what stands at a path into `found`; a list on the way gives what each of its elements has.
local function collect(value, path, at, found)
  if type(value) ~= "table" then
    found[#found + 1] = at > #path and value or false
  elseif value[1] ~= nil then
    for _, element in ipairs(value) do
      collect(element, path, at, found)
    end
  elseif at > #path then
    found[#found + 1] = false
  else
    local inner = member(value, path[at])
    found[#found + 1] = inner == nil and false or nil
    if inner ~= nil then
      collect(inner, path, at + 1, found)
    end
  end
  return found
end

local function path_of(field)
  local path = {}
  for name in field:gmatch("[^.]+") do
    path[#path + 1] = name
  end
  return path
end

-- How often an object's text has this name, as JSON, on its first level.
local function count_name(source, key)
  local _, first = source:find(key, 1, true)
  if not first or not source:find(key, first + 1, true) then
    return first and 1 or 0
  end
  local at, depth, count = 1, 0, 0
  while true do
    local from = source:find('["{}%[%]]', at)
    if not from then
      return count
    end
    local char = source:sub(from, from)
    if char == '"' then
      local after = core.json_span(source, from, 0, 0) or #source + 1
      if depth == 1 and source:sub(from, after - 1) == key and source:find("^%s*:", after) then
        count = count + 1
      end
      at = after
    else
      depth = depth + ((char == "{" or char == "[") and 1 or -1)
      at = from + 1
    end
  end
end

-- id | problem: a value as an id
local function id_of(value, field, shown)
  if type(value) == "number" and value % 1 == 0 and math.abs(value) < 2 ^ 53 then
    return ("%.0f"):format(value)
  elseif type(value) == "number" then
    return problem(("the number%s cannot be read as an exact integer; write it as a "
      .. "string"):format(field and " in " .. text.quote(field) or ""), shown)
  elseif type(value) ~= "string" or value == "" then
    return problem(field and "no id in " .. text.quote(field) or "no id", shown)
  end
  return value
end

local ids_of

-- The id whose parts stand in fields of their own, as a list of one.
local function joined(value, columns, source)
  local values = {}
  for i, column in ipairs(columns) do
    local found = ids_of(value, column, source)
    if #found > 1 then
      return { problem("several values in " .. text.quote(column), source) }
    elseif type(found[1]) ~= "string" then
      return found
    end
    values[i] = found[1]
  end
  local id, message = columns.join(values)
  return { id or problem(message, source) }
end

-- The ids in one value of JSON, each an id or a problem. `source` is its text.
function ids_of(value, field, source)
  if type(field) == "table" then
    return joined(value, field, source)
  elseif not field then
    return { type(value) == "table" and problem("an object: use --field to name the field", source)
      or id_of(value, nil, source) }
  elseif type(value) ~= "table" then
    return { problem("not a JSON object", source) }
  elseif value[field] == nil and field:find(".", 1, true) then
    local found = collect(value, path_of(field), 1, {})
    for i, one in ipairs(found) do
      found[i] = id_of(one, field, source)
    end
    if #found == 0 then
      found[1] = id_of(nil, field, source)
    end
    return found
  elseif count_name(source, json.encode(field)) > 1 then
    return { problem(("the object has two fields named %s"):format(text.quote(field)), source) }
  end
  local one = member(value, field)
  if type(one) == "table" and one[1] ~= nil then
    local found = {}
    for i, element in ipairs(one) do
      found[i] = id_of(element, field, source)
    end
    return found
  end
  return { id_of(one, field, source) }
end

-- next(shape) over what take() gives: a list of ids and problems, and their line; nil at the end.
local function each_of(take)
  local found, at, line = {}, 0, nil
  return function()
    while not found[at + 1] do
      found, line = take()
      at = 0
      if not found then
        found = {}
        return nil
      end
    end
    at = at + 1
    return found[at], line
  end
end

-- An object a line, the id in the one called `field`; see lines.open().
function lines.ndjson(file, on_block, field)
  local buffer = new_buffer(file, on_block)
  local rest, at, line = nil, 0, nil
  local next_member = core.next_member
  return function()
    if rest then
      at = at + 1
      if rest[at] then
        return rest[at], line
      end
      rest = nil
    end
    local quick, after
    if type(field) == "string" then
      quick, after = next_member(buffer.bytes, buffer.at, field)
    end
    if quick then
      line = buffer.line
      buffer.at, buffer.line = after, line + 1
      return quick, line
    end
    while true do
      local taken
      taken, line = buffer.take_line()
      if taken == nil then
        return nil
      elseif not taken then
        return problem("a line " .. TOO_LONG), line
      elseif taken:find("%S") then
        taken = unmarked(taken)
        local object = json.decode(taken)
        rest = ids_of(type(object) == "table" and object or false, field, taken)
        at = 1
        return rest[1], line
      end
    end
  end
end

-- Takes bytes up to `after` off the buffer, whose lines are counted.
local function take_bytes(buffer, after)
  local taken = buffer.bytes:sub(buffer.at, after - 1)
  buffer.at = after
  buffer.line = buffer.line + count_breaks(taken)
  return taken
end

-- The text of the string, object or array that begins at the buffer's place; nil for one that is
-- too long, false where the file ends within it.
local function take_span(buffer)
  local parts, size, depth, state = {}, 0, 0, 0
  while true do
    local after
    after, depth, state = core.json_span(buffer.bytes, buffer.at, depth, state)
    local part = take_bytes(buffer, after or #buffer.bytes + 1)
    size = size + #part
    if size <= lines.MAX_JSON then
      parts[#parts + 1] = part
    else
      parts = {}
    end
    if after then
      return size <= lines.MAX_JSON and table.concat(parts) or nil
    elseif not buffer.more() then
      return false
    end
  end
end

-- Goes to the next character that is no white space; nil at the end of the file.
local function next_char(buffer)
  while true do
    local at = buffer.bytes:find("%S", buffer.at)
    if at then
      take_bytes(buffer, at)
      return buffer.bytes:sub(at, at)
    end
    take_bytes(buffer, #buffer.bytes + 1)
    if not buffer.more() then
      return nil
    end
  end
end

-- Values of JSON, one after the other or in an array, however they are laid out.
function lines.json(file, on_block, field)
  local buffer = new_buffer(file, on_block)
  local is_array, has_ended = false, false
  local function take()
    while not has_ended do
      local char = next_char(buffer)
      local line = buffer.line
      if char == nil then
        has_ended = true
        return is_array and { problem("the array is not closed: file truncated") } or nil, line
      elseif char == "[" and not is_array then
        is_array, buffer.at = true, buffer.at + 1
      elseif char == "]" and is_array then
        is_array, buffer.at = false, buffer.at + 1
      elseif char == "," and is_array then
        buffer.at = buffer.at + 1
      elseif char == "{" or char == "[" or char == '"' then
        local source = take_span(buffer)
        if source == nil then
          return { problem(("a value longer than %d bytes"):format(lines.MAX_JSON)) }, line
        elseif source == false then
          has_ended = true
          return { problem("a value is not closed; nothing after it can be read") }, line
        end
        local value = json.decode("[" .. source .. "]")
        if not value then
          return { problem("no JSON", source:match("^[^\n]*")) }, line
        end
        return ids_of(value[1], field, source), line
      else
        -- A number, a word, or rubbish: up to what may follow it.
        local to = buffer.bytes:find("[%s,%]]", buffer.at)
        while not to and #buffer.bytes - buffer.at < lines.MAX and buffer.more() do
          to = buffer.bytes:find("[%s,%]]", buffer.at)
        end
        local source = take_bytes(buffer, to or #buffer.bytes + 1)
        if source == "" then
          source, buffer.at = char, buffer.at + 1
        end
        local value = json.decode("[" .. source .. "]")
        value = value and value[1]
        return type(value) == "number" and ids_of(value, field, source)
          or { problem(field and "not a JSON object" or "no id", source) }, line
      end
    end
    return nil
  end
  return each_of(take)
end

-- CSV

local SEPARATORS = { ",", ";", "\t", "|" }

local NAMES = { [","] = "a comma", [";"] = "a semicolon", ["\t"] = "a tab", ["|"] = "a bar" }

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
          return nil, is_last and "an unclosed quote" or nil
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
      return nil, "text after a closing quote"
    end
    at = at + 1
  end
end

-- The next record that is not blank, and its line; nil at the end, or a problem. judge(fields,
-- text) may say what is wrong with a record that can be read, and whether only its first line is.
local function take_record(buffer, separator, judge)
  while true do
    if buffer.at > #buffer.bytes and not buffer.more() then
      return nil
    end
    if buffer.bytes:byte(buffer.at) == 239
      and buffer.bytes:sub(buffer.at, buffer.at + 2) == BOM then
      buffer.at = buffer.at + 3
    end
    local fields, after = record(buffer.bytes, buffer.at, separator, buffer.is_last)
    while not fields and not after and #buffer.bytes - buffer.at < lines.MAX do
      buffer.more()
      fields, after = record(buffer.bytes, buffer.at, separator, buffer.is_last)
    end
    local line = buffer.line
    local message, is_line
    if not fields or after - buffer.at > lines.MAX then
      message, is_line = type(after) == "string" and after or "a record " .. TOO_LONG, true
    elseif #fields == 1 and not fields[1]:find("%S") then
      fields = nil
    elseif judge then
      message, is_line = judge(fields, buffer.bytes, buffer.at, after)
    end
    if message then
      local shown = buffer.bytes:sub(buffer.at, buffer.at + 200):match("^[^\r\n]*")
      if is_line then
        buffer.skip_line()
      else
        take_bytes(buffer, after)
      end
      return problem(message, shown), line
    end
    take_bytes(buffer, math.min(after, #buffer.bytes + 1))
    buffer.at = after
    if fields then
      return fields, line
    end
  end
end

-- The fields of a line as they stand between its separators, quotes or not.
local function naive(line, separator)
  local list = {}
  for value in (line .. separator):gmatch("([^" .. separator .. "]*)" .. separator) do
    list[#list + 1] = trim(value):gsub('^"', ""):gsub('"$', "")
  end
  return list
end

-- judge = row_judge(width, column, separator, is_id): rows as wide as the header, and no quote that
-- begins in one row and ends in another: there, a line within it is a row with an id of its own.
local function row_judge(width, column, separator, is_id)
  return function(fields, bytes, at, after)
    local is_broken = #fields ~= width
    local first_break = bytes:find("\n", at, true)
    local has_rows = false
    if first_break and first_break < after - 1 then
      local own = fields[column] and trim(fields[column])
      for line in bytes:sub(at, after - 1):gmatch("[^\r\n]+") do
        local inner = naive(line, separator)
        local id = #inner == width and trim(inner[column]) or ""
        has_rows = has_rows or (id ~= "" and id ~= own and is_id(id))
      end
    end
    if has_rows then
      return "an unclosed quote that takes in the lines after it", true
    elseif is_broken then
      return ("%d field%s, but the header has %d"):format(#fields, #fields == 1 and "" or "s",
        width), false
    end
  end
end

-- The separator that a first line of Excel's says: "sep=;". nil for any other line.
local function declared(line)
  return line and unmarked(line):match('^"?[sS][eE][pP]=([^%w%s"]?\t?)"?\r?$')
end

-- The columns that a header's names are called: a list of places.
local function columns_of(header, field)
  for _, form in ipairs({ tostring, encoding.fold }) do
    local wanted, found = form(field), {}
    for i, name in ipairs(header) do
      for _, spelling in ipairs(encoding.spellings(trim(name))) do
        if form(spelling) == wanted then
          found[#found + 1] = i
          break
        end
      end
    end
    if #found > 0 then
      return found
    end
  end
  return {}
end

-- "'a', 'b'": the first names of a header.
local function names_of(header)
  local names = {}
  for i = 1, math.min(#header, 20) do
    local name = trim(header[i])
    names[i] = text.quote(encoding.spellings(name)[1] or name)
  end
  return #names > 0 and table.concat(names, ", ") or "none"
end

-- The first records of the file under a separator, in lists of fields; problems are left out.
local function sample(file, start, separator, skips)
  file:seek("set", start)
  local buffer = new_buffer(file, nothing)
  if skips then
    buffer.skip_line()
  end
  local list = {}
  for _ = 1, SAMPLE do
    local fields = take_record(buffer, separator)
    if not fields then
      break
    elseif not fields.message then
      list[#list + 1] = fields
    end
  end
  file:seek("set", start)
  return list
end

-- What a numbered column is worth under a separator: records with an id there, and whether all are
-- of one width.
local function weigh(records, number, is_id)
  local width, ids, is_even = #(records[1] or {}), 0, true
  for _, fields in ipairs(records) do
    is_even = is_even and #fields == width
    ids = ids + (fields[number] and is_id(trim(fields[number])) and 1 or 0)
  end
  return { width = width, ids = ids, is_even = is_even }
end

local function is_better(a, b)
  if a.ids ~= b.ids then
    return a.ids > b.ids
  elseif a.is_even ~= b.is_even then
    return a.is_even
  end
  return a.width > b.width
end

-- layout = by_number(samples, number, is_id): the column of this number
local function by_number(samples, number, is_id)
  local best, is_tie
  for _, one in ipairs(samples) do
    local worth = weigh(one.records, number, is_id)
    if worth.width >= number then
      worth.separator, worth.records = one.separator, one.records
      is_tie = best and not is_better(best, worth) and not is_better(worth, best)
      if not best or is_better(worth, best) then
        best = worth
      end
    end
  end
  if not best then
    local widest = 0
    for _, one in ipairs(samples) do
      widest = math.max(widest, #(one.records[1] or {}))
    end
    unreadable(("no column %d: the first line has %d"):format(number, widest))
  elseif is_tie and best.width > 1 then
    unreadable("cannot tell the separator: add a line such as sep=; at the top of the file")
  end
  local first = best.records[1]
  return {
    separator = best.separator,
    column = number,
    width = best.width,
    header = not is_id(trim(first[number])) and first or nil,
  }
end

-- layout = by_name(samples, field): the column of this name
local function by_name(samples, field)
  local widest = {}
  for _, one in ipairs(samples) do
    local header = one.records[1] or {}
    local columns = columns_of(header, field)
    if #columns > 1 then
      local options = {}
      for i, column in ipairs(columns) do
        options[i] = "--field " .. column
      end
      unreadable(("the header has the name %s %s: give the column's number, %s"):format(
        text.quote(field), #columns == 2 and "twice" or #columns .. " times",
        table.concat(options, " or ")))
    elseif columns[1] then
      return { separator = one.separator, column = columns[1], width = #header, header = header }
    end
    widest = #header > #widest and header or widest
  end
  unreadable(("no column named %s; columns: %s"):format(text.quote(field), names_of(widest)))
end

-- How a file of rows is laid out: its separator, the column of the ids, how many columns there are,
-- its header, and whether a line stands before that which names the separator.
local function layout_of(file, field, is_id)
  local start = file:seek("cur", 0)
  local said = declared((new_buffer(file, nothing).take_line()))
  local samples = {}
  for _, separator in ipairs(said and said ~= "" and { said } or SEPARATORS) do
    samples[#samples + 1] = {
      separator = separator,
      records = sample(file, start, separator, said ~= nil),
    }
  end
  local number = field:find("^%d+$") and tonumber(field)
  local layout
  if number then
    for _, one in ipairs(samples) do
      local columns = columns_of(one.records[1] or {}, field)
      if #(one.records[1] or {}) > 1 and columns[1] and columns[1] ~= number then
        unreadable(("column %d is named %s, so --field could mean the name or the number")
          :format(columns[1], text.quote(field)))
      end
    end
    layout = by_number(samples, number, is_id)
  else
    layout = by_name(samples, field)
  end
  layout.is_declared = said ~= nil
  return layout
end

local function is_word(value)
  return value:find("^[^%s]+$") ~= nil
end

-- The columns of an id's parts, the first of which is known.
local function columns_of_parts(layout, fields)
  local columns = { layout.column }
  for i = 2, #fields do
    local found = columns_of(layout.header or {}, fields[i])
    local number = found[1] or (fields[i]:find("^%d+$") and tonumber(fields[i]))
    if #found > 1 then
      unreadable(("the header has the name %s %d times: give the column's number"):format(
        text.quote(fields[i]), #found))
    elseif not number then
      unreadable(("no column named %s; columns: %s"):format(text.quote(fields[i]),
        names_of(layout.header or {})))
    elseif number < 1 or number > layout.width then
      unreadable(("no column %d: the first line has %d"):format(number, layout.width))
    end
    columns[i] = number
  end
  return columns
end

local function values_of(row, columns)
  local values = {}
  for i, column in ipairs(columns) do
    values[i] = trim(row[column])
  end
  return values
end

-- Rows, the parts of each id in columns of their own; see lines.open().
local function csv_of_parts(file, on_block, fields)
  local layout = layout_of(file, fields[1], fields.is_id)
  local separator = layout.separator
  local columns = columns_of_parts(layout, fields)
  local buffer = new_buffer(file, on_block)
  if layout.is_declared then
    buffer.skip_line()
  end
  local judge = row_judge(layout.width, columns[1], separator, fields.is_id)
  if layout.header then
    take_record(buffer, separator)
    layout.is_numbered = fields[1]:find("^%d+$") ~= nil
  end
  return function()
    local row, line = take_record(buffer, separator, judge)
    if not row then
      return nil
    elseif row.message then
      return row, line
    end
    local id, message = fields.join(values_of(row, columns))
    return id or problem(message, table.concat(row, separator)), line
  end, layout
end

-- Rows, with the id in the column that `field` names or numbers. is_id(value) says what an id looks
-- like. The third value that this gives is the header, where there is one.
function lines.csv(file, on_block, field, is_id)
  if type(field) == "table" then
    return csv_of_parts(file, on_block, field)
  end
  is_id = is_id or is_word
  local layout = layout_of(file, field, is_id)
  local separator, column = layout.separator, layout.column
  local buffer = new_buffer(file, on_block)
  if layout.is_declared then
    buffer.skip_line()
  end
  local judge = row_judge(layout.width, column, separator, is_id)
  if layout.header then
    take_record(buffer, separator)
  end
  local next_field, byte, width = core.next_field, separator:byte(), layout.width
  return function()
    local quick, after = next_field(buffer.bytes, buffer.at, byte, column, width)
    if quick then
      local line = buffer.line
      buffer.at, buffer.line = after, line + 1
      return quick, line
    end
    local fields, line = take_record(buffer, separator, judge)
    if not fields then
      return nil
    elseif fields.message then
      return fields, line
    end
    local value = trim(fields[column])
    if value == "" then
      return problem("no id in column " .. text.quote(field), table.concat(fields, separator)), line
    end
    return value, line
  end, layout
end

-- What a file is

-- The first lines of a file that say something, with their numbers, as they are and as ids.
local function first_lines(file)
  local start = file:seek("cur", 0)
  local buffer, list = new_buffer(file, nothing), {}
  while #list < SAMPLE do
    local taken, line = buffer.take_line()
    if taken == nil then
      break
    end
    local said = taken and significant(taken) or ""
    if said ~= "" then
      list[#list + 1] = { text = said, line = line, whole = unmarked(taken) }
    end
  end
  file:seek("set", start)
  return list
end

-- What JSON a file's first line is: "json", or "ndjson" where it holds a whole value; nil for none.
local function json_kind(list)
  local first = list[1] and list[1].whole
  if not first or not (first:find('^%s*{%s*["}]') or first:find("^%s*{%s*$")
    or first:find('^%s*%[%s*["{%[%d%]]') or first:find("^%s*%[%s*$")) then
    return nil
  end
  return first:find("^%s*{") and json.decode(first) and "ndjson" or "json"
end

-- Separators of a line outside of quotes.
local function count_separators(line, separator)
  return select(2, line:gsub('"[^"]*"', ""):gsub("[" .. separator .. "]", ""))
end

-- The separator of a file that looks like a table; nil for none.
local function table_separator(list, is_id)
  local said = list[1] and declared(list[1].whole)
  if said then
    return said ~= "" and said or ","
  end
  for _, separator in ipairs(SEPARATORS) do
    local first = list[1] and count_separators(list[1].whole, separator) or 0
    local alike, ids = 0, 0
    for _, one in ipairs(list) do
      alike = alike + (count_separators(one.whole, separator) == first and 1 or 0)
      ids = ids + (is_id(one.text) and 1 or 0)
    end
    if first > 0 and alike * 2 >= #list and ids * 2 < #list then
      return separator
    end
  end
end

-- The fields of an object, for people.
local function fields_of(file, kind)
  local start = file:seek("cur", 0)
  local buffer, names = new_buffer(file, nothing), {}
  local source
  if kind == "ndjson" then
    source = buffer.take_line()
  else
    while next_char(buffer) == "[" do
      buffer.at = buffer.at + 1
    end
    source = next_char(buffer) == "{" and take_span(buffer)
  end
  file:seek("set", start)
  local object = source and json.decode(source)
  if type(object) ~= "table" then
    return nil
  end
  for name in pairs(object) do
    names[#names + 1] = type(name) == "string" and text.quote(name) or nil
  end
  table.sort(names)
  return table.concat(names, ", ", 1, math.min(#names, 20))
end

-- next, layout = lines.open(file, on_block, field, is_id): the reader that fits the file. Without a
-- field it must not look like a table. is_id(value) says what ids look like. Where the parts of an
-- id stand in fields of their own, `field` is a list of them, with join(values) -> id | nil,
-- message, and is_id(value) for the first part.
function lines.open(file, on_block, field, is_id)
  local list = first_lines(file)
  local kind = json_kind(list)
  if field and kind then
    return lines[kind](file, on_block, field)
  elseif field then
    return lines.csv(file, on_block, field, is_id)
  elseif kind then
    local names = fields_of(file, kind)
    if names then
      unreadable(("this is JSON: use --field to name the field with the ids; fields: %s"):format(
        names))
    end
    return lines.json(file, on_block)
  end
  local separator = table_separator(list, is_id)
  if separator then
    local start = file:seek("cur", 0)
    local header = sample(file, start, separator, declared(list[1].whole) ~= nil)[1] or {}
    unreadable(("this looks like a table separated by %s: use --field to name the column with the "
      .. "ids; columns: %s"):format(NAMES[separator] or text.quote(separator),
      names_of(header)))
  end
  return lines.plain(file, on_block)
end

return lines
