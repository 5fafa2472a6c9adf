-- One rate for all that use its name, kept by a real Redis.

local built = require("spec.support.built")
local core = require("stopmsg.core")
local files = require("spec.support.files")
local patience = require("spec.support.patience")
local redis = require("spec.support.redis")
local schedulers = require("spec.support.schedulers")
local server = require("spec.support.server")
local shared = require("stopmsg.shared")
local stopmsg = require("stopmsg")

local KEY = "stopmsg:rate:account"

local function ids_of(count)
  local ids = {}
  for i = 1, count do
    ids[i] = ("%028xaaaa"):format(i)
  end
  return ids
end

-- How many items have which reason.
local function reasons(report)
  local counts = {}
  for _, item in ipairs(report) do
    if item.reason then
      counts[item.reason] = (counts[item.reason] or 0) + 1
    end
  end
  return counts
end

describe("stopmsg.shared", function()
  local started, sandbox

  setup(function()
    started = redis.start()
    sandbox = server.start()
  end)

  teardown(function()
    started:stop()
    sandbox:stop()
  end)

  before_each(function()
    started:call("FLUSHALL")
    started:call("CONFIG", "RESETSTAT")
  end)

  local function rate_of(given, rate)
    return shared.rate({ name = "account", rate = rate or 1000, redis = given or started.url })
  end

  local function client_of(rate, more)
    local options = { provider = "clickatell", token = "sandbox", base_url = sandbox.url,
      rate = rate, deadline = 600 }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    return stopmsg.new(options)
  end

  -- Scripts that Redis has run.
  local function calls()
    local said = started:call("INFO", "commandstats")
    return tonumber(said:match("cmdstat_evalsha:calls=(%d+)") or 0)
  end

  it("is there without being asked for", function()
    assert.equal(shared, stopmsg.shared)
    assert.is_nil(stopmsg.sharde)
  end)

  it("keeps the rate, with one call a request at most", function()
    local client = client_of(rate_of())
    local report = client:stop(ids_of(200))
    client:close()
    assert.is_true(report.ok)
    assert.is_true(calls() <= 201)
    -- Each request took a slot: the next free one is that far from the first.
    local seen = tonumber(started:call("HGET", KEY, "next"))
    assert.is_true(seen > 0)
  end)

  -- All the slots that were handed out, by the words that scripts were run with, and the time that
  -- they cover: what lies between the first free slot before and the one after.
  it("gives no slot to two processes", function()
    local rates, requests = {}, 0
    for i = 1, 4 do
      rates[i] = rate_of(nil, 200)
    end
    local began = core.now()
    while requests < 100 do
      local soonest = math.huge
      for _, rate in ipairs(rates) do
        local seconds, why = rate()
        assert.is_nil(why)
        requests = requests + (seconds == 0 and 1 or 0)
        soonest = math.min(soonest, seconds)
      end
      if soonest > 0 then
        core.redis({ url = "http://127.0.0.1:1/", limit = 1, connect_timeout = 1 })
          :wait(math.min(soonest, 0.001))
      end
    end
    -- Never faster than the rate; how much slower is the machine's affair.
    assert.is_true(core.now() - began >= 99 / 200 - 0.03)
  end)

  it("goes by the lowest rate in use", function()
    local slow = rate_of(nil, 0.5)
    patience.until_(function() return slow() == 0 end)
    local fast, seconds = rate_of(), nil
    patience.until_(function()
      local why
      seconds, why = fast()
      return not why and seconds > 1
    end)
    assert.is_true(seconds <= 2)
  end)

  -- Clients of Redis as people have them.
  local CLIENTS = {
    ["gives nil and a message"] = function(client)
      return { call = function(_, ...) return client:call(...) end }
    end,
    ["raises"] = function(client)
      return { call = function(_, ...)
        local value, err = client:call(...)
        return value == nil and error(err, 0) or value
      end }
    end,
    ["gives errors as tables"] = function(client)
      return { call = function(_, ...)
        local value, err = client:call(...)
        return value == nil and { err = err } or value
      end }
    end,
    ["has its methods from a class"] = function(client)
      local class = { call = function(_, ...) return client:call(...) end }
      class.__index = class
      return setmetatable({}, class)
    end,
    ["makes a method of each name, as lua-resty-redis does"] = function(client)
      local class = setmetatable({}, { __index = function(_, name)
        return function(_, ...)
          local value, err = client:call(name, ...)
          if value == nil then
            return false, err
          end
          return value
        end
      end })
      return setmetatable({}, { __index = class })
    end,
  }

  for name, make in pairs(CLIENTS) do
    it("takes a client that " .. name, function()
      local theirs = redis.client(started.port)
      started:call("SCRIPT", "FLUSH")
      local client = client_of(rate_of(make(theirs)))
      assert.is_true(client:stop(ids_of(30)).ok)
      client:close()
      assert.is_true(theirs.calls > 0 and theirs.calls <= 31)
      theirs:close()
    end)
  end

  it("takes a function that makes a client, and makes another when that fails", function()
    local made = {}
    local rate = rate_of(function()
      made[#made + 1] = redis.client(started.port)
      return made[#made]
    end)
    patience.until_(function() return rate() == 0 end)
    made[1]:close()
    patience.until_(function() return rate() == 0 end)
    assert.equal(2, #made)
    made[2]:close()
  end)

  it("bears a function that makes none", function()
    local rate = rate_of(function()
      return nil, "no room"
    end)
    assert.equal("Redis: no room", select(2, rate()))
    rate = rate_of(function()
      error("no way", 0)
    end)
    assert.equal("Redis: no way", select(2, rate()))
  end)

  for _, scheduler in ipairs(schedulers.all()) do
    it("lets others run under " .. scheduler.name, function()
      local ticks, turns, is_over, report = 0, 0, false, nil
      local client = client_of(rate_of(nil, 200), { sleep = function(seconds)
        turns = turns + 1
        scheduler.sleep(seconds)
      end })
      scheduler.run({
        function()
          report = client:stop(ids_of(20))
          is_over = true
        end,
        function()
          while not is_over do
            scheduler.sleep(0.001)
            ticks = ticks + 1
          end
        end,
      })
      client:close()
      assert.is_true(report.ok)
      -- How many of these turns another coroutine takes is up to the scheduler and its timers.
      assert.is_true(turns > 1, "others had " .. turns .. " turns")
      assert.is_true(ticks > 0, "no other coroutine ran")
    end)
  end

  describe("where one is asked for a pause", function()
    it("has all others keep it", function()
      local busy = server.scripted([[
        return function(request, n)
          if n == 1 then
            return 429, "", { "Retry-After: 600" }
          end
          return 200, "{}"
        end]])
      local one = client_of(rate_of(), { base_url = busy.url, deadline = patience.SECONDS })
      one:stop(ids_of(1))
      one:close()
      busy:stop()
      local left = tonumber(started:call("HGET", KEY, "pause")) / 1e6
        - tonumber(started:call("TIME")[1])
      assert.is_true(left > 400 and left < 602)

      local events = {}
      local other = client_of(rate_of(), { deadline = patience.SECONDS, on_event = function(event)
        events[#events + 1] = event.type
      end })
      local report = other:stop(ids_of(3))
      other:close()
      assert.equal(3, report.counts.skipped)
      assert.same({ rate_limited = 3 }, reasons(report))
      assert.equal("throttle", events[1])
    end)

    it("ends a run at once where that is more than 900 s", function()
      local rate = rate_of()
      patience.until_(function() return rate() == 0 end)
      local _, _, keeper = rate()
      keeper:pause(1000)
      keeper.connection:wait(0)
      patience.until_(function()
        rate()
        return tonumber(started:call("HGET", KEY, "pause")) > 0
      end)
      local client = client_of(rate_of())
      local report = client:stop(ids_of(3))
      client:close()
      assert.same({ rate_limited = 3 }, reasons(report))
      assert.matches("run again after", report.warnings[1])
    end)
  end)

  describe("without its Redis", function()
    local function without(more)
      local events = {}
      more.on_event = function(event)
        if event.type == "outage" then
          events[#events + 1] = event
        end
      end
      local client = client_of(rate_of("redis://127.0.0.1:1"), more)
      local report = client:stop(ids_of(3))
      client:close()
      return report, events
    end

    for _, seconds in ipairs({ 0, 0.2 }) do
      it(("waits for as long as patience says, %g s, and sends nothing"):format(seconds), function()
        local report, events = without({ patience = seconds })
        assert.equal(3, report.counts.skipped)
        assert.same({ outage = 3 }, reasons(report))
        assert.equal(0, report.requests)
        assert.is_true(report.elapsed >= seconds)
        assert.matches("^no shared rate: Redis at 127%.0%.0%.1:1 ",
          report.warnings[1])
        assert.equal("begin", events[1].phase)
        assert.equal("rate", events[1].of)
        assert.matches("cannot be reached", events[1].message)
        assert.equal("end", events[2].phase)
        assert.equal("outage", events[2].reason)
      end)
    end

    it("ends at the deadline, too", function()
      local report = without({ deadline = 0.2 })
      assert.same({ deadline = 3 }, reasons(report))
    end)

    it("goes on when that comes back", function()
      local own = redis.start()
      local client = client_of(rate_of(own.url, 100), { patience = patience.SECONDS })
      local stops, count = client:each(ids_of(40)), 0
      for _ = 1, 10 do
        assert.equal("stopped", stops().outcome)
      end
      own:restart()
      for item in stops do
        assert.equal("stopped", item.outcome)
        count = count + 1
      end
      client:close()
      own:stop()
      assert.equal(30, count)
    end)

    it("gives up on one that hangs", function()
      local own = redis.start()
      local client = patience.grow(0.2, function(seconds)
        local one = client_of(rate_of(own.url, 100), { patience = seconds })
        if one:stop(ids_of(1)).ok then
          return one
        end
        one:close()
      end)
      own:freeze()
      local report = client:stop(ids_of(30))
      client:close()
      own:stop()
      assert.equal(30, report.counts.skipped + report.counts.stopped)
      assert.is_true(report.counts.skipped >= 19) -- at 100 a second, few slots were held
      assert.same({ outage = report.counts.skipped }, reasons(report))
    end)
  end)

  it("goes on where the clock of Redis is moved, by minutes, an hour, a day", function()
    local path = os.tmpname()
    local function move(seconds)
      local words = {}
      for i = 1, 8 do
        words[i] = string.char(math.floor(seconds / 256 ^ (i - 1)) % 256)
      end
      -- In place: it is mapped.
      local file = assert(io.open(path, "r+b"))
      file:write(table.concat(words))
      file:close()
    end
    files.write(path, ("\0"):rep(8))
    local moved = redis.start({}, nil, { LD_PRELOAD = built("clock"), MOVED_CLOCK = path })
    local rate = rate_of(moved.url, 50)
    local function take(count)
      for _ = 1, count do
        patience.until_(function()
          local seconds, why = rate()
          assert.is_nil(why)
          assert.is_true(seconds < 1)
          return seconds == 0
        end)
      end
    end
    take(10)
    for _, seconds in ipairs({ -600, -4200, 0, 3600, 86400, -86400 }) do
      local before = tonumber(moved:call("TIME")[1])
      move(seconds)
      assert.is_true(math.abs(tonumber(moved:call("TIME")[1]) - before) > 500)
      take(20)
    end
    moved:stop()
    os.remove(path)
  end)

  it("leaves a plain function as it was", function()
    local count = 0
    local client = client_of(function(...)
      assert.equal(0, select("#", ...))
      count = count + 1
      return 0
    end)
    assert.is_true(client:stop(ids_of(5)).ok)
    client:close()
    assert.is_true(count >= 5)
  end)

  it("bears a function that cannot tell for a while", function()
    local count = 0
    local client = client_of(function()
      count = count + 1
      if count < 5 then
        return 0.001, "not yet"
      end
      return 0
    end)
    local report = client:stop(ids_of(3))
    client:close()
    assert.is_true(report.ok)
    assert.same({}, server.said(report))
  end)

  describe("refuses", function()
    local GOOD = { name = "account", rate = 50, redis = "redis://localhost" }

    for name, case in pairs({
      ["no options"] = { false, "expected a table of options, got nil" },
      ["no name"] = { { name = false }, "option 'name' is missing" },
      ["no rate"] = { { rate = false }, "option 'rate' is missing" },
      ["no Redis"] = { { redis = false }, "option 'redis' is missing" },
      ["a name with a space"] = { { name = "a b" }, "option 'name': expected a name" },
      ["an empty name"] = { { name = "" }, "option 'name': expected a name" },
      ["a long name"] = { { name = ("x"):rep(201) }, "option 'name': expected a name" },
      ["a rate of nothing"] = { { rate = 0 }, "option 'rate': expected requests per second" },
      ["a rate that is a text"] = { { rate = "50" }, "option 'rate': expected requests" },
      ["another address"] = { { redis = "localhost:6379" }, "option 'redis' is not of the form" },
      ["a password in the address"] = { { redis = "redis://:canary@h" },
        "option 'redis' holds a password" },
      ["a number for a Redis"] = { { redis = 6379 }, "option 'redis': expected an address" },
      ["a CA file that is not there"] = { { ca_file = "/nowhere/ca.pem" },
        "option 'ca_file': /nowhere/ca.pem: No such file" },
      ["a CA directory that is a file"] = { { ca_path = "spec/shared_spec.lua" },
        "option 'ca_path': spec/shared_spec.lua: not a directory" },
      ["a password for a client"] = { { redis = {}, password = "canary" },
        "option 'password' only applies to an address" },
      ["an option that there is not"] =
        { { rat = 5 }, "unknown option 'rat'; did you mean 'rate'" },
    }) do
      it(name, function()
        local options
        if case[1] then
          options = {}
          for key, value in pairs(GOOD) do
            options[key] = value
          end
          for key, value in pairs(case[1]) do
            options[key] = value or nil
          end
        end
        local raised, message = pcall(shared.rate, options)
        assert.is_false(raised)
        assert.matches("bad argument #1 to 'rate' (" .. case[2], message, 1, true)
        assert.is_nil(message:find("canary"))
      end)
    end
  end)
end)
