-- What a server says before it has the request. On a new connection nothing is sent after that;
-- of a request that is not whole yet a refusal is believed, and a confirmation is not.

local certificates = require("spec.support.certificates")
local core = require("stopmsg.core")
local engines = require("spec.support.engines")
local faults = require("spec.support.faults")
local files = require("spec.support.files")
local server = require("spec.support.server")

local AMPLE = 120

-- More than the kernel takes while nobody reads.
local MANY = {}
for i = 1, 12 do
  MANY[i] = ("x"):rep(1024 * 1024)
end

local ANSWER = faults.http("200 OK", "{}")
local GREETINGS = { ["an answer"] = ANSWER, ["another protocol"] = "220 mail.test ESMTP\r\n" }

-- An engine that begins to send one POST.
local function begin(url, ids, ca_file)
  local engine = assert(engines.new({ slots = 1, max_response = 1000, connect_timeout = AMPLE,
    proxy = "", user_agent = "spec", ca_file = ca_file }))
  local operation = engine:prepare({ method = "POST", url = { "/stop" }, base = url,
    headers = { "Expect:" }, body = { "[", { "ids", "json", 0, "," }, "]" } })
  assert(engine:submit(operation, ids, 1, #ids, AMPLE))
  return engine
end

-- { status, stage, fault } of it. Each connection is made before look() is called, and used after.
local function finish(engine, look)
  local values
  repeat
    if look then
      engine:start()
      look()
    end
    assert(engine:step())
    values = { engine:collect() }
    if not values[1] then
      engine:wait(AMPLE)
    end
  until values[1]
  engine:close()
  return { status = values[2], stage = values[4], fault = values[5] }
end

describe("a server that speaks before it has the request", function()
  local faulty, folder

  setup(function()
    faulty = faults.start()
    folder = certificates.make()
  end)

  teardown(function()
    faulty:stop()
    certificates.remove(folder)
  end)

  -- What came of it, and how many connections and requests the server has seen; `count` of the
  -- connections begin with this script.
  local function greet(count, actions)
    local accept = {}
    for i = 1, count do
      accept[i] = { ["do"] = actions }
    end
    faulty:set({ accept = accept, ["then"] = faults.answer(ANSWER, "stopped") })
    local seen = { connection = 0, request = 0 }
    local function look()
      for _, record in ipairs(faulty:take()) do
        seen[record.event] = seen[record.event] + 1
      end
    end
    local answer = finish(begin(faulty.url, { "1" }), look)
    look()
    return answer, seen
  end

  for name, bytes in pairs(GREETINGS) do
    it("gets it over another connection: " .. name, function()
      local answer, seen = greet(1, { { "write", bytes } })
      assert.same({ status = 200, stage = "complete" }, answer)
      assert.same({ connection = 2, request = 1 }, seen)
    end)

    it("never gets it where it does so again: " .. name, function()
      local answer, seen = greet(3, { { "write", bytes } })
      assert.same({ status = 0, stage = "queued", fault = "lost" }, answer)
      assert.same({ connection = 2, request = 0 }, seen)
    end)
  end

  it("gets it over another connection after a hang-up", function()
    local answer, seen = greet(1, { { "close" } })
    assert.same({ status = 200, stage = "complete" }, answer)
    assert.same({ connection = 2, request = 1 }, seen)
  end)

  -- The server has a part of a large request, and answers.
  local function interrupt(bytes, ...)
    faulty:set({ ["then"] = { ["do"] = { { "read", 1000 }, { "write", bytes }, ... } } })
    local answer = finish(begin(faulty.url, MANY))
    faulty:go()
    faulty:take()
    return answer
  end

  for _, status in ipairs({ "200 OK", "202 Accepted", "302 Found" }) do
    it("is not believed: " .. status, function()
      assert.same({ status = tonumber(status:match("%d+")), stage = "status",
        fault = "protocol" }, interrupt(faults.http(status, "{}"), { "hold" }, { "reset" }))
    end)
  end

  for _, status in ipairs({ "401 No", "408 Late", "413 Large", "503 Busy" }) do
    it("is believed when it refuses: " .. status, function()
      assert.same({ status = tonumber(status:match("%d+")), stage = "complete" },
        interrupt(faults.http(status, "{}", nil, "Connection: close\r\n"), { "hold" },
          { "reset" }))
    end)
  end

  it("may send an interim answer", function()
    assert.same({ status = 200, stage = "complete" }, interrupt(
      "HTTP/1.1 100 Continue\r\n\r\n", { "read", "all" }, { "write", ANSWER }))
  end)

  if core.transport == "http1" then
    for name, bytes in pairs(GREETINGS) do
      it("gets nothing over TLS: " .. name, function()
        local path = os.tmpname()
        local child = server.spawn({ "python3", "spec/support/greeting_server.py",
          folder .. "/good.pem", folder .. "/good.key", bytes, path })
        local answer = finish(begin("https://127.0.0.1:" .. child.first_line,
          { "1" }, folder .. "/ca.pem"))
        child:stop()
        local sent = files.read(path)
        os.remove(path)
        assert.same({ status = 0, stage = "connected", fault = "lost" }, answer)
        assert.equal("", sent)
      end)
    end
  end
end)
