-- How a file of rows is laid out: its separator, its header, and the column of the ids.

local buffers = require("stopmsg.cli.input.buffer")
local encoding = require("stopmsg.cli.encoding")
local rows = require("stopmsg.cli.input.rows")
local text = require("stopmsg.text")

local layouts = {}

local trim, unreadable = buffers.trim, buffers.unreadable

-- Records from which the separator of a table is told.
local SAMPLE = 32

local function nothing() end

layouts.SEPARATORS = { ",", ";", "\t", "|" }

-- The separator that a first line of Excel's says: "sep=;". nil for any other line.
function layouts.declared(line)
  return line and buffers.unmarked(line):match('^"?[sS][eE][pP]=([^%w%s"]?\t?)"?\r?$')
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
function layouts.names_of(header)
  local names = {}
  for i = 1, math.min(#header, 20) do
    local name = trim(header[i])
    names[i] = text.quote(encoding.spellings(name)[1] or name)
  end
  return #names > 0 and table.concat(names, ", ") or "none"
end

-- The first records of the file under a separator, in lists of fields; problems are left out.
function layouts.sample(file, start, separator, skips)
  file:seek("set", start)
  local buffer = buffers.new(file, nothing)
  if skips then
    buffer.skip_line()
  end
  local list = {}
  for _ = 1, SAMPLE do
    local fields = rows.take(buffer, separator)
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
    unreadable(("no column %.0f: the first line has %d"):format(number, widest))
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
  unreadable(("no column named %s; columns: %s"):format(text.quote(field),
    layouts.names_of(widest)))
end

-- The number of a column, counted from 1; nil for a name, such as "0".
local function number_of(field)
  local number = field:find("^%d+$") and tonumber(field)
  return number and number >= 1 and number or nil
end

-- How a file of rows is laid out: its separator, the column of the ids, how many columns there are,
-- its header, and whether a line stands before that which names the separator.
function layouts.of(file, field, is_id)
  local start = file:seek("cur", 0)
  local said = layouts.declared((buffers.new(file, nothing).take_line()))
  local samples = {}
  for _, separator in ipairs(said and said ~= "" and { said } or layouts.SEPARATORS) do
    samples[#samples + 1] = {
      separator = separator,
      records = layouts.sample(file, start, separator, said ~= nil),
    }
  end
  local number = number_of(field)
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

-- The columns of an id's parts, the first of which is known.
function layouts.columns_of_parts(layout, fields)
  local columns = { layout.column }
  for i = 2, #fields do
    local found = columns_of(layout.header or {}, fields[i])
    local number = found[1] or number_of(fields[i])
    if #found > 1 then
      unreadable(("the header has the name %s %d times: give the column's number"):format(
        text.quote(fields[i]), #found))
    elseif not number then
      unreadable(("no column named %s; columns: %s"):format(text.quote(fields[i]),
        layouts.names_of(layout.header or {})))
    elseif number > layout.width then
      unreadable(("no column %.0f: the first line has %d"):format(number, layout.width))
    end
    columns[i] = number
  end
  return columns
end

return layouts
