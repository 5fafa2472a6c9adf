-- Records of CSV, and what is wrong with those that cannot be read.

local buffers = require("stopmsg.cli.input.buffer")

local rows = {}

local problem, take_bytes, trim = buffers.problem, buffers.take_bytes, buffers.trim

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
function rows.take(buffer, separator, judge)
  while true do
    if buffer.at > #buffer.bytes and not buffer.more() then
      return nil
    end
    if buffer.bytes:byte(buffer.at) == 239
      and buffer.bytes:sub(buffer.at, buffer.at + 2) == buffers.BOM then
      buffer.at = buffer.at + 3
    end
    local fields, after = record(buffer.bytes, buffer.at, separator, buffer.is_last)
    while not fields and not after and #buffer.bytes - buffer.at < buffers.MAX do
      buffer.more()
      fields, after = record(buffer.bytes, buffer.at, separator, buffer.is_last)
    end
    local line = buffer.line
    local message, is_line
    if not fields or after - buffer.at > buffers.MAX then
      message, is_line = type(after) == "string" and after or "a record " .. buffers.TOO_LONG, true
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

-- judge = rows.judge(width, column, separator, is_id): rows as wide as the header, and no quote
-- that begins in one row and ends in another: there, a line within it is a row with an id of its
-- own.
function rows.judge(width, column, separator, is_id)
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

return rows
