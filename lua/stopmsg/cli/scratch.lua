-- Makes a stream readable twice: copies it to an unlinked file, or to memory if there is no room
-- for a file.

local native = require("stopmsg.command")

local scratch = {}

local BLOCK = 64 * 1024

-- Maximum bytes in memory if no file can be made.
scratch.MAX_HELD = 64 * 1024 * 1024

-- A temporary file with the methods that a reader needs.
local Log = {}
Log.__index = Log

function Log:read(count)
  local bytes, message = self._log:read(self._at, count)
  if not bytes then
    return nil, message
  end
  self._at = self._at + #bytes
  return bytes ~= "" and bytes or nil
end

function Log:seek(whence, offset)
  self._at = whence == "set" and offset or self._at + offset
  return self._at
end

function Log:append(block)
  return self._log:append(block)
end

-- The same in memory.
local Memory = {}
Memory.__index = Memory

function Memory:read(count)
  local index = math.floor(self._at / BLOCK) + 1
  local block = self._blocks[index]
  if not block then
    return nil
  end
  local from = self._at % BLOCK + 1
  local bytes = block:sub(from, from + count - 1)
  self._at = self._at + #bytes
  return bytes ~= "" and bytes or nil
end

Memory.seek = Log.seek

function Memory:append(bytes)
  local blocks = self._blocks
  self._size = self._size + #bytes
  if self._size > scratch.MAX_HELD then
    return nil, ("more than %.0f MiB, and no directory for a temporary file: set TMPDIR"):format(
      scratch.MAX_HELD / 1024 / 1024)
  end
  local last = blocks[#blocks]
  if last and #last < BLOCK then
    blocks[#blocks] = last .. bytes:sub(1, BLOCK - #last)
    bytes = bytes:sub(BLOCK - #last + 1)
  end
  for at = 1, #bytes, BLOCK do
    blocks[#blocks + 1] = bytes:sub(at, at + BLOCK - 1)
  end
  return true
end

-- Chooses the place: TMPDIR, the usual directories, memory.
local function open(getenv)
  local folders = { getenv("TMPDIR"), "/tmp", "/var/tmp" }
  if folders[1] == "" or folders[1] == nil then
    folders[1] = "/tmp"
  end
  for _, folder in ipairs(folders) do
    local log = native.scratch(folder)
    if log then
      return setmetatable({ _log = log, _at = 0 }, Log)
    end
  end
  return setmetatable({ _blocks = {}, _size = 0, _at = 0 }, Memory)
end

-- file, start = scratch.rewindable(file, getenv) | nil, message: itself, or a copy.
function scratch.rewindable(file, getenv)
  local start = file:seek("cur", 0)
  if start then
    return file, start
  end
  local copy = open(getenv)
  while true do
    local block, why = file:read(BLOCK)
    if not block then
      if why then
        return nil, why
      end
      return copy, 0
    end
    local kept
    kept, why = copy:append(block)
    if not kept then
      return nil, "cannot be kept: " .. why
    end
  end
end

return scratch
