-- A resolver that never answers: calls end all the same. How soon is in spec/time.

local server = require("spec.support.server")
local stuck = require("spec.support.stuck")

-- A child whose requests end by their timeouts, which grow round by round, until one is answered.
local RECOVERY = [[
local engine = require("spec.support.engines").new({ slots = 8, max_response = 10000,
  connect_timeout = 120, proxy = "" })
local operation = engine:prepare({ method = "POST", base = "http://stuck.test:%s",
  url = { "/" }, headers = {}, allow_http = true })
local word = "never answered"
for round = 1, 60 do
  local left = 0
  while engine:submit(operation, {}, 1, 0, 0.1 * 1.1 ^ round) do
    left = left + 1
  end
  while left > 0 do
    engine:wait(1)
    engine:step()
    local slot, _, _, stage = engine:collect()
    while slot do
      left = left - 1
      word = stage == "complete" and "answered" or word
      slot, _, _, stage = engine:collect()
    end
  end
  if word == "answered" then
    break
  end
end
engine:close()
io.stdout:write(word, "\n")
io.stdout:flush()
]]

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
        assert.is_truthy(("failed/connect failed/deadline failed/timeout skipped/deadline "
          .. "skipped/outage"):find(outcome, 1, true), outcome)
      end
      assert.equal(0, answer.requests)
    end)
  end

  it("keeps nobody waiting once it answers again", function()
    local echo = server.echo()
    local preload = os.getenv("LD_PRELOAD")
    local process = server.spawn({
      "env", "STUCK_LOOKUPS=40", "LD_PRELOAD=" .. (preload and preload .. ":" or "") .. library,
      server.interpreter(), "-e", RECOVERY:format(echo.first_line:match("%d+$")),
    })
    local code = process:end_input()
    echo:stop()
    assert.equal("answered", process.first_line)
    assert.equal(0, code)
  end)
end)
