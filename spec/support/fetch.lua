-- Many HTTP requests at once to a server on loopback, for specs.

local server = require("spec.support.server")
local uv = require("luv")

local fetch = {}

local Request = {}
Request.__index = Request

-- Breaks the connection off, as a client that goes away does.
function Request:close()
  if not self._socket:is_closing() then
    self._socket:close(function()
      self.is_closed = true
    end)
  end
end

-- request = fetch.start(port, path, body): a GET, or a POST with a body. Its status and body are
-- there once is_closed is; a failure is in `err`.
function fetch.start(port, path, body)
  local socket = uv.new_tcp()
  local self = setmetatable({ path = path, _socket = socket, is_closed = false }, Request)
  local received = {}
  local function finish(err)
    local all = table.concat(received)
    self.status = tonumber(all:match("^HTTP/1%.%d (%d+)"))
    self.body = all:match("\r\n\r\n(.*)$")
    self.err = err
    self:close()
  end
  socket:connect("127.0.0.1", port, function(err)
    if err then
      finish(err)
      return
    end
    socket:write(("%s %s HTTP/1.0\r\nHost: localhost\r\n%s\r\n%s"):format(body and "POST" or "GET",
      path, body and "Content-Length: " .. #body .. "\r\n" or "", body or ""))
    socket:read_start(function(why, bytes)
      if bytes then
        received[#received + 1] = bytes
      else
        finish(why)
      end
    end)
  end)
  return self
end

-- Waits until all of these requests have ended; false where that takes too long.
function fetch.finish(requests, seconds)
  return server.wait(function()
    for _, request in ipairs(requests) do
      if not request.is_closed then
        return false
      end
    end
    return true
  end, seconds)
end

-- requests = fetch.all(port, paths, seconds): all at once.
function fetch.all(port, paths, seconds)
  local requests = {}
  for i, path in ipairs(paths) do
    requests[i] = fetch.start(port, path)
  end
  if not fetch.finish(requests, seconds) then
    error("no answer to some of " .. #paths .. " requests", 2)
  end
  return requests
end

-- body, status = fetch.one(port, path, body)
function fetch.one(port, path, body)
  local request = fetch.start(port, path, body)
  if not fetch.finish({ request }) then
    error("no answer to " .. path, 2)
  end
  return request.body, request.status
end

-- Goes on with what is open for so many seconds.
function fetch.rest(seconds)
  server.wait(function() return false end, seconds)
end

return fetch
