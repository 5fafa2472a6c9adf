-- What `verify` looks up, when, and for how long.

local lookups = require("spec.support.lookups")
local outcome = require("stopmsg.meaning.outcome")

local found, verified, always = lookups.found, lookups.verified, lookups.always

local UUID = "2a28d557-22a1-4be6-8908-1481723043dd"
local CODE = "1A2B-3C4D5E6F-7A8B9C0D"
local HEX = ("0123456789abcdef"):rep(2)

local function uuid(n)
  return ("%08x-0000-4000-8000-0123456789ab"):format(n)
end

describe("stopmsg.run.verify", function()
  describe("what it looks up", function()
    local LOOKED = {
      stopped = true, accepted = true, unknown = true, open = true, too_late = true,
      not_stoppable = true, not_found = true,
      failed = false, skipped = false, denied = false, invalid = false, recalled = false,
    }

    for _, word in ipairs(outcome.names) do
      it(("%s an item that is %s"):format(LOOKED[word] and "has" or "spares", word), function()
        local _, done = verified({ { id = UUID, outcome = word } }, always("revicom", "unsent"))
        assert.equal(LOOKED[word] and 1 or 0, #done.looks)
        assert.equal(LOOKED[word] and UUID or nil, (done.looks[1] or { ids = {} }).ids[1])
      end)

      it(("spares an item that is %s for certain"):format(word), function()
        local item = { id = UUID, outcome = word, verified = true, state = "x" }
        local report, done = verified({ item }, always("revicom", "sent"))
        assert.same({}, done.looks)
        assert.same({}, done.waits)
        assert.same(item, report[1])
      end)
    end

    it("is nothing, at no loss of time, where nothing is in doubt", function()
      local report, done = verified({}, always("revicom", "unsent"))
      assert.same({}, done.looks)
      assert.same({}, done.waits)
      assert.equal(0, done.elapsed)
      assert.same({}, report.warnings)
      assert.equal(0, report.requests)
    end)

    it("is asked in one call, in the order of the report, without the others", function()
      local _, done = verified({
        { id = uuid(1), outcome = "stopped" },
        { id = "bad", outcome = "invalid" },
        { id = uuid(2), outcome = "too_late" },
        { id = uuid(3), outcome = "stopped", verified = true },
        { id = uuid(4), outcome = "unknown" },
      }, always("revicom", "unsent"))
      assert.equal(1, #done.looks)
      assert.same({ uuid(1), uuid(2), uuid(4) }, done.looks[1].ids)
    end)
  end)

  describe("what it looks up again", function()
    local function rounds(word, provider, state)
      local _, done = verified({ { id = CODE, outcome = word } }, always(provider, state))
      return #done.looks
    end

    it("is what took the stop, or may have, and does not show it yet", function()
      for _, word in ipairs({ "stopped", "accepted", "unknown", "open" }) do
        assert.is_true(rounds(word, "pushwoosh", "PENDING") > 3, word)
        assert.is_true(rounds(word, "pushwoosh", nil) > 3, word)
        assert.is_true(rounds(word, "pushwoosh", "nobody knows") > 3, word)
      end
    end)

    it("is not what the provider's own word has settled: that gets one look", function()
      for _, word in ipairs({ "too_late", "not_stoppable", "not_found" }) do
        assert.equal(1, rounds(word, "pushwoosh", "nobody knows"), word)
      end
      assert.equal(1, rounds("too_late", "pushwoosh", "PENDING"))
      assert.equal(1, rounds("not_found", "pushwoosh", "PENDING"))
    end)

    it("is a refusal without a cause, while its state is open: an echo of our stop?", function()
      assert.is_true(rounds("not_stoppable", "pushwoosh", "PENDING") > 3)
      local report = verified({ { id = "7", outcome = "not_stoppable", code = 4031, http = 403 } },
        function(id, _, round)
          return found("idigital", id, round < 3 and "changing" or "stopped")
        end)
      assert.same({ id = "7", outcome = "stopped", code = 4031, state = "stopped",
        verified = true }, report[1])
    end)

    it("is not what is proven", function()
      for _, state in ipairs({ "CANCELED", "DONE", "FAIL" }) do
        assert.equal(1, rounds("accepted", "pushwoosh", state), state)
      end
    end)

    it("is a message that the provider does not know yet", function()
      -- Clickatell's 001 may mean that its reporting is late.
      local report, done = verified({ { id = HEX, outcome = "accepted", code = "011" } },
        function(id, time)
          return found("clickatell", id, time < 5 and "001" or "006")
        end)
      assert.is_true(#done.looks > 1)
      assert.equal("stopped", report[1].outcome)
      assert.is_true(report[1].verified)
    end)

    it("is each time only what is left", function()
      local report, done = verified({
        { id = uuid(1), outcome = "stopped" },
        { id = uuid(2), outcome = "stopped" },
        { id = uuid(3), outcome = "stopped" },
      }, function(id, _, round)
        return found("revicom", id, id == uuid(round) and "unsent" or "sending")
      end)
      local ids = {}
      for i, look in ipairs(done.looks) do
        ids[i] = look.ids
      end
      assert.same({ { uuid(1), uuid(2), uuid(3) }, { uuid(2), uuid(3) }, { uuid(3) } }, ids)
      for i = 1, 3 do
        assert.is_true(report[i].verified)
      end
    end)
  end)

  describe("when it looks", function()
    local function times(script)
      local _, done = verified({ { id = UUID, outcome = "stopped" } },
        always("revicom", "sending"), script)
      local list = {}
      for i, look in ipairs(done.looks) do
        list[i] = look.at
      end
      return list, done
    end

    local function gaps(list)
      local between = { list[1] }
      for i = 2, #list do
        between[i] = list[i] - list[i - 1]
      end
      return between
    end

    it("is first after the interval", function()
      assert.equal(1, times()[1])
      assert.equal(0.25, times({ interval = 0.25 })[1])
    end)

    it("is after growing pauses, that stay bearable", function()
      local between = gaps(times({ timeout = 300 }))
      assert.is_true(#between > 20)
      assert.is_true(between[2] > between[1] and between[3] > between[2])
      for i = 2, #between - 1 do
        assert.is_true(between[i] >= between[i - 1] - 1e-9)
        assert.is_true(between[i] <= 15)
      end
    end)

    it("is never sooner than the interval asked for, however long that is", function()
      local between = gaps(times({ timeout = 300, interval = 40 }))
      for i = 1, #between - 1 do -- the last may be cut to fit
        assert.is_true(between[i] >= 40, "pause " .. i .. ": " .. between[i])
      end
    end)

    it("is within the time, and gives lookups no more than what is left of it", function()
      for _, took in ipairs({ 0, 0.4, 7 }) do
        for _, timeout in ipairs({ 0.5, 3, 30 }) do
          local _, done = times({ timeout = timeout, took = took, interval = 0.3 })
          for _, look in ipairs(done.looks) do
            assert.is_true(look.at < timeout)
            assert.is_true(look.seconds > 0)
            assert.is_true(look.at + look.seconds <= timeout + 1e-9)
          end
          assert.is_true(done.elapsed <= timeout + took + 1e-9)
        end
      end
    end)

    it("is once at least, even where the interval is as long as the time", function()
      for _, script in ipairs({
        { timeout = 1 },
        { timeout = 1, interval = 1 },
        { timeout = 0.5, interval = 30 },
      }) do
        local report, done = verified({ { id = UUID, outcome = "stopped" } },
          always("revicom", "unsent"), script)
        assert.equal(1, #done.looks, ("timeout %g"):format(script.timeout))
        assert.is_true(report[1].verified)
        assert.is_true(done.elapsed <= script.timeout)
      end
    end)

    it("is at the end once more: no time is waited for nothing", function()
      local list, done = times()
      assert.is_true(done.elapsed <= 30)
      -- Whatever has settled a little before the end is found.
      assert.is_true(done.elapsed - list[#list] <= 1,
        ("the last look was %.1f s before the end"):format(done.elapsed - list[#list]))
      local report = verified({ { id = UUID, outcome = "stopped" } }, function(id, time)
        return found("revicom", id, time < 25 and "sending" or "unsent")
      end)
      assert.is_true(report[1].verified)
    end)
  end)

  describe("of a provider that never settles", function()
    it("ends at its timeout and upgrades nothing without proof", function()
      for _, state in ipairs({ "sending", "weird", false }) do
        local report, done = verified({
          { id = uuid(1), outcome = "stopped", code = 200 },
          { id = uuid(2), outcome = "accepted", code = 202 },
          { id = uuid(3), outcome = "unknown", reason = "timeout", ambiguous = true },
        }, always("revicom", state or nil), { timeout = 30 })
        assert.is_true(done.elapsed <= 30)
        assert.is_true(#done.looks > 3 and #done.looks < 20)
        state = state or nil
        assert.same({ id = uuid(1), outcome = "stopped", code = 200, state = state }, report[1])
        assert.same({ id = uuid(2), outcome = "accepted", code = 202, state = state }, report[2])
        assert.same({ id = uuid(3), outcome = "unknown", reason = "timeout", ambiguous = true,
          state = state }, report[3])
      end
    end)

    it("shows the last state that was seen", function()
      local report = verified({ { id = CODE, outcome = "stopped" } }, function(id, _, round)
        return found("pushwoosh", id, ({ "PENDING", "PROCESSING" })[round])
      end)
      assert.equal("PROCESSING", report[1].state)
      assert.is_nil(report[1].verified)
    end)
  end)

  describe("of refused lookups", function()
    local function refused(id)
      return { id = id, outcome = "denied", reason = "credentials", code = 4030, http = 403,
        message = "Access Denied" }
    end

    it("ends with a warning and changes nothing", function()
      local items = {
        { id = uuid(1), outcome = "stopped", code = 200 },
        { id = uuid(2), outcome = "accepted", code = 202 },
      }
      local report, done = verified(items, refused)
      assert.equal(1, #done.looks)
      assert.same(items[1], report[1])
      assert.same(items[2], report[2])
      assert.same({ "the status lookup was refused: Access Denied" }, report.warnings)
      assert.equal(1, done.elapsed)
    end)

    it("has a warning without the provider's words, too", function()
      local report = verified({ { id = UUID, outcome = "accepted" } }, function(id)
        return { id = id, outcome = "denied", reason = "credentials" }
      end)
      assert.same({ "the status lookup was refused" }, report.warnings)
    end)

    it("uses what the answers before the refusal proved", function()
      local report, done = verified({
        { id = uuid(1), outcome = "stopped" },
        { id = uuid(2), outcome = "stopped" },
        { id = uuid(3), outcome = "stopped" },
      }, function(id)
        if id == uuid(1) then
          return found("revicom", id, "unsent")
        end
        return id == uuid(2) and refused(id) or { id = id, outcome = "skipped",
          reason = "credentials", attempts = 0 }
      end)
      assert.equal(1, #done.looks)
      assert.is_true(report[1].verified)
      assert.same({ id = uuid(3), outcome = "stopped" }, report[3])
    end)

    it("goes on for the others where one request alone was forbidden", function()
      -- "Any other 403" is about that request's ids, as it is for a stop.
      local report = verified({
        { id = HEX, outcome = "accepted" },
        { id = ("f"):rep(32), outcome = "accepted" },
      }, function(id, _, round)
        if id == HEX then
          return { id = id, outcome = "denied", reason = "forbidden", code = 403, http = 403 }
        end
        return found("clickatell", id, round > 1 and "006" or "011")
      end)
      assert.equal("stopped", report[2].outcome)
      assert.is_true(report[2].verified)
      assert.equal("accepted", report[1].outcome)
    end)
  end)

  describe("of lookups that fail", function()
    it("changes nothing, and goes on until one works", function()
      local report, done = verified({ { id = UUID, outcome = "accepted", code = 202 } },
        function(id, _, round)
          if round < 4 then
            return { id = id, outcome = "unknown", reason = "http_503", code = 503, http = 503,
              attempts = 4 }
          end
          return found("revicom", id, "unsent")
        end)
      assert.equal(4, #done.looks)
      assert.same({ id = UUID, outcome = "stopped", code = 202, verified = true,
        state = "unsent" }, report[1])
    end)

    it("says so in the end: the address of a lookup may be a wrong guess", function()
      local message = "the address of the list of dispatches is inferred: Not Found"
      local report = verified({ { id = "7", outcome = "stopped", code = 200 } }, function(id)
        return { id = id, outcome = "unknown", reason = "http_404", code = 4041, http = 404,
          message = message }
      end)
      assert.same({ id = "7", outcome = "stopped", code = 200 }, report[1])
      assert.is_truthy(table.concat(report.warnings, "\n"):find(message, 1, true))
      assert.equal(1, #report.warnings)
    end)
  end)

  it("looks at 10,000 that settle one by one over 3 s hardly more often than it has to", function()
    -- Each id has to be looked at once after it settled, 100 a request: 100 requests are the least.
    -- Those not settled yet are packed anew each round, so a round costs what is still open.
    local items = {}
    for i = 1, 10000 do
      items[i] = { id = uuid(i), outcome = "stopped", code = 200 }
    end
    local settles = {}
    for i = 1, 10000 do
      settles[uuid(i)] = 3 * i / 10000
    end
    local report, done = verified(items, function(id, time)
      if time < settles[id] then
        return { id = id, outcome = "open", state = "sending" }
      end
      return { id = id, outcome = "stopped", state = "unsent", message = "shared" }
    end)
    for i = 1, 10000 do
      if not report[i].verified then
        error("item " .. i .. " is not verified")
      end
    end
    assert.is_true(report.requests <= 200, report.requests .. " requests")
    assert.is_true(done.elapsed <= 6)
    if os.getenv("STOPMSG_FIGURES") then
      io.stdout:write(("\nverify, 10,000 ids settling evenly over 3 s (simulated): %d status "
        .. "requests in %d rounds, settled after %.2f s\n"):format(report.requests, #done.looks,
        done.elapsed))
    end
  end)
end)
