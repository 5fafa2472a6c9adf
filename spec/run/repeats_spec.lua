-- Retries, and the pauses before them.

local runs = require("spec.support.runs")

local http, items, item, OK, in_turn = runs.http, runs.items, runs.item, runs.OK, runs.in_turn
local by_id, names, LOST, REFUSED = runs.by_id, runs.names, runs.LOST, runs.REFUSED
local NO_TLS, new_session, stop, tally = runs.NO_TLS, runs.new_session, runs.stop, runs.tally
local times, assert_times, refusal = runs.times, runs.assert_times, runs.refusal

-- Ids beside the one that is looked at, which keep a client busy for as long as that takes.
local OTHERS = 199

-- One id among many that are answered, so that what fails is the id's own failure.
local function among_others(options)
  local ids = names(OTHERS + 1)
  ids[1] = "a"
  local answers = options.answers
  local result = stop({ ids = ids, concurrency = 2, max_attempts = options.max_attempts,
    deadline = 600, answer = by_id({ a = in_turn(answers) }, items(nil, { after = 0.1 })) })
  for i = 2, #ids do
    assert(result.items[i].outcome == "stopped")
  end
  return result
end

-- The times at which `id` was asked about, from the first one on.
local function times_of(result, id)
  local list = {}
  for _, request in ipairs(result.requests) do
    if request.ids[1] == id then
      list[#list + 1] = request.at
    end
  end
  for i = #list, 1, -1 do
    list[i] = list[i] - list[1]
  end
  return list
end

describe("stopmsg.run.repeats", function()
  describe("with one id", function()
    -- Title, answers to the attempts, the item, requests, retries.
    local ROWS = {
      { "settles a stop", { OK }, { outcome = "stopped", code = 200 }, 1, 0 },
      { "settles a refusal", { item(403) }, { outcome = "too_late", code = 403 }, 1, 0 },
      { "settles an HTTP refusal", { refusal(409) },
        { outcome = "failed", reason = "http_409", code = 22, http = 409, message = "bad id" }, 1,
        0 },
      { "follows no redirect", { http(302) },
        { outcome = "failed", reason = "http_302", code = 302, http = 302, message = false }, 1,
        0 },
      { "repeats what never got through", { REFUSED, NO_TLS, OK },
        { outcome = "stopped", code = 200 }, 1, 2 },
      { "calls what never got through failed", { REFUSED },
        { outcome = "failed", reason = "connect", message = "connection refused", attempts = 0 },
        0, 3 },
      { "tells a failed handshake", { NO_TLS },
        { outcome = "failed", reason = "tls", message = true, attempts = 0 }, 0, 3 },
      { "repeats after a lost answer", { LOST, OK },
        { outcome = "stopped", code = 200, attempts = 2, ambiguous = true }, 2, 1 },
      { "calls it unknown where every answer is lost", { LOST },
        { outcome = "unknown", reason = "lost", message = "the connection was closed",
          attempts = 4, ambiguous = true }, 4, 3 },
      { "repeats after a timeout", { { after = 11 }, OK },
        { outcome = "stopped", code = 200, attempts = 2, ambiguous = true }, 2, 1 },
      { "calls it unknown where every answer is late", { { after = 11 } },
        { outcome = "unknown", reason = "timeout",
          message = "timed out waiting for the response", attempts = 4, ambiguous = true },
        4, 3 },
      { "calls a connection that is never made in time failed",
        { { after = 11, reached = "queued" } },
        { outcome = "failed", reason = "connect", message = "timed out waiting for the response",
          attempts = 0 }, 0, 3 },
      { "trusts no half answer", { { status = 200, stage = "status", fault = "lost" }, OK },
        { outcome = "stopped", code = 200, attempts = 2, ambiguous = true }, 2, 1 },
      { "repeats what is no HTTP", { { fault = "protocol" } },
        { outcome = "unknown", reason = "bad_response", message = "protocol", attempts = 4,
          ambiguous = true }, 4, 3 },
      { "repeats nothing after an answer that is too large",
        { { fault = "too_large", stage = "status" } },
        { outcome = "unknown", reason = "too_large", message = "too_large" }, 1, 0 },
      { "repeats nothing after an answer that it cannot read", { http(200, { body = "<html>" }) },
        { outcome = "unknown", reason = "bad_response", message = true }, 1, 0 },
      { "repeats after a 429", { http(429), http(429), OK },
        { outcome = "stopped", code = 200, attempts = 3 }, 3, 2 },
      { "repeats a mix", { REFUSED, http(429), http(503), OK },
        { outcome = "stopped", code = 200, attempts = 3, ambiguous = true }, 3, 3 },
      { "calls the last of a mix by its name", { REFUSED, REFUSED, REFUSED, REFUSED },
        { outcome = "failed", reason = "connect", message = "connection refused", attempts = 0 },
        0, 3 },
      { "does not know after a lost answer whether it was too late before", { LOST, item(403) },
        { outcome = "unknown", reason = "too_late", code = 403, attempts = 2, ambiguous = true },
        2, 1 },
      { "nor whether it was found", { LOST, item(404) },
        { outcome = "unknown", reason = "not_found", code = 404, attempts = 2, ambiguous = true },
        2, 1 },
      { "nor whether it could be stopped", { http(500), item(409) },
        { outcome = "unknown", reason = "not_stoppable", code = 409, attempts = 2,
          ambiguous = true }, 2, 1 },
      { "nor after a lost answer and an HTTP 404", { LOST, refusal(404) },
        { outcome = "unknown", reason = "not_found", code = 22, http = 404, attempts = 2,
          ambiguous = true, message = "bad id" }, 2, 1 },
      { "nor after a lost answer and an HTTP 403", { LOST, refusal(403) },
        { outcome = "unknown", reason = "forbidden", code = 22, http = 403, attempts = 2,
          ambiguous = true, message = "bad id" }, 2, 1 },
      { "nor after a lost answer and an HTTP 400", { LOST, refusal(400) },
        { outcome = "unknown", reason = "http_400", code = 22, http = 400, attempts = 2,
          ambiguous = true, message = "bad id" }, 2, 1 },
      { "nor after a lost answer and a refused token", { LOST, http(401) },
        { outcome = "unknown", reason = "forbidden", code = 401, http = 401, attempts = 2,
          ambiguous = true, message = false }, 2, 1 },
      { "nor after a lost answer and no connection any more", { LOST, REFUSED },
        { outcome = "unknown", reason = "connect", message = "connection refused",
          ambiguous = true }, 1, 3 },
      { "keeps an `accepted` after a lost answer", { LOST, item(202) },
        { outcome = "accepted", code = 202, attempts = 2, ambiguous = true }, 2, 1 },
      { "holds a connection that failed first against no later answer", { REFUSED, item(403) },
        { outcome = "too_late", code = 403 }, 1, 1 },
      { "holds a 429 against no later answer", { http(429), item(403) },
        { outcome = "too_late", code = 403, attempts = 2 }, 2, 1 },
    }
    for _, status in ipairs({ 500, 502, 503, 504 }) do
      ROWS[#ROWS + 1] = { ("repeats after a %d"):format(status), { http(status), OK },
        { outcome = "stopped", code = 200, attempts = 2, ambiguous = true }, 2, 1 }
      ROWS[#ROWS + 1] = { ("calls it unknown after nothing but %d"):format(status),
        { http(status) }, { outcome = "unknown", reason = "http_" .. status, code = status,
          http = status, attempts = 4, ambiguous = true }, 4, 3 }
    end

    for _, row in ipairs(ROWS) do
      it(row[1], function()
        local result = among_others({ answers = row[2] })
        local expected, one = { id = "a" }, result.items[1]
        for name, value in pairs(row[3]) do
          expected[name] = value
        end
        if expected.message == true then
          assert.is_string(one.message)
        end
        if type(expected.message) == "boolean" then
          expected.message = one.message
        end
        assert.same(expected, one)
        assert.equal(OTHERS + row[4], result.summary.requests)
        assert.equal(row[5], result.summary.retries)
        assert.equal(row[5] + 1, #times_of(result, "a"))
        assert.equal(OTHERS + 1, result.summary.total)
        assert.equal(expected.outcome == "stopped", result.summary.ok)
      end)
    end

    for _, row in ipairs({
      { "503", http(503), { outcome = "unknown", reason = "http_503", code = 503, http = 503 } },
      { "429", http(429), { outcome = "failed", reason = "rate_limited", code = 429, http = 429 } },
      { "lost answer", LOST, { outcome = "unknown", reason = "lost",
        message = "the connection was closed" } },
      { "refused connection", REFUSED, { outcome = "failed", reason = "connect",
        message = "connection refused", attempts = 0 } },
    }) do
      it("repeats nothing after a " .. row[1] .. " with max_attempts of 1", function()
        local result = among_others({ answers = { row[2] }, max_attempts = 1 })
        row[3].id = "a"
        assert.same(row[3], result.items[1])
        assert.equal(OTHERS + 1, #result.requests)
        assert.equal(0, result.summary.retries)
      end)
    end

    it("waits longer before each repeat", function()
      local waits = { 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2 }
      local list = times_of(among_others({ answers = { LOST }, max_attempts = 9 }), "a")
      assert.equal(9, #list)
      for i, seconds in ipairs(waits) do
        -- The other ids' answers are what the loop waits for, 100 ms each.
        local waited = list[i + 1] - list[i] - 0.01
        assert.is_true(waited >= seconds - 1e-6 and waited <= seconds + 0.101, waited)
      end
    end)

    it("waits as long as Retry-After says", function()
      for _, status in ipairs({ 429, 503 }) do
        assert_times({ 0, 7.01 }, stop({ ids = { "a" },
          answer = in_turn({ http(status, { retry_after = 7 }), OK }) }))
      end
    end)

    it("gives back at once where Retry-After is beyond the deadline", function()
      for status, reason in pairs({ [429] = "rate_limited", [503] = "http_503" }) do
        local result = stop({ ids = { "a" }, deadline = 20,
          answer = in_turn({ http(status, { retry_after = 20 }), OK }) })
        assert.equal(reason, result.items[1].reason)
        assert.is_true(result.elapsed < 0.1)
      end
    end)
  end)

  describe("repeats", function()
    it("are no more than max_attempts allows", function()
      for _, attempts in ipairs({ 1, 2, 3, 10 }) do
        local result = among_others({ answers = { http(503) }, max_attempts = attempts })
        assert.equal(attempts, result.items[1].attempts or 1)
        assert.equal(attempts - 1, result.summary.retries)
      end
    end)

    it("know no other limit", function()
      local ids = names(100)
      local result = stop({ ids = ids, concurrency = 16, answer = in_turn({ http(503), OK }) })
      assert.same({ stopped = 100 }, tally(result.items, 100))
      assert.equal(200, #result.requests)
      assert.equal(100, result.summary.retries)
    end)

    it("let other ids go first while they wait", function()
      local result = stop({ ids = { "a", "b", "c" }, concurrency = 2,
        answer = by_id({ a = in_turn({ http(503, { retry_after = 5 }), OK }) }) })
      assert.same({ 2, 3, 1 }, result.order)
    end)

    for _, concurrency in ipairs({ 1, 2, 16 }) do
      for place, where in pairs({ [1] = "first", [50] = "in the middle", [100] = "last" }) do
        it(("of an id that always fails, %s of 100, hold up nobody with %d in flight"):format(where,
          concurrency), function()
          local result = stop({ ids = names(100), concurrency = concurrency,
            answer = by_id({ ["id" .. place] = http(500) }) })
          assert.equal(99, result.summary.counts.stopped)
          -- Alone, and never asked about beside others, it may as well be the provider's fault.
          local is_own = place < 100 or concurrency > 1
          assert.equal("unknown", result.items[place].outcome)
          if is_own then
            assert.equal(4, result.items[place].attempts)
            assert.is_true(result.elapsed < 2, result.elapsed)
          end
        end)
      end
    end
  end)

  describe("after a 429", function()
    local function paused(options)
      options.answer = function(request)
        if request.index == 1 then
          return http(429, { retry_after = 5 })
        end
        return OK(request)
      end
      return stop(options)
    end

    it("sends nothing at all before the pause is over", function()
      local result = paused({ ids = names(10), concurrency = 1 })
      assert.near(0, times(result)[1], 1e-4)
      for i = 2, 11 do
        assert.is_true(times(result)[i] >= 5.01 - 1e-4)
      end
      assert.same({ stopped = 10 }, tally(result.items, 10))
    end)

    it("lets what is in flight finish", function()
      local result = paused({ ids = names(10), concurrency = 4 })
      for i = 5, 11 do
        assert.is_true(times(result)[i] >= 5.01 - 1e-4)
      end
      assert.same({ stopped = 10 }, tally(result.items, 10))
    end)

    it("pauses longer each time, without Retry-After", function()
      local list = times(stop({ ids = { "a" }, answer = in_turn({ http(429), http(429), http(429),
        OK }) }))
      assert.near(1.01, list[2], 1e-3)
      assert.near(2.52, list[3], 1e-3)
      assert.near(4.03, list[4], 1e-3)
    end)

    it("never counts it as an attempt", function()
      local result = stop({ ids = { "a" }, max_attempts = 2, deadline = 600,
        answer = in_turn({ http(429, { retry_after = 1 }), http(429, { retry_after = 1 }),
          http(429, { retry_after = 1 }), http(503), http(429, { retry_after = 1 }), OK }) })
      assert.same({ { id = "a", outcome = "stopped", code = 200, attempts = 6, ambiguous = true } },
        result.items)
    end)

    it("holds back the client's other calls, too", function()
      local first = paused({ ids = { "a" }, max_attempts = 1 })
      assert.equal("rate_limited", first.items[1].reason)
      local started = first.session.clock()
      local second = stop({ session = first.session, ids = { "b" } })
      assert.equal("stopped", second.items[1].outcome)
      assert.is_true(second.requests[2].at >= started + 5 - 1e-3)
    end)

    it("skips what was never sent where the pause would outlast the deadline", function()
      local result = stop({ ids = names(10), concurrency = 2, deadline = 20,
        answer = in_turn({ http(429, { retry_after = 30 }) }) })
      assert.equal(2, #result.requests)
      assert.same({ ["failed rate_limited"] = 2, ["skipped rate_limited"] = 8 },
        tally(result.items, 10))
      assert.is_true(result.elapsed < 0.1)
    end)

    it("is failed in the end, or skipped where never sent", function()
      local result = stop({ ids = names(40), concurrency = 16, deadline = math.huge, patience = 30,
        answer = in_turn({ http(429) }) })
      assert.equal("failed", result.items[1].outcome)
      assert.equal("rate_limited", result.items[1].reason)
      assert.equal(40, result.summary.counts.failed + result.summary.counts.skipped)
      assert.is_true(result.summary.counts.skipped > 0)
      assert.equal("rate_limited", result.items[40].reason)
      assert.near(30, result.elapsed, 0.1)
    end)

    it("halves what is in flight, and lets it grow again", function()
      local flying, most = 0, {}
      local session
      session = new_session({ answer = function(request)
        flying = flying + 1
        most[#most + 1] = { request.at, flying }
        local answer = request.index == 17 and http(429) or OK(request)
        answer.after = 0.1
        return answer
      end })
      local new_call = session.engine.call
      session.engine.call = function(engine)
        local call = new_call(engine)
        local collect = call.collect
        call.collect = function(self)
          flying = flying - math.min(1, self:ready())
          return collect(self)
        end
        return call
      end
      local result = stop({ session = session, ids = names(300), concurrency = 16,
        random = function() return 1 end })
      assert.same({ stopped = 300 }, tally(result.items, 300))
      local after, last = 0, 0
      for _, row in ipairs(most) do
        local at = row[1] - result.started
        if at > 0.9 and at < 1.25 then
          after = math.max(after, row[2])
        end
        last = math.max(last, at > 2 and row[2] or 0)
      end
      assert.is_true(after >= 7 and after <= 9, after)
      assert.equal(16, last)
    end)

    -- A provider that takes five requests a second.
    local function limited(retry_after)
      local taken = {}
      return function(request)
        local second = math.floor(request.at)
        taken[second] = (taken[second] or 0) + 1
        if taken[second] > 5 then
          return http(429, { retry_after = retry_after })
        end
        return OK(request)
      end
    end

    for _, retry_after in ipairs({ 1, false }) do
      it("stops all at a provider that takes five a second, "
        .. (retry_after and "with" or "without") .. " Retry-After", function()
        local result = stop({ ids = names(100), concurrency = 16, deadline = 600,
          answer = limited(retry_after or nil) })
        assert.same({ stopped = 100 }, tally(result.items, 100))
        assert.is_true(#result.requests <= 250, #result.requests)
        assert.is_true(result.elapsed <= 60, result.elapsed)
        if os.getenv("STOPMSG_FIGURES") then
          print(("\n100 ids at a limit of 5/s, %s Retry-After: %d stopped, %d requests, %.1f s")
            :format(retry_after and "with" or "without", result.summary.counts.stopped,
            #result.requests, result.elapsed))
        end
      end)
    end
  end)

  describe("a long Retry-After", function()
    it("is told in a warning", function()
      local result = stop({ ids = { "a" }, deadline = 600,
        answer = in_turn({ http(429, { retry_after = 31 }), OK }) })
      assert.equal(1, #result.summary.warnings)
      assert.matches("31 s", result.summary.warnings[1], 1, true)
    end)

    it("of up to 2 seconds is not", function()
      local result = stop({ ids = { "a" }, answer = in_turn({ http(429, { retry_after = 2 }),
        OK }) })
      assert.same({}, result.summary.warnings)
    end)

    for _, status in ipairs({ 429, 503 }) do
      it(("of 15 minutes after a %d is obeyed"):format(status), function()
        local result = stop({ ids = names(5), deadline = math.huge,
          answer = in_turn({ http(status, { retry_after = 900 }), OK }) })
        assert.same({ stopped = 5 }, tally(result.items, 5))
        assert.is_true(times(result)[6] >= 900)
      end)

      it(("of more after a %d ends the run at once, and says when to come back"):format(status),
        function()
          local before = os.time()
          local result = stop({ ids = names(50), concurrency = 2, deadline = math.huge,
            answer = in_turn({ http(status, { retry_after = 901 }), OK }) })
          assert.equal(2, #result.requests)
          assert.is_true(result.elapsed < 0.1)
          assert.equal("rate_limited", result.items[50].reason)
          assert.equal("skipped", result.items[50].outcome)
          assert.equal(status == 429 and "rate_limited" or "http_503", result.items[1].reason)
          assert.equal(1, #result.summary.warnings)
          local year, month, day, hour, min, sec = result.summary.warnings[1]:match(
            "after (%d+)%-(%d+)%-(%d+) (%d+):(%d+):(%d+)$")
          local told = os.time({ year = year, month = month, day = day, hour = hour, min = min,
            sec = sec })
          assert.is_true(told >= before + 901)
        end)
    end

    it("after one 503 among answers holds up that id alone", function()
      local result = stop({ ids = names(100), concurrency = 4,
        answer = by_id({ id5 = in_turn({ http(503, { retry_after = 3600 }), OK }) }) })
      assert.equal(99, result.summary.counts.stopped)
      assert.equal("http_503", result.items[5].reason)
      assert.is_true(result.elapsed < 1)
    end)
  end)
end)
