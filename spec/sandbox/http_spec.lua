local http = require("stopmsg.sandbox.http")

local CHUNKED = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"

-- All events for these bytes, fed in pieces of that size.
local function read(bytes, size)
  local reader, events = http.reader(), {}
  for i = 1, #bytes, size do
    reader:feed(bytes:sub(i, i + size - 1))
    while true do
      local event, value = reader:next()
      if event == "more" then
        break
      end
      events[#events + 1] = { event, value }
      if event == "refused" then
        return events
      end
    end
  end
  return events
end

local function each_size(bytes, check)
  for _, size in ipairs({ 1, 2, 7, #bytes }) do
    check(read(bytes, size))
  end
end

describe("stopmsg.sandbox.http", function()
  it("reads pipelined requests, however the bytes are cut", function()
    local bytes = "POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-One:  1 \r\nx-one: 2\r\n"
      .. "Content-Length: 5\r\n\r\nhello\r\nGET /next HTTP/1.0\nHost: x\n\n"
      .. "GET http://x:1/abs HTTP/1.1\r\nConnection: Close\r\n\r\n"
    each_size(bytes, function(events)
      assert.equal(3, #events)
      local first = events[1][2]
      assert.equal("POST", first.method)
      assert.equal("/a", first.path)
      assert.equal("b=c", first.query)
      assert.equal("hello", first.body)
      assert.equal("1, 2", first.headers["x-one"])
      assert.is_true(first.keep_alive)
      assert.equal("/next", events[2][2].path)
      assert.is_nil(events[2][2].query)
      assert.is_false(events[2][2].keep_alive)
      assert.equal("/abs", events[3][2].path)
      assert.is_false(events[3][2].keep_alive)
    end)
  end)

  it("reads chunked bodies with extensions and trailers", function()
    local bytes = CHUNKED .. "5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
      .. "GET /next HTTP/1.1\r\n\r\n"
    each_size(bytes, function(events)
      assert.equal(2, #events)
      assert.equal("hello world", events[1][2].body)
      assert.equal("/next", events[2][2].path)
    end)
  end)

  it("says when the client waits to be asked for the body", function()
    local reader = http.reader()
    reader:feed("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert.equal("continue", (reader:next()))
    assert.equal("more", (reader:next()))
    reader:feed("ok")
    local event, request = reader:next()
    assert.equal("request", event)
    assert.equal("ok", request.body)
  end)

  local long = ("x"):rep(65536)
  local refused = {
    { "no request line", "hello\r\n\r\n", 400 },
    { "a path without a slash", "GET x HTTP/1.1\r\n\r\n", 400 },
    { "HTTP/2", "GET / HTTP/2.0\r\n\r\n", 505 },
    { "a header without a colon", "GET / HTTP/1.1\r\nhello\r\n\r\n", 400 },
    { "a folded header", "GET / HTTP/1.1\r\nA: b\r\n c: d\r\n\r\n", 400 },
    { "a space before the colon", "GET / HTTP/1.1\r\nA : b\r\n\r\n", 400 },
    { "a control character", "GET / HTTP/1.1\r\nA: b\1c\r\n\r\n", 400 },
    { "an odd length", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400 },
    { "two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400 },
    { "a length and chunks",
      "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { "another coding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501 },
    { "an odd chunk", CHUNKED .. "x\r\n", 400 },
    { "a chunk longer than it says",
      CHUNKED .. "1\r\nab\r\n", 400 },
    { "a long request line", "GET /" .. long, 431 },
    { "long headers", "GET / HTTP/1.1\r\nA: " .. long .. "\r\n\r\n", 431 },
    { "a long body", "POST / HTTP/1.1\r\nContent-Length: 16777217\r\n\r\n", 413 },
    { "a very long body",
      "POST / HTTP/1.1\r\nContent-Length: " .. ("9"):rep(40) .. "\r\n\r\n", 413 },
    { "a long chunk", CHUNKED .. "1000001\r\n", 413 },
    { "a very long chunk", CHUNKED .. "fffffffff\r\n", 413 },
  }
  for _, case in ipairs(refused) do
    it(("refuses %s with %d"):format(case[1], case[3]), function()
      for _, size in ipairs({ 1009, #case[2] }) do
        assert.same({ { "refused", case[3] } }, read(case[2], size))
      end
    end)
  end

  it("reads a body of 16 MiB", function()
    local bytes = "POST / HTTP/1.1\r\nContent-Length: 16777216\r\n\r\n" .. ("x"):rep(16777216)
    assert.equal(16777216, #read(bytes, 65536)[1][2].body)
  end)

  it("writes answers", function()
    local answer = { status = 200, headers = { A = "b" }, body = "hello" }
    assert.equal("HTTP/1.1 200 OK\r\nA: b\r\nServer: stopmsg-sandbox\r\n"
      .. "Content-Length: 5\r\n\r\nhello",
      http.answer(answer, true))
    assert.truthy(http.answer(answer, false):find("\r\nConnection: close\r\n", 1, true))
  end)
end)
