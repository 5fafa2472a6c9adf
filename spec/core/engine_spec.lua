local core = require("stopmsg.core")
local engines = require("spec.support.engines")
local patience = require("spec.support.patience")
local pieces = require("spec.support.pieces")
local server = require("spec.support.server")
local uv = require("luv")

-- Seconds of an attempt that is not meant to run out of them.
local AMPLE = patience.SECONDS

local TOKEN = "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="

local function new_engine(options)
  local all = { slots = 2, max_response = 100000, connect_timeout = AMPLE, user_agent = "spec",
    proxy = "" }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return assert(engines.new(all))
end

-- Steps until one request is finished; what collect() gives, as a table.
local function collect(engine)
  local names = { "slot", "status", "body", "stage", "fault", "detail", "retry_after",
    "connections" }
  return patience.until_(function()
    assert(engine:step())
    local values = { engine:collect() }
    if not values[1] then
      engine:wait(0.01)
      return nil
    end
    local answer = {}
    for i, name in ipairs(names) do
      answer[name] = values[i]
    end
    return answer
  end, "an answer")
end

describe("stopmsg.core.engine", function()
  local echo, base

  setup(function()
    echo = server.echo()
    base = echo.first_line
  end)

  teardown(function()
    echo:stop()
  end)

  -- An operation of an engine, ready to be sent.
  local function prepare(engine, fields)
    local all = {
      method = "POST",
      base = base,
      url = { open = "/stop" },
      headers = { "Expect:", "Content-Type:" },
      auth = "Authorization: Basic ",
    }
    for name, value in pairs(fields or {}) do
      all[name] = value
    end
    local operation = engine:prepare(pieces.operation(all))
    engine:authorize(operation, (core.secret(TOKEN)))
    return operation
  end

  -- The bytes of one request as a server gets them.
  local function sent(fields, ids, options)
    local engine = new_engine(options)
    local operation = prepare(engine, fields)
    assert(engine:submit(operation, ids, 1, #ids, AMPLE))
    local answer = collect(engine)
    engine:close()
    assert.is_nil(answer.fault)
    assert.equal("complete", answer.stage)
    return answer.body
  end

  local function body_of(request)
    return request:match("\r\n\r\n(.*)$")
  end

  describe("a request", function()
    it("holds the ids of a batch as JSON strings, escaped", function()
      local form = { open = '{"uuids":[', between = ",", close = "]}", escape = "json" }
      local request = sent({ body = form }, { "a", 'q"b\\', "\1\n\31/", "\195\164" })
      assert.equal('{"uuids":["a","q\\"b\\\\","\\u0001\\u000A\\u001F/","\195\164"]}',
        body_of(request))
      assert.is_truthy(request:find("\r\nContent-Length: " .. #body_of(request) .. "\r\n", 1, true))
    end)

    it("escapes ids in a path, so that none of them reaches further", function()
      local form = { open = "/message/", close = "/stop", escape = "percent" }
      local request = sent({ url = form }, { "../a?b#c d%/\228~-._" })
      -- libcurl may write the digits in lower case.
      assert.equal("post /message/..%2fa%3fb%23c%20d%25%2f%e4~-._/stop http/1.1",
        request:match("^[^\r]*"):lower())
    end)

    it("repeats a query parameter for each id", function()
      local form = { open = "/list?n=2&id=", between = "&id=", close = "&x=1", escape = "percent" }
      local request = sent({ method = "GET", url = form }, { "a&b", "c" })
      assert.equal("GET /list?n=2&id=a%26b&id=c&x=1 HTTP/1.1", request:match("^[^\r]*"))
      assert.equal("", body_of(request))
    end)

    it("writes XML and raw ids", function()
      local xml = { open = "<i><d>", between = "</d><d>", close = "</d></i>", escape = "xml" }
      assert.equal("<i><d>&lt;&amp;&gt;&quot;&apos;</d><d>b</d></i>",
        body_of(sent({ body = xml }, { "<&>\"'", "b" })))
      local raw = { open = "[", between = ",", close = "]", escape = "raw" }
      assert.equal("[12,10000000125]", body_of(sent({ body = raw }, { "12", "10000000125" })))
    end)

    it("sends the token as issued, and only what was asked for", function()
      local request = sent({ headers = { "Expect:", "Content-Type:", "X-Version: 1" } }, {})
      local names = {}
      for name in request:gmatch("\r\n([%w-]+): ") do
        names[#names + 1] = name
      end
      table.sort(names)
      assert.same({ "Accept", "Authorization", "Content-Length", "Host", "User-Agent",
        "X-Version" }, names)
      assert.is_truthy(request:find("\r\nAuthorization: Basic " .. TOKEN .. "\r\n", 1, true))
      assert.is_truthy(request:find("\r\nUser-Agent: spec\r\n", 1, true))
    end)

    for _, method in ipairs({ "POST", "PUT", "PATCH" }) do
      it("says Content-Length: 0 for a " .. method .. " without a body", function()
        local request = sent({ method = method }, {})
        assert.equal(method .. " /stop HTTP/1.1", request:match("^[^\r]*"))
        assert.is_truthy(request:find("\r\nContent-Length: 0\r\n", 1, true))
        assert.is_nil(request:find("Content-Type", 1, true))
        assert.equal("", body_of(request))
      end)
    end

    it("has no body nor length for a DELETE, unless one is asked for", function()
      local bare = sent({ method = "DELETE" }, {})
      assert.equal("DELETE /stop HTTP/1.1", bare:match("^[^\r]*"))
      assert.is_nil(bare:find("Content%-Length"))
      local with = sent({ method = "DELETE", body = { open = "[", close = "]", escape = "json" } },
        { "a" })
      assert.equal("DELETE /stop HTTP/1.1", with:match("^[^\r]*"))
      assert.equal('["a"]', body_of(with))
    end)

    it("keeps the path of the base URL", function()
      local request = sent({ base = base .. "/pre/fix/", url = { open = "/stop" } }, {})
      assert.equal("POST /pre/fix/stop HTTP/1.1", request:match("^[^\r]*"))
    end)

    it("tells a proxy of plain http the whole URL", function()
      local form = { open = "/stop?id=", escape = "percent" }
      local request = sent({ base = "http://127.0.0.1:1/pre", url = form }, { "a/b" },
        { proxy = base })
      assert.equal("post http://127.0.0.1:1/pre/stop?id=a%2fb http/1.1",
        request:match("^[^\r]*"):lower())
    end)
  end)

  describe(":submit", function()
    it("uses a slot for one operation and then for another", function()
      local engine = new_engine({ slots = 1 })
      local post = prepare(engine, { body = { open = "[", close = "]", escape = "json" } })
      local get = prepare(engine, { method = "GET", url = { open = "/a/", escape = "percent" } })
      local connections = 0
      for _, case in ipairs({
        { post, "^POST /stop .*%[\"x\"%]$" },
        { get, "^GET /a/x .*\r\n\r\n$" },
        { post, "^POST /stop .*%[\"x\"%]$" },
      }) do
        assert(engine:submit(case[1], { "x" }, 1, 1, AMPLE))
        local answer = collect(engine)
        assert.is_truthy(answer.body:find(case[2]))
        connections = connections + answer.connections
      end
      assert.equal(1, connections)
      engine:close()
    end)

    it("has no more requests in flight than slots", function()
      local engine = new_engine({ slots = 2 })
      local operation = prepare(engine)
      assert(engine:submit(operation, {}, 1, 0, AMPLE))
      assert(engine:submit(operation, {}, 1, 0, AMPLE))
      local slot, message = engine:submit(operation, {}, 1, 0, AMPLE)
      assert.is_nil(slot)
      assert.equal("no free slot", message)
      collect(engine)
      assert(engine:submit(operation, {}, 1, 0, AMPLE))
      engine:close()
    end)

    it("raises on an id that is no string, and goes on working", function()
      local engine = new_engine()
      local operation = prepare(engine, { body = { open = "[", close = "]", escape = "json" } })
      assert.has_error(function()
        engine:submit(operation, { "a", 5 }, 1, 2, AMPLE)
      end, "id 2 is a number, not a string")
      assert(engine:submit(operation, { "a" }, 1, 1, AMPLE))
      assert.equal('["a"]', body_of(collect(engine).body))
      engine:close()
    end)

    it("sends nothing without a token", function()
      local engine = new_engine()
      local operation = engine:prepare({ method = "POST", base = base, url = { "/" },
        headers = { { "Authorization: Basic ", { "token" } } } })
      assert.has_error(function()
        engine:submit(operation, {}, 1, 0, AMPLE)
      end, "operation 1 has no token yet")
      engine:close()
    end)

    it("refuses a request that would be too large", function()
      local engine = new_engine()
      local operation = prepare(engine, { url = { open = "/", escape = "percent" } })
      local slot, message = engine:submit(operation, { ("x"):rep(300000) }, 1, 1, AMPLE)
      assert.is_nil(slot)
      assert.equal("the request would be too large", message)
      engine:close()
    end)

    it("takes a renewed token for the next request", function()
      local engine = new_engine()
      local operation = prepare(engine)
      engine:authorize(operation, (core.secret("renewed")))
      engine:submit(operation, {}, 1, 0, AMPLE)
      assert.is_truthy(collect(engine).body:find("Basic renewed\r\n", 1, true))
      engine:close()
    end)
  end)

  describe(":start", function()
    it("lets a request leave, and takes no answer", function()
      local heard, peer = 0, nil
      local listener = uv.new_tcp()
      assert(listener:bind("127.0.0.1", 0))
      assert(listener:listen(1, function()
        peer = uv.new_tcp()
        listener:accept(peer)
        peer:read_start(function(_, bytes)
          if bytes then
            heard = heard + 1
            peer:write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
          end
        end)
      end))
      local engine = new_engine()
      local operation = prepare(engine, {
        base = "http://127.0.0.1:" .. listener:getsockname().port,
      })
      assert(engine:submit(operation, {}, 1, 0, AMPLE))
      local slot
      server.wait(function()
        engine:step()
        slot = engine:collect()
        return slot
      end)
      assert.equal(1, heard)
      -- There is a connection now.
      assert(engine:submit(operation, {}, 1, 0, AMPLE))
      engine:start()
      assert.is_true(server.wait(function() return heard == 2 end))
      assert.is_nil(engine:collect())
      assert(engine:step())
      assert.is_truthy(engine:collect())
      engine:close()
      local open = 2
      for _, handle in ipairs({ listener, peer }) do
        handle:close(function()
          open = open - 1
        end)
      end
      assert.is_true(server.wait(function() return open == 0 end))
    end)
  end)

  -- A program that has to print "good", and to end well. %q is the server's URL.
  local function assert_good(program)
    local child = server.spawn({ server.interpreter(), "-e", program:format(base) })
    child:end_input()
    assert.equal("good", child.first_line)
    assert.equal(0, child.code)
  end

  -- In processes of their own: what waits for too long is ended there.
  describe(":wait", function()
    it("ends where there is no time", function()
      assert_good([[
        local engine = require("spec.support.engines").new({ slots = 1, max_response = 1,
          connect_timeout = 1000 })
        engine:wait(0)
        engine:wait(-1000)
        print("good")
      ]])
    end)

    it("ends with the answer, however long it might be", function()
      assert_good([[
        local engine = require("spec.support.engines").new({ slots = 1, max_response = 1000,
          connect_timeout = 1000 })
        local operation = engine:prepare({ method = "POST", base = %q, url = { "/slow" },
          headers = {} })
        -- From the second one on there are no timers of a new connection. A wait ends after a
        -- minute by itself: too late with the third.
        for _ = 1, 4 do
          assert(engine:submit(operation, {}, 1, 0, 1000))
          repeat
            assert(engine:step())
            engine:wait(1000)
          until engine:collect()
        end
        print("good")
      ]])
    end)
  end)

  describe("a connection", function()
    local function exchange(options, url)
      local engine = new_engine(options)
      local operation = prepare(engine, { base = url })
      for i = 1, 2 do
        assert(engine:submit(operation, {}, 1, 0, AMPLE))
        local answer = collect(engine)
        assert.is_nil(answer.fault)
        assert.equal(i == 1 and 1 or 0, answer.connections)
      end
      engine:close()
    end

    it("is used again where HTTP/2 is allowed and not spoken", function()
      exchange({ http2 = true }, base)
    end)

    local probe = uv.new_tcp()
    local has_ipv6 = probe:bind("::1", 0)
    probe:close()
    if has_ipv6 then
      it("is used again over IPv6", function()
        local six = server.spawn({ server.interpreter(), "spec/support/echo_server.lua" },
          { environment = { ECHO_ADDRESS = "::1" } })
        exchange({}, six.first_line)
        six:stop()
      end)
    end
  end)

  describe("Retry-After", function()
    local function retry_after(value)
      local engine = new_engine()
      local operation = prepare(engine, { headers = { "X-Retry: " .. value } })
      engine:submit(operation, {}, 1, 0, AMPLE)
      local answer = collect(engine)
      engine:close()
      return answer.retry_after
    end

    it("is read in seconds", function()
      assert.equal(7, retry_after("7"))
    end)

    it("is read as a date", function()
      local asked = os.time()
      local seconds = retry_after(os.date("!%a, %d %b %Y %H:%M:%S GMT", asked + 3600))
      -- From when the answer was there, which was between the two.
      assert.is_true(seconds <= 3600 and seconds >= 3600 - (os.time() - asked) - 1)
    end)

    it("is none when it is over, zero, or no time at all", function()
      for _, value in ipairs({ "Wed, 21 Oct 2015 07:28:00 GMT", "0", "-5", "soon", "1e3x" }) do
        local seconds = retry_after(value)
        assert.is_true(seconds == nil or seconds > 0, value)
        assert.is_true((seconds or 0) <= 1, value)
      end
    end)
  end)

  describe(":prepare", function()
    for what, fields in pairs({
      ["a header with a line break"] = { headers = { "X: 1\r\nY: 2" } },
      ["plain http to another host"] = { base = "http://example.org" },
      ["plain http to a host that looks like this one"] = { base = "http://127.0.0.1.example.org" },
      ["credentials in the base URL"] = { base = "https://user:pass@example.org" },
      ["another scheme"] = { base = "file:///etc/passwd" },
      ["a query in the base URL"] = { base = "https://example.org/?a=1" },
      ["no URL at all"] = { base = "::" },
      ["an escape that there is not"] = { url = { open = "/", escape = "rot13" } },
      ["a control byte before the token"] = { auth = "Authorization: Basic\r\nX: " },
    }) do
      it("refuses " .. what, function()
        local engine = new_engine()
        assert.has_error(function()
          prepare(engine, fields)
        end)
        engine:close()
      end)
    end

    it("allows plain http to another host only when asked to", function()
      assert.is_nil((core.check_base("http://example.org", false)))
      assert.equal("http://example.org", core.check_base("http://example.org", true))
      for _, url in ipairs({ "http://localhost:8", "http://LocalHost", "http://127.1.2.3",
        "http://[::1]:1", "http://[0:0:0:0:0:0:0:1]", "HTTP://127.255.255.255" }) do
        assert.message(url).is_truthy((core.check_base(url, false)))
      end
      for _, url in ipairs({ "http://localhost.example.org", "http://127.0.0.1.example.org",
        "http://128.0.0.1", "http://0.0.0.0", "http://[::2]", "http://[::]", "http://x.localhost",
        "http://[fe80::1]" }) do
        local usable, message = core.check_base(url, false)
        assert.message(url).is_nil(usable)
        assert.matches("plain http to another host", message)
      end
    end)

    it("knows an address in each of its spellings", function()
      for _, url in ipairs({ "https://stop.test", "https://stop.test/", "https://stop.test//",
        "HTTPS://Stop.Test", "https://stop.test:443", "https://stop.test:0443/" }) do
        assert.equal("https://stop.test", core.check_base(url, false))
      end
      assert.equal("http://stop.test", core.check_base("http://stop.test:80/", true))
      for _, url in ipairs({ "https://stop.test:80", "https://stop.test/A", "https://stop.test/a",
        "http://127.0.0.1:443" }) do
        assert.equal(url, core.check_base(url, false))
        assert.equal(url, core.check_base(url .. "/", false))
      end
    end)
  end)

  describe("an attempt that fails", function()
    it("tells that nothing was ever sent", function()
      local engine = new_engine()
      local operation = prepare(engine, { base = "http://127.0.0.1:1" })
      engine:submit(operation, {}, 1, 0, AMPLE)
      local answer = collect(engine)
      assert.equal("queued", answer.stage)
      assert.equal("connect", answer.fault)
      assert.is_string(answer.detail)
      engine:close()
    end)

    it("tells that it was sent when the time is up", function()
      local engine = new_engine()
      local operation = prepare(engine, { url = { open = "/hang" } })
      patience.grow(0.05, function(seconds)
        engine:submit(operation, {}, 1, 0, seconds)
        local answer = collect(engine)
        assert.message(answer.stage .. ": " .. tostring(answer.detail)).equal("timeout",
          answer.fault)
        return answer.stage == "sent"
      end)
      engine:close()
    end)

    -- By name, libcurl's resolver may get the number of the socket that was closed.
    for _, host in ipairs({ "127.0.0.1", "localhost" }) do
      it("harms no other when its time is up while it connects to " .. host, function()
        local engine = new_engine({ slots = 3 })
        local hanging = prepare(engine, { url = { open = "/hang" } })
        local operation = prepare(engine, { base = base:gsub("127%.0%.0%.1", host) })
        engine:submit(hanging, {}, 1, 0, AMPLE)
        engine:submit(hanging, {}, 1, 0, 0)
        local answer = collect(engine)
        assert.same({ "timeout", "queued" }, { answer.fault, answer.stage })
        engine:submit(operation, {}, 1, 0, AMPLE)
        answer = collect(engine)
        assert.message(answer.detail).equal("complete", answer.stage)
        assert.equal(1, engine:in_flight())
        engine:close()
      end)
    end

    it("takes an answer that is there, although the time is up when somebody looks", function()
      local request, peer
      local listener = uv.new_tcp()
      assert(listener:bind("127.0.0.1", 0))
      assert(listener:listen(1, function()
        peer = uv.new_tcp()
        listener:accept(peer)
        peer:read_start(function(_, bytes)
          request = bytes or request
        end)
      end))
      local answer = patience.grow(0.1, function(seconds)
        local engine = new_engine()
        local operation = prepare(engine, {
          base = "http://127.0.0.1:" .. listener:getsockname().port,
        })
        request = nil
        local till = core.now() + seconds
        engine:submit(operation, {}, 1, 0, seconds)
        server.wait(function()
          engine:step()
          return request or core.now() > till
        end)
        local has_answered = false
        if request and not engine:collect() then
          peer:write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", function()
            has_answered = true -- and the kernel has it for the other side
          end)
          server.wait(function() return has_answered end)
        end
        -- Had it looked before, it would have taken the answer in time.
        local is_in_time = core.now() < till
        server.wait(function() return core.now() > till end)
        local taken = has_answered and is_in_time and collect(engine)
        engine:close()
        return taken
      end)
      assert.equal("complete", answer.stage)
      local open = 2
      for _, handle in ipairs({ listener, peer }) do
        handle:close(function()
          open = open - 1
        end)
      end
      assert.is_true(server.wait(function() return open == 0 end))
    end)

    it("ends each attempt at its own time", function()
      patience.grow(0.05, function(seconds)
        local engine = new_engine({ slots = 4 })
        local operation = prepare(engine, { url = { open = "/hang" } })
        local slots, ended = {}, {}
        for i, times in ipairs({ 1, 3, 4, 2 }) do
          slots[engine:submit(operation, {}, 1, 0, times * seconds)] = i
        end
        for i = 1, 4 do
          local answer = collect(engine)
          assert.equal("timeout", answer.fault)
          ended[i] = slots[answer.slot]
        end
        engine:close()
        -- Who looks late finds several that have ended.
        return table.concat(ended) == "1423"
      end)
    end)

    it("stops at the limit of an answer", function()
      local engine = new_engine({ max_response = 1000 })
      local operation = prepare(engine, { url = { open = "/big" } })
      engine:submit(operation, {}, 1, 0, AMPLE)
      local answer = collect(engine)
      assert.equal("too_large", answer.fault)
      assert.not_equal("complete", answer.stage)
      engine:close()
    end)
  end)

  describe("its life", function()
    it("ends twice without harm, and raises when used after", function()
      local engine = new_engine()
      engine:close()
      engine:close()
      assert.equal("stopmsg.engine (closed)", tostring(engine))
      assert.has_error(function()
        engine:step()
      end, "attempt to use a closed engine")
    end)

    it("ends while requests are in flight", function()
      local engine = new_engine()
      local operation = prepare(engine, { url = { open = "/hang" } })
      engine:submit(operation, {}, 1, 0, AMPLE)
      engine:step()
      engine:close()
    end)

    it("is collected while requests are in flight", function()
      do
        local engine = new_engine()
        local operation = prepare(engine, { url = { open = "/hang" } })
        engine:submit(operation, {}, 1, 0, AMPLE)
        engine:step()
      end
      collectgarbage()
      collectgarbage()
    end)

    it("survives lua_close while requests are in flight", function()
      local code = ([[
        local engines = require("spec.support.engines")
        local engine = engines.new({ slots = 4, max_response = 1000, connect_timeout = 120 })
        local operation = engine:prepare({ method = "POST", base = %q, url = { "/hang" },
          headers = {} })
        engine:submit(operation, {}, 1, 0, 1000)
        engine:submit(operation, {}, 1, 0, 1000)
        engine:step()
        print("ready")
      ]]):format(base)
      local child = server.spawn({ server.interpreter(), "-e", code })
      child:end_input()
      assert.equal("ready", child.first_line)
      assert.equal(0, child.code)
      assert.equal(0, child.signal)
    end)

    it("ends with its block where Lua has <close>", function()
      local load = loadstring or load -- luacheck: ignore
      local chunk = load([[
        local core = ...
        local seen
        do
          local engine <close> = core.engine({ slots = 1, max_response = 1, connect_timeout = 1 })
          seen = engine
        end
        return tostring(seen)
      ]])
      if chunk then
        assert.equal("stopmsg.engine (closed)", chunk(core))
      else
        assert.is_nil(_VERSION:match("5.4"))
      end
    end)

    it("may end by a finalizer in the middle of a call", function()
      -- In a process of its own: with little else to go through, the collector gets that far.
      assert_good([[
        local engines = require("spec.support.engines")
        local finalizer = require("spec.support.finalizer")
        local said
        local function is_done(engine)
          local _, has_done = engine:step()
          return has_done
        end
        for _ = 1, 20 do
          local engine = engines.new({ slots = 1, max_response = 2000000, connect_timeout = 120 })
          local operation = engine:prepare({ method = "POST", base = %q, url = { "/big" },
            headers = {} })
          assert(engine:submit(operation, {}, 1, 0, 1000))
          while not is_done(engine) do
            engine:wait(0.1)
          end
          assert(tostring(engine) == "stopmsg.engine (open)")
          local slot, status, body, stage = finalizer.collect(engine, function()
            local inner = engine:collect()
            engine:close()
            local _, message = pcall(engine.step, engine)
            said = table.concat({ tostring(inner), tostring(engine),
              message:match("attempt.*") }, ", ")
          end)
          assert(slot == 1 and status == 200 and stage == "complete")
          assert(body == ("x"):rep(1000000))
          assert(said == "nil, stopmsg.engine (closed), attempt to use a closed engine", said)
          said = nil
        end
        print("good")
      ]])
    end)

    it("gives a finalizer in the middle of a call the next answer", function()
      assert_good([[
        local engines = require("spec.support.engines")
        local finalizer = require("spec.support.finalizer")
        local engine = engines.new({ slots = 2, max_response = 2000000, connect_timeout = 120 })
        local operation = engine:prepare({ method = "POST", base = %q, url = { "/big" },
          headers = {} })
        -- Steps until the second answer is there, too; more of them where it was not.
        local steps, rounds = 1000, 0
        while rounds < 5 do
          local slots, others = {}, {}
          for i = 1, 2 do
            slots[i] = assert(engine:submit(operation, {}, 1, 0, 1000))
            repeat
              engine:wait(0.1)
              local _, has_done = engine:step()
            until has_done
          end
          for _ = 1, steps do
            assert(engine:step())
          end
          local slot, status, body, stage = finalizer.collect(engine, function()
            others[#others + 1] = { engine:collect() }
          end)
          assert(slot == slots[1] and status == 200 and stage == "complete")
          assert(body == ("x"):rep(1000000))
          assert(#others == 1)
          local other = others[1]
          if other[1] then
            rounds = rounds + 1
          else
            steps = steps * 2
            repeat
              engine:wait(0.1)
              assert(engine:step())
              other = { engine:collect() }
            until other[1]
          end
          assert(other[1] == slots[2] and other[2] == 200 and other[4] == "complete")
          assert(other[3] == body)
          assert(engine:collect() == nil)
        end
        engine:close()
        print("good")
      ]])
    end)

    it("raises, and does not crash, when a method gets another object", function()
      local engine = assert(core.engine({ slots = 1, max_response = 1, connect_timeout = 1 }))
      assert.has_error(function()
        engine.step((core.secret("x")))
      end)
      assert.has_error(function()
        engine.step()
      end)
      engine:close()
    end)
  end)
end)
