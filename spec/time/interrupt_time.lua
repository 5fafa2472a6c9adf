-- How soon the command ends that is interrupted. Targets: 1.5 to 2.5 seconds while it waits for
-- answers that do not come, 0.8 for those that come at once, 0.4 where there are none to wait for,
-- 0.2 the second time.

local interrupts = require("spec.support.interrupts")

describe("a run that is interrupted", function()
  local place

  setup(function()
    place = interrupts.start()
  end)

  teardown(function()
    place:stop()
  end)

  local function ends(least, most, code, result)
    io.stdout:write(("  ended after %.3f s\n"):format(result.after))
    assert.equal(code, result.code)
    assert.is_true(result.after >= least and result.after <= most, tostring(result.after))
  end

  it("waits for answers that do not come", function()
    ends(1.5, 2.5, 130, place:run({}, { terminal = { "stderr" },
      steps = interrupts.steps((place:hold()), "Ctrl-C") }))
  end)

  it("waits for answers that come", function()
    local arrived, go = place:hold()
    ends(0, 0.8, 130, place:run({}, { terminal = { "stderr" },
      steps = interrupts.steps(arrived, "Ctrl-C", go) }))
  end)

  it("ends where nothing is in flight", function()
    place:answer()
    ends(0, 0.4, 143, place:run({ "--rate", "0.01" },
      { steps = { { wait = "stopped", signal = "SIGTERM" } } }))
  end)

  for _, way in ipairs({ { "Ctrl-C", 130 }, { "SIGTERM", 143 } }) do
    it("leaves at once by the second " .. way[1], function()
      ends(0, 0.2, way[2], place:run({}, { terminal = { "stderr" },
        steps = interrupts.steps((place:hold()), way[1], "again") }))
    end)
  end
end)
