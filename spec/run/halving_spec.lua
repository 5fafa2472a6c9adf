-- Refused batches are halved, and batches that are too large made smaller.

local runs = require("spec.support.runs")

local http, OK, names, LOST = runs.http, runs.OK, runs.names, runs.LOST
local new_session, stop, tally, refusal = runs.new_session, runs.stop, runs.tally, runs.refusal

describe("stopmsg.run.repeats", function()
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
end)
