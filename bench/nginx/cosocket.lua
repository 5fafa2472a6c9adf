-- The same request on nginx's own sockets, with nothing of this library around it: what a handler
-- could reach at best without libcurl.

local json = require("cjson")

local cosocket = {}

-- The body of an answer in chunks, as the provider's nginx sends it.
local function read_chunks(socket)
  local parts = {}
  while true do
    local size = tonumber(assert(socket:receive("*l")), 16)
    if size == 0 then
      socket:receive(2)
      return table.concat(parts)
    end
    parts[#parts + 1] = assert(socket:receive(size))
    socket:receive(2)
  end
end

-- Stops one id at the provider on that port: its status line and the word of its answer.
function cosocket.stop(port, id)
  local socket = ngx.socket.tcp()
  assert(socket:connect("127.0.0.1", port, { pool_size = 512 }))
  assert(socket:send("DELETE /rest/message/" .. id .. " HTTP/1.1\r\nHost: 127.0.0.1:" .. port
    .. "\r\nAuthorization: Bearer bench\r\nX-Version: 1\r\nAccept: application/json\r\n\r\n"))
  local status = assert(socket:receive("*l"))
  local line
  repeat
    line = assert(socket:receive("*l"))
  until line == ""
  local answer = json.decode(read_chunks(socket))
  assert(socket:setkeepalive(60000))
  return status, answer.data.messageStatus
end

return cosocket
