-- status and verify over real sockets, against the sandbox in a process of its own.

local patience = require("spec.support.patience")
local server = require("spec.support.server")
local statuses = require("spec.support.statuses")
local stopmsg = require("stopmsg")

local uuid, code, hex, lines = statuses.uuid, statuses.code, statuses.hex, statuses.lines
local new, requests_of, raised = statuses.new, statuses.requests_of, statuses.raised
local TOKEN = statuses.TOKEN

-- Seconds until a stop shows in the status calls of the slow sandbox.
local SETTLE = 0.06
local QUICK = { timeout = patience.SECONDS, interval = 0.03 }
-- The first look comes when stops show already: what the provider refused gets one look only.
local LATER = { timeout = patience.SECONDS, interval = SETTLE + 0.03 }

describe("stopmsg.client", function()
  local quick, slow, never

  setup(function()
    quick = server.start()
    slow = server.start({ settle = SETTLE })
    never = server.start({ settle = 3600 })
  end)

  teardown(function()
    for _, one in ipairs({ quick, slow, never }) do
      one:stop()
    end
  end)

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
      assert.same({ "40 message(s) of dispatch 10000000125 had been sent before the stop" },
        server.said(report))
      assert.same({ "open sending nil" }, lines(client:status(1234, { kind = "dispatch" })))
    end)

    it("idigital: messages only where the sibling's methods are allowed", function()
      assert.is_truthy(raised(function()
        new(quick, "idigital"):status(uuid(1), { kind = "message" })
      end):find("stop_dispatch; only its sibling brand documents status", 1, true))
      local client = new(quick, "idigital", { undocumented = true })
      assert.same({ "open sending nil" }, lines(client:status(uuid(11), { kind = "message" })))
    end)

    it("revicom: messages; dispatches only where the sibling's methods are allowed", function()
      assert.is_truthy(raised(function()
        new(quick, "revicom"):status(1, { kind = "dispatch" })
      end):find("stop; only its sibling brand documents status for dispatches", 1, true))
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
        "40 message(s) of dispatch 501 had been sent before the stop",
        "40 message(s) of dispatch 502 had been sent before the stop",
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
      local tries = 0
      local report = patience.grow(0.1, function(seconds)
        tries = tries + 1 -- what was stopped before has no lookup
        local one = new(never, "pushwoosh"):stop("odd" .. tries,
          { verify = { timeout = seconds, interval = 0.02 } })
        -- Time for two looks, and none of them was cut off.
        return one.requests > 2 and (server.said(one)[2] or ""):find("unproven", 1, true) and one
      end)
      assert.equal("stopped", report[1].outcome)
      assert.equal(2, #server.said(report))
      assert.is_truthy(server.said(report)[1]:find("unusual format", 1, true))
      assert.equal("1 message(s) are still unproven, their state is 'PENDING'",
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
      assert.same({ "40 message(s) of dispatch 520 had been sent before the stop" },
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
      assert.same({ "1 message(s) were sent although the provider promised to stop them" },
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
end)
