-- The vocabulary, and what proof each word needs.

local outcome = require("stopmsg.meaning.outcome")

-- Word -> is it final, was the message stopped ("-" where the word does not tell).
local WORDS = {
  stopped = { true, true },
  accepted = { false, "-" },
  recalled = { true, "-" },
  too_late = { true, false },
  not_stoppable = { true, false },
  not_found = { true, "-" },
  denied = { true, false },
  invalid = { true, false },
  failed = { true, false },
  unknown = { false, "-" },
  open = { false, false },
  skipped = { "-", false },
}

describe("stopmsg.meaning.outcome", function()
  it("counts every word, from nothing", function()
    local counts = outcome.counts()
    for _, word in ipairs(outcome.names) do
      assert.message(word).equal(0, counts[word])
      counts[word] = nil
    end
    assert.same({}, counts)
  end)

  describe("all", function()
    it("holds exactly the words of the contract", function()
      local known = {}
      for word in pairs(outcome.all) do
        known[word] = true
      end
      for word in pairs(WORDS) do
        assert.message(word).is_true(known[word])
        known[word] = nil
      end
      assert.same({}, known)
    end)

    for word, expected in pairs(WORDS) do
      it("tells of " .. word .. " whether it is final and whether it was stopped", function()
        local info = outcome.all[word]
        assert.equal("boolean", type(info.settled))
        if expected[1] ~= "-" then
          assert.equal(expected[1], info.settled)
        end
        if expected[2] == "-" then
          assert.is_nil(info.stopped)
        else
          assert.equal(expected[2], info.stopped)
        end
      end)

      it("says what " .. word .. " means in one sentence", function()
        assert.matches("^%u[^%.]+%.$", outcome.all[word].about)
      end)
    end

    it("calls nothing but stopped a stop", function()
      for word, info in pairs(outcome.all) do
        assert.message(word).equal(word == "stopped", info.stopped == true)
      end
    end)
  end)

  describe("names", function()
    it("lists every word once", function()
      local seen = {}
      for _, word in ipairs(outcome.names) do
        assert.message(word).is_nil(seen[word])
        assert.message(word).is_table(outcome.all[word])
        seen[word] = true
      end
      for word in pairs(outcome.all) do
        assert.message(word).is_true(seen[word])
      end
    end)
  end)

  describe("weigh", function()
    it("leaves every word as it is where nothing happened before", function()
      for _, word in ipairs(outcome.names) do
        assert.equal(word, outcome.weigh(word, false))
        assert.equal(word, outcome.weigh(word, nil))
      end
    end)

    for _, word in ipairs({ "stopped", "accepted", "recalled", "unknown", "open" }) do
      it("lets " .. word .. " stand after an attempt that may have taken effect", function()
        assert.equal(word, outcome.weigh(word, true))
      end)
    end

    for _, word in ipairs({
      "too_late", "not_stoppable", "not_found", "denied", "invalid", "failed", "skipped",
    }) do
      it("makes " .. word .. " unknown after an attempt that may have taken effect", function()
        assert.equal("unknown", outcome.weigh(word, true))
      end)
    end
  end)
end)
