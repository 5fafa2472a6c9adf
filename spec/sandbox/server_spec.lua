local json = require("stopmsg.json")
local server = require("spec.support.server")
local socket = require("socket")

local UUID = "2a28d557-22a1-4be6-8908-1481723043dd"

local function connect(served)
  local client = assert(socket.connect("127.0.0.1", served.port))
  client:settimeout(10)
  return client
end

local function stop_request(...)
  local body = json.encode({ uuids = { ... } })
  return "POST /api/v1/message/stop HTTP/1.1\r\nHost: x\r\nAuthorization: Basic sandbox\r\n"
    .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

local function delete_request(id)
  return "DELETE /rest/message/" .. id .. " HTTP/1.1\r\nHost: x\r\nX-Version: 1\r\n"
    .. "Authorization: Bearer sandbox\r\n\r\n"
end

-- status, body, headers
local function receive(client)
  local status = assert(client:receive("*l")):match("^HTTP/1%.1 (%d+)")
  local headers = {}
  for line in function() return client:receive("*l") end do
    if line == "" then
      break
    end
    local name, value = line:match("^(.-): (.*)$")
    headers[name:lower()] = value
  end
  local length = tonumber(headers["content-length"] or 0)
  return tonumber(status), length > 0 and client:receive(length) or "", headers
end

describe("stopmsg.sandbox.server", function()
  describe("at once", function()
    local served

    setup(function()
      served = server.start()
    end)

    teardown(function()
      served:stop()
    end)

    it("says where it listens", function()
      assert.truthy(served.first_line:find("^sandbox listening on http://127%.0%.0%.1:%d+$"))
      assert.equal("http://127.0.0.1:" .. served.port, served.url)
    end)

    it("answers many requests on one connection", function()
      local client = connect(served)
      for _ = 1, 3 do
        client:send(stop_request(UUID))
        local status, body, headers = receive(client)
        assert.equal(200, status)
        assert.equal("application/json", headers["content-type"])
        assert.equal(UUID, json.decode(body).items[1].messageUuid)
      end
      client:close()
    end)

    it("answers pipelined requests in their order", function()
      local client = connect(served)
      client:send(delete_request("0001") .. delete_request("0404") .. delete_request("a"))
      local statuses = {}
      for i = 1, 3 do
        statuses[i] = receive(client)
      end
      assert.same({ 200, 404, 200 }, statuses)
      client:close()
    end)

    it("asks for a body that waits", function()
      local client = connect(served)
      local head, body = stop_request(UUID):match("^(.-\r\n)\r\n(.*)$")
      client:send(head .. "Expect: 100-continue\r\n\r\n")
      assert.equal(100, receive(client))
      client:send(body)
      assert.equal(200, receive(client))
      client:close()
    end)

    it("closes where it is told to", function()
      local client = connect(served)
      client:send("GET / HTTP/1.0\r\n\r\n")
      local status, _, headers = receive(client)
      assert.equal(404, status)
      assert.equal("close", headers.connection)
      assert.equal("closed", (select(2, client:receive(1))))
      client:close()
    end)

    it("refuses what is no request and closes", function()
      local client = connect(served)
      client:send(delete_request("a") .. "nonsense\r\n\r\n" .. delete_request("b"))
      assert.equal(200, receive(client))
      assert.equal(400, receive(client))
      assert.equal("closed", (select(2, client:receive(1))))
      client:close()
    end)

    it("answers 413 to a client that goes on sending", function()
      local client = connect(served)
      client:send("POST /api/v1/message/stop HTTP/1.1\r\nContent-Length: 20000000\r\n\r\n")
      for _ = 1, 20 do
        assert(client:send(("x"):rep(100000)))
      end
      assert.equal(413, receive(client))
      client:close()
    end)

    it("logs requests by their connection, without the token", function()
      local before = #served:log()
      local first, second = connect(served), connect(served)
      for _, client in ipairs({ first, second, first }) do
        client:send(stop_request(UUID, UUID))
        receive(client)
      end
      first:send("GET /api/v1/message/stop?token=hush HTTP/1.1\r\nAuthorization: hush\r\n\r\n")
      receive(first)
      local lines = served:log()
      assert.equal(before + 4, #lines)
      local a, b, c, d = lines[before + 1], lines[before + 2], lines[before + 3], lines[before + 4]
      assert.equal("POST", a.method)
      assert.equal("/api/v1/message/stop", a.path)
      assert.equal(200, a.status)
      assert.equal(2, a.ids)
      assert.equal(1, a.in_flight)
      assert.equal(a.seq + 1, b.seq)
      assert.equal(a.connection, c.connection)
      assert.not_equal(a.connection, b.connection)
      assert.is_true(a.started <= a.finished and a.finished <= b.started)
      assert.is_nil(json.encode(d):find("hush", 1, true))
      assert.is_nil(a.body)
      first:close()
      second:close()
    end)
  end)

  it("logs bodies where it was asked for", function()
    local served = server.start({ log_bodies = true })
    local client = connect(served)
    client:send(stop_request(UUID))
    receive(client)
    client:close()
    served:stop()
    assert.equal(UUID, json.decode(served:log()[1].body).uuids[1])
  end)

  describe("with a delay", function()
    it("has several requests in flight", function()
      local served = server.start({ delay = 0.1 })
      local clients = {}
      local started = socket.gettime()
      for i = 1, 4 do
        clients[i] = connect(served)
        clients[i]:send(delete_request("a"))
      end
      for i = 1, 4 do
        assert.equal(200, receive(clients[i]))
        clients[i]:close()
      end
      local took = socket.gettime() - started
      assert.is_true(took >= 0.1 and took < 0.3)
      served:stop()
      local most = 0
      for _, line in ipairs(served:log()) do
        most = math.max(most, line.in_flight)
        assert.is_true(line.finished - line.started >= 0.09)
      end
      assert.equal(4, most)
    end)

    it("keeps the order of a connection, refusals included", function()
      local served = server.start({ delay = 0.05 })
      local client = connect(served)
      client:send(delete_request("0404") .. delete_request("a") .. "nonsense\r\n\r\n")
      assert.equal(404, receive(client))
      assert.equal(200, receive(client))
      assert.equal(400, receive(client))
      client:close()
      served:stop()
    end)

    it("logs what it could not answer before its end", function()
      local served = server.start({ delay = 5 })
      local client = connect(served)
      client:send(delete_request("a"))
      socket.sleep(0.2)
      assert.equal(0, (served:stop()))
      local lines = served:log()
      assert.equal(1, #lines)
      assert.is_nil(lines[1].finished)
      client:close()
    end)
  end)

  it("shows a stop once it has settled", function()
    local served = server.start({ settle = 0.3 })
    local client = connect(served)
    local function state()
      client:send((delete_request("a"):gsub("DELETE", "GET")))
      local _, body = receive(client)
      return json.decode(body).data.messageStatus
    end
    client:send(delete_request("a"))
    receive(client)
    assert.equal("011", state())
    socket.sleep(0.4)
    assert.equal("006", state())
    client:close()
    served:stop()
  end)

  it("ends cleanly when told to, clients or not", function()
    local served = server.start()
    local client = connect(served)
    client:send(delete_request("a"))
    receive(client)
    local code, signal = served:stop()
    assert.same({ 0, 0 }, { code, signal })
    assert.equal(0, (served:stop()))
    client:close()
  end)

  it("ends with its stdin", function()
    local served = server.start()
    assert.equal(0, (served:end_input()))
  end)

  it("tells that the port is taken", function()
    local served = server.start()
    local run = require("stopmsg.sandbox.server").run
    local ok, message = run({ port = served.port })
    assert.is_nil(ok)
    assert.truthy(message:find("cannot listen on 127.0.0.1:" .. served.port, 1, true))
    served:stop()
  end)
end)
