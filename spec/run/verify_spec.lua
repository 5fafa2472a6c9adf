-- What `verify` looks up, when, and what it makes of it: pure, with a clock that moves only when it
-- is told to. The states are read by the real definitions, so that what is proven here holds there.

local answer = require("stopmsg.meaning.answer")
local fake = require("spec.support.fake_engine")
local json = require("stopmsg.json")
local options = require("stopmsg.options")
local outcome = require("stopmsg.meaning.outcome")
local outage = require("stopmsg.outage")
local pacer = require("stopmsg.pacer")
local providers = require("stopmsg.provider")
local reports = require("stopmsg.report")
local run = require("stopmsg.run.loop")
local source = require("stopmsg.run.source")
local verify = require("stopmsg.run.verify")

local function copy_of(item)
  local copy = {}
  for field, value in pairs(item) do
    copy[field] = value
  end
  return copy
end

local function report_of(items)
  local report = reports.new()
  for i, item in ipairs(items) do
    report[i] = copy_of(item)
    report:count(report[i])
  end
  return report
end

-- What a status lookup at a provider makes of its word: an item as `client:status` gives it.
-- Without a word, one that the answer left out.
local READERS = {
  revicom = function(id, word)
    return '{"items":[{"messageUuid":"' .. id .. '","status":"' .. word .. '"}]}'
  end,
  idigital = function(id, word)
    return '{"items":[{"dispatchId":"' .. id .. '","status":"' .. word .. '"}]}'
  end,
  pushwoosh = function(id, word)
    return '{"items":[{"code":"' .. id .. '","status":"' .. word .. '"}]}'
  end,
  clickatell = function(id, word)
    return '{"data":{"apiMessageId":"' .. id .. '","messageStatus":"' .. word
      .. '","description":"words"}}'
  end,
}

local function found(provider, id, word)
  if not word then
    return { id = id, outcome = "unknown", reason = "missing_in_answer" }
  end
  local operations = providers.load(provider).operations
  local operation = provider == "idigital" and operations.status_dispatch or operations.status
  local _, verdict = answer.read(operation, {
    status = 200,
    body = READERS[provider](id, word),
    format = "json",
  }, { id })
  local item = copy_of(verdict[1] or verdict)
  item.id = id
  assert(item.reason ~= "bad_response", "the spec's answer is not understood")
  return item
end

-- Runs verify over the items. `look(id, time, round)` gives the item that a lookup finds.
-- script: timeout, interval, took (seconds that a lookup takes), each (function that may change the
-- report of a lookup).
-- Gives the report and what happened: looks ({ at, ids, seconds }), waits, clock.
local function verified(items, look, script)
  script = script or {}
  local clock = fake.clock(1000)
  local report = report_of(items)
  local looks, waits = {}, {}
  verify.run(report, {
    timeout = script.timeout or options.verify_defaults.timeout,
    interval = script.interval or options.verify_defaults.interval,
    clock = clock,
    wait = function(seconds)
      assert(seconds >= 0, "a wait of negative length")
      waits[#waits + 1] = seconds
      assert(#waits < 1000, "verify spins")
      clock:advance(seconds)
    end,
    lookup = function(ids, seconds)
      local round = #looks + 1
      looks[round] = { at = clock() - 1000, ids = ids, seconds = seconds }
      clock:advance(script.took or 0)
      local result = {}
      for i, id in ipairs(ids) do
        result[i] = look(id, clock() - 1000, round)
      end
      local list = report_of(result)
      list.requests = math.ceil(#ids / 100)
      if script.each then
        script.each(list, round)
      end
      return list
    end,
  })
  return report, { looks = looks, waits = waits, elapsed = clock() - 1000 }
end

-- One provider's word for every id, for ever.
local function always(provider, word)
  return function(id)
    return found(provider, id, word)
  end
end

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

  describe("what it makes of", function()
    -- what, before, provider, state, after; { } are the fields besides the id.
    for _, case in ipairs({
      { "a promise kept", { "stopped", code = 200 }, "revicom", "unsent",
        { "stopped", code = 200, verified = true, state = "unsent" } },
      { "an accepted stop that took effect", { "accepted", code = 202 }, "revicom", "unsent",
        { "stopped", code = 202, verified = true, state = "unsent" } },
      { "an accepted stop that came too late", { "accepted", code = 202 }, "revicom", "delivered",
        { "too_late", code = 202, verified = true, state = "delivered" } },
      { "a lost answer to a stop that took effect", { "unknown", reason = "lost" }, "revicom",
        "unsent", { "stopped", verified = true, state = "unsent" } },
      { "a lost answer to a stop that came too late", { "unknown", reason = "http_500",
        http = 500, code = 500 }, "revicom", "sent",
        { "too_late", code = 500, verified = true, state = "sent" } },
      { "a refusal by Revicom of what is unsent nevertheless", { "too_late", code = 403 },
        "revicom", "unsent", { "stopped", code = 403, message = true, state = "unsent" } },
      { "an id that Revicom did not know and that is unsent", { "not_found", code = 404 },
        "revicom", "unsent", { "stopped", code = 404, message = true, state = "unsent" } },
      { "a message looked up before, now unsent without a stop", { "open", state = "sending" },
        "revicom", "unsent", { "stopped", message = true, state = "unsent" } },
      { "too late, and so it was", { "too_late", code = 403 }, "revicom", "undelivered",
        { "too_late", code = 403, verified = true, state = "undelivered" } },
      { "too late, though it waits", { "too_late", code = 403 }, "revicom", "sending",
        { "too_late", code = 403, state = "sending" } },
      { "a 4031 of a dispatch that was stopped already", { "not_stoppable", code = 4031, http = 403,
        message = "Inappropriate dispatch status" }, "idigital", "stopped",
        { "stopped", code = 4031, verified = true, state = "stopped" } },
      { "a 4031 of a dispatch that is finished", { "not_stoppable", code = 4031, http = 403 },
        "idigital", "done", { "too_late", code = 4031, verified = true, state = "done" } },
      { "a 4031 of a dispatch that waits for statuses", { "not_stoppable", code = 4031,
        http = 403 }, "idigital", "awaiting",
        { "too_late", code = 4031, verified = true, state = "awaiting" } },
      { "a 4031 of a dispatch that has not begun", { "not_stoppable", code = 4031, http = 403 },
        "idigital", "initiated",
        { "not_stoppable", code = 4031, http = 403, state = "initiated" } },
      { "a dispatch that was stopped", { "stopped", code = 200 }, "idigital", "stopped",
        { "stopped", code = 200, verified = true, state = "stopped" } },
      { "a cancel that worked", { "stopped", code = 200 }, "pushwoosh", "CANCELED",
        { "stopped", code = 200, verified = true, state = "CANCELED" } },
      { "a cancel that worked before", { "not_stoppable", code = 9, http = 400, message = "no" },
        "pushwoosh", "Cancelled",
        { "stopped", code = 9, verified = true, state = "Cancelled" } },
      { "a push that was done", { "not_stoppable", code = 9, http = 400, message = "no" },
        "pushwoosh", "DONE", { "too_late", code = 9, verified = true, state = "DONE" } },
      { "a push that had failed", { "not_stoppable", code = 9, http = 400, message = "no" },
        "pushwoosh", "FAIL", { "not_stoppable", code = 9, verified = true, state = "FAIL" } },
      { "Clickatell's scheduled message, stopped", { "accepted", code = "011" }, "clickatell",
        "006", { "stopped", code = "011", verified = true, state = "006" } },
      { "Clickatell's queued message, delivered", { "accepted", code = "002", message = "queued" },
        "clickatell", "004",
        { "too_late", code = "002", verified = true, state = "004", message = "words" } },
      { "an answer about another id, until the right one comes", { "unknown",
        reason = "bad_response", code = "006", message = "another" }, "clickatell", "006",
        { "stopped", code = "006", verified = true, state = "006" } },
      { "an expired message", { "unknown", reason = "lost" }, "clickatell", "010",
        { "not_stoppable", verified = true, state = "010", message = "words" } },
    }) do
      it(case[1], function()
        local before, after = copy_of(case[2]), copy_of(case[5])
        before.id, before.outcome, before[1] = UUID, before[1], nil
        after.id, after.outcome, after[1] = UUID, after[1], nil
        local report = verified({ before }, always(case[3], case[4]))
        if after.message == true then
          assert.is_string(report[1].message)
          after.message = report[1].message
        end
        assert.same(after, report[1])
      end)
    end

    it("013: stopped for certain, and the state tells that it was not us", function()
      local report = verified({ { id = HEX, outcome = "accepted", code = "011" } },
        always("clickatell", "013"))
      assert.equal("stopped", report[1].outcome)
      assert.is_true(report[1].verified)
      assert.equal("013", report[1].state)
      assert.same({}, report.warnings)
    end)

    it("unsent: that the word is shared is said only where we did not stop it", function()
      local report = verified({
        { id = uuid(1), outcome = "stopped" },
        { id = uuid(2), outcome = "not_found" },
      }, always("revicom", "unsent"))
      assert.is_nil(report[1].message)
      assert.is_true(report[1].verified)
      assert.is_truthy(report[2].message:find("other reasons", 1, true))
      assert.is_nil(report[2].verified)
    end)

    it("unsent after a stop that was lost and then refused: ambiguous, and ours", function()
      local report = verified({ { id = UUID, outcome = "unknown", reason = "too_late", code = 403,
        attempts = 2, ambiguous = true } }, always("revicom", "unsent"))
      assert.same({ id = UUID, outcome = "stopped", code = 403, attempts = 2, ambiguous = true,
        verified = true, state = "unsent" }, report[1])
    end)
  end)

  describe("of a promise that was broken", function()
    it("says too_late, and warns of how many had left", function()
      local report = verified({
        { id = uuid(1), outcome = "stopped", code = 200 },
        { id = uuid(2), outcome = "stopped", code = 200 },
        { id = uuid(3), outcome = "stopped", code = 200 },
      }, function(id)
        return found("revicom", id, id == uuid(2) and "unsent" or "sent")
      end)
      assert.same({ id = uuid(1), outcome = "too_late", code = 200, verified = true,
        state = "sent" }, report[1])
      assert.equal("stopped", report[2].outcome)
      assert.equal(1, #report.warnings)
      assert.is_truthy(report.warnings[1]:find("^2 message"))
      assert.is_truthy(report.warnings[1]:find("left", 1, true))
    end)

    it("does not warn where nothing was promised", function()
      local report = verified({
        { id = uuid(1), outcome = "accepted", code = 202 },
        { id = uuid(2), outcome = "unknown", reason = "lost" },
        { id = uuid(3), outcome = "too_late", code = 403 },
      }, always("revicom", "sent"))
      assert.same({}, report.warnings)
    end)

    it("does not claim that a push which failed had left", function()
      -- FAIL: never sent, so there was nothing to stop, and nobody got it.
      local report = verified({ { id = CODE, outcome = "stopped", code = 200 } },
        always("pushwoosh", "FAIL"))
      assert.equal("not_stoppable", report[1].outcome)
      assert.is_true(report[1].verified)
      assert.is_nil(table.concat(report.warnings):find("had left", 1, true))
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

  describe("what it leaves unproven", function()
    local GONE = { outcome = "not_stoppable", reason = "gone_or_sent", code = 404, http = 404 }

    it("is counted and told, with the word that is in the way", function()
      local report = verified({
        { id = uuid(1), outcome = "stopped", code = 200 },
        { id = uuid(2), outcome = "stopped", code = 200 },
        { id = uuid(3), outcome = "accepted", code = 202 },
        { id = uuid(4), outcome = "too_late", code = 403 },
        { id = uuid(5), outcome = "failed", reason = "connect" },
      }, function(id)
        return found("revicom", id, id == uuid(1) and "unsent" or "sending")
      end, { timeout = 4 })
      assert.equal(2, report.unproven)
      assert.same({ "2 message(s) are not proven yet, the provider says 'sending'" },
        report.warnings)
    end)

    it("is nothing where all are settled", function()
      local report = verified({ { id = UUID, outcome = "stopped" } }, always("revicom", "unsent"))
      assert.equal(0, report.unproven)
      assert.same({}, report.warnings)
    end)

    it("is what was stopped and is no longer known, which proves neither", function()
      local report, done = verified({ { id = HEX, outcome = "stopped", code = 200 } }, function()
        return GONE
      end)
      assert.same({ id = HEX, outcome = "stopped", code = 200 }, report[1])
      assert.equal(1, report.unproven)
      assert.same({ "1 message(s) are not proven yet" }, report.warnings)
      assert.equal(1, #done.looks)
    end)

    for _, item in ipairs({
      { id = HEX, outcome = "accepted", code = 202 },
      { id = HEX, outcome = "unknown", reason = "timeout", ambiguous = true },
      { id = HEX, outcome = "unknown", reason = "not_found", code = 404, ambiguous = true },
    }) do
      it(("is %s by %s that is no longer known"):format(item.outcome, item.reason or "a promise"),
        function()
          local report = verified({ item }, function()
            return GONE
          end)
          assert.same(item, report[1])
          assert.equal(1, report.unproven)
        end)
    end

    it("is no open message of a lookup that is no longer known: it is gone, or sent", function()
      local report = verified({ { id = HEX, outcome = "open", state = "011" } }, function()
        return GONE
      end)
      assert.equal("not_stoppable", report[1].outcome)
      assert.equal("gone_or_sent", report[1].reason)
    end)

    it("is what there was no time to look up", function()
      local report = report_of({ { id = UUID, outcome = "stopped" } })
      verify.tally(report)
      assert.equal(1, report.unproven)
      assert.same({ "1 message(s) are not proven yet" }, report.warnings)
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

  describe("the report", function()
    it("adds what the lookups cost", function()
      local items = { { id = UUID, outcome = "stopped" } }
      local report = verified(items, function(id, _, round)
        return found("revicom", id, round == 3 and "unsent" or "sending")
      end, { each = function(list)
        list.requests, list.retries, list.connections = 5, 2, 1
      end })
      assert.equal(15, report.requests)
      assert.equal(6, report.retries)
      assert.equal(3, report.connections)
    end)

    it("has the warnings of the lookups, each one once", function()
      local report = verified({ { id = CODE, outcome = "stopped" } },
        always("pushwoosh", "CANCELED"), { each = function(list)
          list.warnings = { "an odd shape", "another", "an odd shape" }
        end })
      assert.same({ "an odd shape", "another" }, report.warnings)
    end)

    it("has a repeated id at each of its places, proven alike", function()
      local report = verified({
        { id = UUID, outcome = "stopped" },
        { id = uuid(7), outcome = "stopped" },
        { id = UUID:upper(), outcome = "stopped" },
        { id = UUID, outcome = "stopped" },
      }, function(id, _, round)
        return found("revicom", id, round > 1 and "unsent" or "sending")
      end)
      for i = 1, 4 do
        assert.equal("stopped", report[i].outcome)
        assert.is_true(report[i].verified)
      end
      assert.equal(UUID:upper(), report[3].id)
    end)

    it("keeps the ids as they were given", function()
      local report = verified({ { id = 10000000125, outcome = "stopped" } }, function()
        return found("idigital", "10000000125", "stopped")
      end)
      assert.same({ id = 10000000125, outcome = "stopped", verified = true, state = "stopped" },
        report[1])
    end)
  end)

  describe("after a lost answer and a refused repeat", function()
    -- A stop and its lookup as the client makes them, over an engine that answers from a script.
    local function session_of(clock, script)
      return {
        engine = fake.new({ clock = clock, answer = script }),
        clock = clock,
        wait = function(call, seconds)
          call:wait(seconds)
        end,
        pacer = pacer.new(),
        outage = outage.new({ slots = 16 }),
        generation = 1,
        redact = function(s)
          return s
        end,
      }
    end

    local function call(session, number, operation, ids, seconds)
      local report = reports.new()
      session.engine:reads(number, operation)
      local running = run.new(session, {
        operation = operation,
        number = number,
        source = source.list(ids, #ids),
        limit = operation.limit,
        concurrency = 4,
        timeout = 10,
        deadline = session.clock() + seconds,
        patience = 60,
        max_attempts = 4,
        format = "json",
        provider = "spec",
        summary = report,
        result = {},
      })
      local item, place = running:next()
      while item do
        report[place] = item
        item, place = running:next()
      end
      return report
    end

    local STOP, STATUS = 1, 2

    for _, case in ipairs({
      { "revicom", UUID,
        { body = '{"errors":true,"items":[{"messageUuid":"' .. UUID .. '","code":403}]}' },
        "unsent", "too_late" },
      { "pushwoosh", CODE,
        { status = 400, body = json.encode({ code = 9, message = "not cancelable" }) },
        "CANCELED", "not_stoppable" },
      { "clickatell", HEX,
        { body = READERS.clickatell(HEX, "004") },
        "006", "too_late" },
    }) do
      it(case[1] .. ": a status that says stopped ends it stopped, verified and ambiguous",
        function()
          local provider, id, late, state = case[1], case[2], case[3], case[4]
          local operations = providers.load(provider).operations
          local clock = fake.clock()
          local lookups = 0
          local session = session_of(clock, function(request)
            if request.number == STOP then
              return request.attempt == 1 and { fault = "lost", detail = "gone" } or late
            end
            lookups = lookups + 1
            return { body = READERS[provider](id, state) }
          end)
          local report = call(session, STOP, operations.stop, { id }, 60)
          assert.equal("unknown", report[1].outcome)
          assert.equal(case[5], report[1].reason)
          assert.is_true(report[1].ambiguous)
          assert.is_nil(report[1].verified)

          verify.run(report, {
            timeout = 30,
            interval = 1,
            clock = clock,
            wait = function(seconds)
              clock:advance(seconds)
            end,
            lookup = function(ids, seconds)
              return call(session, STATUS, operations.status, ids, seconds)
            end,
          })
          assert.equal(1, lookups)
          local item = report[1]
          assert.equal("stopped", item.outcome)
          assert.is_true(item.verified)
          assert.is_true(item.ambiguous)
          assert.equal(2, item.attempts)
          assert.equal(state, item.state)
          assert.is_nil(item.reason)
          assert.is_nil(item.message)
          assert.equal(3, report.requests)
        end)
    end
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
