-- The user's functions may raise in the middle of a call: no id loses its outcome, and the report
-- names the function.

local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local TOKEN = "sandbox"

local function uuid(n)
  return ("%08x-0000-4000-8000-%08xaaaa"):format(n, n)
end

local function uuids(count)
  local list = {}
  for i = 1, count do
    list[i] = uuid(i)
  end
  return list
end

-- What stands in place of a text in what is raised.
local NO_WORDS = setmetatable({}, { __tostring = function()
  error("no words")
end })

-- The warnings of a report, but for the sandbox's.
local function warnings(report)
  local list = {}
  for _, message in ipairs(report.warnings) do
    list[#list + 1] = not message:find("sandbox", 1, true) and message or nil
  end
  return list
end

-- A function that raises another error each time.
local function raising()
  local count = 0
  return function()
    count = count + 1
    error("broken " .. count, 0)
  end
end

describe("a function of the user's", function()
  local sandbox

  setup(function()
    sandbox = server.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  local function new(provider, more)
    local options = { provider = provider, token = TOKEN, base_url = sandbox.url }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    local client = stopmsg.new(options)
    finally(function()
      client:close()
    end)
    return client
  end

  -- Runs f in a coroutine. Returns how often it yielded, and what it returned.
  local function in_coroutine(f)
    local turns, running = -1, coroutine.create(f)
    local resumed, value
    repeat
      resumed, value = coroutine.resume(running)
      assert(resumed, value)
      turns = turns + 1
    until coroutine.status(running) == "dead"
    return turns, value
  end

  describe("is_interrupted that raises", function()
    local WARNING = { "is_interrupted raised an error: broken 1" }

    it("interrupts nothing, and is warned about once", function()
      for _, provider in ipairs({ "revicom", "idigital" }) do
        local ids = provider == "revicom" and uuids(500) or { 1, 2, 3 }
        local call = provider == "revicom" and "stop" or "stop_dispatch"
        local client = new(provider, { batch_size = provider == "revicom" and 100 or nil })
        local report = client[call](client, ids, { is_interrupted = raising() })
        assert.is_true(report.ok)
        assert.same(WARNING, warnings(report))
      end
    end)

    it("is asked again", function()
      local asked = 0
      local client = new("idigital", { concurrency = 1 })
      local report = client:stop_dispatch({ 1, 2, 3 }, { is_interrupted = function()
        asked = asked + 1
        if asked == 1 then
          error(NO_WORDS)
        end
        return true
      end })
      assert.equal(3, report.total)
      assert.is_true((report.reasons.interrupted or 0) > 0)
      assert.same({ "is_interrupted raised an error: table" }, warnings(report))
    end)

    it("does not end a stream, lookups or lists", function()
      local items, report = new("revicom"):each(uuids(3), { is_interrupted = raising() })
      for _ in items do end
      assert.equal(3, report.counts.stopped)
      assert.same(WARNING, warnings(report))

      local client = new("revicom")
      report = client:stop(uuids(2), { verify = { interval = 0.01 }, is_interrupted = function()
        error("broken 1", 0)
      end })
      assert.is_true(report[1].verified)
      assert.same(WARNING, warnings(report))
      report = client:verify(client:stop(uuids(2)), { interval = 0.01, is_interrupted = raising() })
      assert.is_true(report[2].verified)
      assert.same(WARNING, warnings(report))

      items, report = client:find(nil, { is_interrupted = raising() })
      for _ in items do end
      assert.is_true(report.is_complete)
      assert.equal(WARNING[1], warnings(report)[2]) -- the first one is about the provider
    end)
  end)

  describe("rate that raises", function()
    local WARNING = { "the rate function raised an error: broken 1" }

    it("leaves what was sent as it is, and skips the rest when patience is over", function()
      for _, seconds in ipairs({ 0, 0.2 }) do
        local asked, fail, phases = 0, raising(), {}
        local client = new("idigital", { patience = seconds, concurrency = 1,
          rate = function()
            asked = asked + 1
            return asked > 2 and fail() or 0
          end,
          on_event = function(event)
            if event.type == "outage" then
              phases[#phases + 1] = event.phase .. " " .. event.of
            end
          end })
        local report = client:stop_dispatch({ 1, 2, 3, 4 })
        assert.same({ 2, 2 }, { report.counts.skipped, report.requests })
        assert.same({ outage = 2 }, report.reasons)
        assert.same(WARNING, warnings(report))
        assert.same({ "begin rate", "end rate" }, phases)
      end
    end)

    it("is asked again", function()
      local fail, asked = raising(), 0
      local report = new("revicom", { patience = math.huge, rate = function()
        asked = asked + 1
        return asked < 3 and fail() or 0
      end }):stop(uuids(2))
      assert.is_true(report.ok)
      assert.equal(3, asked)
      assert.same(WARNING, warnings(report))
    end)

    it("is what one that returns no seconds is", function()
      for value, name in pairs({ ["soon"] = "a string", [true] = "a boolean", [0 / 1] = false }) do
        local report = new("revicom", { patience = 0, rate = function()
          return name and value or 0 / 0
        end }):stop(uuids(2))
        assert.same({ outage = 2 }, report.reasons)
        assert.same({ "the rate function must return seconds, got " .. (name or "no number") },
          warnings(report))
      end
    end)

    it("may give more values of any kind", function()
      local report = new("revicom", { patience = 0, rate = function()
        return 1, true, 17
      end }):stop(uuids(2))
      assert.equal(2, report.total)
      assert.same({ "no shared rate: true" }, warnings(report))
    end)
  end)

  describe("token", function()
    it("that raises at first use raises before anything is sent, and is asked again", function()
      local asked, before = 0, #sandbox:log()
      local client = new("revicom", { token = function()
        asked = asked + 1
        return asked == 1 and error("the vault is closed", 0) or TOKEN
      end })
      assert.has_error(function()
        client:stop(uuids(2))
      end, "the vault is closed")
      assert.equal(before, #sandbox:log())
      assert.is_true(client:stop(uuids(2)).ok)
    end)

    it("that raises when another one is needed ends the call with outcomes", function()
      for said, second in pairs({
        ["raised an error: broken 1"] = raising(),
        ["must return a string, got a nil"] = function() end,
        ["returned a token that is empty"] = function()
          return ""
        end,
      }) do
        local asked = 0
        local report = new("revicom", { concurrency = 1, batch_size = 2, token = function()
          asked = asked + 1
          return asked == 1 and "stale" or asked > 1 and second()
        end }):stop(uuids(6))
        assert.same({ 2, 4 }, { report.counts.denied, report.counts.skipped })
        assert.same({ "the token was refused, and the token function " .. said }, warnings(report))
      end
    end)
  end)

  it("may raise the token, which no warning shows", function()
    local asked = 0
    local function leak()
      error("the key is canary-123", 0)
    end
    local function token()
      asked = asked + 1
      return asked > 1 and leak() or "canary-123"
    end
    for _, more in ipairs({ { rate = leak, patience = 0 }, { token = token }, {} }) do
      more.token = more.token or "canary-123"
      local report = new("revicom", more):stop(uuids(2), { is_interrupted = leak })
      local all = table.concat(report.warnings, "\n")
      assert.matches("the key is", all, 1, true)
      assert.is_nil(all:find("canary", 1, true))
    end
  end)

  it("may raise the lack of memory, which goes through", function()
    local function lack()
      error("not enough memory", 0)
    end
    local asked = 0
    local calls = {
      is_interrupted = function()
        new("revicom"):stop(uuids(2), { is_interrupted = lack })
      end,
      rate = function()
        new("revicom", { rate = lack }):stop(uuids(2))
      end,
      token = function()
        new("revicom", { token = function()
          asked = asked + 1
          return asked == 1 and "stale" or lack()
        end }):stop(uuids(2))
      end,
    }
    for name, call in pairs(calls) do
      assert.has_error(call, "not enough memory", name)
    end
  end)

  it("may yield, on every Lua", function()
    local count = 0
    local function yielding(value)
      return function()
        count = count + 1
        coroutine.yield()
        return value
      end
    end
    local tokens = { "stale", TOKEN }
    local turns, report = in_coroutine(function()
      return new("revicom", { rate = yielding(0), token = function()
        coroutine.yield()
        count = count + 1
        return table.remove(tokens, 1)
      end }):stop(uuids(2), { is_interrupted = yielding(false), verify = { interval = 0.01 } })
    end)
    assert.is_true(report.ok)
    assert.is_true(report[1].verified)
    assert.equal(count, turns)
    assert.same({}, warnings(report))
  end)
end)
