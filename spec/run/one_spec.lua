-- A call of one id takes its short way, or a run takes over what it has begun.

local report = require("stopmsg.report")
local runs = require("spec.support.runs")

local LOST, USUAL = runs.LOST, runs.USUAL

-- What a client makes of a call of one id: the short way, then a run where that did not do.
local function settle(options)
  local session, seconds = options.session or runs.new_session(options), options.deadline or 60
  local started = session.clock()
  options.ids = options.ids or { "a" }
  local summary, is_settled, asked = runs.settle(session, options)
  local items = { summary[1] }
  if not is_settled then
    options.asked, options.summary = asked, summary
    options.deadline = seconds - (session.clock() - started)
    items = runs.drain((runs.new_run(session, options)))
    options.asked, options.summary, options.deadline = nil, nil, seconds
  end
  return {
    items = items,
    summary = summary,
    requests = session.engine.requests,
    started = started,
    session = session,
    is_settled = is_settled,
    was_asked = asked ~= nil,
  }
end

local function counts_of(summary)
  local list = {}
  for _, name in ipairs({ "counts", "total", "ok", "requests", "retries", "connections",
    "warnings" }) do
    list[name] = summary[name]
  end
  return list
end

describe("a call of one id", function()
  -- The same calls with a run alone; they end with the same report, after the same requests.
  local function assert_like_a_run(options)
    local short = settle(options)
    local whole = runs.stop(options)
    assert.same(whole.items, short.items)
    assert.same(counts_of(whole.summary), counts_of(short.summary))
    assert.same(runs.times(whole), runs.times(short))
    assert.near(whole.summary.elapsed, short.summary.elapsed, 1e-4)
    return short
  end

  it("is settled by a usual answer to its request", function()
    local short = assert_like_a_run({ answer = USUAL })
    assert.is_true(short.is_settled)
    assert.same({ id = "a", outcome = "stopped", code = 200 }, short.items[1])
    assert.equal(1, short.summary.requests)
    assert.equal(short.session.clock(), short.session.outage.usable_at)
  end)

  it("has what else such an answer means", function()
    local short = assert_like_a_run({ answer = runs.in_turn({ { meaning = 2, connections = 1 } }) })
    assert.is_true(short.is_settled)
    assert.same({ id = "a", outcome = "too_late", code = 403, reason = "sent" }, short.items[1])
    assert.equal(1, short.summary.connections)
  end)

  for name, answers in pairs({
    ["is lost"] = { LOST, USUAL },
    ["is lost, and its repeat says too late"] = { LOST, { meaning = 2 } },
    ["is lost each time"] = { LOST },
    ["finds no connection"] = { runs.REFUSED, USUAL },
    ["is refused by TLS"] = { runs.NO_TLS },
    ["fails at the provider"] = { runs.http(503), USUAL },
    ["is too much"] = { runs.http(429, { retry_after = 1 }), USUAL },
    ["is too much for long"] = { runs.http(429, { retry_after = 100 }) },
    ["is not allowed"] = { runs.http(401, { body = "{}" }) },
    ["gets the answer of a stranger"] = { runs.http(200, { body = "<html>Log in</html>" }) },
    ["gets an answer that has to be read"] = { runs.item(404) },
    ["gets none in time"] = { { after = 1e6 } },
    ["gets one too late"] = { { after = 11 }, { meaning = 2 } },
  }) do
    it("is left to a run if it " .. name, function()
      local short = assert_like_a_run({ answer = runs.in_turn(answers) })
      assert.is_false(short.is_settled)
      assert.is_true(short.was_asked)
    end)
  end

  it("ends at its deadline", function()
    local short = assert_like_a_run({ answer = runs.in_turn({ { after = 1e6 } }), deadline = 2 })
    assert.equal("unknown", short.items[1].outcome)
    assert.equal("deadline", short.items[1].reason)
  end)

  it("gets a new token from its run", function()
    local short = assert_like_a_run({
      answer = runs.in_turn({ runs.http(401, { body = "{}" }), USUAL }),
      renew = function(session)
        session.generation = session.generation + 1
        return true
      end,
    })
    assert.equal("stopped", short.items[1].outcome)
    assert.equal(2, #short.requests)
  end)

  it("is sent by a run if it has no usual form", function()
    for _, id in ipairs({ "no id", 17, "B" }) do
      local short = assert_like_a_run({ ids = { id }, answer = USUAL,
        form = { pattern = "^%w+$", max = 16, usual = "^[a-z]$", about = "a letter" } })
      assert.is_false(short.is_settled)
      assert.is_false(short.was_asked)
    end
  end)

  describe("is left to a run before anything is sent", function()
    local function assert_left(session, options)
      options = options or {}
      options.ids = { "a" }
      local _, is_settled, asked = runs.settle(session, options)
      assert.is_false(is_settled)
      assert.is_nil(asked)
      assert.equal(0, #session.engine.requests)
    end

    it("where a rate holds", function()
      assert_left(runs.new_session({ answer = USUAL, rate = 5 }))
      assert_left(runs.new_session({ answer = USUAL }), { pacer = {} })
    end)

    it("in a pause", function()
      local session = runs.new_session({ answer = USUAL })
      session.pacer:pause(session.clock() + 1)
      assert_left(session)
      session.clock:advance(1)
      assert.is_true(settle({ session = session }).is_settled)
    end)

    it("in an outage", function()
      local session = runs.new_session({ answer = USUAL })
      session.outage:failed(session.clock(), { started = 0, failures = 0, in_spell = 0,
        excused = 0 }, {})
      assert_left(session)
    end)

    it("where each event is told", function()
      assert_left(runs.new_session({ answer = USUAL, emit = function() end }))
    end)

    it("where requests are counted", function()
      local session = runs.new_session({ answer = USUAL })
      session.traffic = { in_flight = 0 }
      assert_left(session)
    end)

    it("where a token has to be fetched first", function()
      local session = runs.new_session({ answer = USUAL })
      session.fetch = { is_ready = function() return false end }
      assert_left(session)
    end)

    it("where it is late", function()
      assert_left(runs.new_session({ answer = USUAL }), { deadline = 0 })
    end)

    it("where no slot is free", function()
      local session = runs.new_session({ answer = USUAL, slots = 1 })
      session.engine:call():submit(1, { "b" }, 1, 1, 10)
      local _, is_settled, asked = runs.settle(session, { ids = { "a" } })
      assert.is_false(is_settled)
      assert.is_nil(asked)
      assert.equal(1, #session.idle_calls)
    end)
  end)

  it("is not believed by itself while others fail", function()
    local session = runs.new_session({ answer = USUAL })
    local wait = session.wait
    function session.wait(...)
      wait(...)
      session.outage:failed(session.clock(), { started = 0, failures = 0, in_spell = 0,
        excused = 0 }, {})
    end
    local short = settle({ session = session })
    assert.is_true(short.was_asked)
    assert.equal("stopped", short.items[1].outcome)
    assert.equal(1, #short.requests)
    assert.is_false(session.outage.is_troubled)
  end)

  it("raises where the client is closed meanwhile", function()
    local session = runs.new_session({ answer = USUAL })
    function session.wait()
      session.is_closed = true
    end
    assert.has_error(function()
      runs.settle(session, { ids = { "a" } })
    end, "attempt to use a closed client")
  end)

  it("has its request counted by the run that takes it over", function()
    local session = runs.new_session({ answer = runs.in_turn({ LOST, USUAL }) })
    local summary, _, asked = runs.settle(session, { ids = { "a" } })
    local running = runs.new_run(session, { ids = { "a" }, asked = asked, summary = summary })
    assert.equal(1, running._repeats.sends)
    assert.equal(1, running._requests.in_flight)
  end)

  it("gives its place in the engine to the next one", function()
    local session = runs.new_session({ answer = runs.by_id({ b = LOST }, USUAL) })
    settle({ session = session })
    local call = session.idle_calls[1]
    assert.is_truthy(call)
    settle({ session = session })
    assert.equal(1, #session.idle_calls)
    assert.equal(call, session.idle_calls[1])
    settle({ session = session, ids = { "b" }, max_attempts = 1, patience = 0 })
    assert.equal(0, #session.idle_calls) -- a run has it
  end)

  it("has a report like any other", function()
    local short = settle({ answer = USUAL })
    assert.is_true(report.is(short.summary))
    assert.is_true(short.summary.ok)
    assert.equal("1 id: 1 stopped (1 request, 0.01 s)", tostring(short.summary))
  end)
end)
