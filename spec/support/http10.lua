-- The least of an HTTP client for specs: one request a connection, as HTTP/1.0, so that an answer
-- ends with its connection and a stream can be read as it comes.

local patience = require("spec.support.patience")
local socket = require("socket")

local http10 = {}

local Exchange = {}
Exchange.__index = Exchange

-- The next line of the answer's body, nil at its end.
function Exchange:line()
  return (self._socket:receive("*l"))
end

function Exchange:close()
  self._socket:close()
end

-- answer = exchange:answer(): { status, headers, body }, when it is complete.
function Exchange:answer()
  local body = assert(self._socket:receive("*a"))
  self._socket:close()
  return { status = self.status, headers = self.headers, body = body }
end

-- Waits for the head of the answer: fills in status and headers.
function Exchange:head()
  self.status = tonumber(assert(self._socket:receive("*l")):match("^HTTP/1%.%d (%d+)"))
  self.headers = {}
  for line in function() return assert(self._socket:receive("*l")) end do
    local name, value = line:match("^([^:]+):%s*(.*)$")
    if not name then
      break
    end
    self.headers[name:lower()] = value
  end
  return self
end

-- exchange = http10.send(port, method, path, headers, body): the request has left.
function http10.send(port, method, path, headers, body)
  local connection = assert(socket.connect("127.0.0.1", port))
  connection:settimeout(patience.SECONDS)
  local lines = { ("%s %s HTTP/1.0"):format(method, path) }
  for name, value in pairs(headers or {}) do
    lines[#lines + 1] = name .. ": " .. value
  end
  if body then
    lines[#lines + 1] = "Content-Length: " .. #body
  end
  assert(connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n"))
  -- An answer may come before all of it was sent.
  connection:send(body or "")
  return setmetatable({ _socket = connection }, Exchange)
end

-- answer = http10.ask(port, method, path, headers, body)
function http10.ask(...)
  return http10.send(...):head():answer()
end

http10.now = socket.gettime
http10.sleep = socket.sleep

return http10
