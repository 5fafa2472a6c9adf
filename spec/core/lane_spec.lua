-- HTTP/1.1 of our own: what goes over it, and that a server sees no difference.

local certificates = require("spec.support.certificates")
local core = require("stopmsg.core")
local engines = require("spec.support.engines")
local faults = require("spec.support.faults")
local files = require("spec.support.files")
local server = require("spec.support.server")
local transport_of = require("spec.support.transport")

local AMPLE = 120

local function new_engine(options)
  local given = { slots = 2, max_response = 1000, connect_timeout = AMPLE, proxy = "",
    user_agent = "spec" }
  for name, value in pairs(options or {}) do
    given[name] = value
  end
  return assert(engines.new(given))
end

local function prepare(engine, changes)
  local operation = { method = "POST", url = { "/stop" }, headers = { "Expect:" } }
  for name, value in pairs(changes) do
    operation[name] = value
  end
  return engine:prepare(operation)
end

-- { status, body, stage, fault, connections } of the next request that ends.
local function wait_for(engine)
  local values
  repeat
    assert(engine:step())
    values = { engine:collect() }
    if not values[1] then
      engine:wait(AMPLE)
    end
  until values[1]
  return { status = values[2], body = values[3], stage = values[4], fault = values[5],
    connections = values[8] }
end

-- The same of one request.
local function ask(engine, operation, ids)
  assert(engine:submit(operation, ids or {}, 1, ids and #ids or 0, AMPLE))
  return wait_for(engine)
end

describe("requests of HTTP/1.1", function()
  local faulty, folder, tls_port

  setup(function()
    folder = certificates.make()
    faulty = faults.start()
    tls_port = faulty:listen({ cert = folder .. "/good.pem", key = folder .. "/good.key" })
  end)

  teardown(function()
    faulty:stop()
    certificates.remove(folder)
  end)

  for _, case in ipairs({
    { "http1", "plain http", "http://127.0.0.1:1" },
    { "http1", "TLS", "https://127.0.0.1:1/base" },
    { "http1", "TLS through a proxy", "https://127.0.0.1:1", { proxy = "http://127.0.0.1:2" } },
    { "http1", "an address of IPv6", "http://[::1]:1" },
    { "http1", "plain http where HTTP/2 is wanted", "http://127.0.0.1:1", { http2 = true } },
    { "libcurl", "TLS where HTTP/2 is wanted", "https://127.0.0.1:1", { http2 = true } },
    { "libcurl", "plain http through a proxy", "http://127.0.0.1:1",
      { proxy = "http://127.0.0.1:2" } },
    { "libcurl", "an address with a zone", "http://[fe80::1%25lo]:1" },
    { "libcurl", "what is told to go over libcurl", "http://127.0.0.1:1",
      { transport = "libcurl" } },
  }) do
    it("go over " .. case[1] .. ": " .. case[2], function()
      local options = { transport = "http1" }
      for name, value in pairs(case[4] or {}) do
        options[name] = value
      end
      local engine = new_engine(options)
      local _, transport = prepare(engine, { base = case[3], allow_http = true })
      engine:close()
      assert.equal(transport_of.usual == "http1" and case[1] or "libcurl", transport)
    end)
  end

  -- What the server has seen of a request, but for when.
  local function seen(transport, operation, ids)
    local engine = new_engine({ transport = transport })
    faulty:set({ requests = { faults.answer(faults.http("200 OK", "{}"), "stopped") },
      ids = ids, authorization = "Bearer a-token" })
    operation.base = faulty.url .. "/base/"
    local number = prepare(engine, operation)
    engine:authorize(number, core.secret("a-token"))
    local answer = ask(engine, number, ids)
    engine:close()
    local record = faults.only(faulty:take(), "request")[1]
    table.sort(record.headers)
    return { answer.status, answer.body, answer.stage, record.bytes, record.whole, record.method,
      record.path, record.headers, record.authorized, record.ids }
  end

  for name, operation in pairs({
    ["with a body"] = { body = { '{"ids":["', { "ids", "json", 0, '","' }, '"]}' },
      headers = { "Expect:", "Content-Type: application/json" } },
    ["without a body"] = { method = "DELETE", headers = { "Accept: application/json" } },
    ["that would have one"] = { method = "POST", headers = {} },
    ["with headers that are left out, and empty"] = { method = "GET",
      headers = { "Accept:", "User-Agent:", "X-Empty;" } },
  }) do
    it("look the same to a server, whatever carries them: " .. name, function()
      local one = seen("libcurl", operation, { "first", "second" })
      assert.same(one, seen("http1", operation, { "first", "second" }))
      assert.equal(operation.body and 2 or 0, #one[10])
    end)
  end

  describe("through a proxy", function()
    local function through(transport, status)
      local argv = { "python3", "spec/support/connect_proxy.py" }
      for word in (status or ""):gmatch("%S+") do
        argv[#argv + 1] = word
      end
      local proxy = server.spawn(argv)
      local engine = new_engine({ transport = transport, ca_file = folder .. "/ca.pem",
        proxy = "http://127.0.0.1:" .. proxy.first_line })
      faulty:set({ port = tls_port,
        ["then"] = faults.answer(faults.http("200 OK", "{}"), "stopped") })
      local operation = prepare(engine, { base = "https://127.0.0.1:" .. tls_port })
      local answers = { ask(engine, operation), ask(engine, operation) }
      engine:close()
      local count = #faults.only(faulty:take(), "request")
      proxy:stop()
      return answers, count
    end

    it("share a connection", function()
      for _, transport in ipairs({ "libcurl", "http1" }) do
        local answers, count = through(transport)
        assert.same({ { status = 200, body = "{}", stage = "complete", connections = 1 },
          { status = 200, body = "{}", stage = "complete", connections = 0 } }, answers)
        assert.equal(2, count)
      end
    end)

    it("are never sent where it refuses", function()
      local answers, count = through("http1", "407 Who are you")
      assert.same(through("libcurl", "407 Who are you"), answers)
      assert.equal(0, count)
      assert.not_equal("complete", answers[1].stage)
      assert.not_equal("sent", answers[1].stage)
    end)
  end)

  describe("leave a connection", function()
    for name, case in pairs({
      ["that stays"] = { 0, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" },
      ["that stays after chunks"] = { 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        .. "2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n" },
      ["that stays after interim answers"] = { 0, "HTTP/1.1 103 Hints\r\nConnection: x\r\n\r\n"
        .. "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" },
      ["that is closed as the answer says"] = { 1, "HTTP/1.1 200 OK\r\nConnection: a, Close\r\n"
        .. "Content-Length: 2\r\n\r\n{}" },
      ["that is closed after HTTP/1.0"] = { 1, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}" },
      ["that is closed after a byte too many"] = { 1,
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}x" },
      ["that is closed after a trailer about the framing"] = { 1, "HTTP/1.1 200 OK\r\n"
        .. "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nContent-Length: 7\r\n\r\n" },
    }) do
      it(name, function()
        local engine = new_engine({ transport = "http1" })
        faulty:set({ ["then"] = faults.answer(case[2], "stopped") })
        local operation = prepare(engine, { base = faulty.url })
        for i = 1, 2 do
          assert.same({ status = 200, body = "{}", stage = "complete",
            connections = i == 1 and 1 or case[1] }, ask(engine, operation))
        end
        engine:close()
        faulty:take()
      end)
    end
  end)

  -- A server is the least likely to be closing that one.
  it("go over the connection that was used last", function()
    local engine = new_engine({ transport = "http1" })
    local answer = faults.http("200 OK", "{}")
    local path = os.tmpname()
    faulty:set({ requests = { { ["do"] = { { "read", "all" }, { "tell", path }, { "hold" },
      { "write", answer } } } },
      ["then"] = faults.answer(answer, "stopped") })
    local operation = prepare(engine, { base = faulty.url })
    assert(engine:submit(operation, {}, 1, 0, AMPLE))
    assert.is_true(server.wait(function()
      assert(engine:step())
      return files.read(path) ~= ""
    end))
    os.remove(path)
    assert.equal(1, ask(engine, operation).connections)
    faulty:go()
    assert.equal(1, wait_for(engine).connections)
    assert.equal(0, ask(engine, operation).connections)
    engine:close()
    local requests = faults.only(faulty:take(), "request")
    assert.equal(requests[1].conn, requests[3].conn)
    assert.not_equal(requests[1].conn, requests[2].conn)
  end)

  for name, lines in pairs({
    ["two lengths"] = "Content-Length: 2\r\nContent-Length: 3\r\n",
    ["a list of lengths"] = "Content-Length: 2, 2\r\n",
    ["a length with a sign"] = "Content-Length: +2\r\n",
    ["chunks and a length"] = "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
    ["a length and chunks"] = "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    ["chunks twice"] = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ["another coding"] = "Transfer-Encoding: gzip, chunked\r\n",
    ["a folded line"] = "X: a\r\n b\r\nContent-Length: 2\r\n",
    ["a blank behind a name"] = "Content-Length : 2\r\n",
  }) do
    it("have no answer that can be used with " .. name, function()
      local engine = new_engine({ transport = "http1" })
      faulty:set({ requests = { { ["do"] = { { "read", "all" },
        { "write", "HTTP/1.1 200 OK\r\n" .. lines .. "\r\n{}" }, { "close" } } } } })
      local operation = prepare(engine, { base = faulty.url })
      local answer = ask(engine, operation)
      engine:close()
      faulty:take()
      assert.same({ status = 200, body = "", stage = "status", fault = "protocol",
        connections = 1 }, answer)
    end)
  end
end)
