-- How long a call keeps others waiting, whatever its ids look like: in instructions of Lua, so that
-- it is the same on every machine. What one instruction does in C is bounded by the core's specs.

local core = require("stopmsg.core")
local sample = require("spec.support.sample")
local scheduler = require("spec.support.schedulers").all()[1]
local server = require("spec.support.server")
local stopmsg = require("stopmsg")
local work = require("spec.support.work")

local it = sample.its(it)

-- Instructions that stand for a second of the call's clock, of a machine that is slower than most,
-- and for 3 ms of it.
local SECOND, LONGEST = 2e7, 60000

local COUNT = 12000

local function uuid(n, fate)
  return ("%08x-0000-4000-8000-%08x%s"):format(n, n, fate or "aaaa")
end

-- A list of ids, made by a function of their place.
local function list(make, count)
  local ids = {}
  for i = 1, count or COUNT do
    ids[i] = make(i)
  end
  return ids
end

local KINDS = {
  ["usual ids"] = list(uuid),
  ["ids in upper case"] = list(function(i)
    return uuid(i):upper()
  end),
  ["ids of which none is one"] = list(function(i)
    return uuid(i):sub(2)
  end),
  ["one id at every place"] = list(function()
    return uuid(1)
  end),
  ["ids that all come twice"] = list(function(i)
    return uuid(i % (COUNT / 2))
  end),
  ["ids that all come again in upper case"] = list(function(i)
    return i > COUNT / 2 and uuid(i - COUNT / 2):upper() or uuid(i)
  end),
}

describe("under a scheduler", function()
  local sandbox, counter, longest

  setup(function()
    sandbox = server.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  -- Runs call(client) in a coroutine, under a clock that counts its instructions and its sleeps.
  -- What the longest time was, in instructions, between two sleeps.
  local function hold(provider, call)
    counter = work.counter()
    longest = 0
    local now, resumed, slept = core.now, 0, 0
    core.now = function()
      return counter.count / SECOND + slept
    end
    finally(function()
      core.now = now
      counter.stop()
    end)
    local client = stopmsg.new({ provider = provider, token = "sandbox", base_url = sandbox.url,
      undocumented = true, sleep = function(seconds)
        longest = math.max(longest, counter.count - resumed)
        scheduler.sleep(seconds)
        slept, resumed = slept + seconds, counter.count
      end })
    scheduler.run({ counter.of(function()
      call(client)
      longest = math.max(longest, counter.count - resumed)
    end) })
    assert.is_true(longest <= LONGEST, "others waited for " .. longest .. " instructions")
  end

  for name, ids in pairs(KINDS) do
    it("stop holds nobody up, with " .. name, function()
      hold("revicom", function(client)
        assert.equal(COUNT, #client:stop(ids))
      end)
    end)
  end

  it("nor do ids that go one by one, whatever they look like", function()
    local ids = list(function(i)
      return i % 2 == 0 and "odd_" .. i .. "_aaaa" or uuid(i)
    end, 2000)
    hold("pushwoosh", function(client)
      assert.equal(2000, #client:stop(ids))
    end)
  end)

  it("nor does each", function()
    hold("revicom", function(client)
      local count = 0
      local take = client:each(KINDS["ids that all come again in upper case"])
      while take() do
        count = count + 1
      end
      assert.equal(COUNT, count)
    end)
  end)

  it("nor does status", function()
    hold("revicom", function(client)
      assert.equal(COUNT, #client:status(KINDS["usual ids"]))
    end)
  end)

  it("nor does verify", function()
    hold("revicom", function(client)
      local report = client:stop(KINDS["usual ids"])
      client:verify(report, { interval = 0.01 })
      assert.equal(0, report.unproven)
    end)
  end)

  it("nor does a call that is interrupted in the middle", function()
    hold("revicom", function(client)
      local asked = 0
      local report = client:stop(KINDS["usual ids"], { is_interrupted = function()
        asked = asked + 1
        return asked > 1
      end })
      assert.equal(COUNT, report.total)
    end)
  end)
end)
