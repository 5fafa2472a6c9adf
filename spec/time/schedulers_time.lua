-- How long other coroutines of a scheduler wait for a call, and what time means to it. Targets: 50
-- ms of the processor's time at most, a rate that is kept, a deadline that is met within a second.

local schedulers = require("spec.support.schedulers")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local LONGEST = 0.05

for _, scheduler in ipairs(schedulers.all()) do
  describe("under " .. scheduler.name, function()
    local sandbox

    setup(function()
      sandbox = server.start({ delay = 0.02 })
    end)

    teardown(function()
      sandbox:stop()
    end)

    local function new(provider, rate)
      return stopmsg.new({ provider = provider, token = "sandbox", base_url = sandbox.url,
        sleep = scheduler.sleep, rate = rate })
    end

    it("a long list holds nobody up", function()
      local ids = {}
      for i = 1, 20000 do
        ids[i] = ("%08x-0000-4000-8000-%08xaaaa"):format(i, i)
      end
      local report
      local longest = 0
      scheduler.run({
        function()
          report = new("revicom"):stop(ids)
        end,
        function()
          while not report do
            local before = os.clock()
            scheduler.sleep(0.001)
            longest = math.max(longest, os.clock() - before)
          end
        end,
      })
      assert.is_true(report.ok)
      io.stdout:write(("  others waited for %.1f ms at most, under %s\n"):format(longest * 1000,
        scheduler.name))
      assert.is_true(longest < LONGEST, "they waited for " .. longest)
    end)

    it("keeps the rate and the deadline", function()
      local kept, ended
      scheduler.run({
        function()
          kept = new("idigital", 50):stop_dispatch({ 1, 2, 3, 4, 5 })
        end,
        function()
          ended = new("idigital", 20):stop_dispatch({ 6, 7, 8, 9, 10 }, { deadline = 0.1 })
        end,
      })
      assert.is_true(kept.ok)
      assert.is_true(kept.elapsed > 0.06, kept.elapsed)
      assert.equal("skipped", ended[5].outcome)
      assert.is_true(ended.elapsed < 1, ended.elapsed)
    end)
  end)
end
