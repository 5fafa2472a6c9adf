-- How soon a call and a process end whose resolver never answers. Targets: half a second after the
-- call's deadline, and a second after that.

local stuck = require("spec.support.stuck")

describe("a resolver that never answers", function()
  local library
  local overshoots, exits = {}, {}

  setup(function()
    library = stuck.library()
  end)

  teardown(function()
    if #overshoots > 0 then
      table.sort(overshoots)
      table.sort(exits)
      io.stdout:write(("  resolver that never answers: %d children, at most %.1f ms over the "
        .. "deadline, exit at most %.0f ms later\n"):format(#overshoots,
        overshoots[#overshoots] * 1000, exits[#exits] * 1000))
    end
  end)

  for _, child in ipairs(stuck.children) do
    it("outlives neither deadline nor process: " .. child.name, function()
      local answer, _, _, exit = stuck.run(child, library)
      overshoots[#overshoots + 1] = answer.elapsed - stuck.LIMIT
      exits[#exits + 1] = exit
      assert.is_true(answer.elapsed < stuck.LIMIT + 0.5, "the call took " .. answer.elapsed)
      assert.is_true(exit < 1, "the process took " .. exit)
    end)
  end
end)
