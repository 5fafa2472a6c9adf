-- The public API over real sockets, against the sandbox in a process of its own.

local faults = require("spec.support.faults")
local files = require("spec.support.files")
local patience = require("spec.support.patience")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local TOKEN = "sandbox"

-- A uuid with the last four digits that choose its fate in the sandbox.
local function uuid(n, fate)
  return ("%08x-0000-4000-8000-%08x%s"):format(n, n, fate or "aaaa")
end

-- One line an item: what a user sees.
local function lines(report)
  local list = {}
  for i, item in ipairs(report) do
    list[i] = table.concat({ tostring(item.id), item.outcome, tostring(item.code),
      tostring(item.reason), tostring(item.http) }, " ")
  end
  return list
end

describe("stopmsg.client", function()
  local sandbox

  setup(function()
    sandbox = server.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  local function options(provider, more)
    local all = { provider = provider, token = TOKEN, base_url = sandbox.url }
    for name, value in pairs(more or {}) do
      all[name] = value
    end
    return all
  end

  local function new(provider, more)
    return stopmsg.new(options(provider, more))
  end

  describe("each provider over a socket", function()
    it("revicom: every item code", function()
      local report = new("revicom"):stop({
        uuid(1), uuid(2, "0201"), uuid(3, "0202"), uuid(4, "0403"), uuid(5, "0404"),
        uuid(6, "0418"), uuid(7, "0000"),
      })
      assert.same({
        uuid(1) .. " stopped 200 nil nil",
        uuid(2, "0201") .. " accepted 201 nil nil",
        uuid(3, "0202") .. " accepted 202 nil nil",
        uuid(4, "0403") .. " too_late 403 nil nil",
        uuid(5, "0404") .. " not_found 404 nil nil",
        uuid(6, "0418") .. " unknown 418 unknown_code nil",
        uuid(7, "0000") .. " unknown nil missing_in_answer nil",
      }, lines(report))
      assert.equal(1, report.requests)
      assert.is_false(report.ok)
    end)

    it("revicom: a batch with one id at fault is halved until that stands alone", function()
      local ids = {}
      for i = 1, 64 do
        ids[i] = uuid(i, i == 23 and "0400" or nil)
      end
      local report = new("revicom"):stop(ids)
      assert.equal(63, report.counts.stopped)
      assert.equal(1, report.counts.invalid)
      assert.equal("invalid", report[23].outcome)
      assert.equal(400, report[23].http)
      -- Both halves of each of the six batches that held it, and the first request.
      assert.equal(13, report.requests)
    end)

    it("idigital: numbers and strings, beyond 32 bits", function()
      local report = new("idigital"):stop_dispatch({
        1234, "10000000125", "9007199254740993", 10004031, 10004040,
      })
      assert.same({
        "1234 stopped 200 nil nil",
        "10000000125 stopped 200 nil nil",
        "9007199254740993 stopped 200 nil nil",
        "10004031 not_stoppable 4031 nil 403",
        "10004040 not_found 4040 nil 404",
      }, lines(report))
      assert.equal("number", type(report[1].id))
      assert.equal(5, report.requests)
    end)

    it("pushwoosh: both kinds of 400, 403 and 404", function()
      local report = new("pushwoosh"):stop({
        "1A2B-3C4D5E6F-7A8B9C0D", "1A2B-3C4D5E6F-7A8B0400", "1A2B-3C4D5E6F-7A8B0003",
        "1A2B-3C4D5E6F-7A8B0403", "1A2B-3C4D5E6F-7A8B0404",
      })
      assert.same({
        "1A2B-3C4D5E6F-7A8B9C0D stopped 200 nil nil",
        "1A2B-3C4D5E6F-7A8B0400 not_stoppable 9 nil 400",
        "1A2B-3C4D5E6F-7A8B0003 invalid 3 nil 400",
        "1A2B-3C4D5E6F-7A8B0403 denied 7 nil 403",
        "1A2B-3C4D5E6F-7A8B0404 not_found 5 nil 404",
      }, lines(report))
      assert.same({}, server.said(report))
    end)

    it("pushwoosh: an odd code is sent, with a warning", function()
      local report = new("pushwoosh"):stop("odd")
      assert.equal("stopped", report[1].outcome)
      assert.is_truthy(server.said(report)[1]:find("'odd'", 1, true))
    end)

    for _, format in ipairs({ "json", "xml" }) do
      it("clickatell in " .. format .. ": each message status", function()
        local words = {
          "not_found", "accepted", "too_late", "too_late", "not_stoppable", "stopped",
          "not_stoppable", "accepted", "not_stoppable", "not_stoppable", "accepted",
          "not_stoppable", "stopped", "not_stoppable", "unknown",
        }
        local ids = {}
        for i = 1, #words do
          ids[i] = ("%028x%04d"):format(i, i)
        end
        local report = new("clickatell", { format = format }):stop(ids)
        for i, word in ipairs(words) do
          assert.equal(word, report[i].outcome)
          assert.equal(("%03d"):format(i), report[i].code)
          assert.equal(word == "stopped" and true or nil, report[i].verified)
        end
      end)

      it("clickatell in " .. format .. ": another id in the answer, and HTTP 404", function()
        local report = new("clickatell", { format = format }):stop({
          ("%028x0999"):format(1), ("%028x0404"):format(2),
        })
        assert.equal("unknown", report[1].outcome)
        assert.equal("bad_response", report[1].reason)
        assert.equal("not_found", report[2].outcome)
        assert.equal(404, report[2].http)
      end)
    end

    it("clickatell: ids of another shape are sent, with one warning", function()
      local hex = ("%032x"):format(0xaaaa)
      local report = new("clickatell"):stop({ hex, "msg_1", hex:upper(), "msg_1", "MSG_1",
        "a b", "a55b8f8d-56f3-3440-e993-aa614c68bf8b" })
      assert.same({
        hex .. " stopped 006 nil nil",
        "msg_1 stopped 006 nil nil",
        hex:upper() .. " stopped 006 nil nil",
        "msg_1 stopped 006 nil nil",
        "MSG_1 stopped 006 nil nil",
        "a b invalid nil malformed_id nil",
        "a55b8f8d-56f3-3440-e993-aa614c68bf8b stopped 006 nil nil",
      }, lines(report))
      assert.equal(4, report.requests)
      assert.equal(1, #server.said(report))
      assert.is_truthy(server.said(report)[1]:find("3 id(s) with an unusual format", 1, true))
      assert.is_truthy(server.said(report)[1]:find("'msg_1'", 1, true))
      assert.is_truthy(server.said(report)[1]:find("32 hex digits", 1, true))
    end)

    it("the sibling's method works when undocumented ones are allowed", function()
      local allowed = { undocumented = true }
      assert.is_true(new("idigital", allowed):stop({ uuid(900) }).ok)
      assert.is_true(new("revicom", allowed):stop_dispatch(77001).ok)
      assert.has_error(function()
        new("idigital"):stop(uuid(900))
      end, "idigital documents find, status, stop_dispatch; only its sibling brand documents stop: "
        .. "to try it, use undocumented = true")
    end)

    it("an operation that a provider does not have raises with those that it has", function()
      assert.has_error(function()
        new("pushwoosh"):stop_dispatch("1")
      end, "pushwoosh has no stop_dispatch; it has: find, status, stop")
    end)
  end)

  describe("refused credentials", function()
    for provider, id in pairs({
      revicom = uuid(1),
      pushwoosh = "1A2B-3C4D5E6F-7A8B9C0D",
      clickatell = ("%032x"):format(1),
    }) do
      it(provider .. ": a wrong token ends the run", function()
        local report = new(provider, { token = "wrong" }):stop(id)
        assert.equal("denied", report[1].outcome)
        assert.equal("credentials", report[1].reason)
        assert.equal(401, report[1].http)
      end)
    end

    it("revicom and idigital: so does a token of the wrong type", function()
      for provider, call in pairs({ revicom = "stop", idigital = "stop_dispatch" }) do
        local client = new(provider, { token = "sandbox-type-2" })
        local report = client[call](client, provider == "revicom" and uuid(1) or 1234)
        assert.equal("denied", report[1].outcome)
        assert.equal(4030, report[1].code)
        assert.equal(403, report[1].http)
      end
    end)

    it("what was not sent by then is skipped", function()
      local ids = {}
      for i = 1, 50 do
        ids[i] = i
      end
      local report = new("idigital", { token = "wrong", concurrency = 4 }):stop_dispatch(ids)
      assert.is_true(report.requests <= 4)
      assert.equal(report.requests, report.counts.denied)
      assert.equal(50 - report.requests, report.counts.skipped)
      assert.equal("credentials", report[50].reason)
      assert.equal(0, report[50].attempts)
    end)

    it("a token function is asked at first use, and once more when refused", function()
      local asked = 0
      local client = new("revicom", { token = function()
        asked = asked + 1
        return asked == 1 and "stale" or TOKEN
      end })
      assert.equal(0, asked)
      local report = client:stop({ uuid(1), uuid(2) })
      assert.is_true(report.ok)
      assert.equal(2, asked)
      assert.equal(2, report.requests)
      assert.is_true(client:stop(uuid(3)).ok)
      assert.equal(2, asked)
    end)

    it("a token function that gives none raises before anything is sent", function()
      assert.has_error(function()
        new("revicom", { token = function() end }):stop(uuid(1))
      end, "the token function must return a string, got a nil")
    end)
  end)

  describe(":stop", function()
    it("takes one id", function()
      local report = new("revicom"):stop(uuid(31))
      assert.equal(1, #report)
      assert.equal(uuid(31), report[1].id)
    end)

    it("keeps the order given and reports a repeated id at each place", function()
      local same = uuid(0xabc)
      local report = new("revicom"):stop({ same, uuid(2, "0404"), same:upper(), uuid(3), same })
      local ids = {}
      for i, item in ipairs(report) do
        ids[i] = item.id
      end
      assert.same({ same, uuid(2, "0404"), same:upper(), uuid(3), same }, ids)
      assert.equal(4, report.counts.stopped)
      assert.equal(3, sandbox:log()[#sandbox:log()].ids)
    end)

    it("sends nothing for a malformed id and loses none of the others", function()
      local list = { "nope", uuid(1), 12, true, "", ("x"):rep(3 * 1024 * 1024), {}, uuid(2),
        uuid(3) .. "\n", 0 / 0 }
      local report = new("revicom"):stop(list)
      assert.equal(10, report.total)
      assert.equal(8, report.counts.invalid)
      assert.equal(2, report.counts.stopped)
      for i, item in ipairs(report) do
        if item.outcome == "invalid" then
          assert.equal("malformed_id", item.reason)
          assert.is_true(#item.message <= 200)
        end
        if i ~= 10 then
          assert.equal(list[i], item.id)
        end
      end
      assert.equal(2, sandbox:log()[#sandbox:log()].ids)
    end)

    it("reports a hole in the list at its place", function()
      local report = new("revicom"):stop({ uuid(1), nil, uuid(2) })
      assert.equal(3, report.total)
      assert.equal("invalid", report[2].outcome)
      assert.equal(uuid(2), report[3].id)
      assert.equal("stopped", report[3].outcome)
    end)

    for what, case in pairs({
      ["an empty list"] = { {}, "the list is empty; expected at least one id" },
      ["no list"] = { nil, "expected an id or a list of ids, got nil" },
      ["a boolean"] = { true, "expected an id or a list of ids, got boolean" },
      ["a table that is no list"] = { { ids = 1 },
        "expected a list of ids, but the table has the key 'ids'" },
      ["a list that is mostly holes"] = { { [1] = "a", [1000000] = "b" },
        "expected a list of ids, but only 2 of 1000000 places are filled" },
    }) do
      it("raises for " .. what, function()
        local client = new("revicom")
        assert.has_error(function()
          client:stop(case[1])
        end, "bad argument #1 to 'stop' (" .. case[2] .. ")")
      end)
    end

    it("raises for an unknown call option, at the caller", function()
      local client = new("revicom")
      local ok, message = pcall(function()
        client:stop(uuid(1), { dedline = 1 })
      end)
      assert.is_false(ok)
      assert.is_truthy(message:find("client_spec.lua", 1, true))
      assert.is_truthy(message:find("unknown option 'dedline'; did you mean 'deadline'?", 1, true))
    end)

    it("never raises for what the network does", function()
      local report = stopmsg.stop({ provider = "revicom", token = "x", patience = 0,
        base_url = "http://127.0.0.1:1" }, { uuid(1), uuid(2) })
      assert.equal(2, report.counts.failed)
      assert.equal("connect", report[1].reason)
      assert.equal(0, report[1].attempts)
      assert.equal(0, report.requests)
    end)

    it("gives items to on_item as they settle", function()
      local seen = {}
      new("revicom", { batch_size = 2 }):stop({ uuid(1), uuid(2), uuid(3) }, {
        on_item = function(item)
          seen[item.id] = item.outcome
        end,
      })
      assert.same({ [uuid(1)] = "stopped", [uuid(2)] = "stopped", [uuid(3)] = "stopped" }, seen)
    end)

    it("has as many requests in flight as it may, and no more", function()
      local provider, held = faults.providers[2], faults.start()
      local ids = {}
      for i = 1, 12 do
        ids[i] = provider.id(i)
      end
      local answer = faults.answer(faults.http(provider.stopped(ids)), "stopped")
      table.insert(answer["do"], 2, { "hold" })
      held:set({ ["then"] = answer, ids = ids })
      local in_flight, most = 0, 0
      local report = stopmsg.stop({ provider = provider.name, token = TOKEN, base_url = held.url,
        concurrency = 4, timeout = patience.SECONDS, on_event = function(event)
          local change = ({ request = 1, response = -1 })[event.type] or 0
          in_flight = in_flight + change
          most = math.max(most, in_flight)
          if in_flight == 4 then
            held:go() -- nobody has been answered before
          end
        end }, ids, { kind = "dispatch" })
      assert.same({}, faults.judge(report, held:take(), ids))
      held:stop()
      assert.is_true(report.ok)
      assert.equal(4, most)
    end)

    it("stops 100,000 ids in ten requests, each in its place", function()
      local other = server.start()
      local ids = {}
      for i = 1, 100000 do
        ids[i] = uuid(i)
      end
      -- Four times 10,000 ids at once keep the sandbox busy for long on a busy machine.
      local report = stopmsg.stop({ provider = "revicom", token = TOKEN, base_url = other.url,
        timeout = patience.SECONDS }, ids)
      assert.is_true(report.ok)
      assert.equal(100000, report.total)
      for i = 1, 100000 do
        if report[i].id ~= ids[i] then
          error("item " .. i .. " is not that of id " .. i)
        end
      end
      other:stop()
      for _, request in ipairs(other:log()) do
        assert.equal(10000, request.ids)
        assert.is_true(request.in_flight <= 4)
      end
      assert.equal(10, #other:log())
    end)
  end)

  describe(":each", function()
    local function collect(client, source, call)
      local seen, count = {}, 0
      for item in client:each(source, call) do
        seen[item.id] = item.outcome
        count = count + 1
      end
      return seen, count
    end

    local expected = {
      [uuid(1)] = "stopped", [uuid(2, "0403")] = "too_late", [uuid(3)] = "stopped", bad = "invalid",
    }

    it("takes a list", function()
      local seen = collect(new("revicom"), { uuid(1), uuid(2, "0403"), "bad", uuid(3) })
      assert.same(expected, seen)
    end)

    it("takes an iterator, an open file, and lines of another system", function()
      local path = os.tmpname()
      local file = assert(io.open(path, "wb"))
      file:write(uuid(1), "\n", uuid(2, "0403"), "\n", "bad\n", uuid(3))
      file:close()
      assert.same(expected, (collect(new("revicom"), io.lines(path))))

      file = assert(io.open(path, "wb"))
      file:write(uuid(1), "\r\n\r\n", uuid(2, "0403"), " \r\n", "bad\r\n  \n", uuid(3), "\r\n")
      file:close()
      file = assert(io.open(path, "rb"))
      local seen, count = collect(new("revicom"), file)
      file:close()
      assert.same(expected, seen)
      assert.equal(4, count)
      os.remove(path)
    end)

    it("takes dispatches with kind = \"dispatch\"", function()
      local seen = collect(new("idigital"), { 501, 502 }, { kind = "dispatch" })
      assert.same({ [501] = "stopped", [502] = "stopped" }, seen)
    end)

    it("gives nothing for nothing", function()
      local _, count = collect(new("revicom"), {})
      assert.equal(0, count)
    end)

    it("tells the counts beside the items", function()
      local items, summary = new("revicom"):each({ uuid(1), uuid(2, "0404") })
      for item in items do
        assert.is_string(item.outcome)
      end
      assert.equal(1, summary.counts.stopped)
      assert.equal(1, summary.counts.not_found)
      assert.equal(1, summary.requests)
    end)

    it("may be left early, and the client used on", function()
      local client = new("idigital", { concurrency = 2 })
      local call = { kind = "dispatch" }
      assert.is_truthy(client:each({ 601, 602, 603, 604, 605, 606 }, call)())
      local report = client:stop_dispatch({ 701, 702, 703 })
      assert.is_true(report.ok)
      assert.equal(3, report.total)
    end)

    it("can run while another call of the same client does", function()
      local client = new("idigital", { concurrency = 2 })
      local stopped = {}
      for item in client:each({ 801, 802, 803, 804 }, { kind = "dispatch" }) do
        stopped[item.id] = item.outcome
        stopped[item.id + 10] = client:stop_dispatch(item.id + 10)[1].outcome
      end
      for id = 801, 804 do
        assert.equal("stopped", stopped[id])
        assert.equal("stopped", stopped[id + 10])
      end
    end)

    it("raises for what is no source", function()
      assert.has_error(function()
        new("revicom"):each("ids.txt")
      end, "bad argument #1 to 'each' (expected a list, an iterator function or an open file, got "
        .. "string)")
    end)
  end)

  describe("the reasons of a report", function()
    local IDS = { uuid(1), "bad", "bad", uuid(2, "0503"), uuid(3, "0404"), "worse", uuid(4),
      uuid(2, "0503"), uuid(5, "0503") }
    local more = { max_attempts = 1, batch_size = 1, concurrency = 1, patience = 0 }

    -- What the items say.
    local function count(reasons, item)
      if item.reason then
        reasons[item.reason] = (reasons[item.reason] or 0) + 1
      end
      return reasons
    end

    local function all_of(report)
      local reasons = {}
      for _, item in ipairs(report) do
        count(reasons, item)
      end
      return reasons
    end

    it("are those of its items, which one line for people names", function()
      local report = new("revicom", more):stop(IDS)
      assert.same({ malformed_id = 3, http_503 = 3 }, all_of(report))
      assert.same(all_of(report), report.reasons)
      assert.matches("; main reason: http_503$", tostring(report))
    end)

    it("are those of the items that a stream gave, whenever somebody looks", function()
      for looks = 0, 3 do
        local reasons, given = {}, 0
        local items, report = new("revicom", more):each(IDS)
        for item in items do
          count(reasons, item)
          given = given + 1
          if given <= looks then
            assert.equal(given, report.total)
          end
        end
        assert.equal(#IDS, given)
        assert.same(reasons, report.reasons)
      end
    end)

    it("are none where all were stopped", function()
      local report = new("revicom"):stop({ uuid(1), uuid(2) })
      assert.same({}, report.reasons)
      assert.matches(" s%)$", tostring(report))
    end)

    it("follow the items through lookups", function()
      local client = new("revicom", more)
      local report = client:stop({ uuid(1), "bad", uuid(2, "0503") })
      client:verify(report, { timeout = 0.01, interval = 0.01 })
      assert.same(all_of(report), report.reasons)
      assert.equal(1, report.reasons.malformed_id)
    end)
  end)

  describe("with the sleep of a scheduler", function()
    it("lets other coroutines go on", function()
      local slow = server.start({ delay = 0.05 })
      local ticks = 0
      local report
      local caller = coroutine.create(function()
        local client = stopmsg.new({ provider = "revicom", token = TOKEN, base_url = slow.url,
          sleep = function(seconds)
            assert(seconds <= 0.005)
            coroutine.yield()
          end })
        report = client:stop({ uuid(1), uuid(2) })
      end)
      while coroutine.status(caller) ~= "dead" do
        assert(coroutine.resume(caller))
        ticks = ticks + 1
      end
      slow:stop()
      assert.is_true(report.ok)
      assert.is_true(ticks > 1)
    end)
  end)

  describe("with a rate function", function()
    it("asks it before each request, repeats and halves included, and sends no more", function()
      local allowed, asked, sent, too_many = 0, 0, 0, 0
      local client = new("revicom", {
        batch_size = 2,
        rate = function()
          asked = asked + 1
          if asked % 3 == 0 then
            allowed = allowed + 1
            return 0
          end
          return 0.002
        end,
        on_event = function(event)
          if event.type == "request" then
            sent = sent + 1
            too_many = math.max(too_many, sent - allowed)
          end
        end,
      })
      local report = client:stop({ uuid(1), uuid(2, "0500"), uuid(3), uuid(4, "0400") })
      client:close()
      assert.equal(0, too_many)
      assert.equal(report.requests, sent)
      assert.equal(1, report.retries)
      assert.equal(3, report.counts.stopped)
      -- The first batch twice. The second in parts, as it finds out whether the provider answers;
      -- and whole before that, where it was sent before the first had failed.
      assert.is_true(report.requests >= 4 and report.requests <= 5)
      assert.is_true(allowed >= report.requests and allowed <= report.requests + 1)
    end)

    it("that cannot answer waits for as long as patience says", function()
      for _, seconds in ipairs({ 0, 0.2 }) do
        local phases = {}
        local client = new("revicom", {
          patience = seconds,
          rate = function()
            return 0.001, "Redis is away"
          end,
          on_event = function(event)
            if event.type == "outage" then
              phases[#phases + 1] = event.phase .. " " .. event.of
            end
          end,
        })
        local report = client:stop({ uuid(1), uuid(2) })
        client:close()
        assert.same({ outage = 2 }, report.reasons)
        assert.equal(0, report.requests)
        assert.is_true(report.elapsed >= seconds)
        assert.same({ "begin rate", "end rate" }, phases)
        assert.equal("no shared rate: Redis is away", report.warnings[1])
      end
    end)

    it("that could not answer once is asked on", function()
      local asked = 0
      local client = new("revicom", {
        patience = math.huge,
        rate = function()
          asked = asked + 1
          return asked < 3 and 0.001 or 0, asked < 3 and "Redis is away" or nil
        end,
      })
      local report = client:stop({ uuid(1), uuid(2) })
      client:close()
      assert.is_true(report.ok)
      assert.equal(3, asked)
    end)
  end)

  describe("on_event", function()
    it("tells requests, answers, repeats and items, never a token or a body", function()
      local types, all = {}, {}
      local client = new("idigital", { on_event = function(event)
        types[event.type] = (types[event.type] or 0) + 1
        for _, value in pairs(event) do
          all[#all + 1] = tostring(value)
        end
      end })
      client:stop_dispatch({ 1, 20500 })
      assert.same({ request = 3, response = 3, retry = 1, item = 2 }, types)
      assert.is_nil(table.concat(all, "\n"):find(TOKEN .. "[^%w]"))
    end)

    it("may raise what cannot be written", function()
      for _, words in ipairs({ 17, function() error("no words") end, function() return {} end }) do
        local client = new("revicom", { on_event = function()
          error(setmetatable({}, { __tostring = words }))
        end })
        local report = client:stop(uuid(1))
        client:close()
        assert.is_true(report.ok)
        assert.equal("on_event raised an error: table", report.warnings[1])
      end
    end)
  end)

  describe("its life", function()
    it("ends twice without harm, and raises when used after", function()
      local client = new("revicom")
      client:stop(uuid(1))
      client:close()
      client:close()
      assert.equal("stopmsg.client (revicom, closed)", tostring(client))
      for _, call in ipairs({ "stop", "stop_dispatch", "each" }) do
        assert.has_error(function()
          client[call](client, uuid(1))
        end, "attempt to use a closed client")
      end
    end)

    it("raises in a loop whose client was closed meanwhile", function()
      local client = new("idigital", { concurrency = 1 })
      assert.has_error(function()
        for _ in client:each({ 1, 2, 3, 4 }, { kind = "dispatch" }) do
          client:close()
        end
      end, "attempt to use a closed client")
    end)

    it("raises in every loop over items that are there already, and counts those taken", function()
      local client = new("revicom")
      local list, loops = {}, {}
      for i = 1, 20 do
        list[i] = uuid(i)
      end
      for i = 1, 2 do
        local next_item, report = client:each(list)
        for _ = 1, 3 do
          assert.equal("stopped", next_item().outcome)
        end
        loops[i] = { next_item = next_item, report = report }
      end
      client:close()
      for _, loop in ipairs(loops) do
        for _ = 1, 2 do
          local called, message = pcall(function()
            return loop.next_item() and nil
          end)
          assert.is_false(called)
          assert.matches("^spec/client_spec.lua:%d+: attempt to use a closed client$", message)
        end
        assert.equal(3, loop.report.total)
      end
    end)

    it("lasts as long as a loop over its items", function()
      local next_item = new("revicom"):each({ uuid(1), uuid(2) })
      collectgarbage()
      collectgarbage()
      assert.equal("stopped", next_item().outcome)
      collectgarbage()
      assert.equal("stopped", next_item().outcome)
      assert.is_nil((next_item()))
    end)

    it("keeps to an id as it was given, whatever others do to the list meanwhile", function()
      local scripted = server.scripted([[
        return function(request, n)
          local id = request.target:match("[^/]*$")
          if n == 2 then
            return 503, ""
          end
          return 200, ('{"data":{"messageStatus":"006","apiMessageId":"%s"}}'):format(id)
        end]])
      local list
      local client = stopmsg.new({ provider = "clickatell", token = TOKEN, base_url = scripted.url,
        sleep = function()
          list[1] = 17
        end })
      for _, letter in ipairs({ "a", "b" }) do -- the first one is answered at once
        local id = letter:rep(32)
        list = { id }
        local report = client:stop(list)
        assert.equal(17, list[1])
        assert.equal(1, report.total)
        assert.equal(id, report[1].id)
        assert.equal("stopped", report[1].outcome)
      end
      client:close()
      local requests = scripted:log()
      scripted:stop()
      assert.equal(3, #requests)
      assert.equal(requests[2].target, requests[3].target)
    end)

    it("is collected with requests in flight", function()
      local slow = server.start({ delay = 0.3 })
      do
        local client = stopmsg.new({ provider = "idigital", token = TOKEN, base_url = slow.url,
          sleep = coroutine.yield })
        local caller = coroutine.wrap(function()
          client:stop_dispatch({ 1, 2, 3 })
        end)
        caller()
        caller()
      end
      collectgarbage()
      collectgarbage()
      slow:stop()
    end)

    it("opens nothing when it is made", function()
      local client = stopmsg.new({ provider = "revicom", token = "x" })
      assert.is_nil(client._session)
      client:close()
    end)
  end)

  describe("stopmsg.new", function()
    for what, case in pairs({
      ["no options"] = { nil, "expected a table of options, got nil" },
      ["an unknown option"] = { { provider = "revicom", tokne = "x" },
        "unknown option 'tokne'; did you mean 'token'?" },
      ["no token"] = { { provider = "revicom" }, "option 'token' is missing: the key as the "
        .. "provider issued it, or a function that returns it" },
      ["a token with a line break"] = { { provider = "revicom", token = "abc\n" },
        "option 'token': the token ends with a line break: remove it" },
      ["an unknown provider"] = { { provider = "revikom", token = "x" },
        "option 'provider': unknown provider 'revikom'; did you mean 'revicom'? "
        .. "`stopmsg providers` lists all, or pass a definition table" },
      ["plain http to another host"] = {
        { provider = "revicom", token = "x", base_url = "http://example.org" },
        "option 'base_url' is plain http to another host, where the token "
        .. "could be read on the way: use https://, or allow_http = true" },
      ["a batch above the limit"] = { { provider = "revicom", token = "x", batch_size = 10001 },
        "option 'batch_size': revicom takes at most 10000 id(s) per request, got 10001" },
      ["a format that a provider does not have"] = {
        { provider = "revicom", token = "x", format = "xml" },
        "option 'format': revicom does not support xml" },
      ["a number out of range"] = { { provider = "revicom", token = "x", concurrency = 0 },
        "option 'concurrency': expected requests in flight, a whole number from 1 to 1024, got 0" },
      ["a user agent with a line break"] = {
        { provider = "revicom", token = "x", user_agent = "a\r\nX: 1" },
        "option 'user_agent': expected a string without control characters, got a string" },
      ["burst without rate"] = { { provider = "revicom", token = "x", burst = 2 },
        "option 'burst' needs 'rate' as a number" },
    }) do
      it("raises for " .. what, function()
        assert.has_error(function()
          stopmsg.new(case[1])
        end, "bad argument #1 to 'new' (" .. case[2] .. ")")
      end)
    end

    it("never repeats a token in an error", function()
      for _, wrong in ipairs({
        { provider = "revicom", token = "canary\1" },
        { provider = "revicom", tokne = "canary" },
        { provider = "revicom", token = "canary", base_url = "gopher://x" },
        { provider = "revicom", token = "canary", deadline = "canary" },
      }) do
        local ok, message = pcall(stopmsg.new, wrong)
        assert.is_false(ok)
        assert.is_nil(message:find("canary", 1, true))
      end
    end)
  end)

  it("stopmsg tells its version, providers and outcomes", function()
    assert.equal(require("stopmsg.version"), stopmsg._VERSION)
    local names = {}
    for _, path in ipairs(files.list("lua/stopmsg/provider")) do
      local loaded = require("stopmsg.provider." .. path:match("([%w_]+)%.lua$"))
      if type(loaded) == "table" and loaded.url and loaded.name then
        names[#names + 1] = loaded.name
      end
    end
    table.sort(names)
    assert.same(names, stopmsg.providers())
    assert.is_true(#names >= 7)
    assert.is_true(stopmsg.outcomes.stopped.stopped)
    assert.is_nil(stopmsg.outcomes.unknown.stopped)
  end)
end)
