-- Which format an input file has, and the reader that fits.
--
-- A reader is made of an open file at its beginning: next = plain.read(file, on_block), and
--   value, line, is_listed = next(shape, list, held, most)
-- gives an id, a problem { message, shown } in place of one, or nil at the end, and the number of
-- the line where it began. Where a shape of ids is given, a number may stand for so many of them.
-- Where a list is given, too, is_listed says that they are of any shape, and were put into it
-- behind those that it holds, `most` at most.

local buffers = require("stopmsg.cli.input.buffer")
local csv = require("stopmsg.cli.input.csv")
local decoder = require("stopmsg.json")
local json = require("stopmsg.cli.input.json")
local layouts = require("stopmsg.cli.input.layout")
local plain = require("stopmsg.cli.input.plain")
local text = require("stopmsg.text")

local formats = {}

local unreadable = buffers.unreadable

-- Lines from which the format is told.
local SAMPLE = 32

local function nothing() end

local NAMES = { [","] = "a comma", [";"] = "a semicolon", ["\t"] = "a tab", ["|"] = "a bar" }

-- The first lines of a file that say something, with their numbers, as they are and as ids.
local function first_lines(file)
  local start = file:seek("cur", 0)
  local buffer, list = buffers.new(file, nothing), {}
  while #list < SAMPLE do
    local taken, line = buffer.take_line()
    if taken == nil then
      break
    end
    local said = taken and plain.significant(taken) or ""
    if said ~= "" then
      list[#list + 1] = { text = said, line = line, whole = buffers.unmarked(taken) }
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
  return first:find("^%s*{") and decoder.decode(first) and "ndjson" or "json"
end

-- Separators of a line outside of quotes.
local function count_separators(line, separator)
  return select(2, line:gsub('"[^"]*"', ""):gsub("[" .. separator .. "]", ""))
end

-- The separator of a file that looks like a table; nil for none.
local function table_separator(list, is_id)
  local said = list[1] and layouts.declared(list[1].whole)
  if said then
    return said ~= "" and said or ","
  end
  for _, separator in ipairs(layouts.SEPARATORS) do
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
  local buffer, names = buffers.new(file, nothing), {}
  local source
  if kind == "ndjson" then
    source = buffer.take_line()
  else
    while json.next_char(buffer) == "[" do
      buffer.at = buffer.at + 1
    end
    source = json.next_char(buffer) == "{" and json.take_span(buffer)
  end
  file:seek("set", start)
  local object = source and decoder.decode(source)
  if type(object) ~= "table" then
    return nil
  end
  for name in pairs(object) do
    names[#names + 1] = type(name) == "string" and text.quote(name) or nil
  end
  table.sort(names)
  return table.concat(names, ", ", 1, math.min(#names, 20))
end

local READERS = { json = json.values, ndjson = json.lines }

-- next, layout = formats.open(file, on_block, field, is_id): the reader that fits the file. Without
-- a field it must not look like a table. is_id(value) says what ids look like. Where the parts of
-- an id stand in fields of their own, `field` is a list of them, with join(values) -> id | nil,
-- message, and is_id(value) for the first part.
function formats.open(file, on_block, field, is_id)
  local list = first_lines(file)
  local kind = json_kind(list)
  if field and kind then
    return READERS[kind](file, on_block, field)
  elseif field then
    return csv.read(file, on_block, field, is_id)
  elseif kind then
    local names = fields_of(file, kind)
    if names then
      unreadable(("this is JSON: use --field to name the field with the ids; fields: %s"):format(
        names))
    end
    return json.values(file, on_block)
  end
  local separator = table_separator(list, is_id)
  if separator then
    local start = file:seek("cur", 0)
    local is_declared = layouts.declared(list[1].whole) ~= nil
    local header = layouts.sample(file, start, separator, is_declared)[1] or {}
    unreadable(("this looks like a table separated by %s: use --field to name the column with the "
      .. "ids; columns: %s"):format(NAMES[separator] or text.quote(separator),
      layouts.names_of(header)))
  end
  return plain.read(file, on_block)
end

return formats
