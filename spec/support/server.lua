-- Servers for specs, as children of the process that runs them. A child whose stdin ends with its
-- parent never outlives it.

local json = require("stopmsg.json")
local patience = require("spec.support.patience")
local uv = require("luv")

local server = {}

-- Seconds for a child to tell its first line, and to end.
local PATIENCE = patience.SECONDS

-- Milliseconds between two looks at what is waited for.
local LOOK_EVERY = 10

-- The program that runs the specs: the first thing on its command line.
function server.interpreter()
  local i = 0
  while arg[i - 1] do
    i = i - 1
  end
  return arg[i]
end

-- This process's environment, with the paths as busted made them, and what `more` sets: a list of
-- NAME=VALUE.
function server.environment(more)
  local variables = uv.os_environ()
  for name in pairs(variables) do
    if name:find("^LUA_C?PATH") or name == "LUA_INIT" then
      variables[name] = nil
    end
  end
  variables.LUA_PATH = "lua/?.lua;lua/?/init.lua;./?.lua;" .. package.path
  variables.LUA_CPATH = package.cpath
  for name, value in pairs(more or {}) do
    variables[name] = value
  end
  local list = {}
  for name, value in pairs(variables) do
    list[#list + 1] = name .. "=" .. value
  end
  return list
end

-- Runs the loop until done(), or until the patience (seconds) ends; false in that case.
local function wait(done, seconds)
  local timer, late = uv.new_timer(), false
  uv.update_time() -- the loop's own clock stands still while nobody runs it
  local till = uv.hrtime() + (seconds or PATIENCE) * 1e9
  -- Not all that is waited for wakes the loop.
  timer:start(LOOK_EVERY, LOOK_EVERY, function()
    late = uv.hrtime() > till
  end)
  while not done() and not late do
    uv.run("once")
  end
  -- luv frees a handle that is collected while it is closing, and libuv would then come back to
  -- it: nothing is left closing.
  local is_closed = false
  timer:close(function()
    is_closed = true
  end)
  while not is_closed do
    uv.run("nowait")
  end
  return done()
end

server.wait = wait

local Child = {}
Child.__index = Child

-- Ends the child if it still runs: its exit code, the signal that ended it. Twice is harmless.
function Child:stop()
  if not self._ended then
    self._process:kill("sigterm")
    if not wait(function() return self._ended end) then
      self._process:kill("sigkill")
      wait(function() return self._ended end)
    end
  end
  return self.code, self.signal
end

-- Sends a signal, by libuv's name: "sighup".
function Child:kill(signal)
  self._process:kill(signal)
end

-- Closes the child's stdin and waits for it to end by itself: the same as stop().
function Child:end_input()
  if not self._stdin:is_closing() then
    local is_closed = false
    self._stdin:close(function()
      is_closed = true
    end)
    wait(function() return is_closed end)
  end
  wait(function() return self._ended end)
  return self:stop()
end

-- child = server.spawn(argv, options): starts argv[1] with the other arguments and waits for its
-- first line. options: environment (more variables), stderr and descriptor (its 2 and 3), is_ready
-- (a function that gets all output so far, asked instead of waiting for a line).
-- child: { pid, first_line, stop(), end_input() }
function server.spawn(argv, options)
  options = options or {}
  local arguments = {}
  for i = 2, #argv do
    arguments[i - 1] = argv[i]
  end
  local stdin, stdout = uv.new_pipe(false), uv.new_pipe(false)
  local self = setmetatable({ _stdin = stdin }, Child)
  local process, pid
  process, pid = uv.spawn(argv[1], {
    args = arguments,
    env = server.environment(options.environment),
    stdio = { stdin, stdout, options.stderr or 2, options.descriptor },
  }, function(code, signal)
    self.code, self.signal = code, signal
    -- It counts as ended when the loop has let go of its handles, too: see wait().
    local open = 0
    for _, handle in ipairs({ process, stdin, stdout }) do
      if not handle:is_closing() then
        open = open + 1
        handle:close(function()
          open = open - 1
          self._ended = open == 0
        end)
      end
    end
  end)
  if not process then
    stdin:close()
    stdout:close()
    error(("cannot start %s: %s"):format(argv[1], pid), 2)
  end
  self._process, self.pid = process, pid

  local said = ""
  stdout:read_start(function(_, bytes)
    said = said .. (bytes or "")
  end)
  local is_ready = options.is_ready or function()
    self.first_line = said:match("^([^\r\n]*)\r?\n")
    return self.first_line
  end
  local heard
  repeat -- as long as it says something, it goes on
    heard = #said
    wait(function() return is_ready(said) or self._ended end)
  until is_ready(said) or self._ended or #said == heard
  if not is_ready(said) then
    self:stop()
    error(("%s ended or said nothing (exit code %s)"):format(argv[1], tostring(self.code)), 2)
  end
  return self
end

-- echo = server.echo(body): echo_server.lua in a process of its own, with that body for all answers
-- if one is given; its first line is its URL.
function server.echo(body)
  return server.spawn({ server.interpreter(), "spec/support/echo_server.lua", body })
end

local function decode_lines(path)
  local lines = {}
  local file = assert(io.open(path))
  for line in file:lines() do
    lines[#lines + 1] = assert(json.decode(line))
  end
  file:close()
  return lines
end

-- The warnings of a report but the one that every report of a sandbox has.
function server.said(report)
  local list = {}
  for _, warning in ipairs(report.warnings) do
    if not warning:find("sandbox: no message was stopped", 1, true) then
      list[#list + 1] = warning
    end
  end
  return list
end

local Sandbox = setmetatable({}, { __index = Child })
Sandbox.__index = Sandbox

-- What it was asked until now, decoded.
function Sandbox:log()
  return self._lines or decode_lines(self._path)
end

function Sandbox:stop()
  local code, signal = Child.stop(self)
  if not self._lines and self._path then
    self._lines = decode_lines(self._path)
    os.remove(self._path)
  end
  return code, signal
end

-- scripted = server.scripted(code): scripted_server.lua in a process of its own; code is its chunk.
-- scripted: { url, log() (the requests until now, decoded), stop() }
function server.scripted(code)
  local path = os.tmpname()
  local started, self = pcall(server.spawn,
    { server.interpreter(), "spec/support/scripted_server.lua", path, code })
  if not started then
    os.remove(path)
    error(self, 2)
  end
  self.url, self._path = self.first_line, path
  return setmetatable(self, Sandbox)
end

-- sandbox = server.start(options): the sandbox in a process of its own.
-- options: port, delay, settle, log_bodies, as in stopmsg.sandbox.server; campaign, the same as the
-- text of a Lua table; log (false: none).
-- sandbox: { url, port, pid, stop(), log() }
function server.start(options)
  options = options or {}
  local path = options.log ~= false and os.tmpname() or nil
  local code = ([[
    local ok, message = require("stopmsg.sandbox.server").run({
      port = %d, delay = %.6f, settle = %.6f, log = %s, log_bodies = %s, until_eof = true,
      campaign = %s,
    })
    if not ok then
      io.stderr:write(message, "\n")
      os.exit(1)
    end
  ]]):format(options.port or 0, options.delay or 0, options.settle or 0,
    path and ("%q"):format(path) or "nil",
    tostring(options.log_bodies), options.campaign or "nil")
  local started, self = pcall(server.spawn, { server.interpreter(), "-e", code })
  if not started then
    if path then
      os.remove(path)
    end
    error(self, 2)
  end
  self.url = self.first_line:match("http://%S+")
  self.port = tonumber(self.url:match("%d+$"))
  self._path = path
  return setmetatable(self, Sandbox)
end

return server
