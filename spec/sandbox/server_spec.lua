local json = require("stopmsg.json")
local patience = require("spec.support.patience")
local server = require("spec.support.server")
local socket = require("socket")
local sorted = require("spec.support.sorted")

local UUID = "2a28d557-22a1-4be6-8908-1481723043dd"

local function connect(served)
  local client = assert(socket.connect("127.0.0.1", served.port))
  client:settimeout(patience.SECONDS)
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
      -- It may for a second: again where the machine was too busy for that.
      local client = patience.until_(function()
        local one = connect(served)
        one:send("POST /api/v1/message/stop HTTP/1.1\r\nContent-Length: 20000000\r\n\r\n")
        for _ = 1, 20 do
          if not one:send(("x"):rep(100000)) then
            return nil
          end
        end
        return one
      end)
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
    -- The head of a request whose body waits. The server says so at once, so that all that was sent
    -- before has arrived, too.
    local function wait_for_body(client)
      local head = stop_request(UUID):match("^(.-\r\n)\r\n")
      client:send(head .. "Expect: 100-continue\r\n\r\n")
    end

    it("holds each answer back", function()
      patience.grow(0.05, function(delay)
        local served = server.start({ delay = delay })
        local client = connect(served)
        client:send(delete_request("a"))
        wait_for_body(client)
        local first, second = receive(client), receive(client)
        client:close()
        served:stop()
        assert.same({ 100, 200 }, { math.min(first, second), math.max(first, second) })
        return first == 100
      end)
    end)

    it("has several requests in flight, and logs at its end what it did not answer", function()
      local served = server.start({ delay = 1000 })
      local clients = {}
      for i = 1, 4 do
        clients[i] = connect(served)
        clients[i]:send(delete_request("a"))
        wait_for_body(clients[i])
        assert.equal(100, receive(clients[i]))
      end
      assert.equal(0, (served:stop()))
      local counts = {}
      for i, line in ipairs(served:log()) do
        counts[i] = line.in_flight
        assert.is_nil(line.finished)
      end
      assert.same({ 1, 2, 3, 4 }, sorted.list(counts))
      for _, client in ipairs(clients) do
        client:close()
      end
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
  end)

  it("shows a stop once it has settled", function()
    local function stopped(settle)
      local served = server.start({ settle = settle })
      local client = connect(served)
      client:send(delete_request("a"))
      receive(client)
      return served, client, function()
        client:send((delete_request("a"):gsub("DELETE", "GET")))
        local _, body = receive(client)
        return json.decode(body).data.messageStatus
      end
    end
    local served, client, state = stopped(1000)
    assert.equal("011", state())
    client:close()
    served:stop()
    served, client, state = stopped(0.05)
    patience.until_(function() return state() == "006" end)
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
