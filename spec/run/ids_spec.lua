-- Repeated ids, ids that are none, and ids of an unusual shape.

local runs = require("spec.support.runs")
local stopmsg = require("stopmsg")

local items, OK, in_turn, LOST, stop = runs.items, runs.OK, runs.in_turn, runs.LOST, runs.stop
local tally = runs.tally

describe("stopmsg.run.ids", function()
  describe("repeated ids", function()
    for _, keeps in ipairs({ true, false }) do
      local mode = keeps and "a list" or "a stream"

      it("are sent once and reported at each place, in one batch of " .. mode, function()
        local result = stop({ ids = { "a", "b", "A", "a" }, limit = 10, keeps = keeps,
          answer = items({ a = 403 }) })
        assert.equal(1, #result.requests)
        assert.same({ "a", "b" }, result.requests[1].ids)
        assert.same({
          { id = "a", outcome = "too_late", code = 403 },
          { id = "b", outcome = "stopped", code = 200 },
          { id = "A", outcome = "too_late", code = 403 },
          { id = "a", outcome = "too_late", code = 403 },
        }, result.items)
        assert.equal(4, result.summary.total)
      end)

      it("wait for the one in flight in another batch of " .. mode, function()
        local result = stop({ ids = { "a", "b", "A" }, keeps = keeps,
          answer = items(nil, { after = 1 }) })
        assert.equal(2, #result.requests)
        assert.same({ stopped = 3 }, tally(result.items, 3))
        assert.equal("A", result.items[3].id)
      end)

      it("wait for the one that is repeated in " .. mode, function()
        local result = stop({ ids = { "a", "a" }, keeps = keeps, answer = in_turn({ LOST, OK }) })
        local expected = { id = "a", outcome = "stopped", code = 200, attempts = 2,
          ambiguous = true }
        assert.same({ expected, expected }, result.items)
        assert.not_equal(result.items[1], result.items[2])
      end)
    end

    it("are not sent again in a list after the first is settled", function()
      local result = stop({ ids = { "a", "b", "c", "A", "a" }, concurrency = 1 })
      assert.equal(3, #result.requests)
      assert.same({ stopped = 5 }, tally(result.items, 5))
      assert.equal("A", result.items[4].id)
    end)

    it("are sent again in a stream after the first is settled", function()
      local result = stop({ ids = { "a", "b", "A" }, concurrency = 1, keeps = false })
      assert.equal(3, #result.requests)
      assert.same({ "A" }, result.requests[3].ids)
      assert.same({ stopped = 3 }, tally(result.items, 3))
    end)

    it("are told apart by case where the form does", function()
      local result = stop({ ids = { "a", "A", "a" }, limit = 10,
        form = { pattern = "^%w+$", max = 16, about = "letters" } })
      assert.same({ { "a", "A" } }, { result.requests[1].ids })
      assert.same({ stopped = 3 }, tally(result.items, 3))
    end)

    it("keep the places of thousands", function()
      local ids = {}
      for i = 1, 5000 do
        ids[i] = (i % 2 == 0 and "x" or "X") .. (i % 100)
      end
      local result = stop({ ids = ids, limit = 10 })
      assert.equal(10, #result.requests)
      for i, one in ipairs(result.items) do
        assert.equal(ids[i], one.id)
      end
      assert.equal(5000, result.summary.counts.stopped)
    end)
  end)

  describe("ids that are none", function()
    it("are reported as they were given, and not sent", function()
      local bad = { "", "a b", "a\nb", ("x"):rep(17), true, print, {}, 1.5 }
      local ids = { "a" }
      for i, id in ipairs(bad) do
        ids[i + 1] = id
      end
      ids[#ids + 1] = "b"
      local result = stop({ ids = ids, limit = 20 })
      assert.same({ { "a", "b" } }, { result.requests[1].ids })
      assert.equal(1, #result.requests)
      for i, id in ipairs(bad) do
        local one = result.items[i + 1]
        assert.equal(id, one.id)
        assert.equal("invalid", one.outcome)
        assert.equal("malformed_id", one.reason)
        assert.equal(0, one.attempts)
        assert.is_string(one.message)
        assert.is_nil(one.message:find("%c"))
      end
      assert.equal("stopped", result.items[#ids].outcome)
    end)

    it("are reported each time that they come", function()
      local result = stop({ ids = { "a b", "a b" } })
      assert.same({ ["invalid malformed_id"] = 2 }, tally(result.items, 2))
      assert.equal(0, #result.requests)
      assert.is_false(result.summary.ok)
    end)

    it("may be holes", function()
      local result = stop({ ids = { "a", nil, "b" }, count = 4 })
      assert.same({ stopped = 2, ["invalid malformed_id"] = 2 }, tally(result.items, 4))
      assert.is_nil(result.items[2].id)
      assert.equal("b", result.items[3].id)
      assert.equal(4, result.summary.total)
    end)
  end)

  describe("ids", function()
    it("are sent as strings and reported as they were given", function()
      local result = stop({ ids = { 42, "43", 44.0 }, limit = 10, form = "digits" })
      assert.same({ "42", "43", "44" }, result.requests[1].ids)
      assert.equal(42, result.items[1].id)
      assert.equal("43", result.items[2].id)
      assert.equal(44.0, result.items[3].id)
      assert.equal("number", type(result.items[3].id))
    end)

    it("are one whether given as a number or a string", function()
      local result = stop({ ids = { 42, "42" }, limit = 10, form = "digits" })
      assert.equal(1, #result.requests[1].ids)
      assert.equal(42, result.items[1].id)
      assert.equal("42", result.items[2].id)
    end)

    it("of an unusual shape are sent with one warning", function()
      local form = { pattern = "^%w+$", max = 16, about = "x and digits", usual = "^x%d$" }
      local result = stop({ ids = { "x1", "y1", "y2" }, limit = 10, form = form })
      assert.same({ stopped = 3 }, tally(result.items, 3))
      assert.equal(1, #result.summary.warnings)
      assert.matches("2 id", result.summary.warnings[1])
      assert.matches("'y1'", result.summary.warnings[1])
    end)
  end)

  describe("ids of an unusual shape among others that the core knows at sight", function()
    local form = stopmsg.definition("clickatell").id

    it("are sent once, in their places, and counted", function()
      local hex = ("0123456789abcdef"):rep(2)
      local other = ("f"):rep(32)
      for _, limit in ipairs({ 1, 3, 100 }) do
        local list = { hex, "odd", hex:upper(), other, "odd", "ODD", other, hex .. "0" }
        local result = stop({ ids = list, limit = limit, form = form, concurrency = 1 })
        local sent = {}
        for _, request in ipairs(result.requests) do
          for _, id in ipairs(request.ids) do
            sent[#sent + 1] = id
          end
        end
        assert.same({ hex, "odd", other, "ODD", hex .. "0" }, sent)
        for i, id in ipairs(list) do
          assert.equal(id, result.items[i].id)
          assert.equal("stopped", result.items[i].outcome)
        end
        assert.matches("3 id", result.summary.warnings[1])
      end
    end)
  end)
end)
