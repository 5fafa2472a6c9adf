-- How a call waits: in the calling thread, or by a scheduler's sleep.

local fake_engine = require("spec.support.fake_engine")
local waiting = require("stopmsg.wait")

describe("stopmsg.wait", function()
  describe("thread", function()
    it("waits in the engine, as long as it is told", function()
      local waited = {}
      local engine = {
        wait = function(_, seconds)
          waited[#waited + 1] = seconds
        end,
      }
      waiting.thread(engine, 2.5, true)
      waiting.thread(engine, 0, false)
      assert.same({ 2.5, 0 }, waited)
    end)
  end)

  describe("scheduler", function()
    local slept, clock, wait, breathe

    before_each(function()
      slept = {}
      clock = fake_engine.clock()
      wait, breathe = waiting.scheduler(function(seconds)
        slept[#slept + 1] = seconds
      end, clock)
    end)

    it("never waits in the engine", function()
      wait({}, 1, true) -- an engine without a `wait`
      assert.equal(1, #slept)
    end)

    it("sleeps a millisecond while something happens", function()
      for _ = 1, 5 do
        wait(nil, 10, true)
      end
      for _, seconds in ipairs(slept) do
        assert.near(0.001, seconds, 1e-9)
      end
    end)

    it("sleeps longer while nothing happens, up to 5 ms", function()
      wait(nil, 10, true)
      for _ = 1, 20 do
        wait(nil, 10, false)
      end
      for i = 2, #slept do
        assert.is_true(slept[i] >= slept[i - 1])
      end
      assert.near(0.005, slept[#slept], 1e-9)
    end)

    it("is quick again after something happened", function()
      for _ = 1, 20 do
        wait(nil, 10, false)
      end
      wait(nil, 10, true)
      assert.near(0.001, slept[#slept], 1e-9)
    end)

    it("sleeps no longer than it is told", function()
      wait(nil, 0.0002, true)
      assert.near(0.0002, slept[1], 1e-9)
    end)

    it("sleeps for no negative time", function()
      wait(nil, -1, true)
      assert.equal(0, slept[1])
    end)

    it("yields even where there is nothing to wait for", function()
      wait(nil, 0, true)
      assert.same({ 0 }, slept)
    end)

    it("lets others run after a millisecond of work, not before", function()
      breathe()
      clock:advance(0.0009)
      breathe()
      assert.same({}, slept)
      clock:advance(0.0002)
      breathe()
      assert.same({ 0 }, slept)
    end)

    it("counts that time from the last sleep", function()
      clock:advance(0.01)
      wait(nil, 1, true)
      breathe()
      assert.equal(1, #slept)
    end)
  end)
end)
