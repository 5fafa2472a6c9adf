-- The text of an input file, decoded, a block at a time and in bounded memory.
--
-- Lines end with LF, CRLF or CR, in any mixture. UTF-16 is read as what it says.

local native = require("stopmsg.command")
local encoding = require("stopmsg.cli.encoding")
local text = require("stopmsg.text")

local buffers = {}

local BLOCK = 64 * 1024

-- The first bytes of a file, from which its encoding is told, come together.
local HEAD = 512

-- A line, or a record of CSV, of more bytes than this is not read; a value of JSON may hold a list.
buffers.MAX = 64 * 1024
buffers.MAX_JSON = 1024 * 1024

buffers.TOO_LONG = ("longer than %d bytes"):format(buffers.MAX)

buffers.BOM = "\239\187\191"

-- What a reader gives in place of an id that it cannot read.
function buffers.problem(message, shown)
  return { message = message, shown = shown and text.cut(shown, 200) or "" }
end

-- Gives up the file.
function buffers.unreadable(message)
  error({ unreadable = message }, 0)
end

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
    buffers.unreadable(why)
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
        buffers.unreadable(message)
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
    return native.unify_lines(taken)
  end
end

-- The text of a file that was not taken yet: `bytes` from `at` on. `on_block` sees each block as it
-- is in the file, and "" at its end; where it returns false, the file ends before that block.
function buffers.new(file, on_block)
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
      if on_block(block or "") == false then
        block = nil
      end
      is_first, self.is_last = false, block == nil
      taken = decode(block)
    end
    local nul = taken:find("\0", 1, true)
    if nul then
      buffers.unreadable(("not a text file: line %d contains a NUL byte"):format(self.line
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
    while not to and #self.bytes - self.at < buffers.MAX and self.more() do
      to = self.bytes:find("\n", self.at, true)
    end
    local last = to and to - 1 or #self.bytes
    if last - self.at + 1 > buffers.MAX then
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

-- A line without a byte order mark, which files that were joined have in their midst.
function buffers.unmarked(line)
  return line:byte() == 239 and line:sub(1, 3) == buffers.BOM and line:sub(4) or line
end

function buffers.trim(value)
  return value:find("%S") and value:match("^%s*(.*%S)") or ""
end

-- Takes bytes up to `after` off the buffer, whose lines are counted.
function buffers.take_bytes(buffer, after)
  local taken = buffer.bytes:sub(buffer.at, after - 1)
  buffer.at = after
  buffer.line = buffer.line + count_breaks(taken)
  return taken
end

return buffers
