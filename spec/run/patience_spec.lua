-- Calls that meet a provider that is away: how long they wait for it, and what they tell.

local runs = require("spec.support.runs")
local sample = require("spec.support.sample")

local http, items, OK, names, tally = runs.http, runs.items, runs.OK, runs.names, runs.tally
local stop, times, new_session, in_turn = runs.stop, runs.times, runs.new_session, runs.in_turn
local LOST, REFUSED, NO_TLS = runs.LOST, runs.REFUSED, runs.NO_TLS

local LOGIN = http(200, { body = "<html>Log in</html>" })
local FIREWALL = http(403, { body = "<html>Blocked</html>" })

-- Answers like `answer` from second `from` till `till` (of the fake clock's 1000 on), else well.
local function away(answer, from, till, well)
  return function(request)
    local now = request.at - 1000
    return runs.given(now >= from and now < till and answer or well or OK, request)
  end
end

-- Ids that nobody answers.
local COUNT = math.max(3000, math.floor(30000 / sample.OF))

local function forever(answer)
  return away(answer, 0, math.huge)
end

-- The requests that were sent in these seconds, each with its time.
local function sent_in(result, from, till)
  local list = {}
  for i, at in ipairs(times(result)) do
    if at >= from and at < till then
      list[#list + 1] = { at = at, id = result.requests[i].ids[1] }
    end
  end
  return list
end

describe("stopmsg.run.patience", function()
  describe("a provider that answers nobody", function()
    for name, answer in pairs({ ["503"] = http(503), ["lost answers"] = LOST,
      ["refused connections"] = REFUSED, ["a firewall's 403"] = FIREWALL, ["login pages"] = LOGIN,
      ["407"] = http(407), ["511"] = http(511), ["429"] = http(429) }) do
      it("gets what is in flight, and probes: " .. name, function()
        local result = stop({ ids = names(COUNT), concurrency = 16, deadline = math.huge,
          answer = forever(answer) })
        assert.equal(COUNT, result.summary.total)
        assert.near(60, result.elapsed, 0.1)
        assert.is_true(#result.requests >= 16 + 30)
        assert.is_true(#result.requests <= 16 + 60, #result.requests)
        assert.equal(1, #sent_in(result, 0.011, 0.06 + (name == "429" and 2 or 0)))
        local reason = name == "429" and "rate_limited" or "outage"
        assert.same({ id = "id" .. COUNT, outcome = "skipped", reason = reason, attempts = 0 },
          result.items[COUNT])
        assert.is_true(result.summary.counts.skipped >= COUNT - 100)
        if os.getenv("STOPMSG_FIGURES") then
          print(("\n%d ids, nothing but %s: %d requests"):format(COUNT, name, #result.requests))
        end
      end)
    end

    it("gets no more than one request at a time", function()
      local result = stop({ ids = names(100), concurrency = 16, deadline = math.huge, patience = 20,
        answer = forever({ after = 0.5, status = 503 }) })
      local list = sent_in(result, 0.1, 100)
      for i = 2, #list do
        assert.is_true(list[i].at - list[i - 1].at >= 0.5)
      end
    end)

    it("gets a probe every 2 s though none is answered", function()
      local result = stop({ ids = names(100), concurrency = 16, deadline = math.huge,
        answer = away({ after = 1e6 }, 0, 34) })
      local list = sent_in(result, 10.01, 34)
      for i = 2, #list do
        assert.near(2, list[i].at - list[i - 1].at, 1e-3)
      end
      assert.same({ stopped = 100 }, tally(result.items, 100))
    end)

    it("is asked about ids that failed and ids never sent in turns, none twice", function()
      local result = stop({ ids = names(100), concurrency = 4, deadline = math.huge,
        answer = forever(http(503)) })
      local seen, last, kinds = {}, nil, {}
      for i, request in ipairs(result.requests) do
        local id = request.ids[1]
        assert.not_equal(last, id)
        if i > 5 then
          kinds[#kinds + 1] = seen[id] and "failed" or "fresh"
        end
        seen[id], last = true, id
      end
      -- Later no further ids are read.
      for i = 2, 20 do
        assert.not_equal(kinds[i - 1], kinds[i])
      end
    end)

    it("is asked about the same id where there is no other", function()
      local result = stop({ ids = { "a" }, answer = away(http(503), 0, 10) })
      assert.equal("stopped", result.items[1].outcome)
      assert.is_true(result.elapsed < 12.1)
      assert.is_true(#result.requests > 8 and #result.requests < 15)
    end)

    it("makes no heap of what the source gives, though only ids never sent are asked about",
      function()
        local result = stop({ ids = names(2000), concurrency = 1, deadline = math.huge,
          patience = 3600, answer = forever(http(503)) })
        local seen, count = {}, 0
        for _, request in ipairs(result.requests) do
          count = count + (seen[request.ids[1]] and 0 or 1)
          seen[request.ids[1]] = true
        end
        assert.is_true(count <= 70, count)
      end)
  end)

  describe("a provider that never answers some ids", function()
    for _, share in ipairs({ 50, 10, 5, 2 }) do
      for _, concurrency in ipairs({ 1, 4, 16 }) do
        it(("is no outage for the others: one in %d, %d in flight"):format(share, concurrency),
          function()
            local seed, bad, asked, most = 7, {}, {}, 0
            for i = 1, 300 do
              seed = (seed * 16807) % 2147483647
              bad["id" .. i] = seed % share == 0
            end
            local result = stop({ ids = names(300), concurrency = concurrency, deadline = 600,
              answer = function(request)
                local id = request.ids[1]
                asked[id] = (asked[id] or 0) + 1
                most = math.max(most, asked[id])
                return bad[id] and http(503) or items(nil, { after = 0.005 })(request)
              end })
            for i = 1, 300 do
              assert.equal(bad["id" .. i] and "unknown" or "stopped", result.items[i].outcome)
            end
            assert.is_true(most <= 30, most)
          end)
      end
    end

    it("is one where they are all that is left", function()
      local result = stop({ ids = names(8), concurrency = 2, answer = function(request)
        local now = request.at - 1000
        return (now < 5 or (now > 5.5 and now < 12)) and http(503) or OK(request)
      end })
      assert.same({ stopped = 8 }, tally(result.items, 8))
    end)
  end)

  describe("a provider that comes back", function()
    it("costs no id anything", function()
      for _, answer in ipairs({ http(503), LOST, REFUSED, FIREWALL, LOGIN, http(429),
        http(407) }) do
        for limit = 1, 10, 9 do
          local result = stop({ ids = names(1000), limit = limit, concurrency = 16, deadline = 600,
            answer = away(answer, 0.5, 10.5, items(nil, { after = 0.05 })) })
          assert.same({ stopped = 1000 }, tally(result.items, 1000))
        end
      end
    end)

    it("is noticed within 2 s, and then gets 1, 2, 4 … requests at a time", function()
      local result = stop({ ids = names(3000), concurrency = 16, deadline = 600,
        answer = away(http(503), 0.5, 10.5, items(nil, { after = 0.05 })) })
      local list = sent_in(result, 10.5, 100)
      assert.is_true(list[1].at < 12.5)
      assert.is_true(list[100].at < 13.5)
      local counts, at = {}, nil
      for i = 1, 31 do
        if not at or list[i].at > at + 0.01 then
          counts[#counts + 1], at = 0, list[i].at
        end
        counts[#counts] = counts[#counts] + 1
      end
      assert.same({ 1, 1, 2, 4, 8, 15 }, counts)
    end)

    it("loses nobody where it answers every other request", function()
      local result = stop({ ids = names(200), concurrency = 16, max_attempts = 20,
        answer = function(request)
          return request.index % 2 == 0 and http(503) or OK(request)
        end })
      assert.same({ stopped = 200 }, tally(result.items, 200))
      assert.is_true(#result.requests <= 410, #result.requests)
    end)

    it("loses nobody where it comes back slowly", function()
      local result = stop({ ids = names(200), concurrency = 16, deadline = 600,
        answer = function(request)
          local now = request.at - 1000
          if now > 1 and now < 6 then
            return http(503)
          end
          return items(nil, { after = now < 20 and now > 1 and 5 or 0.05 })(request)
        end })
      assert.same({ stopped = 200 }, tally(result.items, 200))
    end)

    it("loses nobody where each id is refused once", function()
      for _, concurrency in ipairs({ 1, 4, 16, 100 }) do
        for _, max_attempts in ipairs({ 2, 4 }) do
          local result = stop({ ids = names(100), concurrency = concurrency, deadline = math.huge,
            max_attempts = max_attempts, answer = in_turn({ http(503), OK }) })
          assert.same({ stopped = 100 }, tally(result.items, 100))
          assert.equal(200, #result.requests)
          if os.getenv("STOPMSG_FIGURES") then
            print(("\n100 ids refused once each, %d in flight: %d stopped, %d requests, %.1f s")
              :format(concurrency, result.summary.counts.stopped, #result.requests,
              result.elapsed))
          end
        end
      end
    end)

    it("finds ids that were never sent with max_attempts of 1", function()
      for _, answer in ipairs({ http(503), LOST, FIREWALL, LOGIN, http(429) }) do
        local result = stop({ ids = names(300), concurrency = 4, deadline = 600, max_attempts = 1,
          answer = away(answer, 0.5, 10.5, items(nil, { after = 0.05 })) })
        assert.equal(300, #result.requests)
        assert.is_true(result.summary.counts.stopped >= 300 - 4 - 12)
      end
    end)

    it("asks again about what was never sent, with max_attempts of 1", function()
      local result = stop({ ids = names(300), concurrency = 4, deadline = 600, max_attempts = 1,
        answer = away(REFUSED, 0, 10, items(nil, { after = 0.05 })) })
      assert.same({ stopped = 300 }, tally(result.items, 300))
      assert.equal(300, result.summary.requests)
    end)
  end)

  describe("the end", function()
    it("comes when patience is over: what was sent keeps what is known of it", function()
      local result = stop({ ids = names(50), concurrency = 4, deadline = math.huge, patience = 5,
        answer = forever(http(503)) })
      assert.near(5, result.elapsed, 0.05)
      local found = tally(result.items, 50)
      assert.equal(50, found["unknown http_503"] + found["skipped outage"])
      assert.equal("unknown", result.items[1].outcome)
      assert.equal("http_503", result.items[1].reason)
    end)

    it("counts from the last usable answer", function()
      local result = stop({ ids = names(500), concurrency = 4, deadline = math.huge, patience = 5,
        answer = away(http(503), 3, math.huge, items(nil, { after = 0.05 })) })
      assert.near(8, result.elapsed, 0.1)
    end)

    it("does not count what a Retry-After asks for", function()
      local result = stop({ ids = names(50), concurrency = 4, deadline = math.huge, patience = 5,
        answer = away(http(503, { retry_after = 20 }), 0, 50) })
      assert.same({ stopped = 50 }, tally(result.items, 50))
      local ended = stop({ ids = names(50), concurrency = 4, deadline = math.huge, patience = 0.5,
        answer = forever(http(429, { retry_after = 10, after = 0.2 })) })
      assert.is_true(ended.elapsed > 20 and ended.elapsed < 31, ended.elapsed)
    end)

    it("is the deadline where that comes first", function()
      local result = stop({ ids = names(50), concurrency = 4, deadline = 5,
        answer = forever(http(503)) })
      assert.near(5, result.elapsed, 0.01)
      assert.equal("deadline", result.items[50].reason)
      assert.equal("skipped", result.items[50].outcome)
      assert.equal("http_503", result.items[1].reason)
    end)

    it("is the deadline in the middle of a probe", function()
      local result = stop({ ids = names(50), concurrency = 4, deadline = 15, timeout = 3,
        answer = forever({ after = 1e6 }) })
      assert.near(15, result.elapsed, 0.01)
      for _, request in ipairs(result.requests) do
        assert.is_true(request.at + request.timeout <= result.started + 15.001)
      end
    end)

    it("waits for no probe beyond it", function()
      local result = stop({ ids = names(50), concurrency = 4, deadline = math.huge, timeout = 3,
        patience = 20, answer = forever({ after = 1e6 }) })
      assert.near(20, result.elapsed, 0.01)
      assert.equal("timeout", result.items[1].reason)
    end)

    it("is at once where a few ids have a stranger's answer each", function()
      for _, answer in ipairs({ FIREWALL, LOGIN, http(404, { body = "<h1>404</h1>" }) }) do
        local result = stop({ ids = names(3), answer = forever(answer) })
        assert.equal(3, #result.requests)
        assert.is_true(result.elapsed < 0.1)
        assert.is_nil(result.items[1].attempts)
      end
    end)

    it("never comes without an end to patience", function()
      local result = stop({ ids = names(50), concurrency = 4, deadline = math.huge,
        patience = math.huge, answer = away(http(503), 0, 3600) })
      assert.same({ stopped = 50 }, tally(result.items, 50))
    end)
  end)

  describe("without patience a call", function()
    it("gives back at once where five in a row have failed", function()
      for _, answer in ipairs({ http(503), LOST, REFUSED, FIREWALL, http(429) }) do
        local result = stop({ ids = names(100), concurrency = 16, patience = 0,
          answer = forever(answer) })
        assert.is_true(result.elapsed < 0.1, result.elapsed)
        assert.equal(16, #result.requests)
        assert.equal(84, result.summary.counts.skipped)
      end
    end)

    it("repeats what failed by itself all the same", function()
      local result = stop({ ids = { "a" }, patience = 0, answer = in_turn({ http(503), LOST,
        REFUSED, OK }) })
      assert.equal("stopped", result.items[1].outcome)
      result = stop({ ids = { "a" }, patience = 0, answer = forever(http(503)) })
      assert.equal(4, result.items[1].attempts)
      assert.is_true(result.elapsed < 0.6)
    end)

    it("repeats nothing that has taken its time", function()
      local result = stop({ ids = names(3), patience = 0, timeout = 3,
        answer = forever({ after = 1e6 }) })
      assert.near(3, result.elapsed, 0.01)
      assert.equal(3, #result.requests)
    end)

    it("waits for no Retry-After", function()
      local result = stop({ ids = { "a" }, patience = 0,
        answer = forever(http(429, { retry_after = 5 })) })
      assert.is_true(result.elapsed < 0.1)
      assert.equal("rate_limited", result.items[1].reason)
    end)

    it("sends a probe where one is due, and nothing else", function()
      local session = new_session({ answer = away(http(503), 0, 20) })
      stop({ session = session, ids = names(16), concurrency = 16, patience = 0 })
      session.clock:advance(5)
      local sent = #session.engine.requests
      local one = stop({ session = session, ids = names(16), concurrency = 16, patience = 0 })
      assert.equal(sent + 1, #session.engine.requests)
      assert.equal(15, one.summary.counts.skipped)
      assert.equal("http_503", one.items[1].reason)
      local other = stop({ session = session, ids = { "x" }, patience = 0 })
      assert.same({ id = "x", outcome = "skipped", reason = "outage", attempts = 0 },
        other.items[1])
      assert.equal(sent + 1, #session.engine.requests)
      session.clock:advance(20)
      assert.equal(16, stop({ session = session, ids = names(16), concurrency = 16,
        patience = 0 }).summary.counts.stopped)
    end)

    it("sends that probe even if it comes to it late", function()
      local session = new_session({ answer = away(http(503), 0, 1) })
      stop({ session = session, ids = { "a" }, patience = 0, max_attempts = 1 })
      session.clock:advance(5)
      local late = runs.new_run(session, { ids = { "b" }, patience = 0, max_attempts = 1 })
      session.clock:advance(5) -- the machine had other work
      assert.equal("stopped", late:next().outcome)
    end)
  end)

  describe("a certificate that is refused", function()
    it("ends the run after three in a row", function()
      for _, count in ipairs({ 1, 2, 3, 100 }) do
        local result = stop({ ids = names(count), concurrency = 16, answer = forever(NO_TLS) })
        assert.is_true(result.elapsed < 0.3)
        assert.equal(0, result.summary.requests)
        assert.equal("failed", result.items[1].outcome)
        assert.equal("tls", result.items[1].reason)
        assert.matches("expired", result.items[1].message)
        assert.equal("tls", result.items[count].reason)
        assert.is_true(#result.requests >= 3)
      end
    end)

    it("does not end a later call before that has tried it", function()
      local session = new_session({ answer = away(NO_TLS, 0, 10) })
      stop({ session = session, ids = names(5) })
      session.clock:advance(20)
      assert.equal(5, stop({ session = session, ids = names(5) }).summary.counts.stopped)
    end)

    it("is told apart from a handshake that breaks off", function()
      local broken = { fault = "tls", stage = "connected", detail = "unexpected eof" }
      local result = stop({ ids = names(20), answer = away(broken, 0, 10) })
      assert.same({ stopped = 20 }, tally(result.items, 20))
    end)
  end)

  describe("calls of one client", function()
    -- Takes items of all in turns, to the end.
    local function drain_all(list)
      local counts, left = {}, #list
      while left > 0 do
        for i, running in ipairs(list) do
          local item = running and running:next()
          if running and not item then
            list[i], left = false, left - 1
          elseif item then
            counts[item.outcome] = (counts[item.outcome] or 0) + 1
          end
        end
      end
      return counts
    end

    it("share what they know of the provider", function()
      local session = new_session({ answer = away(http(503), 0, 10) })
      local list = {}
      for i = 1, 8 do
        list[i] = runs.new_run(session, { ids = names(20), concurrency = 4, deadline = math.huge })
      end
      assert.same({ stopped = 160 }, drain_all(list))
      local away_count = 0
      for _, request in ipairs(session.engine.requests) do
        away_count = away_count + (request.at < 1010 and 1 or 0)
      end
      assert.is_true(away_count <= 4 + 1 + 12, away_count)
    end)

    it("begin with probes where the provider was away", function()
      local session = new_session({ answer = away(http(503), 0, 20) })
      stop({ session = session, ids = names(16), concurrency = 16, patience = 1 })
      local before = #session.engine.requests
      local result = stop({ session = session, ids = names(100), concurrency = 16, patience = 5 })
      assert.is_true(#session.engine.requests - before <= 4)
      assert.near(5, result.elapsed, 0.1)
    end)
  end)

  describe("it is told", function()
    it("that the provider is away, and that it is back", function()
      local list = {}
      local result = stop({ ids = names(50), concurrency = 4,
        answer = away(REFUSED, 0, 10), emit = function(event)
          if event.type == "outage" then
            list[#list + 1] = event
          end
        end })
      assert.same({ stopped = 50 }, tally(result.items, 50))
      assert.equal(2, #list)
      assert.same({ type = "outage", phase = "begin", reason = "connect", provider = "acme",
        operation = "stop", message = "connection refused" }, list[1])
      assert.equal("end", list[2].phase)
      assert.equal("answered", list[2].reason)
      assert.is_true(list[2].elapsed > 9 and list[2].elapsed < 12.1)
    end)

    it("that it is no longer waited for", function()
      for reason, options in pairs({
        outage = { patience = 5 },
        deadline = { deadline = 5 },
        interrupted = { is_interrupted = true },
      }) do
        local list, session = {}, nil
        options.emit = function(event)
          if event.type == "outage" then
            list[#list + 1] = event.phase .. " " .. event.reason
          end
        end
        options.answer = forever(http(503))
        session = new_session(options)
        options.session, options.ids = session, names(50)
        options.is_interrupted = options.is_interrupted and function()
          return session.clock() > 1005
        end
        stop(options)
        assert.same({ "begin http_503", "end " .. reason }, list)
      end
    end)

    it("without what a body says", function()
      local list = {}
      stop({ ids = names(5), deadline = 3, emit = function(event)
        list[#list + 1] = event.type == "outage" and event or nil
      end, answer = forever(http(503, { body = '{"error":{"code":1,"text":"B0DY"}}' })) })
      assert.is_nil(list[1].message)
    end)

    it("of a pause that a 503 asks for", function()
      local list = {}
      stop({ ids = { "a" }, emit = function(event)
        list[#list + 1] = event.type == "throttle" and event or nil
      end, answer = in_turn({ http(503, { retry_after = 30 }), OK }) })
      assert.equal(1, #list)
      assert.equal(30, list[1].delay)
    end)

    it("that no answer had the provider's form", function()
      local result = stop({ ids = names(3), answer = forever(FIREWALL) })
      assert.matches("base_url", result.summary.warnings[1])
      for _, answer in ipairs({ http(503), LOST, OK }) do
        assert.same({}, stop({ ids = names(3), deadline = 2, answer = forever(answer) }).summary
          .warnings)
      end
      local result_of_some = stop({ ids = names(30), answer = away(FIREWALL, 0.011, 100) })
      assert.same({}, result_of_some.summary.warnings)
    end)
  end)
end)
