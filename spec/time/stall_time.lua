-- How soon a call ends whose server stalls. Target: half a second after its deadline or timeout,
-- without an attempt after that.

local sorted = require("spec.support.sorted")
local stalls = require("spec.support.stalls")

local OVER = 0.5

local function say(...)
  io.stdout:write("  " .. string.format(...) .. "\n")
end

describe("a server that stalls", function()
  local stalled
  local overshoots = {}

  setup(function()
    stalled = stalls.start()
  end)

  teardown(function()
    stalled:stop()
    table.sort(overshoots)
    say("over deadline or timeout: %d calls, at most %.1f ms, p99 %.1f ms, median %.1f ms",
      #overshoots, overshoots[#overshoots] * 1000,
      overshoots[math.max(1, math.floor(#overshoots * 0.99))] * 1000,
      overshoots[math.ceil(#overshoots / 2)] * 1000)
  end)

  for _, phase in ipairs(stalls.phases) do
    it("holds up no call longer than it may take: it stalls " .. phase.name, function()
      for _, name in ipairs(sorted.keys(stalls.limits)) do
        local seconds = name == "deadline over many attempts" and 0.2 or 0.12
        local report, log, wrong, took, began = stalled:call(phase, name, seconds)
        assert.same({}, wrong)
        local told = ("%s: %s (%s), %.3f s over"):format(name, report[1].outcome,
          tostring(report[1].reason), took - seconds)
        assert.equal(phase.outcome or "unknown", report[1].outcome, told)
        assert.is_true(took - seconds < OVER, told)
        -- A call may end early, when no further attempt fits into what is left.
        overshoots[#overshoots + 1] = math.max(0, took - seconds)
        for _, record in ipairs(log) do
          assert.is_true(record.time < began + seconds + OVER, "an attempt after the deadline")
        end
      end
    end)
  end
end)
