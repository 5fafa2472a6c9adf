-- What a fleet claims, held against the log of a provider that stops each message once
-- (spec/torture/fleet/judge.py), while workers are killed and paused, connections cut, and Redis is
-- killed, forgets, has no memory and is taken over by a replica: the short form of
-- `make torture-fleet`.

local command = require("spec.support.command")

describe("a fleet", function()
  local runner

  setup(function()
    runner = command.start()
  end)

  teardown(function()
    runner:stop()
  end)

  it("loses no id, counts none twice and claims no more than it knows, whatever breaks", function()
    local result = runner:run({ "spec/torture/fleet/main.py", "short", "--seed", "1" },
      { argv = { "python3" }, limit = 1800 })
    assert.message(result.stdout .. result.stderr).equal(0, result.code)
  end)

  it("is shown by examples/fleet/demo.sh", function()
    local result = runner:run({ "examples/fleet/demo.sh" }, { argv = { "sh" } })
    assert.message(result.stdout .. result.stderr).equal(0, result.code)
    assert.equal("", result.stderr)
    assert.matches("\nThe sum is right: [^\n]*\n$", result.stdout)
  end)
end)
