-- The stop gateway of examples/openresty, as it is shipped, on a real nginx with two workers.

-- nginx's Lua is LuaJIT: one run of the matrix is enough.
if not rawget(_G, "jit") then
  return
end

local faults = require("spec.support.faults")
local files = require("spec.support.files")
local gateways = require("spec.support.gateway")
local http10 = require("spec.support.http10")
local json = require("stopmsg.json")
local server = require("spec.support.server")
local uv = require("luv")

local CANARY = "canary-7f3a91c4e2b8"
local TEXT = { ["Content-Type"] = "text/plain" }
local JSON = { ["Content-Type"] = "application/json" }
local STREAM = { ["Content-Type"] = "text/plain", Accept = "application/x-ndjson" }

local function uuid(n, fate)
  return ("%08x-0000-4000-8000-%08x%s"):format(n, n, fate or "aaaa")
end

local function uuids(count)
  local list = {}
  for i = 1, count do
    list[i] = uuid(i)
  end
  return list
end

local function sum_of(series, pattern)
  local sum = 0
  for name, value in pairs(series) do
    if name:find(pattern) then
      sum = sum + value
    end
  end
  return sum
end

describe("examples/openresty", function()
  describe("with Revicom", function()
    local gateway, sandbox
    local requests = 0 -- to all but /metrics and /health

    setup(function()
      sandbox = server.start()
      gateway = gateways.start({ STOPMSG_TOKEN = "sandbox", STOPMSG_BASE_URL = sandbox.url,
        STOPMSG_MAX_IDS = "100000" })
    end)

    teardown(function()
      gateway:stop()
      sandbox:stop()
    end)

    local function ask(...)
      requests = requests + 1
      return http10.ask(gateway.port, ...)
    end

    it("answers a list in JSON with its items in order", function()
      local answer = ask("POST", "/stop", JSON, json.encode({
        ids = { uuid(1), uuid(2, "0403"), "nonsense", uuid(3, "0404"), uuid(1) },
      }))
      assert.equal(200, answer.status)
      assert.equal("application/json", answer.headers["content-type"])
      local document = json.decode(answer.body)
      local said = {}
      for i, item in ipairs(document.items) do
        said[i] = item.id .. " " .. item.outcome
      end
      assert.same({
        uuid(1) .. " stopped", uuid(2, "0403") .. " too_late", "nonsense invalid",
        uuid(3, "0404") .. " not_found", uuid(1) .. " stopped",
      }, said)
      assert.equal(5, document.total)
      assert.equal(2, document.counts.stopped)
      assert.equal(1, document.requests)
    end)

    it("takes numbers as ids", function()
      local answer = ask("POST", "/stop", JSON, '{"ids":[9007199254740991]}')
      assert.equal("9007199254740991", json.decode(answer.body).items[1].id)
    end)

    it("takes a list of lines, with comments, blank ones and those of other systems", function()
      local answer = ask("POST", "/stop", { ["Content-Type"] = "text/plain; charset=utf-8" },
        "# wrong campaign\n" .. uuid(1) .. "\r\n\r\n  " .. uuid(2) .. " \n\n" .. uuid(3))
      local document = json.decode(answer.body)
      assert.equal(3, document.counts.stopped)
      assert.equal(3, document.total)
      assert.equal(uuid(3), document.items[3].id)
    end)

    it("streams where the caller asks for it, with the totals as the last line", function()
      local answer = ask("POST", "/stop", STREAM, uuid(1) .. "\n" .. uuid(2, "0403") .. "\n")
      assert.equal("application/x-ndjson", answer.headers["content-type"])
      local lines = gateways.decode_lines(answer.body)
      assert.equal(3, #lines)
      assert.same({ id = uuid(1), outcome = "stopped", code = 200 }, lines[1])
      assert.equal(2, lines[3].total)
      assert.equal(1, lines[3].counts.too_late)
    end)

    it("answers 10,000 ids with one document", function()
      local answer = ask("POST", "/stop", TEXT, table.concat(uuids(10000), "\n"))
      local document = json.decode(answer.body)
      assert.equal(10000, #document.items)
      for i = 1, 10000, 999 do
        assert.equal(uuid(i), document.items[i].id)
      end
      assert.equal(10000, document.counts.stopped)
      assert.is_true(document.ok)
    end)

    it("streams 100,000 ids from a buffered file, each of them once", function()
      local body = table.concat(uuids(100000), "\n")
      local lines = gateways.decode_lines(ask("POST", "/stop", TEXT, body).body)
      assert.equal(100001, #lines)
      local seen = {}
      for i = 1, 100000 do
        assert.equal("stopped", lines[i].outcome)
        assert.is_nil(seen[lines[i].id])
        seen[lines[i].id] = true
      end
      assert.equal(100000, lines[100001].total)
      assert.equal(10, lines[100001].requests)
    end)

    for what, case in pairs({
      ["no body"] = { "POST", JSON, nil, 400, "no_ids" },
      ["broken JSON"] = { "POST", JSON, '{"ids":[', 400, "not_json" },
      ["another document"] = { "POST", JSON, '["a"]', 400, "no_ids" },
      ["an empty list"] = { "POST", JSON, '{"ids":[]}', 400, "no_ids" },
      ["an id that is none"] = { "POST", JSON, '{"ids":["a",null]}', 400, "wrong_id" },
      ["a fraction"] = { "POST", JSON, '{"ids":[1.5]}', 400, "wrong_id" },
      ["a number beyond what JSON can tell"] = { "POST", JSON, '{"ids":[9007199254740993]}', 400,
        "wrong_id" },
      ["JSON that is kept in a file"] = { "POST", JSON, (" "):rep(1400000), 413, "too_large" },
      ["comments alone"] = { "POST", TEXT, "# nothing\n\n", 400, "no_ids" },
      ["a line that is too long"] = { "POST", TEXT, "a\n" .. ("b"):rep(257), 400, "wrong_line",
        "line 2 is longer than 256 bytes" },
      ["a long text without lines"] = { "POST", TEXT, ("b"):rep(1400000), 400, "wrong_line",
        "line 1 is longer than 256 bytes" },
      ["what is no text"] = { "POST", TEXT, "a\nb\n\31\139\8", 400, "wrong_line",
        "line 3 is not printable ASCII" },
      ["more ids than allowed"] = { "POST", TEXT, ("a\n"):rep(100001), 413, "too_many_ids" },
      ["another type"] = { "POST", { ["Content-Type"] = "text/csv" }, "a", 415, "wrong_type" },
      ["no type"] = { "POST", {}, "a", 415, "wrong_type" },
      ["another method"] = { "GET", {}, nil, 405, "wrong_method" },
      ["a body beyond client_max_body_size"] = { "POST", { ["Content-Length"] = "67108865" }, nil,
        413, "http_413" },
      ["a web page"] = { "POST", { ["Content-Type"] = "text/plain", Origin = "http://a.example" },
        "a", 403, "http_403" },
      ["another path"] = { "GET", {}, nil, 404, "http_404", path = "/" },
    }) do
      it("refuses " .. what, function()
        local sent = #sandbox:log()
        local answer = ask(case[1], case.path or "/stop", case[2], case[3])
        assert.equal(case[4], answer.status)
        assert.equal("application/json", answer.headers["content-type"])
        local err = json.decode(answer.body).error
        assert.equal(case[5], err.code)
        assert.equal(case[6] or err.message, err.message)
        assert.equal(sent, #sandbox:log())
      end)
    end

    it("tells how it is, and counts nothing for that", function()
      local answer = http10.ask(gateway.port, "GET", "/health")
      assert.equal(200, answer.status)
      assert.equal("ok", json.decode(answer.body).status)
    end)

    it("counts all of that over both workers", function()
      local series = gateways.await(gateway, "request_seconds_count", requests)
      assert.equal(requests, sum_of(series, "^requests_total{"))
      assert.equal(requests, series['request_seconds_bucket{le="+Inf"}'])
      assert.is_true(series['request_seconds_bucket{le="0.01"}'] > 0)
      assert.equal(1, series['requests_total{status="405"}'])
      assert.equal(3, series['requests_total{status="413"}'])
      assert.equal(series.ids_received_total,
        sum_of(series, "^ids_total{") + series.ids_abandoned_total)
      assert.equal(0, series['ids_total{outcome="unknown"}'])
      assert.equal(2, series['ids_total{outcome="too_late"}'])
      assert.equal(#sandbox:log(), series.upstream_requests_total)
    end)

    it("leaves nothing but what nginx refused in its error log", function()
      for line in gateway:log():gmatch("[^\n]+") do
        if not line:find("[notice]", 1, true) then
          assert.matches("client intended to send too large body", line, 1, true)
        end
      end
    end)
  end)

  describe("with a provider that holds its answers back", function()
    local CONCURRENCY = 4
    local provider = faults.providers[3]
    local gateway, held
    local answer = faults.answer(faults.http(provider.stopped()), "stopped")
    local answer_later = faults.answer(faults.http(provider.stopped()), "stopped")
    table.insert(answer_later["do"], 2, { "hold" })

    setup(function()
      held = faults.start()
      gateway = gateways.start({ STOPMSG_PROVIDER = provider.name, STOPMSG_TOKEN = "sandbox",
        STOPMSG_BASE_URL = held.url, STOPMSG_CONCURRENCY = tostring(CONCURRENCY) }, 1)
    end)

    teardown(function()
      gateway:stop()
      held:stop()
    end)

    local function list(count)
      local ids = {}
      for i = 1, count do
        ids[i] = provider.id(i)
      end
      return table.concat(ids, "\n")
    end

    it("flushes items as they settle, and sends nothing more for a caller that hangs up", function()
      held:set({ requests = { answer }, ["then"] = answer_later })
      local exchange = http10.send(gateway.port, "POST", "/stop", STREAM, list(100)):head()
      assert.equal("stopped", json.decode(exchange:line()).outcome)
      assert.is_true(gateways.metrics(gateway).ids_in_flight > 0)
      exchange:close()
      local series = gateways.await(gateway, "ids_in_flight", 0)
      assert.equal(99, series.ids_abandoned_total)
      -- What is in flight comes to its end, and nothing comes after it.
      held:go()
      local count = #faults.only(held:take(), "request")
      assert.equal(200, http10.ask(gateway.port, "POST", "/stop", TEXT, list(1)).status)
      count = count + #faults.only(held:take(), "request")
      assert.is_true(count <= 1 + CONCURRENCY + 1, count .. " requests")
    end)

    it("ends a call at once whose caller hangs up", function()
      local before = gateways.metrics(gateway)
      held:set({ ["then"] = answer_later })
      local exchange = http10.send(gateway.port, "POST", "/stop", TEXT, list(1))
      gateways.await(gateway, "ids_in_flight", 1)
      exchange:close()
      local series = gateways.await(gateway, "ids_in_flight", 0)
      assert.equal(before.ids_abandoned_total + 1, series.ids_abandoned_total)
      held:go()
    end)
  end)

  it("takes a new token from its file, and tells no token to anybody", function()
    local sandbox = server.start()
    local path = os.tmpname()
    files.write(path, CANARY .. "\n")
    uv.fs_chmod(path, tonumber("644", 8))
    local gateway = gateways.start({ STOPMSG_TOKEN_FILE = path, STOPMSG_BASE_URL = sandbox.url })
    finally(function()
      gateway:stop()
      sandbox:stop()
      os.remove(path)
    end)
    local body = table.concat(uuids(3), "\n")
    local said = {}
    local function stop()
      local answer = http10.ask(gateway.port, "POST", "/stop", TEXT, body)
      said[#said + 1] = answer.body
      return json.decode(answer.body)
    end

    os.remove(path)
    assert.equal("fault", stop().error.code)
    files.write(path, CANARY .. "\n")
    uv.fs_chmod(path, tonumber("644", 8))
    local refused = stop()
    assert.equal("denied", refused.items[1].outcome)
    assert.equal(3, refused.counts.denied)
    files.write(path, "sandbox\n")
    local renewed = stop()
    assert.equal(3, renewed.counts.stopped)
    sandbox:stop()
    local down = stop()
    assert.equal(3, down.counts.failed)
    assert.equal("connect", down.items[1].reason)

    gateways.await(gateway, "request_seconds_count", 4) -- the log phase comes after the answer
    local series, text = gateways.metrics(gateway)
    assert.equal(1, series['requests_total{status="500"}'])
    assert.equal(9, series.ids_received_total)
    assert.equal(0, series.ids_in_flight)
    assert.equal(3, series['ids_total{outcome="denied"}'])
    assert.equal(3, series['ids_total{outcome="failed"}'])
    assert.is_true(series['upstream_errors_total{reason="http_401"}'] >= 1)
    assert.is_true(series['upstream_errors_total{reason="connect"}'] >= 4)
    assert.is_true(series.upstream_retries_total >= 3)
    said[#said + 1] = text
    said[#said + 1] = files.read(gateway.dir .. "/access.log")
    gateway:stop()
    said[#said + 1] = gateway:log()
    assert.matches("STOPMSG_TOKEN_FILE: " .. path .. ": No such file", gateway:log(), 1, true)
    assert.is_nil(table.concat(said):find(CANARY, 1, true))
  end)

  for what, case in pairs({
    ["no token"] = { {}, "STOPMSG_TOKEN_FILE or STOPMSG_TOKEN is missing" },
    ["a token file that is not there"] = { { STOPMSG_TOKEN_FILE = "/nowhere/token" },
      "STOPMSG_TOKEN_FILE: /nowhere/token: No such file" },
    ["a provider that nobody knows"] = { { STOPMSG_TOKEN = CANARY, STOPMSG_PROVIDER = "acme" },
      "option 'provider'" },
    ["a rate that is no number"] = { { STOPMSG_TOKEN = CANARY, STOPMSG_RATE = "fast" },
      "STOPMSG_RATE: a number above 0 expected, got 'fast'" },
  }) do
    it("does not start with " .. what, function()
      local started, message = pcall(gateways.start, case[1])
      assert.is_false(started)
      assert.matches(case[2], message, 1, true)
      assert.is_nil(message:find(CANARY, 1, true))
    end)
  end
end)
