-- What has arrived is read a slice a step, so that no step holds up those who share its thread:
-- nothing of it is lost, and nobody waits for what is there.

local certificates = require("spec.support.certificates")
local core = require("stopmsg.core")
local faults = require("spec.support.faults")

local AMPLE = 120

local FIELDS = { list = "items", id = "id", code = "code" }

-- As much work as JSON can be, and little enough to be kept by the kernel while nobody reads.
local LARGE = '{"items":[' .. ("1,"):rep(30000) .. '{"id":"a","code":200}]}'
local SMALL = '{"items":[{"id":"a","code":200}]}'

-- Steps that it takes, at least.
local STEPS = 3

describe("an answer that is more work than a step may do", function()
  local faulty, folder, tls_port, engine, call

  setup(function()
    folder = certificates.make()
    faulty = faults.start()
    tls_port = faulty:listen({ cert = folder .. "/good.pem", key = folder .. "/good.key" })
  end)

  teardown(function()
    faulty:stop()
    certificates.remove(folder)
  end)

  after_each(function()
    engine:close()
  end)

  -- Opens as many connections as there are answers, and sends a request over each. Then all is
  -- there: what the server has written, answer by answer.
  local function request(answers, transport, is_tls, timeout)
    engine = assert(core.engine({ slots = #answers, max_response = 1e6, connect_timeout = AMPLE,
      proxy = "", user_agent = "spec", ca_file = folder .. "/ca.pem", transport = transport }))
    local port = is_tls and tls_port or faulty.port
    local operation = engine:prepare({ method = "POST", url = { open = "/stop" }, items = FIELDS,
      headers = { "Expect:" },
      base = (is_tls and "https" or "http") .. "://127.0.0.1:" .. port })
    call = engine:call()
    local function submit(seconds)
      for _ = 1, #answers do
        assert(call:submit(operation, { "a" }, 1, 1, seconds))
      end
    end
    faulty:set({ port = port, ["then"] = faults.answer(faults.http("200 OK", SMALL), "stopped") })
    submit(AMPLE)
    for _ = 1, #answers do
      while not call:collect() do
        assert(engine:step())
        call:wait(AMPLE)
      end
    end
    local scripts = {}
    for i, answer in ipairs(answers) do
      scripts[i] = faults.answer(answer, "stopped")
      if answer:find("Connection: close", 1, true) then
        table.insert(scripts[i]["do"], { "close" })
      end
    end
    faulty:set({ port = port, requests = scripts })
    submit(timeout or AMPLE)
    engine:start()
    local count = 0
    while count < #answers do
      count = count + #faults.only(faulty:take(), "request")
    end
  end

  -- The results of all requests, in the order in which they ended, each with the steps till then.
  local function results(count)
    local list, steps = {}, 0
    while #list < count do
      assert(engine:step())
      steps = steps + 1
      local values = { call:collect() }
      while values[1] do
        list[#list + 1] = { stage = values[4], fault = values[5], steps = steps,
          surplus = values[9] and values[9]:surplus(), code = values[9] and values[9]:run(1, 1) }
        values = { call:collect() }
      end
      call:wait(#list < count and AMPLE or 0)
    end
    return list
  end

  local function http(body, framing)
    return faults.http("200 OK", body, framing)
  end

  for _, transport in ipairs({ "http1", "libcurl" }) do
    for _, way in ipairs({ "plain", "TLS" }) do
      for _, framing in ipairs({ "length", "chunked", "close" }) do
        it(("takes many steps, over %s, %s, its end told by %s"):format(transport, way, framing),
          function()
            request({ http(LARGE, framing) }, transport, way == "TLS")
            local result = results(1)[1]
            assert.same({ "complete", 200, 30000 }, { result.stage, result.code, result.surplus })
            assert.is_true(result.steps >= STEPS, "took no more than " .. result.steps)
          end)
      end

      it(("holds up no other, over %s, %s"):format(transport, way), function()
        request({ http(LARGE), http(LARGE), http(SMALL) }, transport, way == "TLS")
        local list = results(3)
        assert.equal(0, list[1].surplus)
        for i = 1, 3 do
          assert.same({ "complete", 200 }, { list[i].stage, list[i].code })
        end
        assert.is_true(list[3].steps >= STEPS * 2, "took no more than " .. list[3].steps)
      end)
    end
  end

  it("takes many steps if its chunks are short", function()
    -- Not 200: nothing but the chunks is work.
    request({ "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
      .. ("1\r\nx\r\n"):rep(30000) .. "0\r\n\r\n" }, "http1")
    local result = results(1)[1]
    assert.equal("complete", result.stage)
    assert.is_true(result.steps >= STEPS, "took no more than " .. result.steps)
  end)

  for _, transport in ipairs({ "http1", "libcurl" }) do
    for name, lines in pairs({
      headers = ("a:\r\n"):rep(8000) .. "Content-Length: 0\r\n",
      interim = "X: y\r\n\r\n" .. ("HTTP/1.1 103 Hints\r\n\r\n"):rep(6000)
        .. "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
      trailers = "Transfer-Encoding: chunked\r\n\r\n0\r\n" .. ("a:\r\n"):rep(8000),
    }) do
      it(("is refused where it is lines without end, over %s: %s"):format(transport, name),
        function()
          local first = name == "interim" and "HTTP/1.1 103 Hints\r\n" or "HTTP/1.1 200 OK\r\n"
          request({ first .. lines .. "\r\n" }, transport)
          local result = results(1)[1]
          assert.same({ "status", "too_large" }, { result.stage, result.fault })
        end)
    end
  end

  it("is in time if all of it was there in time", function()
    request({ http(LARGE), http(SMALL) }, "http1", false, 0.5)
    local till = core.now() + 0.5
    while core.now() < till do
    end
    for _, result in ipairs(results(2)) do
      assert.same({ "complete", 200 }, { result.stage, result.code })
    end
  end)

  it("says that there is more, and can be dropped in the middle", function()
    request({ http(LARGE) }, "http1", true)
    assert.same({ true, true }, { engine:step() })
    assert.is_nil(call:collect())
    engine:close()
  end)
end)
