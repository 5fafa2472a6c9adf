-- The last line of a stop.

local advice = require("stopmsg.cli.advice")

describe("stopmsg.cli.advice", function()
  -- What is said of two stops that lookups did not prove.
  local function of_unproven(journal)
    return advice.of({ counts = { accepted = 2 }, left = 0, unproven = 0, lookup = "--verify",
      has_verified = true, journal = journal, reason_of = function() end })
  end

  it("does not have what was accepted sent again", function()
    assert.equal("2 ids are still unproven: run the same command later to look them up again",
      of_unproven("ids.journal"))
    assert.equal("2 ids are still unproven: use stopmsg status later to look them up again",
      of_unproven(nil))
  end)
end)
