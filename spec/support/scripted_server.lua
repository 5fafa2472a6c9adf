-- A program for server.spawn: answers HTTP requests as a Lua chunk says, its second argument, and
-- writes each of them into the file that is its first, one as JSON a line.
--
-- The chunk gives a function(request, n): status, body, headers (a list of lines) of the n-th
-- request. request: { method, target, headers (a table by lower names), lines, body }

local json = require("stopmsg.json")
local serving = require("spec.support.serving")
local uv = require("luv")

local answer = assert((rawget(_G, "loadstring") or load)(arg[2]))()
local log = assert(io.open(arg[1], "a"))
local count = 0

local function whole(buffer)
  local _, last = buffer:find("\r\n\r\n", 1, true)
  if not last then
    return nil
  end
  local length = tonumber(buffer:sub(1, last):lower():match("\r\ncontent%-length: (%d+)") or 0)
  if #buffer < last + length then
    return nil
  end
  local request = { headers = {}, lines = {}, body = buffer:sub(last + 1, last + length) }
  request.method, request.target = buffer:match("^(%u+) (%S+)")
  for name, value in buffer:sub(1, last):gmatch("\r\n([^:\r\n]+): ?([^\r\n]*)") do
    request.headers[name:lower()] = value
    request.lines[#request.lines + 1] = name .. ": " .. value
  end
  return request, buffer:sub(last + length + 1)
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
      buffer, count = rest, count + 1
      log:write(json.encode(request), "\n")
      log:flush()
      local status, body, headers = answer(request, count)
      if not status then
        connection:close()
        return
      end
      connection:write(("HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s"):format(status, #body,
        headers and table.concat(headers, "\r\n") .. "\r\n" or "", body))
      request, rest = whole(buffer)
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
