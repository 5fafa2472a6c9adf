-- A program for server.spawn: gives every HTTP request the same answer, and appends what it was
-- asked to a file, a line of JSON each: { method, target, headers (names in lower case), body }.
--   recorder.lua FILE STATUS BODY
-- The first line it prints is its URL.

local json = require("stopmsg.json")
local serving = require("spec.support.serving")
local uv = require("luv")

local path, status, body = arg[1], tonumber(arg[2]), arg[3] or ""

-- A 204 has no body, and no length either.
local answer = "HTTP/1.1 204 No Content\r\n\r\n"
if status ~= 204 then
  answer = ("HTTP/1.1 %d Recorded\r\nContent-Type: application/json\r\n"
    .. "Content-Length: %d\r\n\r\n%s"):format(status, #body, body)
end

-- request, rest = read(buffer): nil while the buffer holds no whole request.
local function read(buffer)
  local _, last = buffer:find("\r\n\r\n", 1, true)
  if not last then
    return nil
  end
  local method, target = buffer:match("^(%u+) (%S+)")
  local headers = {}
  for name, value in buffer:sub(1, last):gmatch("\r\n([%w%-]+):[ \t]*([^\r\n]*)") do
    headers[name:lower()] = value
  end
  local length = tonumber(headers["content-length"] or 0)
  if #buffer < last + length then
    return nil
  end
  return {
    method = method,
    target = target,
    headers = headers,
    body = buffer:sub(last + 1, last + length),
  }, buffer:sub(last + length + 1)
end

local function record(request)
  local file = assert(io.open(path, "a"))
  file:write(json.encode(request), "\n")
  file:close()
end

local function serve(connection)
  local buffer = ""
  connection:read_start(function(_, bytes)
    if not bytes then
      connection:close()
      return
    end
    buffer = buffer .. bytes
    local request, rest = read(buffer)
    while request do
      buffer = rest
      record(request)
      connection:write(answer)
      request, rest = read(buffer)
    end
  end)
end

local listener = uv.new_tcp()
assert(listener:bind("127.0.0.1", 0))
assert(listener:listen(128, function()
  local connection = uv.new_tcp()
  listener:accept(connection)
  serve(connection)
end))

serving.run("http://127.0.0.1:" .. listener:getsockname().port)
