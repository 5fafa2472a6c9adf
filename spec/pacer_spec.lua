-- When the next request may go.

local pacer = require("stopmsg.pacer")

-- The times at which `count` requests go that are sent as soon as they may, from `start` on.
local function times(paced, count, start)
  local list, now = {}, start
  for i = 1, count do
    now = math.max(now, paced:ready_at(now))
    paced:sent(now)
    list[i] = now
  end
  return list
end

describe("stopmsg.pacer", function()
  it("holds nothing back without a rate", function()
    local list = times(pacer.new(), 1000, 50)
    assert.equal(50, list[1000])
  end)

  for _, case in ipairs({
    { rate = 10, count = 101 },
    { rate = 0.5, count = 6 },
    { rate = 1000, count = 2001 },
    { rate = 10, burst = 5, count = 101 },
    { rate = 100, burst = 1, count = 301 },
  }) do
    it(("keeps to %g requests/s with a burst of %s"):format(case.rate, case.burst or "none"),
      function()
        local burst = case.burst or 1
        local list = times(pacer.new(case.rate, case.burst), case.count, 1000)
        -- In no stretch of time more than the rate, the burst and 10 ms that may be caught up.
        for i = 1, case.count do
          local j = math.min(case.count, i + 3 * burst)
          local most = burst + (list[j] - list[i] + 0.010001) * case.rate
          assert.is_true(j - i + 1 <= most + 1e-6)
        end
        local least = (case.count - burst) / case.rate - 0.010001
        assert.is_true(list[case.count] - list[1] >= least)
        assert.is_true(list[case.count] - list[1] <= (case.count - 1) / case.rate + 1e-6)
      end)
  end

  it("lets a burst go at once", function()
    local list = times(pacer.new(1, 5), 6, 1000)
    assert.equal(list[1], list[5])
    assert.near(1, list[6] - list[5], 1e-6)
  end)

  it("lets one request go at once without a burst", function()
    local list = times(pacer.new(1), 2, 1000)
    assert.equal(1000, list[1])
    assert.near(1, list[2] - list[1], 0.011)
  end)

  it("saves up no more than the burst in a quiet time", function()
    local paced = pacer.new(1, 3)
    times(paced, 3, 1000)
    local list = times(paced, 4, 5000)
    assert.equal(5000, list[3])
    assert.near(5001, list[4], 1e-6)
  end)

  it("reaches a high rate though each wait ends late", function()
    local paced, now, count = pacer.new(1000), 0, 0
    while now < 1 do
      while paced:ready_at(now) <= now do
        paced:sent(now)
        count = count + 1
      end
      now = now + 0.005
    end
    assert.is_true(count >= 990 and count <= 1012)
  end)

  it("sends nothing in a pause", function()
    local paced = pacer.new()
    paced:pause(130)
    assert.equal(130, paced:ready_at(100))
    assert.equal(130, paced:ready_at(129.9))
    assert.is_true(paced:ready_at(130) <= 130)
  end)

  it("lets no later, shorter pause end a longer one", function()
    local paced = pacer.new()
    paced:pause(130)
    paced:pause(110)
    assert.equal(130, paced:ready_at(100))
  end)

  it("keeps its pace after a pause", function()
    local paced = pacer.new(10)
    paced:pause(130)
    local list = times(paced, 11, 100)
    assert.equal(130, list[1])
    assert.near(131, list[11], 0.011)
  end)

  describe("with a rate function", function()
    it("asks it once for each request", function()
      local asked = 0
      local paced = pacer.new(function()
        asked = asked + 1
        return 0
      end)
      local list = times(paced, 5, 1000)
      assert.equal(1000, list[5])
      assert.equal(5, asked)
    end)

    it("waits as long as it says, and asks again", function()
      local seconds = 0.25
      local paced = pacer.new(function()
        return seconds
      end)
      assert.equal(100.25, paced:ready_at(100))
      assert.equal(100.5, paced:ready_at(100.25))
      seconds = -1
      assert.equal(100.5, paced:ready_at(100.5))
    end)

    it("keeps a permission that was not used", function()
      local answers = { 0, 5, 5 }
      local paced = pacer.new(function()
        return table.remove(answers, 1)
      end)
      assert.equal(100, paced:ready_at(100))
      assert.equal(200, paced:ready_at(200))
      paced:sent(200)
      assert.equal(205, paced:ready_at(200))
    end)

    it("does not ask it in a pause", function()
      local paced = pacer.new(function()
        error("asked")
      end)
      paced:pause(130)
      assert.equal(130, paced:ready_at(100))
    end)

    it("is in trouble where it raises or returns no number, until it answers", function()
      local answer
      local paced = pacer.new(function()
        return answer()
      end)
      for fault, f in pairs({
        ["must return seconds, got a nil"] = function() end,
        ["must return seconds, got no number"] = function() return 0 / 0 end,
        ["raised an error: broken"] = function() error("broken", 0) end,
      }) do
        answer = f
        assert.is_true(paced:ready_at(100) > 100)
        assert.equal("the rate function " .. fault, paced.fault)
        assert.same({ paced.fault, 100 }, { paced.trouble, paced.trouble_since })
        answer = function() return 0 end
        assert.equal(101, paced:ready_at(101))
        assert.same({}, { paced.fault, paced.trouble, paced.trouble_since })
        paced:sent(101)
      end
    end)
  end)
end)
