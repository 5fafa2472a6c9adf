-- A resolver that never answers: calls end all the same. How soon is in spec/time.

local stuck = require("spec.support.stuck")

describe("a resolver that never answers", function()
  local library

  setup(function()
    library = stuck.library()
  end)

  for _, child in ipairs(stuck.children) do
    it("outlives neither call nor process: " .. child.name, function()
      local answer, code, signal = stuck.run(child, library)
      assert.same({ 0, 0 }, { code, signal })
      assert.equal(child.count or 1, #answer.outcomes)
      for _, outcome in ipairs(answer.outcomes) do
        assert.is_truthy(("failed/connect failed/deadline failed/timeout skipped/deadline")
          :find(outcome, 1, true), outcome)
      end
      assert.equal(0, answer.requests)
    end)
  end
end)
