-- What a run reports: items, a summary, events.

local report = require("stopmsg.report")
local runs = require("spec.support.runs")

local http, items, OK, in_turn, by_id = runs.http, runs.items, runs.OK, runs.in_turn, runs.by_id
local names, LOST, REFUSED, new_session = runs.names, runs.LOST, runs.REFUSED, runs.new_session
local new_run, drain, stop = runs.new_run, runs.drain, runs.stop

describe("stopmsg.run.loop", function()
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

  describe("the summary of a stream", function()
    local IDS = names(700)

    -- A stream of items of two kinds, of malformed ids and one that comes twice. Most go to the
    -- sink, if there is one.
    local function streamed(with)
      local ids, codes = {}, {}
      for i, id in ipairs(IDS) do
        codes[id] = i % 7 == 0 and 403 or nil
        ids[i] = (i % 90 == 0 and "a b") or (i == 400 and IDS[i - 1]) or id
      end
      with.ids, with.keeps, with.limit = ids, false, with.limit or 300
      local session = new_session({ answer = items(codes) })
      local running, summary = new_run(session, with)
      return running, summary, session.clock
    end

    -- What its counts and reasons are to be once items of these outcomes were given.
    local function expected(given)
      local counts, reasons = report.new().counts, {}
      for _, word in ipairs(given) do
        counts[word] = counts[word] + 1
        if word == "invalid" then
          reasons.malformed_id = counts.invalid
        end
      end
      return counts, reasons
    end

    local function check(summary, given, message)
      local counts, reasons = expected(given)
      assert.message(message).same(counts, summary.counts)
      assert.message(message).same(reasons, summary.reasons)
      assert.message(message).equal(#given, summary.total)
      assert.message(message).equal(#given > 0 and summary.counts.stopped == #given, summary.ok)
    end

    it("counts what was handed out, whenever it is first looked at", function()
      for at, first in ipairs({ 0, 1, 2, 3, 64, 255, 256, 257, 300, 511, 699, 700, 3, 99 }) do
        local running, summary, clock = streamed({ limit = at > 12 and 1 or nil })
        local given = {}
        while #given < first do
          given[#given + 1] = running:next().outcome
          clock:advance(at > 12 and 0.01 or 0) -- the run looks at the network meanwhile
        end
        check(summary, given, first .. " at first")
        local held = summary.counts
        for item in running.next, running do
          given[#given + 1] = item.outcome
          if #given % 50 == 0 or #given < first + 3 then
            check(summary, given, ("%d after %d"):format(#given, first))
          end
        end
        check(summary, given, "all after " .. first)
        assert.equal(held, summary.counts)
      end
    end)

    it("is a plain report at the end, though nobody looked", function()
      local running, summary = streamed({})
      local given = {}
      for item in running.next, running do
        given[#given + 1] = item.outcome
      end
      assert.equal(#given, rawget(summary, "total"))
      local counts, reasons = expected(given)
      assert.same(counts, rawget(summary, "counts"))
      assert.same(reasons, rawget(summary, "reasons"))
      assert.is_false(rawget(summary, "ok"))
      assert.is_true(report.is(summary))
    end)

    it("is a report before anybody looked, and shows as one", function()
      local running, summary = streamed({})
      running:next()
      assert.equal("1 id: 1 invalid (0 requests, 0.00 s); reason: malformed_id", tostring(summary))
      assert.is_true(report.is(summary))
      assert.is_true(report.is((select(2, streamed({})))))
    end)

    it("counts what a sink takes, before and after a look", function()
      for _, first in ipairs({ 1, 5, 1e9 }) do
        local given, calls = {}, 0
        local running, summary = streamed({ sink = function(counted, ids, _, from, to, word)
          calls = calls + 1
          if calls > first then
            check(counted, given, calls .. " after " .. first)
          end
          local taken = tonumber(ids[from]:sub(3)) % 5 == 0 and 0 or math.min(40, to - from + 1)
          for _ = 1, taken do
            given[#given + 1] = word
          end
          return taken
        end })
        for item in running.next, running do
          given[#given + 1] = item.outcome
        end
        check(summary, given, "all after " .. first)
        assert.equal(700, #given)
      end
    end)

    it("hands out items once to coroutines that share the stream", function()
      local session = new_session({ answer = items(nil, { after = 1 }) })
      local wait = session.wait
      session.wait = function(...)
        coroutine.yield()
        wait(...)
      end
      local running = new_run(session, { ids = IDS, keeps = false, limit = 300 })
      local seen, count = {}, 0
      local function work()
        local item = running:next()
        while item do
          assert.is_nil(seen[item.id])
          seen[item.id], count = true, count + 1
          if count % 60 == 0 then
            coroutine.yield()
          end
          item = running:next()
        end
      end
      local all = { coroutine.create(work), coroutine.create(work), coroutine.create(work) }
      while #all > 0 do
        local one = table.remove(all, 1)
        assert(coroutine.resume(one))
        if coroutine.status(one) ~= "dead" then
          all[#all + 1] = one
        end
      end
      assert.equal(#IDS, count)
    end)
  end)
end)
