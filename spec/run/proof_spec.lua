-- What `verify` makes of a state that it finds, and what it reports.

local fake = require("spec.support.fake_engine")
local json = require("stopmsg.json")
local lookups = require("spec.support.lookups")
local outage = require("stopmsg.outage")
local pacer = require("stopmsg.pacer")
local providers = require("stopmsg.provider")
local reports = require("stopmsg.report")
local run = require("stopmsg.run.loop")
local source = require("stopmsg.run.source")
local verify = require("stopmsg.run.verify")

local copy_of, report_of, found = lookups.copy_of, lookups.report_of, lookups.found
local verified, always, readers = lookups.verified, lookups.always, lookups.readers

local UUID = "2a28d557-22a1-4be6-8908-1481723043dd"
local CODE = "1A2B-3C4D5E6F-7A8B9C0D"
local HEX = ("0123456789abcdef"):rep(2)

local function uuid(n)
  return ("%08x-0000-4000-8000-0123456789ab"):format(n)
end

describe("stopmsg.run.verify", function()
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

    -- provider, its word for a cancel that may have come too late for some, what `state` shows
    for _, case in ipairs({
      { "sendgrid", "cancel", "cancel", "10 minutes" },
      { "sinch", "true", "canceled", "delivery report" },
      { "klaviyo", "cancelled", "cancelled", "the campaign's report" },
    }) do
      local provider, word, state, note = case[1], case[2], case[3], case[4]

      it(provider .. ": an order on record is not yet a message that was stopped", function()
        for _, before in ipairs({ "accepted", "unknown", "open", "not_stoppable", "not_found" }) do
          local report, done = verified({ { id = "abc", outcome = before } },
            always(provider, word))
          local item = report[1]
          assert.matches(note, item.message)
          item.message = nil
          assert.same({ id = "abc", outcome = "accepted", state = state }, item)
          assert.equal(1, report.unproven, before)
          assert.equal(1, #done.looks, before .. ": it will never say more")
        end
      end)
    end

    it("an order on record takes no word back", function()
      local report = verified({ { id = "abc", outcome = "stopped" } }, always("sinch", "true"))
      assert.same({ id = "abc", outcome = "stopped", state = "canceled" }, report[1])
      assert.equal(1, report.unproven)
    end)

    -- What shows where a message is, without a word for it: provider, id, answer, outcome.
    for _, case in ipairs({
      { "matrix", "!r:x/$e", '"content":{},"unsigned":{"redacted_because":{"type":'
        .. '"m.room.redaction"}}', "recalled" },
      { "matrix", "!r:x/$e", '"content":{"body":"Hello"}', "too_late" },
      { "discord", "41/16", '"content":"Hello"', "too_late" },
    }) do
      local provider, id, answer, word = case[1], case[2], case[3], case[4]

      it(("a lost answer at %s, where the message is %s"):format(provider, word), function()
        local report, done = verified({ { id = id, outcome = "unknown", reason = "lost",
          ambiguous = true } }, always(provider, answer))
        assert.same({ id = id, outcome = word, ambiguous = true, verified = true }, report[1])
        assert.equal(1, #done.looks)
        assert.same({}, report.warnings)
      end)
    end

    it("a message that Slack still lists: not stopped yet, and asked for again", function()
      local id = "C1/Q2"
      local report, done = verified({ { id = id, outcome = "unknown", reason = "lost" } },
        always("slack", '"post_at":1'))
      assert.same({ id = id, outcome = "unknown", reason = "lost" }, report[1])
      assert.is_true(#done.looks > 3)
      assert.same({ "1 message(s) are still unproven" }, report.warnings)
    end)

    it("a message that OneSignal cut short: how many had left", function()
      for successful, left in pairs({ ["12000"] = 12000, ["0"] = 0, ["null"] = false }) do
        local report = verified({ { id = UUID, outcome = "stopped" } }, function(id)
          return found("onesignal", id, successful)
        end)
        assert.same({ id = UUID, outcome = "stopped", verified = true, state = "canceled",
          left = left or nil }, report[1])
      end
    end)

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
      assert.is_truthy(report.warnings[1]:find("were sent", 1, true))
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
      assert.is_nil(table.concat(report.warnings):find("were sent", 1, true))
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
      assert.same({ "2 message(s) are still unproven, their state is 'sending'" },
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
      assert.same({ "1 message(s) are still unproven" }, report.warnings)
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
      assert.same({ "1 message(s) are still unproven" }, report.warnings)
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
      for item, place in running:iterator() do
        report[place] = item
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
        { body = readers.clickatell(HEX, "004") },
        "006", "too_late" },
    }) do
      it(case[1] .. ": a status that says stopped ends it stopped, verified and ambiguous",
        function()
          local provider, id, late, state = case[1], case[2], case[3], case[4]
          local operations = providers.load(provider).operations
          local clock = fake.clock()
          local looked = 0
          local session = session_of(clock, function(request)
            if request.number == STOP then
              return request.attempt == 1 and { fault = "lost", detail = "gone" } or late
            end
            looked = looked + 1
            return { body = readers[provider](id, state) }
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
          assert.equal(1, looked)
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
end)
