-- What is sent again: after a failure, in halves, and with another token.

local runs = require("spec.support.runs")

local http, items, item, OK = runs.http, runs.items, runs.item, runs.OK
local in_turn, by_id, names, tally = runs.in_turn, runs.by_id, runs.names, runs.tally
local new_session, stop = runs.new_session, runs.stop
local times, assert_times = runs.times, runs.assert_times
local LOST, REFUSED, NO_TLS = runs.LOST, runs.REFUSED, runs.NO_TLS

-- Refusals in the provider's form.
local function refusal(status, code, text)
  return http(status, { body = ('{"error":{"code":%d,"text":"%s"}}'):format(code or 22,
    text or "bad id") })
end

-- One id among many that are answered, so that what fails is the id's own failure.
local function among_others(options)
  local ids = names(1000)
  ids[1] = "a"
  local answers = options.answers
  local result = stop({ ids = ids, concurrency = 2, max_attempts = options.max_attempts,
    deadline = 600, answer = by_id({ a = in_turn(answers) }, items(nil, { after = 0.05 })) })
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
        { outcome = "unknown", reason = "timeout", message = "no complete answer in time",
          attempts = 4, ambiguous = true }, 4, 3 },
      { "calls a connection that is never made in time failed",
        { { after = 11, reached = "queued" } },
        { outcome = "failed", reason = "connect", message = "no complete answer in time",
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
        assert.equal(999 + row[4], result.summary.requests)
        assert.equal(row[5], result.summary.retries)
        assert.equal(row[5] + 1, #times_of(result, "a"))
        assert.equal(1000, result.summary.total)
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
        assert.equal(1000, #result.requests)
        assert.equal(0, result.summary.retries)
      end)
    end

    it("waits longer before each repeat", function()
      local waits = { 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2 }
      local list = times_of(among_others({ answers = { LOST }, max_attempts = 9 }), "a")
      assert.equal(9, #list)
      for i, seconds in ipairs(waits) do
        -- The other ids' answers are what the loop waits for, 50 ms each.
        local waited = list[i + 1] - list[i] - 0.01
        assert.is_true(waited >= seconds - 1e-6 and waited <= seconds + 0.051, waited)
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

  describe("halving", function()
    -- Requests that it takes to find the bad ones among first..last.
    local function cost(bad, first, last)
      local has_bad = false
      for i = first, last do
        has_bad = has_bad or bad[i]
      end
      if not has_bad or first == last then
        return 1
      end
      local middle = first + math.floor((last - first + 1) / 2) - 1
      return 1 + cost(bad, first, middle) + cost(bad, middle + 1, last)
    end

    -- Refuses a request that holds one of these ids.
    local function refuses(bad, status)
      return function(request)
        for _, id in ipairs(request.ids) do
          if bad[tonumber(id:sub(3))] then
            return refusal(status or 400)
          end
        end
        return OK(request)
      end
    end

    for _, case in ipairs({
      { 1, { 1 } },
      { 2, { 1 } },
      { 2, { 1, 2 } },
      { 3, { 2 } },
      { 8, { 1 } },
      { 8, { 8 } },
      { 8, { 1, 8 } },
      { 8, { 1, 2, 3, 5, 6, 7, 8 } },
      { 10, { 4, 5 } },
      { 100, { 17, 50, 51, 99 } },
      { 1000, { 1, 500, 501, 777, 1000 } },
    }) do
      local n, bad = case[1], {}
      for _, i in ipairs(case[2]) do
        bad[i] = true
      end
      local requests = cost(bad, 1, n)

      for _, status in ipairs({ 400, 422 }) do
        it(("finds %d bad among %d with %d requests after a %d"):format(#case[2], n, requests,
          status), function()
          local result = stop({ ids = names(n), limit = math.max(n, 2),
            answer = refuses(bad, status) })
          assert.equal(requests, #result.requests)
          assert.equal(requests, result.summary.requests)
          for i, one in ipairs(result.items) do
            assert.equal("id" .. i, one.id)
            if bad[i] then
              assert.equal("invalid", one.outcome)
              assert.equal("http_" .. status, one.reason)
              assert.equal(22, one.code)
              assert.equal(status, one.http)
              assert.equal("bad id", one.message)
            else
              assert.equal("stopped", one.outcome)
              assert.equal(200, one.code)
            end
            assert.is_nil(one.ambiguous)
          end
          assert.equal(#case[2], result.summary.counts.invalid)
          assert.equal(n - #case[2], result.summary.counts.stopped)
        end)
      end
    end

    it("tells how many requests held an id", function()
      local result = stop({ ids = names(4), limit = 4, answer = refuses({ true }) })
      local attempts = {}
      for i, one in ipairs(result.items) do
        attempts[i] = one.attempts
      end
      assert.same({ 3, 3, 2, 2 }, attempts)
    end)

    it("counts no repeats", function()
      local result = stop({ ids = names(8), limit = 8, max_attempts = 2,
        answer = refuses({ true }) })
      assert.equal(0, result.summary.retries)
      assert.equal(7, result.summary.counts.stopped)
    end)

    it("sends no id twice with max_attempts of 1", function()
      local result = stop({ ids = names(8), limit = 8, max_attempts = 1,
        answer = refuses({ true }) })
      assert.equal(1, #result.requests)
      assert.same({ ["failed http_400"] = 8 }, tally(result.items, 8))
      assert.equal("bad id", result.items[8].message)
      assert.same({ ["invalid http_400"] = 1 }, tally(stop({ ids = names(1), limit = 8,
        max_attempts = 1, answer = refuses({ true }) }).items, 1))
    end)

    -- Refuses all, as if it were each id's fault.
    local function refuse_all(request)
      return refusal(400, 22, "the field uuids is unknown, request " .. request.index)
    end

    for _, case in ipairs({ { 10000, 18 }, { 4, 7 }, { 5, 8 }, { 1000, 16 } }) do
      it(("gives up after four ids of %d that stand alone are refused alike"):format(case[1]),
        function()
          local n = case[1]
          local result = stop({ ids = names(n), limit = 10000, answer = refuse_all })
          assert.same({ ["invalid http_400"] = 4, ["failed http_400"] = n > 4 and n - 4 or nil },
            tally(result.items, n))
          assert.equal(case[2], #result.requests)
          for i = 1, 4 do
            assert.equal("invalid", result.items[i].outcome)
          end
        end)
    end

    it("gives up each batch by itself", function()
      local result = stop({ ids = names(300), limit = 100, answer = function(request)
        return tonumber(request.ids[1]:sub(3)) <= 100 and refuse_all(request) or OK(request)
      end })
      assert.same({ ["invalid http_400"] = 4, ["failed http_400"] = 96, stopped = 200 },
        tally(result.items, 300))
    end)

    it("goes on where ids that stand alone are refused for different reasons", function()
      local result = stop({ ids = names(8), limit = 8, answer = function(request)
        return refusal(400, #request.ids == 1 and tonumber(request.ids[1]:sub(3)) or 99)
      end })
      assert.same({ ["invalid http_400"] = 8 }, tally(result.items, 8))
    end)

    it("goes on where a part was accepted", function()
      local bad = {}
      for i = 5, 64 do
        bad[i] = true
      end
      local result = stop({ ids = names(64), limit = 64, concurrency = 1,
        answer = refuses(bad) })
      assert.same({ ["invalid http_400"] = 60, stopped = 4 }, tally(result.items, 64))
    end)

    it("sends the parts of a batch one by one until one is accepted", function()
      local result = stop({ ids = names(16), limit = 16, concurrency = 4, answer = refuse_all })
      assert.equal(1, result.engine.most)
    end)

    it("does not know of an id at fault whether an earlier, lost attempt stopped it", function()
      local refuse = refuses({ true })
      local result = stop({ ids = names(2), limit = 2, answer = function(request)
        return request.index == 1 and LOST or refuse(request)
      end })
      assert.equal("unknown", result.items[1].outcome)
      assert.is_true(result.items[1].ambiguous)
      assert.equal(3, result.items[1].attempts)
      assert.equal("stopped", result.items[2].outcome)
      assert.is_true(result.items[2].ambiguous)
    end)

    it("calls what it had no time to send again failed", function()
      local refuse = refuses({ true })
      local result = stop({ ids = names(8), limit = 8, concurrency = 1, deadline = 1,
        timeout = 100, answer = function(request)
          local answer = refuse(request)
          answer.after = 0.6
          return answer
        end })
      for i = 5, 8 do
        assert.equal("failed", result.items[i].outcome)
        assert.equal("http_400", result.items[i].reason)
      end
      for i = 1, 4 do
        assert.equal("unknown", result.items[i].outcome)
        assert.equal("deadline", result.items[i].reason)
      end
    end)

    it("keeps the ids as they were given", function()
      local result = stop({ ids = { 1, 2, "3" }, limit = 4, form = "digits",
        answer = function(request)
          return #request.ids > 1 and refusal(400) or OK(request)
        end })
      assert.same({ stopped = 3 }, tally(result.items, 3))
      assert.equal(1, result.items[1].id)
      assert.equal(2, result.items[2].id)
      assert.equal("3", result.items[3].id)
    end)

    it("keeps the twins of the ids", function()
      local result = stop({ ids = { "id1", "id2", "ID1", "ID2" }, limit = 4,
        answer = refuses({ true }) })
      assert.same({ ["invalid http_400"] = 2, stopped = 2 }, tally(result.items, 4))
      assert.equal("ID1", result.items[3].id)
      assert.equal("invalid", result.items[3].outcome)
      assert.equal("ID2", result.items[4].id)
    end)

    it("makes a request smaller that is too large to be sent", function()
      local result = stop({ ids = names(8), limit = 8, fits = function(sent)
        return #sent <= 3
      end })
      assert.equal(4, #result.requests)
      assert.same({ stopped = 8 }, tally(result.items, 8))
      assert.is_nil(result.items[1].attempts)
    end)

    it("calls an id that is too large by itself invalid", function()
      local result = stop({ ids = { "a", "bbb", "c" }, limit = 8, fits = function(sent)
        return #table.concat(sent) <= 2
      end })
      assert.same({ stopped = 2, ["invalid too_large"] = 1 }, tally(result.items, 3))
      assert.equal("bbb", result.items[2].id)
      assert.equal(0, result.items[2].attempts)
    end)
  end)

  describe("after a 413", function()
    -- A gateway that lets no request with more ids through.
    local function gateway(most)
      return function(request)
        return #request.ids > most and http(413, { body = "<html>too large" }) or OK(request)
      end
    end

    local function sizes(result)
      local list = {}
      for i, request in ipairs(result.requests) do
        list[i] = #request.ids
      end
      return list
    end

    it("sends half as many ids at a time, for the rest of the call", function()
      local result = stop({ ids = names(40), limit = 10, concurrency = 1, answer = gateway(5) })
      assert.same({ stopped = 40 }, tally(result.items, 40))
      assert.same({ 10, 5, 5, 5, 5, 5, 5, 5, 5 }, sizes(result))
      assert.equal(0, result.summary.retries)
    end)

    it("goes on halving, whatever is in flight meanwhile", function()
      for _, keeps in ipairs({ true, false }) do
        local result = stop({ ids = names(1000), limit = 100, concurrency = 4, keeps = keeps,
          answer = gateway(7) })
        assert.same({ stopped = 1000 }, tally(result.items, 1000))
        assert.is_true(#result.requests < 1000 / 6 + 50)
      end
    end)

    it("calls an id failed that is too large alone", function()
      local result = stop({ ids = names(3), limit = 4, concurrency = 1, answer = gateway(0) })
      assert.same({ ["failed http_413"] = 3 }, tally(result.items, 3))
      local single = stop({ ids = { "a" }, limit = 2, answer = gateway(0) })
      assert.same({ ["failed http_413"] = 1 }, tally(single.items, 1))
    end)

    it("sends no id twice with max_attempts of 1, and fewer at a time all the same", function()
      local result = stop({ ids = names(30), limit = 10, concurrency = 1, max_attempts = 1,
        answer = gateway(5) })
      assert.same({ ["failed http_413"] = 10, stopped = 20 }, tally(result.items, 30))
      assert.same({ 10, 5, 5, 5, 5 }, sizes(result))
    end)

    it("is the limit of that call alone", function()
      local session = new_session({ answer = gateway(5) })
      session.idle_runs = {}
      for _ = 1, 2 do
        local running = runs.new_run(session, { ids = names(10), limit = 10 })
        running:finish()
        assert.equal(1, #session.idle_runs)
      end
      assert.equal(6, #session.engine.requests)
      assert.equal(10, #session.engine.requests[4].ids)
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
