-- Input files with one id a line.

local buffers = require("stopmsg.cli.input.buffer")
local native = require("stopmsg.command")

local plain = {}

local HASH = ("#"):byte()

-- One id a line. White space around it, blank lines, and what follows a `#` are no part of it.
function plain.significant(line)
  return buffers.trim(buffers.unmarked(line):gsub("^%s+", ""):gsub("^#.*", ""):gsub("%s#.*", ""))
end

-- next = plain.read(file, on_block): see format.lua.
function plain.read(file, on_block)
  local buffer = buffers.new(file, on_block)
  local next_line, count_lines, take_lines = native.next_line, native.count_lines, native.take_lines
  return function(shape, into, held, most)
    while true do
      if into and not shape then
        local count, after = take_lines(buffer.bytes, buffer.at, HASH, into, held, most)
        if count > 0 then
          buffer.at = after
          buffer.line = buffer.line + count
          return count, buffer.line - count, true
        end
      end
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
        return buffers.problem("a line " .. buffers.TOO_LONG), line
      end
      taken = plain.significant(taken)
      if taken ~= "" then
        return taken, line
      end
    end
  end
end

return plain
