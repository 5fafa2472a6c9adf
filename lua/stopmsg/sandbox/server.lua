-- The sandbox on a loopback socket. Requires luv, which nothing else in stopmsg needs, only when a
-- server is started.

local http = require("stopmsg.sandbox.http")
local json = require("stopmsg.json")
local needs = require("stopmsg.needs")
local sandbox = require("stopmsg.sandbox")

local server = {}

-- Seconds for which a refused client may go on sending: closing at once would lose the response.
local LINGER = 1

local Server = {}
Server.__index = Server

-- luv frees a handle that is collected while closing, and libuv uses it afterwards: keep it until
-- then.
local function close(handle)
  if handle and not handle:is_closing() then
    handle:close(function()
      return handle
    end)
  end
end

-- Monotonic time in seconds.
function Server:_clock()
  return self._uv.hrtime() / 1e9
end

-- Never log headers or the query: headers contain the token, and the query may be long. The body
-- only if requested.
function Server:_write_log(record)
  if self._log then
    self._log:write(json.encode(record), "\n")
    self._log:flush()
  end
end

function Server:_drop(connection)
  self._connections[connection] = nil
  close(connection.timer)
  close(connection.socket)
end

-- Sends a refusal, then waits until the client has seen it.
function Server:_finish(connection)
  connection.finishing = true
  connection.timer = self._uv.new_timer()
  connection.timer:start(LINGER * 1000, 0, function()
    self:_drop(connection)
  end)
  connection.socket:shutdown()
end

function Server:_send(connection, answer, keep_alive)
  if connection.finishing or connection.socket:is_closing() then
    return
  end
  connection.socket:write(http.answer(answer, keep_alive))
  if not keep_alive then
    self:_finish(connection)
  end
end

-- Calls the function after the delay. Timers of equal length fire in order, so the responses of a
-- connection keep their order.
function Server:_later(call)
  if self._delay == 0 then
    call()
    return
  end
  local timer = self._uv.new_timer()
  self._timers[timer] = true
  timer:start(math.floor(self._delay * 1000 + 0.5), 0, function()
    self._timers[timer] = nil
    close(timer)
    call()
  end)
end

function Server:_serve(connection, request)
  self._seq = self._seq + 1
  self._in_flight = self._in_flight + 1
  local record = {
    seq = self._seq,
    connection = connection.number,
    method = request.method,
    path = request.path,
    body = self._log_bodies and request.body or nil,
    in_flight = self._in_flight,
    started = self:_clock(),
  }
  self._pending[record] = true
  -- A request takes effect when it arrives; only its response is delayed.
  local ok, answer = pcall(self._sandbox.answer, self._sandbox, request)
  if not ok then
    io.stderr:write("sandbox: ", tostring(answer), "\n")
    answer = { status = 500, headers = {}, body = "", ids = 0 }
  end
  record.status, record.ids = answer.status, answer.ids
  self:_later(function()
    self._in_flight = self._in_flight - 1
    self._pending[record] = nil
    record.finished = self:_clock()
    -- Log before responding: clients may then rely on the line.
    self:_write_log(record)
    self:_send(connection, answer, request.keep_alive)
  end)
end

function Server:_receive(connection, bytes)
  local reader = connection.reader
  reader:feed(bytes)
  while not connection.last do
    local event, value = reader:next()
    if event == "more" then
      return
    elseif event == "continue" then
      connection.socket:write("HTTP/1.1 100 Continue\r\n\r\n")
    elseif event == "request" then
      connection.last = not value.keep_alive
      self:_serve(connection, value)
    else
      connection.last = true
      self:_later(function()
        self:_send(connection, { status = value, headers = {}, body = "" }, false)
      end)
    end
  end
end

function Server:_accept()
  local socket = self._uv.new_tcp()
  self._listener:accept(socket)
  socket:nodelay(true)
  self._accepted = self._accepted + 1
  local connection = { socket = socket, number = self._accepted, reader = http.reader() }
  self._connections[connection] = true
  socket:read_start(function(err, bytes)
    if err or not bytes then
      self:_drop(connection)
    elseif not connection.last then
      self:_receive(connection, bytes)
    end
  end)
end

-- Closes everything. Unanswered requests are logged without `finished`.
function Server:_stop()
  self._stopped = true
  close(self._listener)
  close(self._stdin)
  for _, signal in ipairs(self._signals) do
    close(signal)
  end
  for timer in pairs(self._timers) do
    close(timer)
  end
  for connection in pairs(self._connections) do
    self:_drop(connection)
  end
  for record in pairs(self._pending) do
    self:_write_log(record)
  end
  self._pending = {}
end

function Server:_watch_stdin()
  local uv = self._uv
  local kind = uv.guess_handle(0)
  if kind == "pipe" then
    self._stdin = uv.new_pipe(false)
    self._stdin:open(0)
  elseif kind == "tty" then
    self._stdin = uv.new_tty(0, true)
  else
    -- A file or /dev/null, which is already at its end.
    self:_stop()
    return
  end
  self._stdin:read_start(function(err, bytes)
    if err or not bytes then
      self:_stop()
    end
  end)
end

-- port | nil, message
function Server:_listen(port)
  local listener = self._uv.new_tcp()
  self._listener = listener
  local ok, message = listener:bind("127.0.0.1", port)
  if ok then
    ok, message = listener:listen(1024, function(err)
      if not err then
        self:_accept()
      end
    end)
  end
  if not ok then
    return nil, ("cannot listen on 127.0.0.1:%d: %s"):format(port, message)
  end
  return listener:getsockname().port
end

-- Serves until SIGTERM or SIGINT: true | nil, message [, "missing" if luv is missing].
--
-- options, all optional: port (0: the kernel chooses), delay (seconds to hold back each response),
-- settle (seconds until a stop shows in lookups), campaign (what lists show, see sandbox/init.lua),
-- log (file to append a line of JSON per request to), log_bodies (true: with the body), until_eof
-- (true: also end with stdin), out (where to print the address).
function server.run(options)
  options = options or {}
  local uv, missing = needs.find("luv")
  if not uv then
    return nil, missing, "missing"
  end
  local log
  if options.log then
    local message
    log, message = io.open(options.log, "a")
    if not log then
      return nil, message
    end
  end

  -- Seconds since 1970 with a fraction, which os.time lacks.
  local epoch = os.time() - uv.hrtime() / 1e9
  local self = setmetatable({
    _uv = uv,
    _log = log,
    _log_bodies = options.log_bodies,
    _delay = options.delay or 0,
    _sandbox = sandbox.new({
      settle = options.settle,
      campaign = options.campaign,
      now = function()
        return epoch + uv.hrtime() / 1e9
      end,
    }),
    _seq = 0,
    _in_flight = 0,
    _accepted = 0,
    _connections = {},
    _pending = {},
    _signals = {},
    _timers = {},
  }, Server)

  local port, message = self:_listen(options.port or 0)
  if port then
    for i, name in ipairs({ "sigterm", "sigint" }) do
      self._signals[i] = uv.new_signal()
      self._signals[i]:start(name, function()
        self:_stop()
      end)
    end
    if options.until_eof then
      self:_watch_stdin()
    end
    local out = options.out or io.stdout
    out:write(("sandbox listening on http://127.0.0.1:%d\n"):format(port))
    out:flush()
  else
    self:_stop()
  end
  -- Not until the loop is empty: others may use it.
  while not self._stopped do
    uv.run("once")
  end
  -- Closing takes one turn of the loop.
  uv.run("nowait")
  if log then
    log:close()
  end
  return port and true or nil, message
end

return server
