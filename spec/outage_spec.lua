-- Whether the provider answers, and the pace while it does not.

local outage = require("stopmsg.outage")

local function least()
  return 0
end

local function new(options)
  options = options or {}
  return outage.new({ slots = options.slots or 16, random = options.random or least })
end

-- A batch that was sent at `started`.
local function batch(started)
  return { started = started or 0, failures = 0, in_spell = 0, excused = 0 }
end

local function fail(made, now, one, is_alone)
  made:failed(now, one, { reason = "http_503", is_alone = is_alone or false })
end

-- A tracker in an outage since `now`, and the batch that failed last.
local function shut(options, now)
  local made, one = new(options), nil
  for _ = 1, 5 do
    one = batch(now)
    fail(made, now or 0, one)
  end
  assert(made.is_shut)
  return made, one
end

describe("stopmsg.outage", function()
  describe("begins", function()
    it("when five different requests in a row have failed", function()
      local made = new()
      for _ = 1, 4 do
        fail(made, 1, batch())
        assert.is_false(made.is_shut)
        assert.is_true(made.is_troubled)
      end
      fail(made, 1, batch())
      assert.is_true(made.is_shut)
    end)

    it("not when the same one fails five times", function()
      local made, one = new(), batch()
      for _ = 1, 20 do
        fail(made, 1, one)
      end
      assert.is_false(made.is_shut)
    end)

    it("not when a usable answer comes between", function()
      local made = new()
      for i = 1, 20 do
        fail(made, i, batch(i))
        if i % 4 == 0 then
          made:answered(i, batch())
          assert.is_false(made.is_troubled)
        end
      end
      assert.is_false(made.is_shut)
    end)

    it("when all that are in flight have failed", function()
      for count = 1, 4 do
        local made = new()
        for i = 1, count do
          fail(made, 1, batch(), i == count)
          assert.equal(i == count, made.is_shut)
        end
      end
    end)

    it("not for one that failed while others were answered", function()
      local made, one = new(), batch(0)
      made:answered(1, batch())
      fail(made, 2, one, true)
      assert.is_false(made.is_shut)
      one.started = 3
      fail(made, 4, one, true)
      assert.is_false(made.is_shut)
    end)

    it("not for those that failed before others were answered", function()
      local made, list = new(), {}
      for i = 1, 6 do
        list[i] = batch(i)
        fail(made, i, list[i])
        made:answered(i + 0.5, batch())
      end
      for _, one in ipairs(list) do
        one.started = 10
        fail(made, 10, one, true)
      end
      assert.is_false(made.is_shut)
      fail(made, 11, batch(10))
      assert.is_true(made.is_shut)
    end)
  end)

  describe("that ended", function()
    -- Whether the failure of one that was in so many outages begins another.
    local function begins(made, times, is_end)
      local one, now = batch(), 0
      for _ = 1, times do
        now = now + 10
        for _ = 1, 4 do
          fail(made, now, batch(now))
        end
        one.started = now
        fail(made, now, one)
        assert.is_true(made.is_shut)
        made:answered(now + 1, batch(now))
      end
      one.started = now + 2
      made:failed(now + 3, one, { reason = "http_503", is_alone = true, is_end = is_end })
      return made.is_shut
    end

    it("is no excuse for an id that fails again, as long as there are others", function()
      assert.is_true(begins(new(), 0, false))
      assert.is_false(begins(new(), 1, false))
    end)

    it("is one, for the last ids, a few times", function()
      assert.is_true(begins(new(), 2, true))
      assert.is_false(begins(new(), 3, true))
    end)
  end)

  it("counts what fails for the batch, but for what fails in an outage", function()
    local made, one = new(), batch()
    fail(made, 1, one)
    fail(made, 2, one)
    assert.equal(0, one.failures)
    assert.equal(2, one.in_spell)
    made:answered(3, batch())
    fail(made, 4, one)
    assert.equal(2, one.failures)
    assert.equal(1, one.in_spell)
    for _ = 1, 5 do
      fail(made, 5, batch())
    end
    fail(made, 6, one)
    made:answered(7, batch())
    fail(made, 8, one)
    assert.equal(2, one.failures)
    assert.equal(1, one.in_spell)
  end)

  it("counts it after all where nobody else has failed", function()
    local made, one = new(), batch(0)
    fail(made, 1, one, true)
    assert.is_true(made.is_shut)
    made:answered(2, batch(1))
    one.started = 3
    fail(made, 4, one, true)
    assert.equal(1, one.failures)
    assert.is_false(made.is_shut)
  end)

  it("counts nothing that is free", function()
    local made, one = new(), batch()
    made:failed(1, one, { reason = "rate_limited", is_free = true })
    assert.equal(0, one.in_spell)
    assert.is_true(made.is_troubled)
  end)

  describe("probes", function()
    -- The times of the probes of which each fails `after` seconds after it was sent.
    local function times(made, from, count, after)
      local list, now = {}, from
      for i = 1, count do
        now = math.max(now, made.due_at)
        local one = batch(now)
        made:sent(now, one, i % 2 == 0)
        list[i] = now - from
        now = now + after
        fail(made, now, one)
      end
      return list
    end

    it("go after pauses that grow from 50 ms to 2 s", function()
      local expected, sum = {}, 0
      for i, pause in ipairs({ 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2 }) do
        sum = sum + pause
        expected[i] = sum
      end
      for i, time in ipairs(times(shut(nil, 100), 100, 9, 0)) do
        assert.near(expected[i], time, 1e-6)
      end
    end)

    it("take off up to a tenth by chance", function()
      local made = shut({ random = function() return 1 end }, 100)
      assert.near(100.045, made.due_at, 1e-6)
    end)

    it("never wait longer than 2 s for the one before", function()
      for _, after in ipairs({ 0, 0.5, 1.9, 2, 10, 1e9 }) do
        local list = times(shut(nil, 100), 100, 20, math.min(after, 2))
        for i = 2, #list do
          assert.is_true(list[i] - list[i - 1] <= 2 + 1e-6)
        end
      end
    end)

    it("are due again 2 s after one that hangs", function()
      local made = shut(nil, 100)
      made:sent(101, batch(101), true)
      assert.equal(103, made.due_at)
    end)

    it("are not put off by what was in flight before them", function()
      local made, one = shut(nil, 100)
      made:sent(101, batch(101), true)
      fail(made, 101.5, one)
      assert.equal(103, made.due_at)
    end)

    it("begin with short pauses again after a usable answer", function()
      local made = shut(nil, 100)
      times(made, 100, 9, 0)
      made:answered(120, batch(119))
      for _ = 1, 5 do
        fail(made, 130, batch(129))
      end
      assert.near(130.05, made.due_at, 1e-6)
    end)

    it("alternate between ids that failed and ids never sent, the latter first", function()
      local made = shut(nil, 100)
      assert.is_false(made.takes_failed)
      made:sent(101, batch(101), true)
      assert.is_true(made.takes_failed)
      made:sent(102, batch(102), false)
      assert.is_false(made.takes_failed)
    end)

    it("take turns afterwards, too", function()
      local made = shut(nil, 100)
      made:sent(101, batch(101), false)
      made:answered(101, batch(101))
      assert.is_false(made.takes_failed)
      made:sent(102, batch(102), true)
      assert.is_true(made.takes_failed)
    end)

    it("are counted where they take ids never sent", function()
      local made = shut(nil, 100)
      for i = 1, 4 do
        made:sent(100 + i, batch(101), i % 2 == 0)
      end
      assert.equal(2, made.fresh_probes)
      made:answered(105, batch(101))
      for _ = 1, 5 do
        fail(made, 106, batch(106))
      end
      assert.equal(0, made.fresh_probes)
    end)

    it("know the last one", function()
      local made, one = shut(nil, 100)
      assert.is_false(made:was_last(one))
      made:sent(101, one, true)
      assert.is_true(made:was_last(one))
      made:sent(102, batch(102), false)
      assert.is_false(made:was_last(one))
    end)

    it("let other calls go first rather than repeat an id", function()
      local made = shut(nil, 100)
      local a, b = {}, {}
      assert.equal(made.due_at, made:repeats_at())
      made:queue(a, true)
      assert.equal(made.due_at, made:repeats_at())
      made:queue(b, true)
      assert.is_true(made:repeats_at() > made.due_at)
      made:queue(b, false)
      assert.equal(made.due_at, made:repeats_at())
    end)

    it("wait as long as Retry-After says", function()
      local made = shut(nil, 100)
      made:hold(100, 30)
      assert.equal(130, made.due_at)
      made:hold(101, 5)
      assert.equal(130, made.due_at)
    end)

    it("are told where nothing may go", function()
      local made = shut(nil, 100)
      assert.equal(0, made:room(100, 0))
      assert.equal(1, made:room(100.06, 3))
    end)
  end)

  describe("ends", function()
    it("with the first usable answer, and 1, 2, 4, … in flight", function()
      local made = shut(nil, 100)
      local rooms = {}
      made:answered(101, batch(100))
      assert.is_false(made.is_shut)
      for round = 1, 4 do
        rooms[round] = made:room(101, 0)
        for _ = 1, rooms[round] do
          made:answered(101, batch(101))
        end
      end
      assert.same({ 1, 2, 4, 8 }, rooms)
      assert.is_false(made.is_troubled)
      assert.equal(math.huge, made:room(101, 1000))
    end)

    it("and begins anew where that is followed by failures", function()
      local made = shut(nil, 100)
      made:answered(101, batch(100))
      fail(made, 102, batch(101.5), true)
      assert.is_true(made.is_shut)
    end)
  end)

  describe(":throttled", function()
    it("halves what is in flight", function()
      local made = new()
      made:throttled(1, 0, 15)
      assert.equal(8, made:room(1, 0))
      assert.equal(3, made:room(1, 5))
      assert.equal(0, made:room(1, 9))
      made:throttled(3, 2, 7)
      assert.equal(4, made:room(3, 0))
      for i = 4, 20 do
        made:throttled(i + 0.5, i, 0)
      end
      assert.equal(1, made:room(20, 0))
    end)

    it("takes the refusals of one burst for one", function()
      local made = new({ random = function() return 1 end })
      assert.equal(1, made:throttled(1, 0, 15))
      for i = 14, 8, -1 do
        assert.equal(0, made:throttled(1, 0, i))
      end
      assert.equal(8, made:room(1, 0))
      assert.equal(1.5, made:throttled(3, 2, 3))
    end)

    it("lets it grow by one at a time", function()
      local made = new()
      made:throttled(1, 0, 15)
      for window = 8, 15 do
        assert.equal(window, made:room(2, 0))
        for _ = 1, window + 1 do
          made:answered(2, batch())
        end
      end
      assert.equal(math.huge, made:room(2, 0))
    end)

    it("pauses up to 1 s, then up to 1.5 s, until an answer is usable", function()
      local made = new({ random = function() return 1 end })
      local list = {}
      for i = 1, 4 do
        list[i] = made:throttled(i, i - 0.5, 0)
        fail(made, i, batch())
      end
      assert.same({ 1, 1.5, 1.5, 1.5 }, list)
      made:answered(5, batch())
      assert.equal(1, made:throttled(6, 5.5, 0))
    end)

    it("pauses as long as Retry-After says", function()
      assert.equal(30, (new():throttled(1, 0, 0, 30)))
    end)
  end)

  describe("patience", function()
    it("counts from the last usable answer", function()
      local made = new()
      made:answered(100, batch())
      fail(made, 110, batch())
      assert.equal(15, made:waited(115, 50))
    end)

    it("counts from the start of the call, where that is later", function()
      local made = new()
      fail(made, 110, batch())
      assert.equal(5, made:waited(115, made:clock(110)))
      made:answered(120, batch())
      fail(made, 130, batch())
      assert.equal(5, made:waited(135, made:clock(130)))
    end)

    it("does not count what a Retry-After asks for", function()
      local made = new()
      made:answered(100, batch())
      fail(made, 110, batch())
      made:throttled(110, 109, 0, 30)
      assert.equal(10, made:waited(110, 0))
      assert.equal(10, made:waited(125, 0))
      assert.equal(15, made:pause_left(125))
      assert.equal(10, made:waited(140, 0))
      assert.equal(12, made:waited(142, 0))
      assert.equal(0, made:pause_left(142))
    end)

    it("counts pauses that overlap once", function()
      local made = new()
      fail(made, 100, batch())
      made:throttled(100, 99, 0, 30)
      made:throttled(110, 109, 0, 5)
      made:throttled(120, 119, 0, 20)
      assert.equal(0, made:waited(140, made:clock(100)))
      assert.equal(3, made:waited(143, 100))
    end)

    it("is counted right after an answer in a pause", function()
      local made = new()
      fail(made, 100, batch())
      made:throttled(100, 99, 0, 30)
      made:answered(110, batch())
      fail(made, 135, batch())
      assert.equal(5, made:waited(135, 0))
    end)
  end)

  describe("a refused certificate", function()
    local function refuse(made, now)
      made:failed(now, batch(now), { reason = "tls", is_refused = true })
    end

    it("is one after three in a row", function()
      local made = new()
      for i = 1, 3 do
        assert.is_false(made:is_refused())
        refuse(made, i)
      end
      assert.is_true(made:is_refused())
      assert.equal(3, made.refused_at)
    end)

    it("is none where something else comes between", function()
      local made = new()
      for i = 1, 6 do
        refuse(made, i)
        if i % 2 == 0 then
          fail(made, i, batch(i))
        end
      end
      assert.is_false(made:is_refused())
      refuse(made, 7)
      refuse(made, 8)
      made:answered(9, batch(9))
      refuse(made, 10)
      assert.is_false(made:is_refused())
    end)
  end)
end)
