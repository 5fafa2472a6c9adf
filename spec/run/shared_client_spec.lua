-- Runs that share a client, at the same time and one after the other.

local runs = require("spec.support.runs")

local http, item, given, OK, in_turn = runs.http, runs.item, runs.given, runs.OK, runs.in_turn
local by_id, names, LOST, new_session = runs.by_id, runs.names, runs.LOST, runs.new_session
local new_run, operation_of, drain, stop = runs.new_run, runs.operation_of, runs.drain, runs.stop
local tally = runs.tally

describe("stopmsg.run.loop", function()
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

    it("do not wait for a slot that is free by now", function()
      local session = new_session({ slots = 4, answer = runs.items(nil, { after = 0.01 }) })
      local one = new_run(session, { ids = names(40), concurrency = 4 })
      local began = session.clock()
      for i = 1, 39 do
        one:next()
        drain((new_run(session, { ids = { "x" .. i } })))
      end
      drain(one)
      assert.is_true(session.clock() - began < 3, session.clock() - began)
    end)

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
      local function stop_some()
        local ids, hooks = names(16), {}
        for _, name in ipairs({ "on_item", "is_interrupted" }) do
          hooks[name] = function()
            return not kept
          end
        end
        local done = finish(session, { ids = ids, limit = 16, on_item = hooks.on_item,
          is_interrupted = hooks.is_interrupted })
        kept.result, kept.summary, kept.item = done.items, done.summary, done.items[16]
        kept.ids, kept.on_item, kept.is_interrupted = ids, hooks.on_item, hooks.is_interrupted
      end
      stop_some()
      assert.equal(1, #session.idle_runs)
      local jit = rawget(_G, "jit")
      if jit then
        jit.flush() -- compiled code keeps the functions that it calls
      end
      collectgarbage()
      collectgarbage()
      assert.same({}, kept)
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
            "attempt to resume a run that failed")
        end
      end)
    end

    it("ends a run for good, where it takes the last answer", function()
      local session = new_session({ answer = in_turn({ LOST }) })
      function session.redact()
        error("not enough memory", 0)
      end
      local running = new_run(session, { ids = { "a" }, max_attempts = 1, patience = 0 })
      assert.has_error(function() running:next() end, "not enough memory")
      for _ = 1, 2 do
        assert.has_error(function() running:next() end, "attempt to resume a run that failed")
      end
    end)

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
end)
