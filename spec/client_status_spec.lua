-- status, verify and check over real sockets: against the sandbox in a process of its own, and
-- against a server that gives requests back as they are.

local patience = require("spec.support.patience")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local TOKEN = "sandbox"
local APPLICATION = "AAAAA-BBBBB"

-- Seconds until a stop shows in the status calls of the slow sandbox.
local SETTLE = 0.06
local QUICK = { timeout = patience.SECONDS, interval = 0.03 }
-- The first look comes when stops show already: what the provider refused gets one look only.
local LATER = { timeout = patience.SECONDS, interval = SETTLE + 0.03 }

local function uuid(n, fate)
  return ("%08x-0000-4000-8000-%08x%s"):format(n, n, fate or "aaaa")
end

local function code(n, fate)
  return ("1A2B-3C4D5E6F-%04X%s"):format(n, fate or "9C0D")
end

local function hex(n, fate)
  return ("%028x%s"):format(n, fate or "aaaa")
end

-- "outcome state verified", for each item.
local function lines(report)
  local list = {}
  for i, item in ipairs(report) do
    list[i] = ("%s %s %s"):format(item.outcome, tostring(item.state), tostring(item.verified))
  end
  return list
end

describe("stopmsg.client", function()
  local quick, slow, never, echo

  setup(function()
    quick = server.start()
    slow = server.start({ settle = SETTLE })
    never = server.start({ settle = 3600 })
    echo = server.echo()
    echo.url = echo.first_line
  end)

  teardown(function()
    for _, one in ipairs({ quick, slow, never, echo }) do
      one:stop()
    end
  end)

  local function new(sandbox, provider, more)
    local options = { provider = provider, token = TOKEN, base_url = sandbox.url }
    local name = type(provider) == "table" and provider.name or provider
    options.application = name == "pushwoosh" and APPLICATION or nil
    for field, value in pairs(more or {}) do
      options[field] = value or nil
    end
    return stopmsg.new(options)
  end

  -- The requests that a sandbox got while `call` ran.
  local function requests_of(sandbox, call)
    local before = #sandbox:log()
    call()
    local list, all = {}, sandbox:log()
    for i = before + 1, #all do
      list[#list + 1] = all[i]
    end
    return list
  end

  -- The message of an error that has to be raised, and to point here.
  local function raised(call)
    local ok, message = pcall(call)
    assert.is_false(ok)
    assert.is_string(message)
    local where, words = message:match("^(%S+:%d+): (.*)$")
    assert.message(message).is_truthy((where or ""):find("client_status_spec.lua", 1, true))
    return words
  end

  describe(":status", function()
    it("revicom: messages, before and after a stop of ours", function()
      local client = new(quick, "revicom")
      local ids = { uuid(1), uuid(2, "0403"), uuid(3, "0404"), uuid(4) }
      assert.same({
        "open sending nil", "too_late sent true", "unknown nil nil", "open sending nil",
      }, lines(client:status(ids)))
      client:stop(uuid(4))
      local report = client:status(ids)
      assert.equal("stopped unsent nil", lines(report)[4])
      assert.is_string(report[4].message)
      assert.equal("missing_in_answer", report[3].reason)
      assert.equal(4, report.total)
      assert.equal(2, report.counts.open + report.counts.too_late)
      assert.equal(1, report.requests)
      assert.is_false(report.ok)
    end)

    it("idigital: dispatches, unless it is told otherwise", function()
      local client = new(quick, "idigital")
      client:stop_dispatch(10000000125)
      local report = client:status({ 10000000125, "1234", 10004031, 10004032, 10004040 })
      assert.same({
        "stopped stopped true", "open sending nil", "too_late done true", "open initiated nil",
        "unknown nil nil",
      }, lines(report))
      assert.equal("number", type(report[1].id))
      assert.equal("dispatch", report.kind)
      assert.same({ "40 message(s) of dispatch 10000000125 had left before it was stopped" },
        server.said(report))
      assert.same({ "open sending nil" }, lines(client:status(1234, { kind = "dispatch" })))
    end)

    it("idigital: messages only where the sibling's methods are allowed", function()
      assert.is_truthy(raised(function()
        new(quick, "idigital"):status(uuid(1), { kind = "message" })
      end):find("^idigital documents find, status, stop_dispatch; status is in its sibling brand"))
      local client = new(quick, "idigital", { undocumented = true })
      assert.same({ "open sending nil" }, lines(client:status(uuid(11), { kind = "message" })))
    end)

    it("revicom: messages; dispatches only where the sibling's methods are allowed", function()
      assert.is_truthy(raised(function()
        new(quick, "revicom"):status(1, { kind = "dispatch" })
      end):find("^revicom documents check, find, status, stop; status of dispatches is in its"))
      local client = new(quick, "revicom", { undocumented = true })
      assert.same({ "open sending nil" }, lines(client:status(77, { kind = "dispatch" })))
    end)

    it("pushwoosh: message codes of an application", function()
      local client = new(quick, "pushwoosh")
      client:stop(code(1))
      assert.same({
        "stopped CANCELED true", "open PENDING nil", "too_late DONE true", "unknown nil nil",
      }, lines(client:status({ code(1), code(2), code(3, "0400"), code(4, "0404") })))
    end)

    for _, format in ipairs({ "json", "xml" }) do
      it("clickatell in " .. format .. ": one message a request", function()
        local client = new(quick, "clickatell", { format = format })
        local n = format == "xml" and 50 or 0
        client:stop(hex(n + 1))
        local report = client:status({ hex(n + 1), hex(n + 2), hex(n + 3, "0013"),
          hex(n + 4, "0004"), hex(n + 5, "0015"), hex(n + 6, "0001"), hex(n + 7, "0404") })
        assert.same({
          "stopped 006 true", "open 011 nil", "stopped 013 true", "too_late 004 true",
          "unknown 015 nil", "not_found 001 nil", "not_stoppable nil nil",
        }, lines(report))
        assert.equal("006", report[1].code)
        assert.equal("Clickatell cancelled message delivery", report[3].message)
        assert.equal("gone_or_sent", report[7].reason)
        assert.equal(7, report.requests)
      end)
    end

    it("asks for several ids at once, and for a repeated one once", function()
      local ids = {}
      for i = 1, 250 do
        ids[i] = uuid(i)
      end
      ids[251] = uuid(1):upper()
      local report
      local log = requests_of(quick, function()
        report = new(quick, "revicom"):status(ids)
      end)
      local sizes = {}
      for i, request in ipairs(log) do
        assert.equal("GET", request.method)
        sizes[i] = request.ids
      end
      table.sort(sizes)
      assert.same({ 50, 100, 100 }, sizes)
      assert.equal(251, report.total)
      assert.equal(uuid(1):upper(), report[251].id)
      assert.equal(report[1].outcome, report[251].outcome)
    end)

    it("sends nothing for a malformed id", function()
      local report
      local log = requests_of(quick, function()
        report = new(quick, "revicom"):status({ "nope", 12 })
      end)
      assert.same({}, log)
      assert.equal(2, report.counts.invalid)
    end)

    it("is repeated where it fails, and never ambiguous", function()
      local report = new(quick, "revicom"):status(uuid(61, "0500"))
      assert.equal("open", report[1].outcome)
      assert.equal(2, report[1].attempts)
      assert.is_nil(report[1].ambiguous)
      assert.equal(1, report.retries)
      local none = new(quick, "revicom", { patience = 0 }):status(uuid(62, "0503"))
      assert.equal("unknown", none[1].outcome)
      assert.equal("http_503", none[1].reason)
      assert.is_nil(none[1].ambiguous)
    end)

    for _, case in ipairs({
      { "revicom", uuid(1) }, { "idigital", 7 }, { "pushwoosh", code(1) }, { "clickatell", hex(1) },
    }) do
      it(case[1] .. ": a refused token is denied, and the message says what is inferred", function()
        local client = new(quick, case[1], { token = "wrong" })
        local report = client:status(case[2])
        assert.equal("denied", report[1].outcome)
        assert.equal("credentials", report[1].reason)
        local definition = stopmsg.definition(case[1])
        local hint = (case[1] == "idigital" and definition.status_dispatch or definition.status)
          .inferred
        assert.equal(hint, report[1].message:sub(1, #hint))
      end)
    end

    it("survives a state that is a number, and hides a token in one", function()
      local ids = { uuid(1), uuid(2), uuid(3) }
      local body = ('{"items":[{"messageUuid":"%s","status":5},{"messageUuid":"%s","status":'
        .. '"is-%s-it"},{"messageUuid":"%s","status":null}]}'):format(ids[1], ids[2], TOKEN, ids[3])
      local fixed = server.echo(body)
      local report = new({ url = fixed.first_line }, "revicom"):status(ids)
      fixed:stop()
      for i = 1, 3 do
        assert.equal("unknown", report[i].outcome)
        assert.equal("unknown_state", report[i].reason)
      end
      assert.equal("5", tostring(report[1].state))
      assert.is_string(report[2].state)
      assert.is_nil(report[2].state:find(TOKEN, 1, true))
      assert.is_nil(report[3].state)
    end)
  end)

  describe(":stop with verify", function()
    it("revicom: waits until what was promised shows, and settles what was not", function()
      local client = new(slow, "revicom")
      local report = client:stop({
        uuid(1), uuid(2, "0201"), uuid(3, "0202"), uuid(4, "0403"), uuid(5, "0404"),
        uuid(6, "0000"), "nope",
      }, { verify = QUICK })
      assert.same({
        "stopped unsent true", "stopped unsent true", "too_late sent true", "too_late sent true",
        "not_found nil nil", "stopped unsent true", "invalid nil nil",
      }, lines(report))
      assert.equal(3, report.counts.stopped)
      assert.equal(2, report.counts.too_late)
      assert.equal(0, report.counts.accepted)
      assert.equal(0, report.counts.unknown)
      assert.equal(7, report.total)
      assert.equal(201, report[2].code)
      assert.is_nil(report[1].message)
    end)

    it("false looks nothing up", function()
      local report = new(slow, "revicom"):stop(uuid(23), { verify = false })
      assert.same({ "stopped nil nil" }, lines(report))
      assert.equal(1, report.requests)
    end)

    it("makes a report ok, or not, by what was proven", function()
      local client = new(slow, "revicom")
      local accepted = uuid(24, "0201")
      assert.is_false(client:stop(accepted).ok)
      assert.is_true(client:stop(accepted, { verify = QUICK }).ok)
      assert.is_false(client:stop({ accepted, uuid(25, "0202") }, { verify = QUICK }).ok)
    end)

    it("idigital: tells apart what 4031 hides, and says what had left", function()
      local client = new(slow, "idigital")
      assert.is_true(client:stop_dispatch(501).ok)
      -- Of the fourth nothing is ever proven: all the time there is goes by.
      local report = patience.grow(0.5, function(seconds)
        local one = client:stop_dispatch({ 501, 502, 10004031, 10004032, 10004040 },
          { verify = { timeout = seconds, interval = LATER.interval } })
        return one[1].verified and one[2].verified and one[3].verified and one
      end)
      assert.same({
        "stopped stopped true", "stopped stopped true", "too_late done true",
        "not_stoppable initiated nil", "not_found nil nil",
      }, lines(report))
      assert.equal(4031, report[1].code)
      assert.equal(40, report[1].left)
      assert.equal(40, report[2].left)
      assert.is_nil(report[3].left)
      local said = server.said(report)
      table.sort(said)
      assert.same({
        "40 message(s) of dispatch 501 had left before it was stopped",
        "40 message(s) of dispatch 502 had left before it was stopped",
      }, said)
    end)

    it("pushwoosh: a 200 becomes CANCELED, a 400 what it was about", function()
      local client = new(slow, "pushwoosh")
      assert.is_true(client:stop(code(31)).ok)
      local report = client:stop({ code(31), code(32), code(33, "0400"), code(34, "0404") },
        { verify = LATER })
      assert.same({
        "stopped CANCELED true", "stopped CANCELED true", "too_late DONE true",
        "not_found nil nil",
      }, lines(report))
    end)

    for _, format in ipairs({ "json", "xml" }) do
      it("clickatell in " .. format .. ": 006 is proof, the others are looked up", function()
        local client = new(slow, "clickatell", { format = format })
        local n = format == "xml" and 50 or 0
        local report
        local log = requests_of(slow, function()
          report = client:stop({ hex(n + 1), hex(n + 2, "0013") }, { verify = QUICK })
        end)
        assert.equal(2, #log)
        assert.same({ "stopped nil true", "stopped nil true" }, lines(report))
        -- Another id in the answer, though the stop took effect; and one already delivered.
        report = client:stop({ hex(n + 3, "0999"), hex(n + 4, "0004") }, { verify = QUICK })
        assert.same({ "stopped 006 true", "too_late 004 true" }, lines(report))
        assert.is_nil(report[1].reason)
      end)
    end

    it("ends at its timeout and upgrades nothing that never settled", function()
      local client = new(never, "revicom")
      local ids = { uuid(1), uuid(2, "0202"), uuid(3, "0000") }
      local report = patience.grow(0.1, function(seconds)
        local one = client:stop(ids, { verify = { timeout = seconds, interval = 0.02 } })
        return one.requests > 2 and one -- time for two looks
      end)
      assert.same({ "stopped sending nil", "accepted sending nil", "unknown sending nil" },
        lines(report))
    end)

    it("ends at the deadline of the call, which has everything in it", function()
      local client = new(never, "revicom")
      local report = patience.grow(0.1, function(seconds)
        local one = client:stop(uuid(4),
          { deadline = seconds, verify = { timeout = 1e6, interval = 0.02 } })
        return one[1].outcome == "stopped" and one[1].state and one -- time for a look
      end)
      assert.same({ "stopped sending nil" }, lines(report))
    end)

    it("warns once of lookups that are refused, and keeps what the stop said", function()
      -- The sandbox knows no such scheme: a guess that was wrong.
      local definition = stopmsg.definition("pushwoosh")
      definition.status.headers = { Authorization = "Api {token}" }
      local report
      local log = requests_of(slow, function()
        report = new(slow, definition):stop({ code(41), code(42) }, { verify = QUICK })
      end)
      assert.same({ "stopped nil nil", "stopped nil nil" }, lines(report))
      assert.equal(1, #server.said(report))
      assert.is_truthy(server.said(report)[1]:find("the status lookup was refused", 1, true))
      assert.is_truthy(server.said(report)[1]:find("inferred", 1, true))
      assert.equal(3, #log)
    end)

    it("warns once of an odd code, however often it looks", function()
      local client = new(never, "pushwoosh")
      local report = patience.grow(0.1, function(seconds)
        local one = client:stop("odd", { verify = { timeout = seconds, interval = 0.02 } })
        -- Time for two looks, and none of them was cut off.
        return one.requests > 2 and (server.said(one)[2] or ""):find("not proven", 1, true) and one
      end)
      assert.equal("stopped", report[1].outcome)
      assert.equal(2, #server.said(report))
      assert.is_truthy(server.said(report)[1]:find("unusual shape", 1, true))
      assert.equal("1 message(s) are not proven yet, the provider says 'PENDING'",
        server.said(report)[2])
      assert.equal(1, report.unproven)
    end)

    it("counts a repeated id at each place, looks it up once, and warns of it once", function()
      local report
      local same = uuid(51, "0000")
      local log = requests_of(slow, function()
        report = new(slow, "revicom"):stop({ same, same:upper(), same }, { verify = QUICK })
      end)
      assert.same({ "stopped unsent true", "stopped unsent true", "stopped unsent true" },
        lines(report))
      for _, request in ipairs(log) do
        assert.equal(1, request.ids)
      end
      local twice = new(slow, "idigital"):stop_dispatch({ 520, 520 }, { verify = QUICK })
      assert.same({ "40 message(s) of dispatch 520 had left before it was stopped" },
        server.said(twice))
    end)

    it("does not block a scheduler's other work, not even between two looks", function()
      local report
      -- How often it lets others go on after an answer, before it sends the next request.
      local rests, between = 0, {}
      local client = new(slow, "revicom", {
        sleep = coroutine.yield,
        on_event = function(event)
          if event.type == "request" then
            between[#between + 1] = rests
          end
          rests = 0
        end,
      })
      local caller = coroutine.create(function()
        report = client:stop(uuid(61), { verify = QUICK })
      end)
      while coroutine.status(caller) ~= "dead" do
        assert(coroutine.resume(caller))
        rests = rests + 1
      end
      assert.same({ "stopped unsent true" }, lines(report))
      assert.is_true(#between >= 2)
      for i = 2, #between do
        assert.is_true(between[i] > 0, "not before look " .. i - 1)
      end
    end)

    it("works in one shot", function()
      local report = stopmsg.stop({ provider = "revicom", token = TOKEN, base_url = slow.url },
        uuid(71), { verify = QUICK })
      assert.is_true(report.ok)
      assert.is_true(report[1].verified)
    end)
  end)

  describe(":verify", function()
    it("changes the report of a stop in place, and returns it", function()
      local client = new(slow, "revicom")
      local report = client:stop({ uuid(81), uuid(82, "0202"), uuid(83) })
      assert.equal(1, report.requests)
      assert.is_nil(report[1].verified)
      local item, elapsed, requests = report[1], report.elapsed, report.requests
      local same = client:verify(report, QUICK)
      assert.equal(report, same)
      assert.equal(item, report[1])
      assert.same({ "stopped unsent true", "too_late sent true", "stopped unsent true" },
        lines(report))
      assert.equal(2, report.counts.stopped)
      assert.equal(1, report.counts.too_late)
      assert.is_true(report.elapsed > elapsed)
      assert.is_true(report.requests > requests)
    end)

    it("asks nothing where all is proven", function()
      local client = new(slow, "revicom")
      local report = client:stop(uuid(84), { verify = QUICK })
      local log = requests_of(slow, function()
        client:verify(report)
      end)
      assert.same({}, log)
    end)

    it("knows of what the report is: dispatches stay dispatches", function()
      local client = new(slow, "revicom", { undocumented = true })
      local report = client:verify(client:stop_dispatch({ 601, 602 }), QUICK)
      assert.same({ "stopped stopped true", "stopped stopped true" }, lines(report))
    end)

    it("may be another client's work, long after", function()
      local report = new(slow, "pushwoosh", { application = false }):stop(code(51))
      new(slow, "pushwoosh"):verify(report, QUICK)
      assert.same({ "stopped CANCELED true" }, lines(report))
    end)

    it("warns of what had left before the stop that was promised", function()
      -- Revicom says 200 here, and the status "sent": a definition whose 202 is a promise.
      local definition = stopmsg.definition("revicom")
      definition.stop[200].means[202] = "stopped"
      local client = new(slow, definition)
      local report = client:stop({ uuid(85, "0202"), uuid(86) })
      assert.is_true(report.ok)
      client:verify(report, QUICK)
      assert.same({ "too_late sent true", "stopped unsent true" }, lines(report))
      assert.is_false(report.ok)
      assert.same({ "1 message(s) had left before the stop that was promised" },
        server.said(report))
    end)

    it("of a status report: unsent without a stop of ours stays without proof", function()
      new(quick, "revicom"):stop(uuid(91))
      local client = new(quick, "revicom", { max_attempts = 1 })
      -- One of the two fails the request that holds them both.
      local report = client:status({ uuid(91), uuid(92, "0500") })
      assert.same({ "unknown nil nil", "unknown nil nil" }, lines(report))
      patience.grow(0.1, function(seconds)
        client:verify(report, { timeout = seconds, interval = 0.02 })
        return lines(report)[1] == "stopped unsent nil"
      end)
      assert.is_string(report[1].message)
    end)
  end)

  describe(":check", function()
    it("is true at revicom, for a key of any type, and stops nothing", function()
      for _, token in ipairs({ TOKEN, "sandbox-type-2" }) do
        local log = requests_of(quick, function()
          local values = { new(quick, "revicom", { token = token }):check() }
          assert.same({ true }, values)
        end)
        assert.equal(1, #log)
        assert.equal("GET", log[1].method)
        assert.equal("/api/v1/balance", log[1].path:match("^[^?]*"))
      end
    end)

    for _, provider in ipairs({ "idigital", "pushwoosh", "clickatell" }) do
      it("is unsupported at " .. provider .. ", and sends nothing", function()
        local log = requests_of(quick, function()
          local ok, message, err = new(quick, provider):check()
          assert.is_nil(ok)
          assert.equal("unsupported", message)
          assert.equal("unsupported", err.reason)
          assert.equal("unsupported", tostring(err))
        end)
        assert.same({}, log)
      end)
    end

    it("asks the sibling's balance at idigital where that is allowed", function()
      assert.is_true(new(quick, "idigital", { undocumented = true }):check())
    end)

    it("tells of a refused token", function()
      local ok, message, err = new(quick, "revicom", { token = "wrong" }):check()
      assert.is_nil(ok)
      assert.equal("Bad credentials", message)
      assert.equal("denied", err.outcome)
      assert.equal("credentials", err.reason)
      assert.equal(4012, err.code)
      assert.equal(401, err.http)
      assert.equal(message, tostring(err))
    end)

    it("asks a token function once more when the first token is refused", function()
      local asked = 0
      assert.is_true(new(quick, "revicom", { token = function()
        asked = asked + 1
        return asked == 1 and "stale" or TOKEN
      end }):check())
      assert.equal(2, asked)
    end)

    it("tells of a port where nobody listens", function()
      local ok, message, err = new({ url = "http://127.0.0.1:1" }, "revicom",
        { max_attempts = 1 }):check()
      assert.is_nil(ok)
      assert.is_string(message)
      assert.equal("failed", err.outcome)
      assert.equal("connect", err.reason)
    end)

    it("is not true for a page of somebody else's", function()
      local fixed = server.echo("<html>Login</html>")
      local ok, message, err = new({ url = fixed.first_line }, "revicom"):check()
      fixed:stop()
      assert.is_nil(ok)
      assert.is_string(message)
      assert.equal("bad_response", err.reason)
    end)
  end)

  describe("wrong use", function()
    local IDS = "an id or a list of ids expected, got "

    for what, case in pairs({
      ["status of nothing"] = { function(c) c:status() end,
        "bad argument #1 to 'status' (" .. IDS .. "nil)" },
      ["status of an empty list"] = { function(c) c:status({}) end,
        "bad argument #1 to 'status' (an empty list: give at least one id)" },
      ["an unknown option of status"] = { function(c) c:status(uuid(1), { knid = "message" }) end,
        "bad argument #2 to 'status' (unknown option 'knid'; did you mean 'kind'?)" },
      ["a kind that there is not"] = { function(c) c:status(uuid(1), { kind = "mail" }) end,
        "bad argument #2 to 'status' (option 'kind': expected \"message\" or \"dispatch\", got a "
          .. "string)" },
      ["verify that is a number"] = { function(c) c:stop(uuid(1), { verify = 5 }) end,
        "bad argument #2 to 'stop' (option 'verify': expected true, false or { timeout = …, "
          .. "interval = … }, got a number)" },
      ["verify without time"] = { function(c) c:stop(uuid(1), { verify = { timeout = 0 } }) end,
        "bad argument #2 to 'stop' (option 'verify': option 'timeout': expected seconds, a number "
          .. "from 0.001 to a year, got 0)" },
      ["an unknown option of verify"] = {
        function(c) c:stop(uuid(1), { verify = { timout = 1 } }) end,
        "bad argument #2 to 'stop' (option 'verify': unknown option 'timout'; did you mean "
          .. "'timeout'?)" },
      ["verify of a stream"] = { function(c) c:each({ uuid(1) }, { verify = true }) end,
        "bad argument #2 to 'each' (option 'verify': a stream keeps no items to look up later)" },
      ["verify of no report"] = { function(c) c:verify({}) end,
        "bad argument #1 to 'verify' (a report expected, got table)" },
      ["verify of nothing"] = { function(c) c:verify() end,
        "bad argument #1 to 'verify' (a report expected, got nil)" },
      ["verify with an unknown option"] = { function(c) c:verify({}, { intervall = 1 }) end,
        "bad argument #2 to 'verify' (unknown option 'intervall'; did you mean 'interval'?)" },
      ["verify with a time that is none"] = { function(c) c:verify({}, { timeout = "1" }) end,
        "bad argument #2 to 'verify' (option 'timeout': expected seconds, a number from 0.001 "
          .. "to a year, got a string)" },
    }) do
      it(what .. " raises where it was called, and sends nothing", function()
        local client = new(quick, "revicom")
        local log = requests_of(quick, function()
          assert.equal(case[2], raised(function()
            case[1](client)
          end))
        end)
        assert.same({}, log)
      end)
    end

    it("pushwoosh without application raises before anything is sent", function()
      local client = new(quick, "pushwoosh", { application = false })
      local log = requests_of(quick, function()
        for _, call in ipairs({
          function() client:status(code(1)) end,
          function() client:stop(code(1), { verify = true }) end,
        }) do
          assert.matches("pushwoosh needs for status the setting 'application': the app",
            raised(call))
        end
      end)
      assert.same({}, log)
      local report = client:stop(code(61))
      log = requests_of(quick, function()
        assert.matches("pushwoosh needs for status the setting 'application'", raised(function()
          client:verify(report)
        end))
      end)
      assert.same({}, log)
    end)

    it("a provider without lookups raises with what it has, before anything is sent", function()
      local definition = stopmsg.definition("clickatell")
      definition.status = nil
      local client = new(quick, definition)
      local log = requests_of(quick, function()
        assert.equal("clickatell has no status; it has: stop", raised(function()
          client:stop(hex(1), { verify = true })
        end))
      end)
      assert.same({}, log)
    end)

    it("a closed client raises", function()
      local client = new(quick, "revicom")
      local report = client:stop(uuid(95))
      client:close()
      for _, call in ipairs({
        function() client:status(uuid(1)) end,
        function() client:verify(report) end,
        function() client:check() end,
        function() client:stop(uuid(1), { verify = true }) end,
      }) do
        assert.equal("attempt to use a closed client", raised(call))
      end
    end)
  end)

  describe("on the wire", function()
    -- What a lookup of a provider sends, byte for byte: the definition's own request, with nothing
    -- but the reading of the answer changed. Gives the first line, the headers and the body.
    local function sent(definition, name, ids, more)
      local raw
      local operation = definition[name]
      operation[200], operation.refused, definition.refused = nil, nil, nil
      operation.decode = function(reply)
        raw = reply.body
        return { outcome = "open" }
      end
      local client = new(echo, definition, more)
      if name == "check" then
        client:check()
      else
        client:status(ids)
      end
      client:close()
      local first, head, body = raw:match("^(.-)\r\n(.-)\r\n\r\n(.*)$")
      local headers = {}
      for line in (head .. "\r\n"):gmatch("(.-)\r\n") do
        local field, value = line:match("^(.-): (.*)$")
        headers[field:lower()] = value
      end
      return first, headers, body
    end

    it("revicom: uuids repeated in the address, nothing in a body", function()
      local first, headers, body = sent(stopmsg.definition("revicom"), "status",
        { uuid(1), uuid(2), uuid(1) })
      assert.equal(("GET /api/v1/message?per_page=100&message_uuid=%s&message_uuid=%s HTTP/1.1")
        :format(uuid(1), uuid(2)), first)
      assert.equal("Basic sandbox", headers.authorization)
      assert.is_nil(headers["content-type"])
      assert.is_nil(headers["content-length"])
      assert.equal("", body)
    end)

    it("revicom: the address of a full lookup is one that servers take", function()
      local ids = {}
      for i = 1, 100 do
        ids[i] = uuid(i)
      end
      local first = sent(stopmsg.definition("revicom"), "status", ids)
      local _, count = first:gsub("message_uuid=", "")
      assert.equal(100, count)
      assert.is_true(#first < 8000)
    end)

    it("idigital: dispatch numbers repeated in the address", function()
      local first, headers, body = sent(stopmsg.definition("idigital"), "status_dispatch",
        { 1234, "10000000125" })
      assert.equal("GET /api/v1/dispatch?per_page=100&dispatch_id=1234&dispatch_id=10000000125 "
        .. "HTTP/1.1", first)
      assert.equal("Basic sandbox", headers.authorization)
      assert.is_nil(headers["content-type"])
      assert.equal("", body)
    end)

    it("pushwoosh: codes and application in filters", function()
      local first, headers, body = sent(stopmsg.definition("pushwoosh"), "status",
        { code(1), code(2) })
      assert.equal("POST /api/v2/messages:list HTTP/1.1", first)
      assert.equal("Token sandbox", headers.authorization)
      assert.equal("application/json", headers["content-type"])
      assert.equal(('{"filters":{"application":"%s","messages_codes":["%s","%s"]},"per_page":100}')
        :format(APPLICATION, code(1), code(2)), body)
      assert.equal(tostring(#body), headers["content-length"])
    end)

    it("pushwoosh: an application is text in JSON, whatever is in it", function()
      local odd = 'a"b\\c{id}'
      local _, _, body = sent(stopmsg.definition("pushwoosh"), "status", { code(1) },
        { application = odd })
      local document = require("stopmsg.json").decode(body)
      assert.equal(odd, document.filters.application)
      assert.same({ code(1) }, document.filters.messages_codes)
    end)

    for format, mime in pairs({ json = "application/json", xml = "application/xml" }) do
      it("clickatell in " .. format .. ": the id in the path", function()
        local first, headers, body = sent(stopmsg.definition("clickatell"), "status", { hex(1) },
          { format = format })
        assert.equal("GET /rest/message/" .. hex(1) .. " HTTP/1.1", first)
        assert.equal("Bearer sandbox", headers.authorization)
        assert.equal("1", headers["x-version"])
        assert.equal(mime, headers.accept)
        assert.is_nil(headers["content-type"])
        assert.equal("", body)
      end)
    end

    it("revicom: a check is a question for the balance", function()
      local first, headers, body = sent(stopmsg.definition("revicom"), "check")
      assert.equal("GET /api/v1/balance HTTP/1.1", first)
      assert.equal("Basic sandbox", headers.authorization)
      assert.equal("", body)
    end)

    it("pushwoosh: scheme and wrapping are the definition's, to be changed", function()
      local definition = stopmsg.definition("pushwoosh")
      local status = definition.status
      status.headers = { Authorization = "Api {token}" }
      status.json = { request = status.json }
      local first, headers, body = sent(definition, "status", { code(1), code(2) })
      assert.equal("POST /api/v2/messages:list HTTP/1.1", first)
      assert.equal("Api sandbox", headers.authorization)
      assert.equal(('{"request":{"filters":{"application":"%s","messages_codes":["%s","%s"]},'
        .. '"per_page":100}}'):format(APPLICATION, code(1), code(2)), body)

      -- The built-in definition is as it was.
      local _, other_headers, other = sent(stopmsg.definition("pushwoosh"), "status", { code(1) })
      assert.equal("Token sandbox", other_headers.authorization)
      assert.is_nil(other:find("request", 1, true))
    end)

    it("revicom: how uuids are repeated is the definition's, to be changed", function()
      local definition = stopmsg.definition("revicom")
      definition.status.request = "GET /api/v1/message?message_uuid[]={ids}"
      local first = sent(definition, "status", { uuid(1), uuid(2) })
      assert.equal(("GET /api/v1/message?message_uuid[]=%s&message_uuid[]=%s HTTP/1.1"):format(
        uuid(1), uuid(2)), first)
    end)
  end)

  describe("stopmsg.definition", function()
    it("gives a copy that works as the built-in one does", function()
      local definition = stopmsg.definition("pushwoosh")
      definition.name = "ours"
      local report = new(slow, definition, { application = APPLICATION }):stop(code(71),
        { verify = QUICK })
      assert.same({ "stopped CANCELED true" }, lines(report))
    end)

    it("gives a fresh one each time, and never the built-in one", function()
      for _, name in ipairs(stopmsg.providers()) do
        local first, second = stopmsg.definition(name), stopmsg.definition(name)
        assert.same(first, second)
        first.name = "changed"
        first.url = "https://changed"
        for _, operation in ipairs({ "stop", "stop_dispatch", "status" }) do
          if first[operation] then
            first[operation].request = "GET /changed/{id}"
            first[operation][403] = "failed"
          end
        end
        assert.equal(name, second.name)
        assert.same(second, stopmsg.definition(name))
        assert.not_equal("https://changed", require("stopmsg.provider").load(name).url)
      end
    end)

    it("raises for a provider that there is not, with the nearest", function()
      for name, nearest in pairs({ revikom = "'revicom'", [7] = "", [false] = "" }) do
        local message = raised(function()
          stopmsg.definition(name)
        end)
        assert.matches("no provider is called '?" .. tostring(name) .. "'?; did you mean", message)
        assert.matches(nearest, message, 1, true)
        assert.matches("`stopmsg providers` lists all", message, 1, true)
      end
    end)
  end)
end)
