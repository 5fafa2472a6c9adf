-- The slots that a process holds.

local slots = require("stopmsg.fleet.slots")

describe("stopmsg.fleet.slots", function()
  local held, now

  before_each(function()
    held, now = slots.new(), 1000
  end)

  local function grant(count, first, interval, pause)
    held:asked()
    held:granted(now, count, first, interval or 0.02, pause or 0)
  end

  it("asks for one at first, and not twice at a time", function()
    assert.is_nil(held:take(now))
    assert.equal(1, held:wanted(now))
    held:asked()
    assert.is_nil(held:wanted(now))
    held:failed()
    assert.equal(1, held:wanted(now))
  end)

  it("gives each slot once, when its turn has come", function()
    grant(3, 0.01, 0.02)
    assert.near(0.01, held:take(now), 1e-9)
    assert.equal(0, held:take(now + 0.01))
    assert.near(0.02, held:take(now + 0.01), 1e-9)
    assert.equal(0, held:take(now + 0.05))
    assert.equal(0, held:take(now + 0.05))
    assert.is_nil(held:take(now + 0.05))
  end)

  it("loses what it missed by more than 0.2 s", function()
    grant(10, 0, 0.1)
    local count = 0
    while held:take(now + 0.75) == 0 do
      count = count + 1
    end
    assert.equal(2, count) -- those of 0.6 and 0.7
    assert.near(0.05, held:take(now + 0.75), 1e-9)
  end)

  it("asks for as many as a tenth of a second uses, before the last one is gone", function()
    local asked = 0
    for i = 0, 2999 do
      now = 1000 + i / 1000
      while held:take(now) == 0 do end
      local count = held:wanted(now)
      if count then
        asked = asked + 1
        grant(count, 0, 0.001)
      end
    end
    -- 3,000 slots: some ten at a time at the least.
    assert.is_true(asked < 200)
    assert.is_true((held:wanted(now) or 100) <= 110)
  end)

  it("asks for one again after a quiet time", function()
    grant(1, 0)
    for _ = 1, 20 do
      held:take(now)
      grant(1, 0)
    end
    held:take(now)
    assert.is_true(held:wanted(now) > 1)
    assert.equal(1, held:wanted(now + 1))
  end)

  it("holds no more than a thousand ahead", function()
    grant(100000, 0, 0)
    for _ = 1, 50000 do
      held:take(now)
    end
    held:pause(now - 1)
    while held:take(now) == 0 do end
    assert.equal(1000, held:wanted(now))
  end)

  it("lets go of slots within a pause, and asks for none", function()
    grant(5, 0.5, 0.5, 1.2)
    assert.equal(now + 1.2, held.paused_till)
    assert.near(1.5, held:take(now), 0.3)
    assert.is_nil(held:wanted(now + 1))
    held:pause(now + 100)
    assert.is_nil(held:take(now + 1.5))
    assert.is_nil(held:wanted(now + 99))
    assert.equal(1, held:wanted(now + 100))
  end)

  it("lets no shorter pause end a longer one", function()
    held:pause(now + 10)
    held:pause(now + 1)
    assert.equal(now + 10, held.paused_till)
  end)

  describe("where a slot is more than a second ahead", function()
    before_each(function()
      grant(1, 5, 10)
    end)

    it("asks about a pause shortly before", function()
      assert.is_nil(held:wanted(now + 4.7))
      assert.near(4.75, held:take(now), 1e-9)
      assert.equal(0, held:wanted(now + 4.8))
    end)

    it("waits for the answer, and then goes", function()
      held:asked()
      assert.is_nil(held:take(now + 5.01))
      now = now + 5.02
      held:granted(now, 0, 0, 10, 0)
      assert.equal(0, held:take(now))
    end)

    it("obeys a pause that it hears of so", function()
      held:asked()
      now = now + 4.9
      held:granted(now, 0, 0, 10, 30)
      assert.is_nil(held:take(now + 0.1))
      assert.equal(now + 30, held.paused_till)
    end)
  end)
end)
