-- What definitions declare, over real sockets: what is sent, and what becomes of the answers.

local json = require("stopmsg.json")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local SECRET = "canary+4d/1f=77"

-- A definition as short as one can be, with changes.
local function definition(changes)
  local made = {
    name = "acme",
    url = "https://api.acme.example/v1",
    headers = { ["X-Key"] = "{token}" },
    id = { pattern = "^%w+$", about = "letters and digits" },
    error = { code = "error", form = "^%u[%u_]+$" },
    stop = { request = "POST /stop/{id}", [200] = { code = "result", means = { ok = "stopped" } } },
  }
  for name, value in pairs(changes or {}) do
    made[name] = value
  end
  return made
end

describe("a definition", function()
  local one

  after_each(function()
    if one then
      one:stop()
      one = nil
    end
  end)

  -- A client of it whose requests go to a server that answers as `code` says.
  local function client(changes, code, options)
    one = server.scripted(code)
    local all = { provider = definition(changes), token = SECRET, base_url = one.url,
      concurrency = 1 }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    return stopmsg.new(all)
  end

  local OK = [[return function() return 200, '{"result":"ok"}' end]]

  local function outcomes(report)
    local list = {}
    for i, item in ipairs(report) do
      list[i] = item.outcome
    end
    return list
  end

  local function targets(log)
    local list = {}
    for i, request in ipairs(log) do
      list[i] = request.target
    end
    return list
  end

  describe("{uuid}", function()
    it("is one a request, and the same in its repeats", function()
      local c = client({ stop = { request = "POST /stop/{id}",
        headers = { ["Idempotency-Key"] = "{uuid}" },
        [200] = { code = "result", means = { ok = "stopped" } } } }, [[
        local seen = {}
        return function(request)
          if seen[request.target] then
            return 200, '{"result":"ok"}'
          end
          seen[request.target] = true
          return 503, ""
        end]])
      local report = c:stop({ "a", "b" })
      assert.same({ "stopped", "stopped" }, outcomes(report))
      local keys, count = {}, 0
      for _, request in ipairs(one:log()) do
        local key = request.headers["idempotency-key"]
        assert.is_truthy(key:find("^%x+%-%x+%-4%x+%-%x+%-%x+$"), key)
        assert.is_true(keys[request.target] == nil or keys[request.target] == key)
        keys[request.target] = key
        count = count + 1
      end
      assert.equal(4, count)
      assert.are_not.equal(keys["/v1/stop/a"], keys["/v1/stop/b"])
    end)
  end)

  describe("many", function()
    local MANY = {
      stop = {
        request = "DELETE /message/{id}",
        [200] = { code = "result", means = { ok = "stopped" } },
        many = {
          request = "DELETE /messages?ids={ids}",
          join = ",",
          limit = { 2, 3 },
          [200] = { each = "done", id = "id", code = "result", means = { ok = "stopped" } },
        },
      },
    }
    local BOTH = [[return function(request)
      local list = request.target:match("ids=(.*)")
      if not list then
        return 200, '{"result":"ok"}'
      end
      local done = {}
      for id in list:gmatch("%w%d+") do
        done[#done + 1] = ('{"id":"%s","result":"ok"}'):format(id)
      end
      return 200, '{"done":[' .. table.concat(done, ",") .. ']}'
    end]]

    it("asks about as many as go, and about one that is left by the form for one", function()
      local c = client(MANY, BOTH)
      local report = c:stop({ "a1", "a2", "a3", "a4" })
      assert.same({ "stopped", "stopped", "stopped", "stopped" }, outcomes(report))
      assert.same({ "/v1/messages?ids=a1,a2,a3", "/v1/message/a4" }, targets(one:log()))
    end)

    it("asks about one only by the form for one", function()
      local c = client(MANY, BOTH)
      assert.same({ "stopped" }, outcomes(c:stop({ "a1" })))
      assert.same({ "/v1/message/a1" }, targets(one:log()))
    end)
  end)

  describe("answers in XML", function()
    it("are lists like others, of one element, too", function()
      local c = client({ answers = { format = "xml", root = "reply" }, stop = {
        request = "POST /stop",
        text = { type = "application/xml", body = "<ids>{ids}</ids>" },
        join = " ",
        limit = 2,
        [200] = { each = "items.item", id = "id", code = "result", means = { ok = "stopped" } },
      } }, [[return function(request)
        local all = {}
        for id in request.body:match("<ids>(.*)</ids>"):gmatch("%S+") do
          all[#all + 1] = "<item><id>" .. id .. "</id><result>ok</result></item>"
        end
        return 200, "<reply><items>" .. table.concat(all) .. "</items></reply>"
      end]])
      assert.same({ "stopped", "stopped", "stopped" }, outcomes(c:stop({ "a", "b", "c" })))
      assert.equal(2, #one:log())
    end)
  end)

  describe("together", function()
    local TOGETHER = {
      id = { write = "{channel}/{message}", channel = "^%u%d$", message = "^%d+$" },
      stop = {
        request = "POST /stop/{channel}",
        json = { list = "{message}" },
        limit = 2,
        together = "channel",
        [200] = { each = "done", id = { channel = "c", message = "m" }, code = "r",
          means = { ok = "stopped" } },
      },
    }
    TOGETHER.stop.json = { list = "{ids}" }
    local ANSWER = [[
      local json = require("stopmsg.json")
      return function(request)
        local done = {}
        local channel = request.target:match("[^/]+$")
        for _, id in ipairs(json.decode(request.body).list) do
          done[#done + 1] = ('{"c":"%s","m":"%s","r":"ok"}'):format(channel, id:match("%d+$"))
        end
        return 200, '{"done":[' .. table.concat(done, ",") .. ']}'
      end]]

    it("sends only ids that share the part", function()
      local c = client(TOGETHER, ANSWER)
      local report = c:stop({ "A1/1", "B1/1", "A1/2", "A1/3", "B1/2", "C1/9" })
      assert.same({ "stopped", "stopped", "stopped", "stopped", "stopped", "stopped" },
        outcomes(report))
      assert.equal("B1/1", report[2].id)
      local log = one:log()
      assert.equal(4, #log)
      for _, request in ipairs(log) do
        local channel = request.target:match("[^/]+$")
        for _, id in ipairs(json.decode(request.body).list) do
          assert.is_truthy(id:find("^" .. channel .. "/") or id:find("^%d+$"), id)
        end
      end
    end)

    it("loses no id of thousands, whatever their order", function()
      local c = client(TOGETHER, ANSWER)
      local list = {}
      for i = 1, 3000 do
        list[i] = ("%s%d/%d"):format(("ABCDEFGHIJ"):sub(i * 7 % 10 + 1, i * 7 % 10 + 1), i % 10, i)
      end
      local report = c:stop(list)
      assert.equal(3000, #report)
      assert.equal(3000, report.counts.stopped)
    end)

    it("takes ids as tables of their parts", function()
      local c = client(TOGETHER, ANSWER)
      local report = c:stop({ { channel = "A1", message = 7 }, { channel = "A1" } })
      assert.equal("stopped", report[1].outcome)
      assert.equal("invalid", report[2].outcome)
      assert.is_truthy(report[2].message:find("message", 1, true))
      assert.equal("stopped", c:stop({ channel = "A1", message = "8" })[1].outcome)
    end)
  end)

  describe("a reading", function()
    -- what, stop, the answer, outcomes of a, b and c, and what a warning says.
    for _, case in ipairs({
      { "of a status without a body", { request = "DELETE /{id}", [204] = "stopped" },
        'return 204, ""', { "stopped", "stopped", "stopped" } },
      { "of a status that comes bare", { request = "DELETE /{id}", [204] = "stopped",
        bare = { 404 }, [404] = { "not_stoppable", "gone_or_sent" } },
        'return request.target:find("/b") and 404 or 204, ""',
        { "stopped", "not_stoppable", "stopped" } },
      { "of ids that worked, and what holds for the others", {
        request = "POST /stop", json = { list = "{ids}" }, limit = 3,
        [200] = { each = "done", means = "stopped", others = "not_found" } },
        [[return 200, '{"done":["a","c"]}']], { "stopped", "not_found", "stopped" } },
      { "of ids that worked, with one that nobody asked for", {
        request = "POST /stop", json = { list = "{ids}" }, limit = 3,
        [200] = { each = "done", means = "stopped", others = "not_found" } },
        [[return 200, '{"done":["a","z"]}']], { "stopped", "unknown", "unknown" },
        "1 item(s) that were not requested" },
      { "of a list that goes on", {
        request = "POST /stop", json = { list = "{ids}" }, limit = 3,
        [200] = { each = "done", means = "stopped", others = "not_found", next = "more" } },
        [[return 200, '{"done":["a"],"more":"x"}']], { "stopped", "unknown", "unknown" } },
      { "of a count", { request = "DELETE /{id}",
        [200] = { code = "count", more_than = 0, means = { [true] = "stopped",
          [false] = "not_stoppable" } } },
        [[return 200, request.target:find("/b") and '{"count":0}' or '{"count":2}']],
        { "stopped", "not_stoppable", "stopped" } },
      { "of true and false", { request = "DELETE /{id}",
        [200] = { code = "ok", means = { [true] = "stopped" } } },
        [[return 200, request.target:find("/b") and '{"ok":false}' or '{"ok":true}']],
        { "stopped", "unknown", "stopped" } },
      { "of the first path that gives something", { request = "DELETE /{id}",
        [200] = { code = { "error", "state" }, means = { gone = "stopped", busy = "too_late" } } },
        [[return 200, request.target:find("/b") and '{"error":"busy","state":"gone"}'
          or '{"state":"gone"}']], { "stopped", "too_late", "stopped" } },
      { "of the worst of several values", { request = "DELETE /{id}",
        [200] = { code = "to[].s", means = { gone = "stopped", sent = "too_late" } } },
        [[return 200, request.target:find("/b") and '{"to":[{"s":"gone"},{"s":"sent"}]}'
          or '{"to":[{"s":"gone"},{"s":"gone"}]}']], { "stopped", "too_late", "stopped" } },
      { "of a list in which a value is missing", { request = "DELETE /{id}",
        [200] = { code = "to[].s", means = { gone = "stopped" } } },
        [[return 200, request.target:find("/b") and '{"to":[{"s":"gone"},{}]}'
          or request.target:find("/c") and '{"to":[null,{"s":"gone"}]}'
          or '{"to":[{"s":"gone"}]}']], { "stopped", "unknown", "unknown" } },
      { "of the id that was asked", { request = "DELETE /{id}",
        [200] = { id = "id", means = "stopped" } },
        [[return 200, '{"id":"a"}']], { "stopped", "unknown", "unknown" } },
      { "of the whole body", { request = "DELETE /{id}",
        [200] = { exactly = "{}", means = "stopped" } },
        [[return 200, request.target:find("/b") and '{"a":1}' or "{}"]],
        { "stopped", "unknown", "stopped" } },
      { "with words for errors", { request = "DELETE /{id}", [204] = "stopped",
        refused = { SENT = "too_late", ["409/NONE"] = "not_found" } },
        [[if request.target:find("/a") then return 204, "" end
          return 409, request.target:find("/b") and '{"error":"SENT"}' or '{"error":"NONE"}']],
        { "stopped", "too_late", "not_found" } },
      { "with words in the texts of errors", { request = "DELETE /{id}", [204] = "stopped",
        error = { text = "text", form = "text" }, texts = { ["already sent"] = "too_late" } },
        [[if request.target:find("/a") then return 204, "" end
          return 400, request.target:find("/b") and '{"text":"It was Already Sent."}'
            or '{"text":"No."}']],
        { "stopped", "too_late", "failed" } },
      { "with a batch that is cut in halves", {
        request = "POST /stop", json = { list = "{ids}" }, limit = 3,
        refused = { BAD = "halve" }, [200] = { each = "done", means = "stopped" } },
        [[if request.body:find('"b"') then return 409, '{"error":"BAD"}' end
          return 200, '{"done":' .. request.body:match("%[.*%]") .. "}"]],
        { "stopped", "invalid", "stopped" } },
      { "with counters of what had left", { request = "DELETE /{id}",
        limit = 1, json = { list = "{id}" },
        [200] = { each = "list", id = "id", state = "s", means = { ok = "stopped" },
          left = { "sent", "gone" } } },
        [[return 200, '{"list":[{"id":"' .. request.target:match("%w$")
          .. '","s":"ok","sent":2,"gone":1}]}']],
        { "stopped", "stopped", "stopped" }, "3 message(s) of batch a had been sent" },
    }) do
      it(case[1], function()
        local c = client({ stop = case[2] }, ("return function(request) %s end"):format(case[3]))
        local report = c:stop({ "a", "b", "c" })
        assert.same(case[4], outcomes(report))
        if case[5] then
          assert.is_truthy(table.concat(report.warnings, "\n"):find(case[5], 1, true),
            json.encode(report.warnings))
        end
      end)
    end
  end)

  describe("sign", function()
    it("gets the whole request without the token, and adds headers", function()
      local got
      local c = client({ sign = function(request)
        got = request
        return { ["X-Signature"] = ("%s:%d"):format(request.method, #request.body) }
      end }, OK)
      local report = c:stop({ "a" })
      assert.equal("stopped", report[1].outcome, json.encode({ report[1], report.warnings }))
      assert.equal("POST", got.method)
      assert.is_truthy(got.url:find("/v1/stop/a", 1, true))
      assert.is_falsy(json.encode(got):find("canary", 1, true))
      assert.equal("POST:0", one:log()[1].headers["x-signature"])
      assert.equal(SECRET, one:log()[1].headers["x-key"])
    end)

    for what, f in pairs({
      ["raises"] = function() error("no key") end,
      ["gives nothing"] = function() end,
      ["gives two lines"] = function() return { A = "b\r\nC: d" } end,
      ["gives a name that is none"] = function() return { ["A b"] = "c" } end,
      ["gives a list"] = function() return { "c" } end,
      ["gives a table as a value"] = function() return { A = {} } end,
      ["says where the request ends"] = function() return { ["content-length"] = "5" } end,
      ["raises what cannot be written"] = function()
        error(setmetatable({}, { __tostring = function() error("no words") end }))
      end,
    }) do
      it("that " .. what .. " sends nothing", function()
        local c = client({ sign = f }, OK)
        local report = c:stop({ "a", "b" })
        assert.same({ "failed", "failed" }, outcomes(report))
        assert.equal("not_signed", report[1].reason)
        assert.equal(1, #report.warnings, json.encode(report.warnings))
        assert.is_truthy(report.warnings[1]:find("`sign`", 1, true))
        assert.equal(0, #one:log())
      end)
    end
  end)

  describe("decode", function()
    it("that raises leaves unknown, and tells it once", function()
      local c = client({ stop = { request = "POST /stop/{id}", decode = function()
        error("who wrote this")
      end } }, OK)
      local report = c:stop({ "a", "b" })
      assert.same({ "unknown", "unknown" }, outcomes(report))
      assert.equal(2, #report.warnings, json.encode(report.warnings))
      assert.is_truthy(report.warnings[1]:find("who wrote this", 1, true))
    end)
  end)

  describe("retry_after", function()
    -- The seconds of the pause that is told after this answer.
    local function paused(value, body, header)
      local seconds
      local c = client({ retry_after = value }, ([[return function(_, n)
        if n == 1 then
          return 429, %q, { %q }
        end
        return 200, '{"result":"ok"}'
      end]]):format(body, header), { on_event = function(event)
        if event.type == "throttle" then
          seconds = event.delay
        end
      end })
      assert.same({ "stopped" }, outcomes(c:stop({ "a" })))
      return seconds
    end

    it("is read at a path", function()
      assert.equal(0.1, paused("wait", '{"error":"SLOW_DOWN","wait":0.1}', "X: y"))
      assert.equal(0.1, paused({ path = "wait", milliseconds = true },
        '{"error":"SLOW_DOWN","wait":100}', "X: y"))
    end)

    it("is read in a header", function()
      assert.equal(1, paused({ header = "X-Reset-After" }, '{"error":"SLOW_DOWN"}',
        "X-Reset-After: 1"))
    end)
  end)

  describe("rate", function()
    it("is kept by default, and gives way to the option", function()
      local c = client({ rate = { 10, burst = 1 } }, OK)
      local report = c:stop({ "a", "b", "c", "d", "e" })
      assert.equal(5, report.counts.stopped)
      assert.is_true(report.elapsed >= 0.39, report.elapsed)
      c = stopmsg.new({ provider = definition({ rate = { 1, per = 1000, burst = 1 } }),
        token = SECRET, base_url = one.url, rate = 1000 })
      assert.equal(3, c:stop({ "a", "b", "c" }).counts.stopped)
    end)

    it("of an operation is its own", function()
      local c = client({
        stop = { request = "POST /stop/{id}", rate = { 10, burst = 1 },
          [200] = { code = "result", means = { ok = "stopped" } } },
        check = { request = "GET /check", [200] = "accepted" },
      }, OK)
      local report = c:stop({ "a", "b", "c" })
      assert.is_true(report.elapsed >= 0.19, report.elapsed)
    end)
  end)

  describe("settings", function()
    local SETTINGS = { settings = { account = { pattern = "^AC%x+$", about = "the Account SID" } },
      url = "https://api.acme.example/{account}" }

    it("stand in the request", function()
      local c = client(SETTINGS, OK, { settings = { account = "AC1" } })
      assert.same({ "stopped" }, outcomes(c:stop({ "a" })))
      assert.same({ "/AC1/stop/a" }, targets(one:log()))
    end)

    it("tell one account from another", function()
      local other = definition(SETTINGS)
      local a = stopmsg.new({ provider = other, token = "t", settings = { account = "AC1" } })
      local b = stopmsg.new({ provider = other, token = "t", settings = { account = "AC2" } })
      local clients = require("stopmsg.client")
      assert.are_not.equal(clients.address(a, a._provider.operations.stop),
        clients.address(b, b._provider.operations.stop))
    end)
  end)

  describe("a token that is fetched", function()
    local TOKEN = {
      settings = { client_id = { about = "the client's id" } },
      headers = { Authorization = "Bearer {token}" },
      token = {
        request = "POST https://auth.acme.example/oauth2/token",
        auth = { basic = "{client_id}:{token}" },
        form = { grant_type = "client_credentials" },
        value = "access_token",
        lasts = "expires_in",
      },
    }
    local OPTIONS = { settings = { client_id = "me" } }

    -- Tokens t1, t2, …, of which only the newest is taken.
    local function tokens(lasts, also)
      return ([[
        local count = 0
        return function(request)
          %s
          if request.target:find("oauth2") then
            count = count + 1
            return 200, ('{"access_token":"fetched-%%d","expires_in":%s}'):format(count)
          end
          if request.headers.authorization ~= "Bearer fetched-" .. count then
            return 401, '{"error":"BAD_TOKEN"}'
          end
          return 200, '{"result":"ok"}'
        end]]):format(also or "", lasts)
    end

    local function fetches(log)
      local count = 0
      for _, request in ipairs(log) do
        count = count + (request.target:find("oauth2", 1, true) and 1 or 0)
      end
      return count
    end

    it("is fetched once for all requests", function()
      local c = client(TOKEN, tokens(3600), OPTIONS)
      local list = {}
      for i = 1, 50 do
        list[i] = "m" .. i
      end
      assert.equal(50, c:stop(list).counts.stopped)
      assert.equal(50, c:stop(list).counts.stopped)
      local log = one:log()
      assert.equal(101, #log)
      assert.equal(1, fetches(log))
      assert.equal("/oauth2/token", log[1].target)
      assert.equal("grant_type=client_credentials", log[1].body)
      assert.equal("Basic bWU6Y2FuYXJ5KzRkLzFmPTc3", log[1].headers.authorization)
      assert.equal("application/x-www-form-urlencoded", log[1].headers["content-type"])
    end)

    it("is fetched again before it ends", function()
      local c = client(TOKEN, tokens(1e-6), OPTIONS)
      assert.equal(1, c:stop({ "a" }).counts.stopped)
      assert.equal(1, c:stop({ "a" }).counts.stopped)
      assert.equal(2, fetches(one:log()))
    end)

    it("is fetched once for calls that wait at the same time", function()
      local c = client(TOKEN, tokens(3600), { settings = OPTIONS.settings,
        sleep = function() coroutine.yield() end })
      local calls, reports = {}, {}
      for i = 1, 5 do
        calls[i] = coroutine.create(function()
          reports[i] = c:stop({ "a" .. i, "b" .. i })
        end)
      end
      local is_over
      repeat
        is_over = true
        for _, call in ipairs(calls) do
          if coroutine.status(call) ~= "dead" then
            assert(coroutine.resume(call))
            is_over = false
          end
        end
      until is_over
      for i = 1, 5 do
        assert.equal(2, reports[i].counts.stopped)
      end
      assert.equal(1, fetches(one:log()))
    end)

    it("is kept no longer than it may be repeated", function()
      local c = client(TOKEN, tokens(1e-6), OPTIONS)
      for _ = 1, 40 do
        assert.equal(1, c:stop({ "a" }).counts.stopped)
      end
      assert.equal(40, fetches(one:log()))
      assert.equal("Basic bWU6Y2FuYXJ5KzRkLzFmPTc3", one:log()[79].headers.authorization)
      assert.is_true(#c._session._secrets <= 16)
    end)

    it("is fetched again when it is refused", function()
      local c = client(TOKEN, tokens(3600, [[
        if request.target:find("/stop/b") and count == 1 then
          return 401, '{"error":"BAD_TOKEN"}'
        end]]), OPTIONS)
      assert.equal(2, c:stop({ "a", "b" }).counts.stopped)
      assert.equal(2, fetches(one:log()))
    end)

    it("is waited for where it is refused while no other is to be had", function()
      local c = client(TOKEN, tokens(3600, [[
        asked = (asked or 0) + (request.target:find("oauth2") and 1 or 0)
        if request.target:find("oauth2") and asked > 1 and asked < 8 then
          return 503, ""
        elseif request.target:find("/stop/[bc]") and count == 1 then
          return 401, '{"error":"BAD_TOKEN"}'
        end]]), OPTIONS)
      local report = c:stop({ "a", "b", "c" })
      assert.same({ "stopped", "stopped", "stopped" }, outcomes(report))
      assert.equal(8, fetches(one:log()))
    end)

    it("is not waited for beyond the deadline", function()
      local c = client(TOKEN, tokens(3600, [[
        asked = (asked or 0) + (request.target:find("oauth2") and 1 or 0)
        if request.target:find("oauth2") and asked > 1 then
          return 503, ""
        elseif request.target:find("/stop/[bc]") then
          return 401, '{"error":"BAD_TOKEN"}'
        end]]), OPTIONS)
      local report = c:stop({ "a", "b", "c", "d" }, { deadline = 2 })
      assert.equal("stopped", report[1].outcome)
      assert.equal("denied", report[3].outcome)
      assert.same({ "skipped", "deadline" }, { report[4].outcome, report[4].reason })
    end)

    it("has a new secret, where a function gives it, also when the token has ended", function()
      local given = { SECRET, "another-secret" }
      local c = client(TOKEN, [[
        local count = 0
        return function(request)
          if not request.target:find("oauth2") then
            return 200, '{"result":"ok"}'
          end
          count = count + 1
          if count > 1 and request.headers.authorization ~= "Basic bWU6YW5vdGhlci1zZWNyZXQ=" then
            return 401, '{"error":"invalid_client"}'
          end
          return 200, '{"access_token":"fetched-' .. count .. '","expires_in":0.000001}'
        end]], { settings = OPTIONS.settings, token = function()
        return table.remove(given, 1)
      end })
      assert.equal(1, c:stop({ "a" }).counts.stopped)
      assert.equal(1, c:stop({ "b" }).counts.stopped)
      assert.equal(0, #given)
      assert.equal(3, fetches(one:log()))
    end)

    it("whose secret is refused sends nothing, and says why", function()
      local c = client(TOKEN, [[return function()
        return 401, '{"error":"invalid_client"}'
      end]], OPTIONS)
      local report = c:stop({ "a", "b", "c" })
      assert.equal("denied", report[1].outcome)
      assert.equal("credentials", report[1].reason)
      assert.equal("skipped", report[3].outcome)
      assert.equal("credentials", report[3].reason)
      assert.equal(#one:log(), fetches(one:log()))
      assert.equal(1, #one:log())
    end)

    it("is not refused by a login page, a firewall or a gateway", function()
      for _, case in ipairs({ { 403, "<html>blocked</html>", "failed" }, { 404, "{}", "failed" },
        { 400, "", "failed" }, { 405, '{"error":"x"}', "failed" },
        { 400, '{"error":"invalid_client"}', "denied" }, { 403, '{"error":"x"}', "denied" } }) do
        local c = client(TOKEN, ("return function() return %d, %q end"):format(case[1], case[2]),
          { settings = OPTIONS.settings, patience = 0, max_attempts = 1 })
        local item = c:stop({ "a" }, { deadline = 30 })[1]
        assert.message(case[2]).equal(case[3], item.outcome)
        assert.equal(case[3] == "denied" and "credentials" or "http_" .. case[1], item.reason)
        assert.equal(#one:log(), fetches(one:log()))
      end
    end)

    it("is asked for again where the address does not answer", function()
      local c = client(TOKEN, tokens(3600, [[
        count_of_all = (count_of_all or 0) + 1
        if count_of_all == 1 then
          return 503, ""
        end]]), OPTIONS)
      assert.equal(1, c:stop({ "a" }).counts.stopped)
      assert.equal(2, fetches(one:log()))
    end)

    it("that never comes leaves the ids failed: none was sent", function()
      local c = client(TOKEN, [[return function() return 503, "" end]],
        { settings = OPTIONS.settings, patience = 0 })
      local report = c:stop({ "a" }, { deadline = 5 })
      assert.is_truthy(report[1].outcome == "failed" or report[1].outcome == "skipped",
        report[1].outcome)
      assert.equal(#one:log(), fetches(one:log()))
    end)

    it("is hidden like the secret", function()
      local c = client(TOKEN, [[return function(request)
        if request.target:find("oauth2") then
          return 200, '{"access_token":"fetched-token-1","expires_in":3600}'
        end
        return 404, '{"error":"NOT_FOUND","text":"no ' .. request.headers.authorization .. '"}'
      end]], { settings = OPTIONS.settings })
      c:close()
      local provider = definition(TOKEN)
      provider.error.text = "text"
      c = stopmsg.new({ provider = provider, token = SECRET, base_url = one.url,
        settings = OPTIONS.settings })
      local report = c:stop({ "a" })
      assert.equal("not_found", report[1].outcome)
      assert.is_truthy(report[1].message:find("no Bearer", 1, true))
      assert.is_falsy(report[1].message:find("fetched-token", 1, true))
    end)
  end)

  describe("the token, repeated by the provider,", function()
    local PLACES = {
      ["in a header"] = { headers = { ["X-Key"] = "{token}" } },
      ["in several headers"] = { headers = { ["X-Key"] = "{token}", Authorization = "Key {token}",
        ["X-Again"] = "a{token}b" } },
      ["in the path"] = { headers = {}, url = "https://api.acme.example/v1/bot{token}" },
      ["in the query"] = { headers = {},
        stop = { request = "POST /stop/{id}?key={token}", [200] = "stopped" } },
      ["in a form"] = { headers = {}, stop = { request = "POST /stop", [200] = "stopped",
        form = { key = "{token}", id = "{id}" } } },
      ["in JSON"] = { headers = {}, stop = { request = "POST /stop", [200] = "stopped",
        json = { key = "{token}", id = "{id}" } } },
      ["in XML"] = { headers = {}, stop = { request = "POST /stop", [200] = "stopped",
        text = { type = "application/xml", body = "<a><k>{token}</k><id>{id}</id></a>" } } },
      ["as a password"] = { headers = {}, auth = { basic = "user:{token}" } },
      ["as a user"] = { headers = {}, auth = { basic = "{token}:x" } },
    }
    -- Each way in which a program may give back what it was sent.
    local ECHO = [[return function(request)
      local all = request.method .. " " .. request.target .. " " .. table.concat(request.lines, " ")
        .. " " .. request.body
      return 404, '{"error":"NOT_FOUND","text":"' .. all:gsub('[\\"]', "\\%0") .. '"}'
    end]]
    local disguises = {
      SECRET, "canary%2B4d%2F1f%3D77", "canary%2b4d%2f1f%3d77", "canary+4d%2F1f", "canary%2B4d/1f",
      "dXNlcjpjYW5hcnkrNGQvMWY9Nzc=", "Y2FuYXJ5KzRkLzFmPTc3Ong=", "canary", "4d/1f",
    }
    for place, changes in pairs(PLACES) do
      it(place .. " is in none of our texts", function()
        changes.error = { code = "error", text = "text", form = "^%u[%u_]+$" }
        local events = {}
        local c = client(changes, ECHO, { on_event = function(event)
          events[#events + 1] = event
        end })
        local report = c:stop({ "a" })
        assert.equal("not_found", report[1].outcome)
        assert.is_truthy(report[1].message:find("POST /", 1, true), report[1].message)
        local texts = json.encode({ report[1], report.warnings, #events, tostring(c) })
        for _, event in ipairs(events) do
          texts = texts .. tostring(event.message) .. json.encode(event)
        end
        for _, disguise in ipairs(disguises) do
          assert.is_falsy(texts:find(disguise, 1, true), texts)
        end
        -- It was sent, though.
        local request = one:log()[1]
        local sent = request.target .. table.concat(request.lines) .. request.body
        local has = false
        for _, disguise in ipairs(disguises) do
          has = has or sent:find(disguise, 1, true) ~= nil
        end
        assert.is_true(has, sent)
      end)
    end
  end)
end)
