-- The run loop over an engine of the specs' own: what is sent, given up and reported.

local providers = require("stopmsg.provider")
local runs = require("spec.support.runs")
local sample = require("spec.support.sample")
local source = require("stopmsg.run.source")

local http, items, OK, in_turn, by_id = runs.http, runs.items, runs.OK, runs.in_turn, runs.by_id
local names, LOST, REFUSED, new_session = runs.names, runs.LOST, runs.REFUSED, runs.new_session
local new_run, drain, stop, tally = runs.new_run, runs.drain, runs.stop, runs.tally
local times = runs.times

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

    it("goes on without a look at each answer, up to the deadline", function()
      local result = stop({ ids = names(200), concurrency = 4, deadline = 0.1, answer = USUAL })
      assert.is_true(result.engine.serves > 5)
      assert.equal(4, result.engine.most)
      local count = #result.requests
      assert.same({ stopped = count - 4, ["unknown deadline"] = 4,
        ["skipped deadline"] = 200 - count }, tally(result.items, 200))
      for _, request in ipairs(result.requests) do
        assert.is_true(request.at + request.timeout <= result.started + 0.1 + 1e-6)
      end
    end)

    it("looks at each answer where there is a hook, a rate or a token that ends", function()
      local session = new_session({ answer = USUAL })
      session.fetch = { is_ready = function()
        return true
      end }
      for _, options in ipairs({ { emit = function() end }, { rate = 1000 },
        { session = session } }) do
        options.ids, options.answer = names(20), USUAL
        local result = stop(options)
        assert.same({ stopped = 20 }, tally(result.items, 20))
        assert.equal(0, result.engine.serves)
      end
    end)

    it("hands out an id that cannot be sent before it waits", function()
      local session, at = new_session({ answer = function(request)
        return { status = 200, meaning = 1, after = request.index > 2 and 5 or nil }
      end }), nil
      local result = stop({ session = session, ids = { "a", "b", "c", "d", "?", "e" },
        concurrency = 2, on_item = function(item)
          at = item.id == "?" and session.clock() or at
        end })
      assert.same({ stopped = 5, ["invalid malformed_id"] = 1 }, tally(result.items, 6))
      assert.is_true(result.engine.serves > 0)
      assert.is_true(at - result.started < 1)
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
          message = "timed out waiting for the response" }, result.items[i])
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

  describe("answers of strangers", function()
    local PAGE = http(200, { body = "<html>Login</html>" })
    local WARNING = "no response was in the provider's form: check base_url and the proxy"

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

  describe("a long source", function()
    local COUNT = math.max(2000, math.floor(20000 / sample.OF))

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
      assert_bounded({ count = 10 * COUNT, limit = 100, pause = 0.001 })
    end)

    it("is read no further ahead with a consumer who takes no time", function()
      assert_bounded({ count = COUNT, limit = 100 })
    end)

    it("is read no further ahead id by id", function()
      assert_bounded({ count = COUNT, limit = 1, concurrency = 16, pause = 0.0001 })
    end)

    it("is read no further ahead where answers take long", function()
      assert_bounded({ count = COUNT, limit = 10, answer = items(nil, { after = 5 }) })
    end)

    it("is read no further ahead where no id is any", function()
      assert_bounded({ count = COUNT, limit = 10, id = function()
        return "a b"
      end })
    end)

    it("is read no further ahead after the end of the run", function()
      assert_bounded({ count = COUNT, limit = 10, answer = in_turn({ http(401) }) })
      assert_bounded({ count = COUNT, limit = 10, deadline = 5,
        answer = items(nil, { after = 9 }) })
    end)

    it("is read no further ahead where one id comes again and again", function()
      assert_bounded({ count = COUNT, limit = 10, id = function()
        return "a"
      end })
    end)

    it("is read no further ahead where an id comes again and again after the end of the run",
      function()
        assert_bounded({ count = COUNT, limit = 1, deadline = 5, id = function(i)
          return i > 3 and "id3" or "id" .. i
        end, answer = items(nil, { after = 9 }) })
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
