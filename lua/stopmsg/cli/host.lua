-- A command's surroundings: streams, environment, terminal, signals. Specs pass their own.

local core = require("stopmsg.core")
local native = require("stopmsg.command")
local text = require("stopmsg.text")

local host = {}

local FDS = { stdin = 0, stdout = 1, stderr = 2 }

-- Of a pipe without a reader, on every system.
local EPIPE = 32

local function nothing() end

-- A command that runs inside another process ignores signals.
local NO_SIGNALS = { catch = nothing, hold = nothing, signal = nothing, farewell = nothing }

-- A stream that remembers its first failure and reports it at `flush`. Some C libraries (musl) drop
-- what they could not write, and flush successfully.
--
-- `is_cut`: its reader has gone, as `head` does.
local Stream = {}
Stream.__index = Stream

function Stream:_keep(_, message, number)
  self._failure = self._failure or message
  self.is_cut = self.is_cut or number == EPIPE
  return not self._failure or nil, self._failure
end

function Stream:write(...)
  return self:_keep(self._file:write(...))
end

function Stream:flush()
  return self:_keep(self._file:flush())
end

local Host = {}
Host.__index = Host

-- made = host.new(given): `given` may have stdin, stdout, stderr, getenv, columns(name), signals,
-- now and open_terminal(); the defaults are the process's.
function host.new(given)
  local is_process = given == nil
  given = given or {}
  return setmetatable({
    stdin = given.stdin or io.stdin,
    stdout = setmetatable({ _file = given.stdout or io.stdout }, Stream),
    stderr = given.stderr or io.stderr,
    getenv = given.getenv or os.getenv,
    columns = given.columns or (is_process and function(name)
      return native.process.columns(FDS[name])
    end or nothing),
    signals = given.signals or (is_process and native.process or NO_SIGNALS),
    open_terminal = given.open_terminal or function()
      return io.open("/dev/tty", "r+")
    end,
    now = given.now or core.now,
    command = "stopmsg",
  }, Host)
end

-- Narrower terminals wrap lines themselves.
local LEAST_COLUMNS = 20

-- Wraps a line at words for a terminal.
local function wrap(line, columns)
  local rows, row = {}, nil
  for word in line:gmatch("%S+") do
    local longer = row and row .. " " .. word or word
    if row and text.width(longer) > columns then
      rows[#rows + 1] = row
      row = "  " .. word
    else
      row = longer
    end
  end
  rows[#rows + 1] = row
  return table.concat(rows, "\n")
end

-- Prints a line on stderr, without control characters.
function Host:say(message)
  local line = self.command .. ": " .. text.printable(message)
  local columns = self.columns("stderr")
  if columns and columns >= LEAST_COLUMNS and text.width(line) > columns then
    line = wrap(line, columns)
  end
  self.stderr:write(line, "\n")
end

function Host:is_terminal(name)
  return self.columns(name) ~= nil
end

-- Returns whether `name` is a terminal with a movable cursor.
function Host:is_smart(name)
  local term = self.getenv("TERM")
  return self:is_terminal(name) and term ~= "dumb" and term ~= nil and term ~= ""
end

return host
