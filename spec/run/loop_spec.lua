-- The run loop over an engine of the specs' own: what is sent, given up and reported.

local providers = require("stopmsg.provider")
local runs = require("spec.support.runs")
local sample = require("spec.support.sample")
local source = require("stopmsg.run.source")
local stopmsg = require("stopmsg")

local http, items, item, given, OK = runs.http, runs.items, runs.item, runs.given, runs.OK
local in_turn, by_id, names, LOST = runs.in_turn, runs.by_id, runs.names, runs.LOST
local new_session, new_run, operation_of = runs.new_session, runs.new_run, runs.operation_of
local drain, stop, tally, times = runs.drain, runs.stop, runs.tally, runs.times
local REFUSED = runs.REFUSED

describe("stopmsg.run.loop", function()
  describe("with a batch", function()
    it("sends as many ids as the limit allows, in order", function()
      local result = stop({ ids = names(25), limit = 10 })
      assert.equal(3, #result.requests)
      assert.same(names(10), result.requests[1].ids)
      assert.equal(10, #result.requests[2].ids)
      assert.equal(5, #result.requests[3].ids)
      assert.same({ stopped = 25 }, tally(result.items, 25))
      assert.is_true(result.summary.ok)
    end)

    it("gives every id its own answer", function()
      local result = stop({ ids = { "a", "b", "c" }, limit = 10, answer = items({ b = 403,
        c = 404 }) })
      assert.same({ { id = "a", outcome = "stopped", code = 200 },
        { id = "b", outcome = "too_late", code = 403 },
        { id = "c", outcome = "not_found", code = 404 } }, result.items)
    end)

    it("repeats it as a whole", function()
      local result = stop({ ids = { "a", "b" }, limit = 10,
        answer = in_turn({ http(503), items({ b = 403 }) }) })
      assert.same({ { id = "a", outcome = "stopped", code = 200, attempts = 2, ambiguous = true },
        { id = "b", outcome = "unknown", reason = "too_late", code = 403, attempts = 2,
          ambiguous = true } }, result.items)
      assert.equal(2, result.summary.requests)
      assert.equal(1, result.summary.retries)
    end)

    it("denies the ids of that request alone after a 403", function()
      local result = stop({ ids = names(6), limit = 2, concurrency = 1, answer = function(request)
        return request.index == 2 and http(403) or OK(request)
      end })
      assert.same({ stopped = 4, ["denied forbidden"] = 2 }, tally(result.items, 6))
      assert.equal("denied", result.items[3].outcome)
      assert.equal("denied", result.items[4].outcome)
    end)

    it("does not know after a 404 of the whole", function()
      local result = stop({ ids = names(2), limit = 2, answer = in_turn({ http(404) }) })
      assert.same({ ["unknown http_404"] = 2 }, tally(result.items, 2))
    end)

    it("warns of what the answer holds too much", function()
      local result = stop({ ids = { "a" }, limit = 2, answer = function()
        return { body = '{"items":[{"id":"a","code":200},{"id":"zz","code":200}]}' }
      end })
      assert.equal(1, #result.summary.warnings)
      assert.equal("stopped", result.items[1].outcome)
    end)

    it("gives a warning once, however often there is reason", function()
      local result = stop({ ids = names(20), limit = 2, answer = function(request)
        local answer = OK(request)
        answer.body = answer.body:gsub("%]}$", ',{"id":"zz","code":200}]}')
        return answer
      end })
      assert.same({ stopped = 20 }, tally(result.items, 20))
      assert.equal(1, #result.summary.warnings)
    end)
  end)

  describe("with ids that go alone", function()
    local USUAL = runs.USUAL

    it("makes items of usual answers, and counts them", function()
      local result = stop({ ids = names(300), concurrency = 16, answer = function(request)
        return { status = 200, meaning = 1, connections = request.index <= 16 and 1 or 0 }
      end })
      assert.same({ stopped = 300 }, tally(result.items, 300))
      assert.same({ id = "id7", outcome = "stopped", code = 200 }, result.items[7])
      assert.equal(300, result.summary.requests)
      assert.equal(16, result.summary.connections)
      assert.equal(0, result.summary.retries)
      assert.equal(16, result.engine.most)
    end)

    it("makes items of verdicts that say more", function()
      local result = stop({ ids = names(3), answer = by_id({ id2 = { status = 200, meaning = 2 } },
        USUAL) })
      assert.same({ id = "id2", outcome = "too_late", code = 403, reason = "sent" },
        result.items[2])
      assert.same({ stopped = 2, ["too_late sent"] = 1 }, tally(result.items, 3))
    end)

    it("gives a repeated id a copy, and an id as it was given", function()
      local result = stop({ ids = { "a", "A", "b", "a" }, answer = USUAL })
      assert.same({ "a", "A", "b", "a" }, { result.items[1].id, result.items[2].id,
        result.items[3].id, result.items[4].id })
      assert.equal(2, #result.requests)
    end)

    it("forgets an id of a stream once it is settled", function()
      local list = drain((new_run(new_session({ answer = USUAL }), { ids = { "a", "b", "a" },
        concurrency = 1, keeps = false })))
      assert.equal(3, #list)
    end)

    it("sends nothing after an answer of another kind before that is decided", function()
      -- One other id is asked with a token that was refused, and nothing is sent in a pause.
      for most, answer in pairs({ [0] = http(429, { retry_after = 5 }), [1] = http(401) }) do
        local after
        local result = stop({ ids = names(200), concurrency = 8, max_attempts = 1, patience = 0,
          answer = function(request)
            after = after or (request.index == 50 and request.at + 0.01)
            return request.index == 50 and answer or USUAL()
          end })
        local sent = 0
        for _, request in ipairs(result.requests) do
          if request.at >= after and request.at < after + 1e-3 then
            sent = sent + 1
          end
        end
        assert.equal(most, sent)
        assert.not_equal("stopped", result.items[50].outcome)
      end
    end)

    it("tells whose fault a refused token is, as with any other answers", function()
      local result = stop({ ids = names(40), concurrency = 4, answer = by_id({ id20 = http(401) },
        USUAL) })
      assert.same({ stopped = 39, ["denied forbidden"] = 1 }, tally(result.items, 40))
    end)

    it("repeats one that failed, with its history", function()
      local result = stop({ ids = names(40), concurrency = 4, answer = function(request)
        return request.ids[1] == "id20" and request.attempt == 1 and http(503) or USUAL()
      end })
      assert.same({ id = "id20", outcome = "stopped", code = 200, attempts = 2,
        ambiguous = true }, result.items[20])
      assert.equal(1, result.summary.retries)
    end)

    it("tells each request and answer to a hook", function()
      local told = {}
      stop({ ids = names(9), answer = USUAL, emit = function(event)
        told[event.type] = (told[event.type] or 0) + 1
      end })
      assert.same({ request = 9, response = 9, item = 9 }, told)
    end)

    it("keeps to a rate", function()
      local result = stop({ ids = names(5), answer = USUAL, rate = 1 })
      runs.assert_times({ 0, 0.99, 1.99, 2.99, 3.99 }, result) -- it may catch up on lateness
    end)

    it("asks an iterator for one id before each request", function()
      local given, sent = 0, {}
      local result = stop({ concurrency = 4, source = source.iterator(function()
        given = given + 1
        return given <= 6 and "id" .. given or nil
      end), answer = function()
        sent[#sent + 1] = given
        return USUAL()
      end })
      assert.same({ 1, 2, 3, 4, 5, 6 }, sent)
      assert.same({ stopped = 6 }, tally(result.items, 6))
    end)

    it("settles what is in flight after an interruption", function()
      local is_over = false
      local result = stop({ ids = names(6), concurrency = 3, timeout = 100,
        is_interrupted = function() return is_over end,
        answer = function(request)
          is_over = request.index == 5
          return request.index > 2 and { after = 90 } or USUAL()
        end })
      assert.same({ stopped = 2, ["unknown interrupted"] = 3, ["skipped interrupted"] = 1 },
        tally(result.items, 6))
      assert.equal(5, result.summary.requests)
    end)
  end)

  describe("at the deadline", function()
    it("gives up what is in flight, waits for no more, and skips what was never sent", function()
      local result = stop({ ids = names(5), concurrency = 2, deadline = 8, timeout = 100,
        answer = function()
          return { after = 1000 }
        end })
      assert.equal(2, #result.requests)
      for i = 1, 2 do
        assert.same({ id = "id" .. i, outcome = "unknown", reason = "deadline",
          message = "no complete answer in time" }, result.items[i])
      end
      for i = 3, 5 do
        assert.same({ id = "id" .. i, outcome = "skipped", reason = "deadline", attempts = 0 },
          result.items[i])
      end
      assert.near(8, result.elapsed, 1e-3)
      assert.near(8, result.summary.elapsed, 1e-3)
    end)

    it("calls what had no connection by then failed", function()
      local result = stop({ ids = { "a" }, deadline = 2, answer = function()
        return { after = 1000, reached = "queued" }
      end })
      assert.equal("failed", result.items[1].outcome)
      assert.equal(0, result.items[1].attempts)
    end)

    it("gives what waits for its repeat its last verdict", function()
      local result = stop({ ids = { "a", "b", "c" }, concurrency = 1, slots = 1, deadline = 8,
        timeout = 100, answer = by_id({ a = http(503), b = { after = 1000 } }) })
      assert.same({ id = "a", outcome = "unknown", reason = "http_503", code = 503, http = 503 },
        result.items[1])
      assert.equal("unknown", result.items[2].outcome)
      assert.equal("deadline", result.items[2].reason)
      assert.equal("skipped", result.items[3].outcome)
    end)

    it("calls what waits after a 429 rate-limited", function()
      local result = stop({ ids = { "a", "b" }, concurrency = 1, deadline = 8, timeout = 100,
        random = function()
          return 0
        end,
        answer = by_id({ a = http(429), b = { after = 1000 } }) })
      assert.equal("failed", result.items[1].outcome)
      assert.equal("rate_limited", result.items[1].reason)
    end)

    it("gives no attempt more time than is left", function()
      local result = stop({ ids = { "a" }, deadline = 5, timeout = 3,
        answer = in_turn({ { after = 1000 } }) })
      assert.equal(2, #result.requests)
      assert.near(3, result.requests[1].timeout, 1e-3)
      assert.near(5 - 3.045, result.requests[2].timeout, 1e-3)
      assert.near(5, result.elapsed, 1e-3)
    end)

    it("repeats nothing that would start after it", function()
      local result = stop({ ids = { "a" }, deadline = 0.05,
        answer = in_turn({ http(503) }) })
      assert.equal(1, #result.requests)
      assert.is_nil(result.items[1].ambiguous)
    end)

    it("never waits for a rate that is too low", function()
      local result = stop({ ids = names(20), rate = 1, deadline = 5.5 })
      assert.same({ stopped = 6, ["skipped deadline"] = 14 }, tally(result.items, 20))
      assert.is_true(result.elapsed <= 5.501)
    end)

    it("sends nothing where it has passed before the start", function()
      local session = new_session({})
      local running, summary = new_run(session, { ids = names(3), deadline = 5 })
      session.clock:advance(6)
      assert.same({ ["skipped deadline"] = 3 }, tally(drain(running), 3))
      assert.equal(0, #session.engine.requests)
      assert.equal(0, summary.requests)
    end)

    it("sends nothing that the source gave only after it", function()
      local session = new_session({})
      local i = 0
      local running = new_run(session, { deadline = 5, source = source.iterator(function()
        i = i + 1
        session.clock:advance(4)
        return i <= 4 and "id" .. i or nil
      end) })
      local list = drain(running)
      assert.equal(4, #list)
      for _, request in ipairs(session.engine.requests) do
        assert.message(request.ids[1] .. " is sent").near(4, request.at - 1000, 1e-3)
        assert.message("it may take").near(1, request.timeout, 1e-3)
      end
      assert.same({ stopped = 1, ["skipped deadline"] = 3 }, tally(list, 4))
    end)

    it("does not make the first answer wait for the ids of others", function()
      local session = new_session({ answer = items(nil, { after = 0.1 }) })
      local i = 0
      local running = new_run(session, { limit = 1000, concurrency = 4, keeps = false,
        source = source.iterator(function()
          i = i + 1
          session.clock:advance(1e-4) -- the answer comes with the thousandth id after its request's
          return i <= 10000 and "id" .. i or nil
        end) })
      assert.equal("id1", running:next().id)
      assert.is_true(i >= 2000 and i <= 2500, i)
      local _, order = drain(running)
      assert.equal(9999, #order)
    end)

    it("is none where it is infinite", function()
      local result = stop({ ids = names(3), deadline = math.huge, timeout = 1e6,
        answer = items(nil, { after = 1e5 }) })
      assert.same({ stopped = 3 }, tally(result.items, 3))
    end)
  end)

  describe("an interruption", function()
    -- True from `seconds` on.
    local function after(session, seconds)
      local at = session.clock() + seconds
      return function()
        return session.clock() >= at
      end
    end

    it("sends nothing more and takes the answers that come within two seconds", function()
      local session = new_session({ answer = function(request)
        return items(nil, { after = request.index == 1 and 2.2 or 9 })(request)
      end })
      local result = stop({ session = session, ids = names(5), concurrency = 2,
        is_interrupted = after(session, 0.5) })
      assert.equal(2, #result.requests)
      assert.equal("stopped", result.items[1].outcome)
      assert.same({ id = "id2", outcome = "unknown", reason = "interrupted" }, result.items[2])
      for i = 3, 5 do
        assert.same({ id = "id" .. i, outcome = "skipped", reason = "interrupted", attempts = 0 },
          result.items[i])
      end
      assert.near(2.5, result.elapsed, 0.11)
      assert.equal(2, result.summary.requests)
    end)

    it("is noticed within a tenth of a second while the network is silent", function()
      local session = new_session({ answer = function(request)
        return items(nil, { after = 9 })(request)
      end })
      local asked, longest_gap = session.clock(), 0
      stop({ session = session, ids = { "a" }, is_interrupted = function()
        longest_gap = math.max(longest_gap, session.clock() - asked)
        asked = session.clock()
        return false
      end })
      assert.is_true(longest_gap <= 0.1001)
    end)

    it("gives back what waits for its repeat as what is known of it", function()
      local session = new_session({ answer = function()
        return http(503, { retry_after = 30 })
      end })
      local result = stop({ session = session, ids = { "a" }, is_interrupted = after(session, 1) })
      assert.equal("unknown", result.items[1].outcome)
      assert.is_true(result.elapsed < 1.2)
    end)

    it("leaves the client to other calls, which an answer that comes late does not disturb",
      function()
        local session = new_session({ answer = function(request)
          return items(nil, { after = request.index == 1 and 5 or 4 })(request)
        end })
        stop({ session = session, ids = { "a" }, is_interrupted = after(session, 1) })
        local result = stop({ session = session, ids = { "b" } })
        assert.same({ id = "b", outcome = "stopped", code = 200 }, result.items[1])
      end)
  end)

  describe("repeated ids", function()
    for _, keeps in ipairs({ true, false }) do
      local mode = keeps and "a list" or "a stream"

      it("are sent once and reported at each place, in one batch of " .. mode, function()
        local result = stop({ ids = { "a", "b", "A", "a" }, limit = 10, keeps = keeps,
          answer = items({ a = 403 }) })
        assert.equal(1, #result.requests)
        assert.same({ "a", "b" }, result.requests[1].ids)
        assert.same({
          { id = "a", outcome = "too_late", code = 403 },
          { id = "b", outcome = "stopped", code = 200 },
          { id = "A", outcome = "too_late", code = 403 },
          { id = "a", outcome = "too_late", code = 403 },
        }, result.items)
        assert.equal(4, result.summary.total)
      end)

      it("wait for the one in flight in another batch of " .. mode, function()
        local result = stop({ ids = { "a", "b", "A" }, keeps = keeps,
          answer = items(nil, { after = 1 }) })
        assert.equal(2, #result.requests)
        assert.same({ stopped = 3 }, tally(result.items, 3))
        assert.equal("A", result.items[3].id)
      end)

      it("wait for the one that is repeated in " .. mode, function()
        local result = stop({ ids = { "a", "a" }, keeps = keeps, answer = in_turn({ LOST, OK }) })
        local expected = { id = "a", outcome = "stopped", code = 200, attempts = 2,
          ambiguous = true }
        assert.same({ expected, expected }, result.items)
        assert.not_equal(result.items[1], result.items[2])
      end)
    end

    it("are not sent again in a list after the first is settled", function()
      local result = stop({ ids = { "a", "b", "c", "A", "a" }, concurrency = 1 })
      assert.equal(3, #result.requests)
      assert.same({ stopped = 5 }, tally(result.items, 5))
      assert.equal("A", result.items[4].id)
    end)

    it("are sent again in a stream after the first is settled", function()
      local result = stop({ ids = { "a", "b", "A" }, concurrency = 1, keeps = false })
      assert.equal(3, #result.requests)
      assert.same({ "A" }, result.requests[3].ids)
      assert.same({ stopped = 3 }, tally(result.items, 3))
    end)

    it("are told apart by case where the form does", function()
      local result = stop({ ids = { "a", "A", "a" }, limit = 10,
        form = { pattern = "^%w+$", max = 16, about = "letters" } })
      assert.same({ { "a", "A" } }, { result.requests[1].ids })
      assert.same({ stopped = 3 }, tally(result.items, 3))
    end)

    it("keep the places of thousands", function()
      local ids = {}
      for i = 1, 5000 do
        ids[i] = (i % 2 == 0 and "x" or "X") .. (i % 100)
      end
      local result = stop({ ids = ids, limit = 10 })
      assert.equal(10, #result.requests)
      for i, one in ipairs(result.items) do
        assert.equal(ids[i], one.id)
      end
      assert.equal(5000, result.summary.counts.stopped)
    end)
  end)

  describe("ids that are none", function()
    it("are reported as they were given, and not sent", function()
      local bad = { "", "a b", "a\nb", ("x"):rep(17), true, print, {}, 1.5 }
      local ids = { "a" }
      for i, id in ipairs(bad) do
        ids[i + 1] = id
      end
      ids[#ids + 1] = "b"
      local result = stop({ ids = ids, limit = 20 })
      assert.same({ { "a", "b" } }, { result.requests[1].ids })
      assert.equal(1, #result.requests)
      for i, id in ipairs(bad) do
        local one = result.items[i + 1]
        assert.equal(id, one.id)
        assert.equal("invalid", one.outcome)
        assert.equal("malformed_id", one.reason)
        assert.equal(0, one.attempts)
        assert.is_string(one.message)
        assert.is_nil(one.message:find("%c"))
      end
      assert.equal("stopped", result.items[#ids].outcome)
    end)

    it("are reported each time that they come", function()
      local result = stop({ ids = { "a b", "a b" } })
      assert.same({ ["invalid malformed_id"] = 2 }, tally(result.items, 2))
      assert.equal(0, #result.requests)
      assert.is_false(result.summary.ok)
    end)

    it("may be holes", function()
      local result = stop({ ids = { "a", nil, "b" }, count = 4 })
      assert.same({ stopped = 2, ["invalid malformed_id"] = 2 }, tally(result.items, 4))
      assert.is_nil(result.items[2].id)
      assert.equal("b", result.items[3].id)
      assert.equal(4, result.summary.total)
    end)
  end)

  describe("ids", function()
    it("are sent as strings and reported as they were given", function()
      local result = stop({ ids = { 42, "43", 44.0 }, limit = 10, form = "digits" })
      assert.same({ "42", "43", "44" }, result.requests[1].ids)
      assert.equal(42, result.items[1].id)
      assert.equal("43", result.items[2].id)
      assert.equal(44.0, result.items[3].id)
      assert.equal("number", type(result.items[3].id))
    end)

    it("are one whether given as a number or a string", function()
      local result = stop({ ids = { 42, "42" }, limit = 10, form = "digits" })
      assert.equal(1, #result.requests[1].ids)
      assert.equal(42, result.items[1].id)
      assert.equal("42", result.items[2].id)
    end)

    it("of an unusual shape are sent with one warning", function()
      local form = { pattern = "^%w+$", max = 16, about = "x and digits", usual = "^x%d$" }
      local result = stop({ ids = { "x1", "y1", "y2" }, limit = 10, form = form })
      assert.same({ stopped = 3 }, tally(result.items, 3))
      assert.equal(1, #result.summary.warnings)
      assert.matches("2 id", result.summary.warnings[1])
      assert.matches("'y1'", result.summary.warnings[1])
    end)
  end)

  describe("answers of strangers", function()
    local PAGE = http(200, { body = "<html>Login</html>" })
    local WARNING = "no answer was in the provider's form: check base_url and the proxy"

    for title, case in pairs({
      ["pages alone"] = { in_turn({ PAGE }), true },
      ["redirects alone"] = { in_turn({ http(302) }), true },
      ["a page, and no connection"] = { in_turn({ REFUSED, PAGE }), true },
      ["an empty 503, then the provider"] = { in_turn({ http(503), OK }), false },
      ["no connection"] = { in_turn({ REFUSED }), false },
      ["lost answers"] = { in_turn({ LOST }), false },
      ["the provider's refusal"] = { in_turn({ http(409) }), false },
      ["the provider, who is busy"] = { in_turn({ http(503) }), false },
    }) do
      it(("%s: %s"):format(title, case[2] and "tell to look at the address" or "tell nothing"),
        function()
          local result = stop({ ids = { "a" }, answer = case[1], max_attempts = 2 })
          local told = table.concat(result.summary.warnings, "\n"):find(WARNING, 1, true) ~= nil
          assert.equal(case[2], told)
        end)
    end

    it("may be the end of one that was cut off", function()
      local operation = providers.load("idigital").operations.stop_dispatch
      for body, word in pairs({ [""] = "stopped", [false] = "unknown" }) do
        local result = stop({ ids = { "7" }, operation = operation, answer = function()
          return http(200, { body = body })
        end })
        assert.equal(word, result.items[1].outcome)
      end
    end)

    it("tell nothing where one answer of many is the provider's", function()
      local result = stop({ ids = names(5), answer = by_id({ id3 = OK }, PAGE) })
      assert.equal(4, result.summary.counts.unknown)
      assert.same({}, result.summary.warnings)
    end)
  end)

  describe("ids of an unusual shape among others that the core knows at sight", function()
    local form = stopmsg.definition("clickatell").id

    it("are sent once, in their places, and counted", function()
      local hex = ("0123456789abcdef"):rep(2)
      local other = ("f"):rep(32)
      for _, limit in ipairs({ 1, 3, 100 }) do
        local list = { hex, "odd", hex:upper(), other, "odd", "ODD", other, hex .. "0" }
        local result = stop({ ids = list, limit = limit, form = form, concurrency = 1 })
        local sent = {}
        for _, request in ipairs(result.requests) do
          for _, id in ipairs(request.ids) do
            sent[#sent + 1] = id
          end
        end
        assert.same({ hex, "odd", other, "ODD", hex .. "0" }, sent)
        for i, id in ipairs(list) do
          assert.equal(id, result.items[i].id)
          assert.equal("stopped", result.items[i].outcome)
        end
        assert.matches("3 id", result.summary.warnings[1])
      end
    end)
  end)

  describe("in flight", function()
    it("has no more requests than asked for", function()
      for _, concurrency in ipairs({ 1, 3, 16 }) do
        local result = stop({ ids = names(50), concurrency = concurrency })
        assert.equal(concurrency, result.engine.most)
        assert.same({ stopped = 50 }, tally(result.items, 50))
      end
    end)

    it("waits for a slot where the engine has fewer", function()
      local result = stop({ ids = names(50), concurrency = 16, slots = 3 })
      assert.equal(3, result.engine.most)
      assert.equal(50, #result.requests)
      assert.same({ stopped = 50 }, tally(result.items, 50))
    end)

    it("keeps to the rate", function()
      local result = stop({ ids = names(31), concurrency = 16, rate = 10 })
      assert.is_true(times(result)[31] >= 2.98)
      assert.is_true(times(result)[31] <= 3.1)
    end)

    it("lets a burst go at once", function()
      local result = stop({ ids = names(10), concurrency = 16, rate = 1, burst = 5 })
      assert.near(0, times(result)[5], 1e-3)
      assert.near(1, times(result)[6], 0.02)
    end)

    it("waits for answers without spinning", function()
      local result = stop({ ids = names(100), answer = items(nil, { after = 1 }) })
      assert.is_true(result.engine.waits <= 2 * #result.requests)
    end)

    it("waits for repeats and rates without spinning", function()
      local result = stop({ ids = names(20), rate = 5, answer = in_turn({ http(503), OK }) })
      assert.is_true(result.engine.waits <= 6 * #result.requests)
    end)
  end)

  describe("items", function()
    it("come as they settle, with their places", function()
      local result = stop({ ids = { "a", "b", "c" }, answer = by_id({
        a = items(nil, { after = 3 }),
        b = items(nil, { after = 1 }),
        c = items(nil, { after = 2 }),
      }) })
      assert.same({ 2, 3, 1 }, result.order)
      assert.equal("a", result.items[1].id)
    end)

    it("come as soon as they settle", function()
      local session = new_session({ answer = by_id({ b = items(nil, { after = 9 }) }) })
      local running = new_run(session, { ids = { "a", "b" } })
      assert.equal("a", running:next().id)
      assert.near(1000.01, session.clock(), 1e-3)
    end)

    it("are few fields where all went well", function()
      local result = stop({ ids = { "a" }, limit = 2 })
      local fields = {}
      for name in pairs(result.items[1]) do
        fields[#fields + 1] = name
      end
      table.sort(fields)
      assert.same({ "code", "id", "outcome" }, fields)
    end)

    it("end with nil, however often it is asked", function()
      local running = new_run(new_session({}), { ids = { "a" } })
      assert.not_nil((running:next()))
      assert.is_nil((running:next()))
      assert.is_nil((running:next()))
    end)

    it("are none without ids", function()
      local result = stop({ ids = {} })
      assert.same({}, result.items)
      assert.equal(0, #result.requests)
      assert.is_false(result.summary.ok)
    end)

    it("go to on_item in the same order, each once", function()
      local told = {}
      local result = stop({ ids = { "a", "a b", "b", "a", "c" }, on_item = function(one, place)
        told[#told + 1] = { one, place }
      end, answer = by_id({ a = in_turn({ LOST, OK }) }) })
      assert.equal(5, #told)
      for i, pair in ipairs(told) do
        assert.equal(result.order[i], pair[2])
        assert.equal(result.items[pair[2]], pair[1])
      end
    end)

    it("are counted before on_item sees them", function()
      local running, summary
      local totals = {}
      running, summary = new_run(new_session({}), { ids = names(3), on_item = function()
        totals[#totals + 1] = summary.total
      end })
      drain(running)
      assert.same({ 1, 2, 3 }, totals)
    end)

    it("hold no token and no control characters", function()
      local result = stop({ ids = { "a" }, answer = in_turn({ http(409, {
        body = '{"error":{"code":"x S3CRET","text":"bad\\r\\ntoken S3CRET\\u001b[0m"}}' }) }) })
      assert.equal("badtoken ***[0m", result.items[1].message)
      assert.equal("x ***", result.items[1].code)
    end)

    it("hold at most 200 bytes of a message", function()
      local result = stop({ ids = { "a" }, answer = in_turn({ http(409, {
        body = '{"error":{"code":1,"text":"' .. ("x"):rep(5000) .. '"}}' }) }) })
      assert.equal(200, #result.items[1].message)
    end)

    it("hold no message that is no text", function()
      local result = stop({ ids = { "a" }, answer = in_turn({ http(409, {
        body = '{"error":{"code":1,"text":{"a":[]}}}' }) }) })
      assert.is_nil(result.items[1].message)
    end)
  end)

  describe("the summary", function()
    it("counts connections", function()
      local result = stop({ ids = names(5), answer = function(request)
        local answer = OK(request)
        answer.connections = request.index <= 2 and 1 or 0
        return answer
      end })
      assert.equal(2, result.summary.connections)
    end)

    it("counts what was sent as requests, and nothing else", function()
      local result = stop({ ids = { "a", "b", "c" }, answer = by_id({
        a = in_turn({ REFUSED, OK }),
        b = in_turn({ LOST, OK }),
        c = OK,
      }) })
      assert.equal(5, #result.requests)
      assert.equal(4, result.summary.requests)
      assert.equal(2, result.summary.retries)
    end)

    it("tells the seconds", function()
      local result = stop({ ids = { "a" }, answer = items(nil, { after = 2.5 }) })
      assert.near(2.5, result.summary.elapsed, 1e-3)
    end)
  end)

  describe("a long source", function()
    -- Reads all of it, item by item; gives how far the source was ever ahead of that.
    local function ahead(options)
      local read, taken, most = 0, 0, 0
      local session = new_session({ answer = options.answer })
      local running = new_run(session, {
        limit = options.limit,
        concurrency = options.concurrency or 4,
        deadline = options.deadline or math.huge,
        keeps = false,
        source = source.iterator(function()
          if read == options.count then
            return nil
          end
          read = read + 1
          most = math.max(most, read - taken)
          return options.id and options.id(read) or "id" .. read
        end),
      })
      for _ in running.next, running do
        taken = taken + 1
        if options.pause then
          session.clock:advance(options.pause)
        end
      end
      assert.equal(options.count, taken)
      return most
    end

    -- No further than what may be in flight, settled by that and waiting for the consumer.
    local function assert_bounded(options)
      local concurrency = options.concurrency or 4
      local bound = (2 * concurrency + 3) * options.limit + 128
      local most = ahead(options)
      assert.message(("%d ids ahead of the consumer"):format(most)).is_true(most <= bound)
    end

    it("is read no further ahead than needed, however slow the consumer", function()
      assert_bounded({ count = 200000 / sample.OF, limit = 100, pause = 0.001 })
    end)

    it("is read no further ahead with a consumer who takes no time", function()
      assert_bounded({ count = 20000, limit = 100 })
    end)

    it("is read no further ahead id by id", function()
      assert_bounded({ count = 20000, limit = 1, concurrency = 16, pause = 0.0001 })
    end)

    it("is read no further ahead where answers take long", function()
      assert_bounded({ count = 20000, limit = 10, answer = items(nil, { after = 5 }) })
    end)

    it("is read no further ahead where no id is any", function()
      assert_bounded({ count = 20000, limit = 10, id = function()
        return "a b"
      end })
    end)

    it("is read no further ahead after the end of the run", function()
      assert_bounded({ count = 20000, limit = 10, answer = in_turn({ http(401) }) })
      assert_bounded({ count = 20000, limit = 10, deadline = 5,
        answer = items(nil, { after = 9 }) })
    end)

    it("is read no further ahead where one id comes again and again", function()
      assert_bounded({ count = 20000, limit = 10, id = function()
        return "a"
      end })
    end)

    it("is read no further ahead where an id comes again and again after the end of the run",
      function()
        assert_bounded({ count = 20000, limit = 1, deadline = 5, id = function(i)
          return i > 3 and "id3" or "id" .. i
        end, answer = items(nil, { after = 9 }) })
      end)
  end)

  describe("two runs of one client", function()
    -- Takes items from both in turns.
    local function drain_both(one, other)
      local lists, running = { {}, {} }, { one, other }
      local is_over = { false, false }
      while not (is_over[1] and is_over[2]) do
        for i = 1, 2 do
          local taken, place = running[i]:next()
          if taken then
            assert(lists[i][place] == nil, "two items for one place")
            lists[i][place] = taken
          else
            is_over[i] = true
          end
        end
      end
      return lists
    end

    -- Answers take different times, so that each run meets the other's.
    local function staggered(answer)
      return function(request)
        local one = given(answer, request)
        one.after = 0.01 + request.index * 37 % 11 / 100
        return one
      end
    end

    for _, slots in ipairs({ 1, 3, 100 }) do
      it(("get their own answers over %d slot(s)"):format(slots), function()
        local session = new_session({ slots = slots, answer = staggered(function(request)
          return item(request.ids[1]:find("^x") and 403 or 200)(request)
        end) })
        local ids = {}
        for i = 1, 50 do
          ids[i] = "x" .. i
        end
        local one, first = new_run(session, { ids = names(30) })
        local other, second = new_run(session, { ids = ids })
        local lists = drain_both(one, other)
        assert.same({ stopped = 30 }, tally(lists[1], 30))
        assert.same({ too_late = 50 }, tally(lists[2], 50))
        assert.equal("id7", lists[1][7].id)
        assert.equal("x7", lists[2][7].id)
        assert.equal(30, first.requests)
        assert.equal(50, second.requests)
        assert.equal(80, #session.engine.requests)
      end)
    end

    it("repeat each their own", function()
      local session = new_session({ answer = staggered(in_turn({ http(503), OK })) })
      local one = new_run(session, { ids = { "a", "b" } })
      local other = new_run(session, { ids = { "c", "d", "e" } })
      local lists = drain_both(one, other)
      assert.same({ stopped = 2 }, tally(lists[1], 2))
      assert.same({ stopped = 3 }, tally(lists[2], 3))
      for _, list in ipairs(lists) do
        for _, one_item in ipairs(list) do
          assert.equal(2, one_item.attempts)
        end
      end
    end)

    it("may send the same id each", function()
      local session = new_session({})
      local lists = drain_both(new_run(session, { ids = { "a" } }),
        new_run(session, { ids = { "a" } }))
      assert.equal("stopped", lists[1][1].outcome)
      assert.equal("stopped", lists[2][1].outcome)
      assert.equal(2, #session.engine.requests)
    end)

    it("finish one after the other though the first waits for nobody", function()
      local session = new_session({ answer = staggered(OK) })
      local one = new_run(session, { ids = names(20) })
      one:next()
      assert.same({ stopped = 9 }, tally(drain((new_run(session, { ids = names(9) }))), 9))
      local list = drain(one)
      local count = 0
      for _ in pairs(list) do
        count = count + 1
      end
      assert.equal(19, count)
    end)

    for _, slots in ipairs({ 2, 100 }) do
      it(("do not mind one that was left midway, over %d slots"):format(slots), function()
        local session = new_session({ slots = slots,
          answer = staggered(in_turn({ http(503), OK })) })
        local left = new_run(session, { ids = names(40), concurrency = 2, max_attempts = 1 })
        left:next()
        assert.is_true(session.engine:in_flight() > 0)
        local sent = #session.engine.requests
        left = nil -- luacheck: ignore 311
        collectgarbage()
        local result = stop({ session = session, ids = { "a", "b", "c" } })
        assert.same({ stopped = 3 }, tally(result.items, 3))
        assert.equal(6, result.summary.requests)
        assert.equal(sent + 6, #session.engine.requests)
      end)
    end
  end)

  describe("that is used again", function()
    local function dispatch(count)
      local list = {}
      for i = 1, count do
        list[i] = tostring(i % 3)
      end
      return list
    end

    local ODD = { pattern = "^.$", max = 1, about = "a", usual = "^%a$" }

    local promise = operation_of(1)
    promise.words = { [200] = "accepted" }

    -- Calls of all kinds of ends, each with few ids.
    local CALLS = {
      { ids = { "a" } },
      { ids = { "a", "b", "A", "a" }, limit = 3 },
      { ids = dispatch(7), form = "digits", limit = 2 },
      { ids = dispatch(2), form = "digits" },
      { ids = { ("0123456789abcdef"):rep(2), ("0123456789ABCDEF"):rep(2) }, form = "hex32" },
      { ids = { ("0123456789abcdef"):rep(2) }, form = "hex32" },
      { ids = { "no id", "?", "a" } },
      { ids = { "a", "?" }, form = ODD },
      { ids = { "!", "a" }, form = ODD },
      { ids = { "a" }, operation = promise },
      { ids = names(5), answer = in_turn({ http(200, { after = 9 }) }), deadline = 3,
        concurrency = 2 },
      { ids = names(9), answer = in_turn({ http(503) }), concurrency = 3 },
      { ids = names(9), answer = in_turn({ http(503, { after = 0.01 }) }), concurrency = 3,
        max_attempts = 9 },
      { ids = names(3), answer = in_turn({ http(401) }), concurrency = 1 },
      { ids = names(3), answer = in_turn({ http(401) }), concurrency = 1, renew = function()
        return false
      end },
      { ids = names(3), answer = in_turn({ http(429, { retry_after = 100 }) }), concurrency = 2 },
      { ids = names(6), answer = by_id({ id2 = http(400), id5 = LOST }), limit = 6 },
    }

    local function finish(session, options)
      local answered = new_session(options)
      for _, field in ipairs({ "engine", "clock", "pacer", "outage" }) do
        session[field] = answered[field]
      end
      session.renew = answered.renew
      local told = {}
      session.emit = function(event)
        told[#told + 1] = event.type
      end
      local running, summary, result = new_run(session, options)
      running:finish()
      return { items = result, summary = summary, told = told, requests = session.engine.requests }
    end

    it("knows nothing of its last call, however that ended", function()
      for first, before in ipairs(CALLS) do
        for second, options in ipairs(CALLS) do
          local session = new_session({})
          local fresh = finish(session, options)
          session.idle_runs = {}
          finish(session, before)
          assert.equal(1, #session.idle_runs)
          local running = session.idle_runs[1]
          assert.same(fresh, finish(session, options), first .. ", then " .. second)
          assert.equal(running, session.idle_runs[1])
        end
      end
    end)

    it("hands out no item of its last call", function()
      local session = new_session({})
      session.idle_runs = {}
      finish(session, { ids = { "a", "b" }, limit = 2 })
      session.emit = nil
      local list = drain((new_run(session, { ids = { "c" }, keeps = false })))
      assert.equal(1, #list)
      assert.equal("c", list[1].id)
    end)

    it("is no other's while it lasts, nor after it raised, nor after an interruption", function()
      local session = new_session({})
      session.idle_runs = {}
      finish(session, { ids = { "a" } })
      finish(session, { ids = { "b" }, on_item = function()
        assert.equal(0, #session.idle_runs)
        finish(session, { ids = { "c" } })
      end })
      assert.equal(2, #session.idle_runs)
      assert.is_false(pcall(finish, session, { source = function()
        error("no")
      end }))
      assert.equal(1, #session.idle_runs)
      finish(session, { ids = { "e" }, is_interrupted = function()
        return true
      end })
      assert.equal(0, #session.idle_runs)
    end)

    it("is kept for small calls only, and holds nothing of the caller's", function()
      local session = new_session({})
      session.idle_runs = {}
      finish(session, { ids = names(17), limit = 17 })
      assert.equal(0, #session.idle_runs)
      local kept = setmetatable({}, { __mode = "v" })
      do
        local done = finish(session, { ids = names(16), limit = 16, on_item = function()
          return kept
        end })
        kept.result, kept.summary, kept.item = done.items, done.summary, done.items[16]
      end
      assert.equal(1, #session.idle_runs)
      collectgarbage()
      collectgarbage()
      assert.is_nil(kept.result)
      assert.is_nil(kept.summary)
      assert.is_nil(kept.item)
    end)
  end)

  describe("events", function()
    -- All events of a run, as they come.
    local function events(options)
      local list = {}
      options.emit = function(event)
        list[#list + 1] = event
      end
      return list, stop(options)
    end

    -- Whether this text is anywhere in it.
    local function holds(value, text)
      if type(value) == "string" then
        return value:find(text, 1, true) ~= nil
      end
      if type(value) == "table" then
        for key, inner in pairs(value) do
          if holds(key, text) or holds(inner, text) then
            return true
          end
        end
      end
      return false
    end

    local function types(list)
      local words = {}
      for i, event in ipairs(list) do
        words[i] = event.type
      end
      return words
    end

    it("tell each request, response, repeat and item, in order", function()
      local list, result = events({ ids = { "a" }, answer = in_turn({ http(503), LOST, OK }) })
      assert.equal("outage", table.remove(list, 4).type)
      assert.equal("outage", table.remove(list, 9).type)
      assert.same({ "request", "response", "retry", "request", "response", "retry", "request",
        "response", "item" }, types(list))
      for _, event in ipairs(list) do
        assert.equal("acme", event.provider)
        assert.equal("stop", event.operation)
      end
      assert.equal(1, list[1].ids)
      assert.equal(1, list[1].attempt)
      assert.equal(503, list[2].status)
      assert.near(0.01, list[2].elapsed, 1e-4)
      assert.near(0.045, list[3].delay, 1e-4)
      assert.equal("http_503", list[3].reason)
      assert.equal(2, list[4].attempt)
      assert.is_nil(list[5].status)
      assert.equal("sent", list[5].stage)
      assert.equal("lost", list[5].fault)
      assert.equal("lost", list[6].reason)
      assert.equal(3, list[7].attempt)
      assert.equal(200, list[8].status)
      assert.equal("complete", list[8].stage)
      assert.equal(result.items[1], list[9].item)
    end)

    it("tell a pause", function()
      local list = events({ ids = { "a" }, answer = in_turn({ http(429, { retry_after = 5 }),
        OK }) })
      assert.same({ "request", "response", "throttle", "outage", "request", "response", "outage",
        "item" }, types(list))
      assert.equal(429, list[2].status)
      assert.equal(5, list[3].delay)
    end)

    it("tell how many ids a request holds", function()
      local list = events({ ids = { "a", "b", "c" }, limit = 2, concurrency = 1 })
      assert.same({ "request", "response", "item", "item", "request", "response", "item" },
        types(list))
      assert.equal(2, list[1].ids)
      assert.equal(2, list[2].ids)
      assert.equal(1, list[5].ids)
    end)

    it("tell items that were never sent", function()
      local list = events({ ids = { "a b" } })
      assert.same({ "item" }, types(list))
      assert.equal("invalid", list[1].item.outcome)
    end)

    it("hold neither the token nor a body", function()
      local body = '{"error":{"code":"S3CRET","text":"token S3CRET"},"more":"B0DY"}'
      for _, answer in ipairs({ http(409, { body = body }), http(503, { body = body }),
        http(429, { body = body }), http(401, { body = body }), http(200, { body = body }),
        { fault = "lost", detail = "sent S3CRET", body = body } }) do
        local list = events({ ids = { "a" }, answer = in_turn({ answer }) })
        assert.is_true(#list >= 3)
        assert.is_false(holds(list, "S3CRET"))
        assert.is_false(holds(list, "B0DY"))
      end
    end)
  end)

  describe("the lack of memory", function()
    -- A session whose engine lacks memory in the n-th call of a method.
    local function lacking(method, n)
      local session = new_session({ answer = OK })
      local engine = session.engine
      local new_call, step = engine.call, engine.step
      local function lack(f)
        return function(...)
          n = n - 1
          if n == 0 then
            error("not enough memory", 0)
          end
          return f(...)
        end
      end
      engine.call = function(...)
        local call = new_call(...)
        if method ~= "step" then
          call[method] = lack(call[method])
        end
        return call
      end
      engine.step = method == "step" and lack(step) or step
      return session
    end

    for _, method in ipairs({ "offer", "step", "collect" }) do
      it(("ends a run for good, in %s"):format(method), function()
        local session = lacking(method, 2)
        local running = new_run(session, { ids = names(6), concurrency = 1 })
        assert.has_error(function() drain(running) end, "not enough memory")
        for _ = 1, 2 do
          assert.has_error(function() running:next() end,
            "attempt to go on with a run that broke off")
        end
      end)
    end

    it("spoils no other run of the client", function()
      local session = lacking("offer", 2)
      local running = new_run(session, { ids = names(6), concurrency = 1 })
      assert.has_error(function() drain(running) end, "not enough memory")
      assert.same({ stopped = 4 }, tally(stop({ session = session, ids = names(4) }).items, 4))
    end)
  end)

  describe("a closed client", function()
    it("ends its runs with an error", function()
      local session = new_session({})
      local running = new_run(session, { ids = names(50) })
      running:next()
      session.is_closed = true
      session.engine:close()
      local called, message = pcall(drain, running)
      assert.is_false(called)
      assert.equal("attempt to use a closed client", message)
    end)
  end)

  it("raises what libcurl says when nothing goes on", function()
    local session = new_session({})
    session.engine.broken = "out of file descriptors"
    local called, message = pcall(drain, (new_run(session, { ids = { "a" } })))
    assert.is_false(called)
    assert.equal("libcurl: out of file descriptors", message)
  end)

  it("asks the waiting function with its call, the seconds and whether something was sent",
    function()
      local asked = {}
      local session = new_session({})
      session.wait = function(call, seconds, was_busy)
        asked[#asked + 1] = { call, seconds, was_busy }
        call:wait(seconds)
      end
      drain((new_run(session, { ids = { "a" }, deadline = 7 })))
      assert.is_function(asked[1][1].collect)
      assert.near(7, asked[1][2], 1e-6)
      assert.is_true(asked[1][3])
    end)
end)
