-- Parses HTTP/1.1 requests from a stream of bytes: keep-alive, pipelining, Content-Length and
-- chunked bodies, Expect: 100-continue. Pure: bytes in, events out.

local http = {}

local MAX_HEAD = 64 * 1024
local MAX_BODY = 16 * 1024 * 1024

local REASONS = {
  [200] = "OK",
  [400] = "Bad Request",
  [401] = "Unauthorized",
  [403] = "Forbidden",
  [404] = "Not Found",
  [405] = "Method Not Allowed",
  [413] = "Content Too Large",
  [429] = "Too Many Requests",
  [431] = "Request Header Fields Too Large",
  [500] = "Internal Server Error",
  [501] = "Not Implemented",
  [503] = "Service Unavailable",
  [505] = "HTTP Version Not Supported",
}

local Reader = {}
Reader.__index = Reader

-- The parser is straight-line code in a coroutine that yields "more" when it needs bytes.

-- Waits for this many bytes. Joins the chunks only when there are enough.
function Reader:_more(wanted)
  while self._buffered < wanted do
    coroutine.yield("more")
  end
  self._buffer = self._buffer:sub(self._at) .. table.concat(self._chunks)
  self._chunks, self._at = {}, 1
end

function Reader:_available()
  return #self._buffer - self._at + 1
end

function Reader:_advance(count)
  self._at = self._at + count
  self._buffered = self._buffered - count
end

-- line, without its end | nil, status; room: how many bytes the head may still use
function Reader:_line()
  while true do
    local ending = self._buffer:find("\n", self._at, true)
    if (ending or #self._buffer) - self._at + 1 > self._room then
      return nil, 431
    elseif ending then
      local line = self._buffer:sub(self._at, ending - 1):gsub("\r$", "")
      self._room = self._room - (ending - self._at + 1)
      self:_advance(ending - self._at + 1)
      return line
    end
    self:_more(self:_available() + 1)
  end
end

function Reader:_take(count)
  if self:_available() < count then
    self:_more(count)
  end
  local bytes = self._buffer:sub(self._at, self._at + count - 1)
  self:_advance(count)
  return bytes
end

-- headers, lower-case names, repeated ones joined | nil, status
function Reader:_headers()
  local headers = {}
  while true do
    local line, status = self:_line()
    if not line then
      return nil, status
    elseif line == "" then
      return headers
    end
    local name, value = line:match("^([%w!#$%%&'*+.^_`|~-]+):[ \t]*(.-)[ \t]*$")
    if not name or value:gsub("\t", " "):find("%c") then
      return nil, 400
    end
    name = name:lower()
    headers[name] = headers[name] and headers[name] .. ", " .. value or value
  end
end

function Reader:_chunked()
  local parts, size = {}, 0
  while true do
    self._room = MAX_HEAD
    local line, status = self:_line()
    if not line then
      return nil, status
    end
    local digits = line:match("^(%x+)[ \t]*$") or line:match("^(%x+)[ \t]*;")
    if not digits then
      return nil, 400
    end
    local length = #digits <= 8 and tonumber(digits, 16) or MAX_BODY + 1
    size = size + length
    if size > MAX_BODY then
      return nil, 413
    elseif length == 0 then
      break
    end
    parts[#parts + 1] = self:_take(length)
    local mark = self:_take(1)
    if mark == "\r" then
      mark = self:_take(1)
    end
    if mark ~= "\n" then
      return nil, 400
    end
  end
  self._room = MAX_HEAD
  local trailers, status = self:_headers()
  if not trailers then
    return nil, status
  end
  return table.concat(parts)
end

-- body | nil, status
function Reader:_body(request)
  local length, coding = request.headers["content-length"], request.headers["transfer-encoding"]
  if coding and (length or request.minor == 0) then
    return nil, 400
  elseif coding and coding:lower() ~= "chunked" then
    return nil, 501
  elseif length and not length:find("^%d+$") then
    return nil, 400
  elseif length and (#length > 15 or tonumber(length) > MAX_BODY) then
    return nil, 413
  end
  local waits = (request.headers.expect or ""):lower() == "100-continue"
  if waits and request.minor == 1 and (coding or tonumber(length or 0) > 0) then
    coroutine.yield("continue")
  end
  if coding then
    return self:_chunked()
  end
  return length and self:_take(tonumber(length)) or ""
end

local function keeps_alive(request)
  local options = "," .. (request.headers.connection or ""):lower():gsub("%s", "") .. ","
  if options:find(",close,", 1, true) then
    return false
  end
  return request.minor == 1 or options:find(",keep-alive,", 1, true) ~= nil
end

-- request | nil, status
function Reader:_request()
  self._room = MAX_HEAD
  local line, status
  repeat
    -- Some clients send an extra empty line after a body.
    line, status = self:_line()
    if not line then
      return nil, status
    end
  until line ~= ""
  local method, target, major, minor = line:match("^(%u+) ([^%s%c]+) HTTP/(%d)%.(%d)$")
  if not method then
    return nil, 400
  elseif major ~= "1" then
    return nil, 505
  end
  -- Clients that expect a proxy send the absolute URL.
  target = target:gsub("^https?://[^/?]*", "")
  local path, query = target:match("^([^?]*)%??(.*)$")
  if path:sub(1, 1) ~= "/" then
    return nil, 400
  end
  local request = {
    method = method,
    path = path,
    query = target:find("?", 1, true) and query or nil,
    minor = tonumber(minor) > 0 and 1 or 0,
  }
  request.headers, status = self:_headers()
  if not request.headers then
    return nil, status
  end
  request.body, status = self:_body(request)
  if not request.body then
    return nil, status
  end
  request.keep_alive = keeps_alive(request)
  return request
end

function http.reader()
  local self = setmetatable({ _buffer = "", _at = 1, _chunks = {}, _buffered = 0 }, Reader)
  self._resume = coroutine.wrap(function()
    local request, status
    repeat
      request, status = self:_request()
      if request then
        coroutine.yield("request", request)
      end
    until not request
    while true do
      coroutine.yield("refused", status)
    end
  end)
  return self
end

function Reader:feed(bytes)
  self._chunks[#self._chunks + 1] = bytes
  self._buffered = self._buffered + #bytes
end

-- Returns "more" (feed it first), "continue" (tell the client to go on), "request", request, or
-- "refused", status (and nothing else afterwards).
function Reader:next()
  return self._resume()
end

-- bytes = http.answer(answer, keep_alive); answer: { status, headers, body }
function http.answer(answer, keep_alive)
  local lines = { ("HTTP/1.1 %d %s"):format(answer.status, REASONS[answer.status] or "Answer") }
  for name, value in pairs(answer.headers) do
    lines[#lines + 1] = name .. ": " .. value
  end
  lines[#lines + 1] = "Server: stopmsg-sandbox"
  lines[#lines + 1] = "Content-Length: " .. #answer.body
  if not keep_alive then
    lines[#lines + 1] = "Connection: close"
  end
  lines[#lines + 1] = "\r\n" .. answer.body
  return table.concat(lines, "\r\n")
end

return http
