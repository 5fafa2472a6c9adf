-- lua-http on cqueues with cjson: kept connections, one coroutine for each request in flight. Over
-- HTTP/2 they share one connection.

local client = require("http.client")
local common = require("common")
local cqueues = require("cqueues")
local http_tls = require("http.tls")
local new_headers = require("http.headers").new

local given, ids = common.start(...)

local scheme, host, port, path = given.url:match("^(%w+)://([%d.]+):(%d+)(/.*)$")
local authority = host .. ":" .. port

local function connect()
  local options = { host = host, port = tonumber(port), version = given.version }
  if scheme == "https" then
    options.tls = true
    options.ctx = http_tls.new_client_context()
    options.ctx:setVerify(require("openssl.ssl.context").VERIFY_PEER)
    local store = require("openssl.x509.store").new()
    store:add(given.ca)
    options.ctx:setStore(store)
    options.sendname = false
  end
  local connection = assert(client.connect(options, 10))
  assert(connection:connect(10))
  return connection
end

local function headers_for(request)
  local headers = new_headers()
  headers:append(":method", request.body and "POST" or "DELETE")
  headers:append(":scheme", scheme)
  headers:append(":authority", authority)
  headers:append(":path", request.body and path or path .. ids[request.first])
  for name, value in pairs(given.headers) do
    headers:append(name:lower(), value)
  end
  if request.body then
    headers:append("content-length", tostring(#request.body))
  end
  return headers
end

local work = common.work(given, ids)
local loop = cqueues.new()

local function worker(connection)
  local request = work:take()
  while request do
    local stream = assert(connection:new_stream())
    assert(stream:write_headers(headers_for(request), request.body == nil, 30))
    if request.body then
      assert(stream:write_body_from_string(request.body, 30))
    end
    local answer = assert(stream:get_headers(30))
    work:finish(request, tonumber(answer:get(":status")), assert(stream:get_body_as_string(30)))
    stream:shutdown()
    request = work:take()
  end
end

loop:wrap(function()
  local shared = given.version == 2 and connect() or nil
  for _ = 1, given.in_flight do
    loop:wrap(function()
      worker(shared or connect())
    end)
  end
end)
assert(loop:loop())
work:stop()
