-- Calls under the schedulers that people use, beside other coroutines.

local core = require("stopmsg.core")
local schedulers = require("spec.support.schedulers")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")
local work = require("spec.support.work")

-- Instructions for which another coroutine may be kept waiting, and that stand for a second of the
-- call's clock. A call lets others go on after two milliseconds.
local PATIENCE, SECOND = 100000, 1e7

-- Lua 5.1 lets no function wait inside pcall.
local may_wait = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil

local function uuid(n, fate)
  return ("%08x-0000-4000-8000-%08x%s"):format(n, n, fate or "aaaa")
end

for _, scheduler in ipairs(schedulers.all()) do
  describe("under " .. scheduler.name, function()
    local sandbox

    setup(function()
      sandbox = server.start({ delay = 0.02 })
    end)

    teardown(function()
      sandbox:stop()
    end)

    local function new(provider, more)
      local options = { provider = provider, token = "sandbox", base_url = sandbox.url,
        sleep = scheduler.sleep }
      for name, value in pairs(more or {}) do
        options[name] = value
      end
      return stopmsg.new(options)
    end

    -- Runs the calls, and beside them a coroutine that wants its turn each millisecond. Gives how
    -- often it got one.
    local function beside(calls)
      local open, ticks = #calls, 0
      local functions = {}
      for i, call in ipairs(calls) do
        functions[i] = function()
          call()
          open = open - 1
        end
      end
      functions[#functions + 1] = function()
        while open > 0 do
          scheduler.sleep(0.001)
          ticks = ticks + 1
        end
      end
      scheduler.run(functions)
      return ticks
    end

    it("stops batches while others go on", function()
      local ids = {}
      for i = 1, 20000 do
        ids[i] = uuid(i, i == 7 and "0403" or nil)
      end
      local report
      local counter = work.counter()
      local now, longest, resumed, turns = core.now, 0, 0, 0
      core.now = function() -- what a client takes for the time
        return counter.count / SECOND
      end
      finally(function()
        core.now = now
        counter.stop()
      end)
      local client = new("revicom", { sleep = function(seconds)
        longest = math.max(longest, counter.count - resumed)
        scheduler.sleep(seconds)
        resumed, turns = counter.count, turns + 1
      end })
      local ticks = beside({ counter.of(function()
        report = client:stop(ids)
      end) })
      assert.equal(19999, report.counts.stopped)
      assert.equal("too_late", report[7].outcome)
      assert.equal(2, report.requests)
      -- How many of these turns another coroutine takes is up to the scheduler and its timers.
      assert.is_true(turns > 10, "others had " .. turns .. " turns")
      assert.is_true(ticks > 0, "no other coroutine ran")
      assert.is_true(longest < PATIENCE, "they waited for " .. longest .. " instructions")
    end)

    it("stops one by one, in calls that share a client", function()
      local client = new("idigital", { concurrency = 4 })
      local reports, calls = {}, {}
      for i = 1, 3 do
        calls[i] = function()
          reports[i] = client:stop_dispatch({ i * 100 + 1, i * 100 + 2, i * 100 + 3 })
        end
      end
      beside(calls)
      for i = 1, 3 do
        assert.is_true(reports[i].ok)
        assert.equal(i * 100 + 2, reports[i][2].id)
      end
    end)

    it("verifies", function()
      local report
      beside({ function()
        report = new("revicom"):stop({ uuid(1), uuid(2) }, { verify = { interval = 0.01 } })
      end })
      assert.is_true(report[1].verified)
      assert.is_true(report[2].verified)
    end)

    it("takes a stream, and other coroutines run in the loop's body", function()
      local client = new("revicom", { batch_size = 100 })
      local n, count = 0, 0
      beside({ function()
        local next_item = client:each(function()
          n = n + 1
          return n <= 1000 and uuid(n) or nil
        end)
        while next_item() do
          count = count + 1
          if count % 100 == 0 then
            scheduler.sleep(0.001)
          end
        end
      end })
      assert.equal(1000, count)
    end)

    -- Calls of one client at a time. Its token function waits before it gives what `give` gives.
    local function ten_at_a_time(concurrency, give)
      local asked, calls, reports = 0, {}, {}
      local client = new("revicom", { concurrency = concurrency, token = function()
        asked = asked + 1
        local token = give(asked)
        if may_wait and token == "sandbox" then
          scheduler.sleep(0.02)
        end
        return token
      end })
      for i = 1, 10 do
        calls[i] = function()
          reports[i] = client:stop(uuid(i))
        end
      end
      beside(calls)
      local connections = 0
      for i = 1, 10 do
        assert.equal("stopped", reports[i][1].outcome)
        connections = connections + reports[i].connections
      end
      return asked, connections
    end

    it("renews a token once for all calls", function()
      local asked = ten_at_a_time(16, function(count)
        return count == 1 and "old" or "sandbox"
      end)
      assert.equal(2, asked)
    end)

    it("opens connections once, though the first token takes a while", function()
      local _, connections = ten_at_a_time(1, function()
        return "sandbox"
      end)
      assert.equal(1, connections)
    end)

    it("skips at the deadline what the rate leaves for later", function()
      local report
      beside({ function()
        report = new("idigital", { rate = 20 }):stop_dispatch({ 1, 2, 3, 4, 5 }, { deadline = 0.1 })
      end })
      assert.equal("skipped", report[5].outcome)
    end)
  end)
end

describe("a token", function()
  it("is renewed though a call was left while it did that", function()
    local sandbox = server.start()
    local now, passed = core.now, 0
    core.now = function() -- what a client takes for the time
      passed = passed + 0.01
      return now() + passed
    end
    finally(function()
      core.now = now
      sandbox:stop()
    end)
    local asked, outcome = 0, nil
    local client = stopmsg.new({ provider = "revicom", base_url = sandbox.url, timeout = 3600,
      deadline = 36000, sleep = coroutine.yield, token = function()
        asked = asked + 1
        if asked == 2 and may_wait then
          coroutine.yield("left here")
        end
        return asked == 1 and "old" or "sandbox"
      end })
    local left = coroutine.wrap(function()
      client:stop(uuid(1))
      return "left here" -- where it could not wait
    end)
    while left() ~= "left here" do
      assert.is_true(asked < 3)
    end
    local other = coroutine.wrap(function()
      outcome = client:stop(uuid(2))[1].outcome
    end)
    for _ = 1, 100000 do
      if not outcome then
        other()
      end
    end
    assert.equal("stopped", outcome)
    assert.equal(may_wait and 3 or 2, asked)
  end)
end)
