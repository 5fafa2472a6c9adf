-- What is repeated, and when.

local retry = require("stopmsg.retry")

local LONG = 1000 -- seconds that are left, in the cases that are not about time

local function longest()
  return 1
end

-- A retry with `requests` requests counted.
local function with(options)
  local made = retry.new({
    max_attempts = options.max_attempts or 100,
    random = options.random or longest,
  })
  for _ = 1, options.requests or 1 do
    made:request()
  end
  return made
end

describe("stopmsg.retry", function()
  describe(":again", function()
    for tries, delay in ipairs({ 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5 }) do
      it(("waits up to %g s after try %d"):format(delay, tries), function()
        assert.near(delay, with({}):again(tries, nil, LONG), 1e-9)
      end)
    end

    it("spreads the pause over its whole length", function()
      local function half()
        return 0.5
      end
      local function none()
        return 0
      end
      assert.near(0.1, with({ random = half }):again(3, nil, LONG), 1e-9)
      assert.equal(0, with({ random = none }):again(3, nil, LONG))
    end)

    it("takes its randomness from math.random unless told otherwise", function()
      local made = retry.new({ max_attempts = 4 })
      local delay = made:again(1, nil, LONG)
      assert.is_true(delay >= 0 and delay <= 0.05)
    end)

    it("stops at max_attempts, the first try included", function()
      local made = with({ max_attempts = 3 })
      assert.is_number(made:again(1, nil, LONG))
      assert.is_number(made:again(2, nil, LONG))
      assert.is_nil(made:again(3, nil, LONG))
    end)

    it("never repeats with max_attempts of 1", function()
      assert.is_nil(with({ max_attempts = 1 }):again(1, nil, LONG))
    end)

    it("waits as long as Retry-After says", function()
      assert.equal(7, with({}):again(1, 7, LONG))
    end)

    it("gives back at once where the pause would outlast the deadline", function()
      assert.is_nil(with({}):again(1, 7, 7))
      assert.is_number(with({}):again(1, 7, 7.1))
      assert.is_nil(with({}):again(1, nil, 0.05))
      assert.is_nil(with({}):again(1, nil, 0))
    end)

    -- How often it says yes.
    local function repeats(made)
      local count = 0
      while made:again(1, nil, LONG) do
        count = count + 1
      end
      return count
    end

    for requests, budget in pairs({ [1] = 10, [50] = 10, [51] = 11, [100] = 20, [1000] = 200 }) do
      it(("allows %d repeats to %d requests"):format(budget, requests), function()
        assert.equal(budget, repeats(with({ requests = requests })))
      end)
    end

    it("takes nothing from the budget for what it refuses", function()
      local made = with({ max_attempts = 2 })
      for _ = 1, 20 do
        assert.is_nil(made:again(2, nil, LONG))
        assert.is_nil(made:again(1, 10, 5))
      end
      assert.equal(10, repeats(made))
    end)
  end)

  describe(":throttled", function()
    for tries, pause in ipairs({ 1, 2, 4, 5, 5 }) do
      it(("pauses up to %g s after try %d"):format(pause, tries), function()
        local seconds, is_repeated = with({}):throttled(tries, nil, LONG)
        assert.near(pause, seconds, 1e-9)
        assert.is_true(is_repeated)
      end)
    end

    it("pauses as long as Retry-After says", function()
      assert.equal(30, (with({}):throttled(1, 30, LONG)))
    end)

    it("repeats nothing that was tried max_attempts times, and pauses all the same", function()
      local pause, is_repeated = with({ max_attempts = 2 }):throttled(2, 3, LONG)
      assert.equal(3, pause)
      assert.is_false(is_repeated)
    end)

    it("repeats nothing after the deadline", function()
      assert.is_false(select(2, with({}):throttled(1, 30, 30)))
    end)

    it("costs no budget", function()
      local made = with({})
      for _ = 1, 50 do
        assert.is_true(select(2, made:throttled(1, 1, LONG)))
      end
      assert.is_number(made:again(1, nil, LONG))
    end)
  end)
end)
