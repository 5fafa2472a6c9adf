-- Input files of rows: CSV, TSV and their like.

local buffers = require("stopmsg.cli.input.buffer")
local native = require("stopmsg.command")
local layouts = require("stopmsg.cli.input.layout")
local rows = require("stopmsg.cli.input.rows")
local text = require("stopmsg.text")

local csv = {}

local problem, trim = buffers.problem, buffers.trim

local function is_word(value)
  return value:find("^[^%s]+$") ~= nil
end

local function values_of(row, columns)
  local values = {}
  for i, column in ipairs(columns) do
    values[i] = trim(row[column])
  end
  return values
end

-- Rows, the parts of each id in columns of their own; see format.lua.
local function read_parts(file, on_block, fields)
  local layout = layouts.of(file, fields[1], fields.is_id)
  local separator = layout.separator
  local columns = layouts.columns_of_parts(layout, fields)
  local buffer = buffers.new(file, on_block)
  if layout.is_declared then
    buffer.skip_line()
  end
  local judge = rows.judge(layout.width, columns[1], separator, fields.is_id)
  if layout.header then
    rows.take(buffer, separator)
    layout.is_numbered = fields[1]:find("^%d+$") ~= nil
  end
  return function()
    local row, line = rows.take(buffer, separator, judge)
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
function csv.read(file, on_block, field, is_id)
  if type(field) == "table" then
    return read_parts(file, on_block, field)
  end
  is_id = is_id or is_word
  local layout = layouts.of(file, field, is_id)
  local separator, column = layout.separator, layout.column
  local buffer = buffers.new(file, on_block)
  if layout.is_declared then
    buffer.skip_line()
  end
  local judge = rows.judge(layout.width, column, separator, is_id)
  if layout.header then
    rows.take(buffer, separator)
  end
  local next_field, take_fields = native.next_field, native.take_fields
  local byte, width = separator:byte(), layout.width
  return function(_, into, held, most)
    if into then
      local count, behind = take_fields(buffer.bytes, buffer.at, byte, column, width, into, held,
        most)
      if count > 0 then
        buffer.at, buffer.line = behind, buffer.line + count
        return count, buffer.line - count, true
      end
    end
    local quick, after = next_field(buffer.bytes, buffer.at, byte, column, width)
    if quick then
      local line = buffer.line
      buffer.at, buffer.line = after, line + 1
      return quick, line
    end
    local fields, line = rows.take(buffer, separator, judge)
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

return csv
