-- A program for server.spawn: answers every HTTP request with the request itself as the body, byte
-- for byte; with an argument, that is the body. A path that begins with /hang gets no answer, /slow
-- one after 0.1 s, /big one of a million bytes. A header X-Retry comes back as Retry-After.
-- It listens on 127.0.0.1, or on the address in ECHO_ADDRESS.

local serving = require("spec.support.serving")
local uv = require("luv")

local fixed = arg and arg[1]

local function whole(buffer)
  local _, last = buffer:find("\r\n\r\n", 1, true)
  if not last then
    return nil
  end
  local length = tonumber(buffer:sub(1, last):lower():match("content%-length: (%d+)") or 0)
  if #buffer < last + length then
    return nil
  end
  return buffer:sub(1, last + length), buffer:sub(last + length + 1)
end

local function serve(connection)
  local buffer = ""
  connection:read_start(function(_, bytes)
    if not bytes then
      connection:close()
      return
    end
    buffer = buffer .. bytes
    local request, rest = whole(buffer)
    while request do
      buffer = rest
      local path = request:match("^%u+ (%S+)")
      local body = path:find("^/big") and ("x"):rep(1000000) or fixed or request
      local retry = request:match("\r\nX%-Retry: ([^\r]*)")
      local text = ("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s"):format(
        retry and "Retry-After: " .. retry .. "\r\n" or "", #body, body)
      if path:find("^/slow") then
        local timer = uv.new_timer()
        timer:start(100, 0, function()
          timer:close()
          connection:write(text)
        end)
      elseif not path:find("^/hang") then
        connection:write(text)
      end
      request, rest = whole(buffer)
    end
  end)
end

local listener = uv.new_tcp()
local address = os.getenv("ECHO_ADDRESS") or "127.0.0.1"
assert(listener:bind(address, 0))
assert(listener:listen(128, function()
  local connection = uv.new_tcp()
  listener:accept(connection)
  serve(connection)
end))

serving.run("http://" .. (address:find(":") and "[" .. address .. "]" or address) .. ":"
  .. listener:getsockname().port)
