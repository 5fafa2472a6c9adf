-- A real redis-server for specs, on a port that the kernel chooses, and a client for them that is
-- not ours: it waits for each answer.

local certificates = require("spec.support.certificates")
local files = require("spec.support.files")
local patience = require("spec.support.patience")
local server = require("spec.support.server")
local socket = require("socket")
local uv = require("luv")

local redis = {}

local Client = {}
Client.__index = Client

-- A reply: a string, a number, a list, nil for null; { err = text } for an error.
local function read(connection)
  local line = assert(connection:receive("*l"))
  local kind, rest = line:sub(1, 1), line:sub(2)
  if kind == "+" then
    return rest
  elseif kind == ":" then
    return tonumber(rest)
  elseif kind == "-" then
    return { err = rest }
  elseif kind == "$" then
    local len = tonumber(rest)
    return len >= 0 and assert(connection:receive(len + 2)):sub(1, -3) or nil
  end
  local list = {}
  for i = 1, tonumber(rest) do
    list[i] = read(connection)
  end
  return list
end

-- value = client:call("GET", "key") | nil, err, as many clients have it; raises where the
-- connection is gone.
function Client:call(...)
  local words = { ... }
  local parts = { ("*%d\r\n"):format(#words) }
  for _, word in ipairs(words) do
    word = tostring(word)
    parts[#parts + 1] = ("$%d\r\n%s\r\n"):format(#word, word)
  end
  assert(self._socket:send(table.concat(parts)))
  self.calls = self.calls + 1
  local value = read(self._socket)
  if type(value) == "table" and value.err then
    return nil, value.err
  end
  return value
end

function Client:close()
  self._socket:close()
end

-- client = redis.client(port): { call(self, …), calls, close() }
function redis.client(port)
  local connection = assert(socket.connect("127.0.0.1", port))
  connection:setoption("tcp-nodelay", true)
  connection:settimeout(patience.SECONDS)
  return setmetatable({ _socket = connection, calls = 0 }, Client)
end

local function free_port()
  local probe = uv.new_tcp()
  assert(probe:bind("127.0.0.1", 0))
  local port = probe:getsockname().port
  local is_closed = false
  probe:close(function()
    is_closed = true
  end)
  server.wait(function() return is_closed end)
  return port
end

local Server = {}
Server.__index = Server

local function spawn(self)
  -- Unlike other children it does not read its stdin, and would outlive a spec that is killed.
  local argv = { "setpriv", "--pdeathsig", "KILL", "--", "redis-server", "--bind",
    "127.0.0.1", "--save", "", "--dir", self.dir, "--port",
    tostring(self._keys and 0 or self.port) }
  if self._keys then
    for _, word in ipairs({ "--tls-port", tostring(self.port), "--tls-auth-clients", "no",
      "--tls-cert-file", self._keys .. "/good.pem", "--tls-key-file", self._keys .. "/good.key",
      "--tls-ca-cert-file", self._keys .. "/ca.pem" }) do
      argv[#argv + 1] = word
    end
  end
  for _, word in ipairs(self._arguments) do
    argv[#argv + 1] = word
  end
  -- Another server may have taken the port since it was looked for, and would answer: what counts
  -- is the log, on standard output.
  -- The sanitizers' library is for Lua alone.
  local variables = { LD_PRELOAD = "" }
  for name, value in pairs(self._environment or {}) do
    variables[name] = value
  end
  self._child = server.spawn(argv, { environment = variables, is_ready = function(log)
    return log:find("Ready to accept connections", 1, true)
  end })
  self.pid = self._child.pid
end

-- started = redis.start(arguments, keys, environment): redis-server with these arguments, too.
-- keys: a folder of spec.support.certificates, for TLS, or nil; environment: more variables, or
-- nil.
-- { port, url, pid, call(self, …), kill(signal), freeze(), restart(), stop() }
function redis.start(arguments, keys, environment)
  local self = setmetatable({ _arguments = arguments or {}, _keys = keys,
    _environment = environment, dir = files.folder() }, Server)
  for attempt = 1, 5 do
    self.port = free_port()
    local started, message = pcall(spawn, self)
    if started then
      break
    elseif attempt == 5 then
      error(message, 0)
    end
  end
  self.url = ("%s://127.0.0.1:%d"):format(keys and "rediss" or "redis", self.port)
  return self
end

-- One command over a connection that is kept.
function Server:call(...)
  self._client = self._client or redis.client(self.port)
  return self._client:call(...)
end

local function hang_up(self)
  if self._client then
    self._client:close()
    self._client = nil
  end
end

function Server:kill(signal)
  self._child:kill(signal)
end

-- Stops the process until kill("sigcont").
function Server:freeze()
  self:kill("sigstop")
  patience.until_(function()
    return files.read(("/proc/%d/stat"):format(self.pid)):find("%) T ")
  end, "redis-server to stop")
end

-- Ends it, and starts another one on the same port, without what the first one held.
function Server:restart()
  hang_up(self)
  self._child:stop()
  -- Somebody's connection may come from this port just now.
  patience.until_(function() return (pcall(spawn, self)) end, "redis-server to start again")
end

function Server:stop()
  hang_up(self)
  self._child:kill("sigcont")
  self._child:stop()
  files.remove(self.dir)
end

redis.certificates = certificates

return redis
