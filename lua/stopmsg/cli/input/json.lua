-- Input files of JSON: an object a line, or values one after the other or in an array.

local buffers = require("stopmsg.cli.input.buffer")
local native = require("stopmsg.command")
local decoder = require("stopmsg.json")
local values = require("stopmsg.cli.input.values")

local json = {}

local problem, take_bytes = buffers.problem, buffers.take_bytes

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

-- An object a line, the id in the one called `field`; see format.lua.
function json.lines(file, on_block, field)
  local buffer = buffers.new(file, on_block)
  local rest, at, line = nil, 0, nil
  local next_member, take_members = native.next_member, native.take_members
  return function(_, into, held, most)
    if rest then
      at = at + 1
      if rest[at] then
        return rest[at], line
      end
      rest = nil
    end
    local quick, after
    if into and type(field) == "string" then
      quick, after = take_members(buffer.bytes, buffer.at, field, into, held, most)
      if quick > 0 then
        buffer.at, buffer.line = after, buffer.line + quick
        return quick, buffer.line - quick, true
      end
    end
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
        return problem("a line " .. buffers.TOO_LONG), line
      elseif taken:find("%S") then
        taken = buffers.unmarked(taken)
        local object = decoder.decode(taken)
        rest = values.of(type(object) == "table" and object or false, field, taken)
        at = 1
        return rest[1], line
      end
    end
  end
end

-- The text of the string, object or array that begins at the buffer's place; nil for one that is
-- too long, false where the file ends within it.
function json.take_span(buffer)
  local parts, size, depth, state = {}, 0, 0, 0
  while true do
    local after
    after, depth, state = native.json_span(buffer.bytes, buffer.at, depth, state)
    local part = take_bytes(buffer, after or #buffer.bytes + 1)
    size = size + #part
    if size <= buffers.MAX_JSON then
      parts[#parts + 1] = part
    else
      parts = {}
    end
    if after then
      return size <= buffers.MAX_JSON and table.concat(parts) or nil
    elseif not buffer.more() then
      return false
    end
  end
end

-- Goes to the next character that is no white space; nil at the end of the file.
function json.next_char(buffer)
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
function json.values(file, on_block, field)
  local buffer = buffers.new(file, on_block)
  local is_array, has_ended = false, false
  local function take()
    while not has_ended do
      local char = json.next_char(buffer)
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
        local source = json.take_span(buffer)
        if source == nil then
          return { problem(("a value longer than %d bytes"):format(buffers.MAX_JSON)) }, line
        elseif source == false then
          has_ended = true
          return { problem("a value is not closed; nothing after it can be read") }, line
        end
        local value = decoder.decode("[" .. source .. "]")
        if not value then
          return { problem("no JSON", source:match("^[^\n]*")) }, line
        end
        return values.of(value[1], field, source), line
      else
        -- A number, a word, or rubbish: up to what may follow it.
        local to = buffer.bytes:find("[%s,%]]", buffer.at)
        while not to and #buffer.bytes - buffer.at < buffers.MAX and buffer.more() do
          to = buffer.bytes:find("[%s,%]]", buffer.at)
        end
        local source = take_bytes(buffer, to or #buffer.bytes + 1)
        if source == "" then
          source, buffer.at = char, buffer.at + 1
        end
        local value = decoder.decode("[" .. source .. "]")
        value = value and value[1]
        return type(value) == "number" and values.of(value, field, source)
          or { problem(field and "not a JSON object" or "no id", source) }, line
      end
    end
    return nil
  end
  return each_of(take)
end

return json
