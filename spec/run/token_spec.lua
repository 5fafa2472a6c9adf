-- A refused token is renewed, once; a token that has worked is tried with another id first.

local runs = require("spec.support.runs")

local http, OK, in_turn, by_id, names = runs.http, runs.OK, runs.in_turn, runs.by_id, runs.names
local new_session, stop, tally, refusal = runs.new_session, runs.stop, runs.tally, runs.refusal

describe("stopmsg.run.repeats", function()
  describe("after a refused token", function()
    for title, refused in pairs({
      ["a 401"] = http(401),
      ["a refusal by code"] = http(403, { body = '{"error":{"code":30}}' }),
    }) do
      it("ends the run after " .. title, function()
        local result = stop({ ids = names(20), answer = in_turn({ refused }) })
        assert.equal(4, #result.requests)
        assert.same({ ["denied credentials"] = 4, ["skipped credentials"] = 16 },
          tally(result.items, 20))
        assert.same({ id = "id20", outcome = "skipped", reason = "credentials", attempts = 0 },
          result.items[20])
        assert.equal(0, result.summary.retries)
      end)
    end

    it("denies a whole batch, and skips the others", function()
      local result = stop({ ids = names(30), limit = 10, concurrency = 1,
        answer = in_turn({ http(401) }) })
      assert.same({ ["denied credentials"] = 10, ["skipped credentials"] = 20 },
        tally(result.items, 30))
    end)

    it("takes the answers of what is in flight, and repeats none of it", function()
      local result = stop({ ids = names(10), answer = by_id({
        id1 = http(401),
        id2 = http(401, { after = 0.02 }),
        id3 = http(503, { after = 0.02 }),
        id4 = http(429, { after = 0.02 }),
      }) })
      assert.equal(4, #result.requests)
      assert.equal("denied", result.items[1].outcome)
      assert.equal("denied", result.items[2].outcome)
      assert.same({ id = "id3", outcome = "unknown", reason = "http_503", code = 503, http = 503 },
        result.items[3])
      assert.equal("rate_limited", result.items[4].reason)
      assert.equal(6, result.summary.counts.skipped)
      assert.is_true(result.elapsed < 0.1)
    end)

    it("gives what waits for its repeat its last verdict", function()
      local result = stop({ ids = { "a", "b", "c" }, concurrency = 1,
        answer = by_id({ a = http(503), b = http(401) }) })
      assert.equal("http_503", result.items[1].reason)
      assert.equal("denied", result.items[2].outcome)
      assert.equal("skipped", result.items[3].outcome)
    end)

    -- Refuses the old token.
    local function by_token(request)
      return request.secret == "new" and OK(request) or http(401)
    end

    local function renewing(calls)
      return function(session)
        calls[#calls + 1] = session.clock()
        session.engine:authorize(1, "new")
        session.generation = session.generation + 1
        return true
      end
    end

    it("goes on with a new one", function()
      local calls = {}
      local result = stop({ ids = names(10), answer = by_token, renew = renewing(calls) })
      assert.same({ stopped = 10 }, tally(result.items, 10))
      assert.equal(1, #calls)
      assert.equal(14, #result.requests)
      for i, one in ipairs(result.items) do
        assert.equal(i <= 4 and 2 or nil, one.attempts)
        assert.is_nil(one.ambiguous)
      end
    end)

    it("blames no new token for the refusal of the old", function()
      local calls = {}
      local result = stop({ ids = names(4), renew = renewing(calls), answer = function(request)
        local answer = by_token(request)
        answer.after = request.ids[1] == "id4" and request.attempt == 1 and 5 or nil
        return answer
      end })
      assert.same({ stopped = 4 }, tally(result.items, 4))
      assert.equal(1, #calls)
    end)

    it("asks once only, and ends when the new one is refused as well", function()
      local calls = {}
      local result = stop({ ids = names(10), renew = renewing(calls),
        answer = in_turn({ http(401) }) })
      assert.equal(1, #calls)
      assert.equal(5, #result.requests)
      assert.same({ ["denied credentials"] = 4, ["skipped credentials"] = 6 },
        tally(result.items, 10))
    end)

    it("ends, and says why, where there is no new one", function()
      local calls = 0
      local result = stop({ ids = names(10), answer = in_turn({ http(401) }), renew = function()
        calls = calls + 1
        return false
      end })
      assert.equal(1, calls)
      assert.equal(4, result.summary.counts.denied)
      assert.equal(6, result.summary.counts.skipped)
      assert.equal(1, #result.summary.warnings)
    end)

    it("leaves the further answers of a run that ended unrepeated", function()
      local result = stop({ ids = { "a", "b" }, answer = by_id({
        a = http(401),
        b = http(429, { after = 0.02, retry_after = 1 }),
      }) })
      assert.equal(2, #result.requests)
      assert.equal(0, result.summary.retries)
      assert.is_true(result.elapsed < 0.1)
    end)

    it("asks for no new one after a 403 that is about the ids", function()
      local calls = {}
      local result = stop({ ids = names(3), answer = in_turn({ refusal(403) }),
        renew = renewing(calls) })
      assert.equal(0, #calls)
      assert.same({ ["denied forbidden"] = 3 }, tally(result.items, 3))
    end)
  end)

  describe("a token that has worked", function()
    for _, concurrency in ipairs({ 1, 4, 16 }) do
      for _, place in ipairs({ 2, 37, 99, 100 }) do
        it(("is not given up for one of 100 ids, the %dth, with %d in flight"):format(place,
          concurrency), function()
          local result = stop({ ids = names(100), concurrency = concurrency,
            answer = by_id({ ["id" .. place] = http(401) }) })
          assert.equal(99, result.summary.counts.stopped)
          assert.equal(100, #result.requests)
          assert.equal("denied", result.items[place].outcome)
          -- Nobody is left to be asked where it is the last.
          local is_own = concurrency > 1 or place < 100
          assert.equal(is_own and "forbidden" or "credentials", result.items[place].reason)
        end)
      end
    end

    it("is not given up for the first of 100 ids, as others in flight are answered", function()
      local result = stop({ ids = names(100), answer = by_id({ id1 = http(401) }) })
      assert.same({ stopped = 99, ["denied forbidden"] = 1 }, tally(result.items, 100))
    end)

    it("is asked with one other id first, and nothing else goes meanwhile", function()
      local asked
      local result = stop({ ids = names(100), concurrency = 4, answer = function(request)
        if request.ids[1] == "id10" then
          asked = request.at + 0.01
          return http(401)
        end
        local answer = OK(request)
        answer.after = asked and request.at == asked and 0.5 or nil
        return answer
      end })
      local count = 0
      for _, request in ipairs(result.requests) do
        if request.at > asked - 1e-6 and request.at < asked + 0.4 then
          count = count + 1
        end
      end
      assert.equal(1, count)
      assert.equal(99, result.summary.counts.stopped)
    end)

    it("is given up where the other id is refused as well", function()
      local result = stop({ ids = names(100), concurrency = 4, answer = function(request)
        return request.index > 20 and http(401) or OK(request)
      end })
      assert.same({ stopped = 20, ["denied credentials"] = 5, ["skipped credentials"] = 75 },
        tally(result.items, 100))
      assert.equal(25, #result.requests)
    end)

    it("is asked with a further id where the other gets no answer", function()
      local result = stop({ ids = names(50), concurrency = 4, answer = by_id({
        id20 = http(401),
        id24 = in_turn({ http(503), OK }),
      }) })
      assert.equal(49, result.summary.counts.stopped)
      assert.equal("forbidden", result.items[20].reason)
    end)

    it("is refused to several ids, one after the other", function()
      local answers = {}
      for i = 10, 90, 10 do
        answers["id" .. i] = http(401)
      end
      local result = stop({ ids = names(100), concurrency = 4, answer = by_id(answers) })
      assert.same({ stopped = 91, ["denied forbidden"] = 9 }, tally(result.items, 100))
      assert.equal(100, #result.requests)
    end)

    it("denies a batch alone, too", function()
      local result = stop({ ids = names(100), limit = 10, concurrency = 2,
        answer = function(request)
          return request.ids[1] == "id31" and http(401) or OK(request)
        end })
      assert.same({ stopped = 90, ["denied forbidden"] = 10 }, tally(result.items, 100))
    end)

    -- Tokens that are good for `uses` requests each.
    local function ending(uses, calls)
      local tokens, used = 1, 0
      return function(request)
        local token = request.secret or 1
        if token ~= tokens or used == uses then
          return http(401)
        end
        used = used + 1
        return OK(request)
      end, function(session)
        tokens, used = tokens + 1, 0
        calls.count = (calls.count or 0) + 1
        session.engine:authorize(1, tokens)
        session.generation = session.generation + 1
        return true
      end
    end

    for _, concurrency in ipairs({ 1, 2, 3, 4, 5, 8, 16 }) do
      for _, uses in ipairs({ 5, 1, 2, 7 }) do
        it(("is renewed as often as it ends, after %d requests with %d in flight"):format(uses,
          concurrency), function()
          local calls = {}
          local answer, renew = ending(uses, calls)
          local result = stop({ ids = names(20), concurrency = concurrency, answer = answer,
            renew = renew })
          assert.same({ stopped = 20 }, tally(result.items, 20))
          assert.is_true(calls.count <= 20 / uses, calls.count)
        end)
      end
    end

    it("is not renewed for ever for an id that spoils each", function()
      local calls, spoilt = {}, {}
      local token = 1
      local result = stop({ ids = names(60), concurrency = 4, answer = function(request)
        local used = request.secret or 1
        if request.ids[1] == "id7" then
          spoilt[used] = true
        end
        return spoilt[used] and http(401) or OK(request)
      end, renew = function(session)
        calls[#calls + 1] = true
        token = token + 1
        session.engine:authorize(1, token)
        session.generation = session.generation + 1
        return true
      end })
      assert.same({ stopped = 59, ["denied forbidden"] = 1 }, tally(result.items, 60))
      assert.equal("denied", result.items[7].outcome)
      assert.is_true(#calls <= 3, #calls)
    end)

    it("is renewed for a later id, with max_attempts of 1, and no id is sent twice", function()
      local answer, renew = ending(5, {})
      local result = stop({ ids = names(20), concurrency = 1, max_attempts = 1, answer = answer,
        renew = renew })
      assert.equal(20, #result.requests)
      assert.is_true(result.summary.counts.stopped >= 12)
      assert.equal(20, result.summary.counts.stopped + result.summary.counts.denied)
    end)

    it("is renewed once for two calls", function()
      local calls = {}
      local session = new_session({ answer = function(request)
        return request.secret == nil and request.index > 6 and http(401) or OK(request)
      end, renew = function(session)
        calls[#calls + 1] = true
        session.engine:authorize(1, "new")
        session.generation = session.generation + 1
        return true
      end })
      local one = runs.new_run(session, { ids = names(20), concurrency = 2 })
      local other = runs.new_run(session, { ids = names(20), concurrency = 2 })
      local counts = { 0, 0 }
      for _ = 1, 20 do
        for i, running in ipairs({ one, other }) do
          counts[i] = counts[i] + (running:next().outcome == "stopped" and 1 or 0)
        end
      end
      assert.same({ 20, 20 }, counts)
      assert.equal(1, #calls)
    end)
  end)
end)
