-- When an id that failed by itself is sent again.

local retry = require("stopmsg.run.retry")

local LONG = 1000 -- seconds that are left, in the cases that are not about time

local function longest()
  return 1
end

local function delay_with(options, tries, retry_after, left)
  return retry.delay({
    max_attempts = options.max_attempts or 100,
    random = options.random or longest,
  }, tries, retry_after, left)
end

describe("stopmsg.run.retry", function()
  describe(".delay", function()
    for tries, delay in ipairs({ 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2 }) do
      it(("waits up to %g s after try %d"):format(delay, tries), function()
        assert.near(delay, delay_with({}, tries, nil, LONG), 1e-9)
      end)
    end

    it("spreads the pause over its whole length", function()
      local function half()
        return 0.5
      end
      local function none()
        return 0
      end
      assert.near(0.1, delay_with({ random = half }, 3, nil, LONG), 1e-9)
      assert.equal(0, delay_with({ random = none }, 3, nil, LONG))
    end)

    it("takes its randomness from math.random unless told otherwise", function()
      local delay = retry.delay({ max_attempts = 4 }, 1, nil, LONG)
      assert.is_true(delay >= 0 and delay <= 0.05)
    end)

    it("stops at max_attempts, the first try included", function()
      local made = { max_attempts = 3 }
      assert.is_number((delay_with(made, 1, nil, LONG)))
      assert.is_number((delay_with(made, 2, nil, LONG)))
      assert.same({ n = 2, nil, true }, { n = 2, delay_with(made, 3, nil, LONG) })
    end)

    it("never repeats with max_attempts of 1", function()
      assert.is_nil((delay_with({ max_attempts = 1 }, 1, nil, LONG)))
    end)

    it("repeats what no try of its own was counted for", function()
      assert.near(0.05, delay_with({}, 0, nil, LONG), 1e-9)
    end)

    it("waits as long as Retry-After says", function()
      assert.equal(7, delay_with({}, 1, 7, LONG))
    end)

    it("gives back at once where the pause would outlast the deadline", function()
      assert.is_nil((delay_with({}, 1, 7, 7)))
      assert.is_number((delay_with({}, 1, 7, 7.1)))
      assert.is_nil((delay_with({}, 1, nil, 0.05)))
      assert.is_nil((delay_with({}, 1, nil, 0)))
    end)

    it("knows no other limit", function()
      for _ = 1, 10000 do
        assert.is_number((delay_with({}, 1, nil, LONG)))
      end
    end)
  end)
end)
