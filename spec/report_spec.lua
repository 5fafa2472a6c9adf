-- What became of every id of one call.

local outcome = require("stopmsg.meaning.outcome")
local report = require("stopmsg.report")

-- A report over items with these outcomes; ids are "1", "2", ...
local function filled(words)
  local made = report.new()
  for i, word in ipairs(words) do
    made[i] = { id = tostring(i), outcome = word }
    made:count(made[i])
  end
  return made
end

describe("stopmsg.report", function()
  it("counts every outcome from the start", function()
    local made = report.new()
    for _, word in ipairs(outcome.names) do
      assert.message(word).equal(0, made.counts[word])
    end
  end)

  it("counts no word twice and none besides", function()
    local n = 0
    for _ in pairs(report.new().counts) do
      n = n + 1
    end
    assert.equal(#outcome.names, n)
  end)

  it("begins with zeros and without warnings", function()
    local made = report.new()
    for _, field in ipairs({ "total", "requests", "retries", "connections", "elapsed" }) do
      assert.message(field).equal(0, made[field])
    end
    assert.same({}, made.warnings)
  end)

  it("shares nothing with another report", function()
    local one, other = filled({ "stopped" }), report.new()
    one.warnings[1] = "x"
    assert.equal(0, other.counts.stopped)
    assert.same({}, other.warnings)
  end)

  describe(":count", function()
    it("counts the item under its outcome", function()
      local made = filled({ "stopped", "too_late", "stopped" })
      assert.equal(2, made.counts.stopped)
      assert.equal(1, made.counts.too_late)
      assert.equal(3, made.total)
    end)
  end)

  describe("ok", function()
    it("is true where all were stopped", function()
      assert.is_true(filled({ "stopped", "stopped" }).ok)
    end)

    it("is false without items", function()
      assert.is_false(report.new().ok)
    end)

    for _, word in ipairs(outcome.names) do
      if word ~= "stopped" then
        it("is false with one " .. word, function()
          assert.is_false(filled({ "stopped", word, "stopped" }).ok)
          assert.is_false(filled({ word, "stopped" }).ok)
        end)
      end
    end
  end)

  describe(":ids", function()
    it("gives the ids with an outcome, in order", function()
      local made = filled({ "stopped", "failed", "stopped" })
      assert.same({ "1", "3" }, made:ids("stopped"))
      assert.same({ "2" }, made:ids("failed"))
    end)

    it("gives an empty list where no id has it", function()
      assert.same({}, filled({ "stopped" }):ids("unknown"))
    end)

    it("raises at the caller on what is no outcome", function()
      local called, message = pcall(function()
        filled({ "stopped" }):ids("done")
      end)
      assert.is_false(called)
      assert.matches("report_spec", message)
      assert.matches("bad argument #1 to 'ids'", message, 1, true)
      assert.matches("done", message)
    end)

    it("raises without an outcome", function()
      assert.has_error(function()
        filled({}):ids()
      end)
    end)
  end)

  describe("tostring", function()
    it("is one line of counts for people", function()
      local made = filled({ "stopped", "too_late", "stopped" })
      made.requests, made.elapsed = 1, 0.118
      assert.equal("3 ids: 2 stopped, 1 too_late (1 request, 0.12 s)", tostring(made))
    end)

    it("tells repeats", function()
      local made = filled({ "stopped" })
      made.requests, made.retries, made.elapsed = 3, 2, 1
      assert.equal("1 id: 1 stopped (3 requests, 2 repeated, 1.00 s)", tostring(made))
    end)

    it("names the commonest reason, of equals always the same one", function()
      local made = report.new()
      for _, reason in ipairs({ "tls", "timeout", "connect", "timeout", "tls" }) do
        made:count({ outcome = "failed", reason = reason })
      end
      assert.same({ connect = 1, timeout = 2, tls = 2 }, made.reasons)
      assert.matches(" s%); main reason: timeout$", tostring(made))
      assert.matches(" s%)$", report.totals(made))
      made = report.new()
      made:count({ outcome = "failed", reason = "tls" })
      assert.matches(" s%); reason: tls$", tostring(made))
    end)

    it("names every outcome that there is", function()
      local line = tostring(filled(outcome.names))
      for _, word in ipairs(outcome.names) do
        assert.matches("1 " .. word, line, 1, true)
      end
      assert.is_nil(line:find("\n"))
    end)

    it("says so where there was nothing to do", function()
      assert.matches("^0 ids: nothing to do", tostring(report.new()))
    end)
  end)
end)
