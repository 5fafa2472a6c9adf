local json = require("stopmsg.json")
local server = require("spec.support.server")
local uv = require("luv")

-- What a child does: calls that need a name, with a resolver that never answers. %s is the part
-- that differs; its last line is what the child has to say.
local CODE = [[
local json = require("stopmsg.json")
local core = require("stopmsg.core")
local stopmsg = require("stopmsg")
local function tell(report, began)
  local outcomes = {}
  for _, item in ipairs(report) do
    outcomes[#outcomes + 1] = item.outcome .. "/" .. tostring(item.reason)
  end
  io.stdout:write(json.encode({ outcomes = outcomes, elapsed = core.now() - began,
    requests = report.requests }), "\n")
  io.stdout:flush()
end
local function new(options)
  options.provider = options.provider or "clickatell"
  options.token = "a-token"
  options.base_url = "https://stuck.test"
  return stopmsg.new(options)
end
local ids = {}
for i = 1, 40 do
  ids[i] = ("d7a1c4e2b8f94a1e93c5d0e6%%08x"):format(i)
end
local began = core.now()
%s
]]

-- A child whose requests end by their timeouts, round after round, until one is answered.
local RECOVERY = [[
local core = require("stopmsg.core")
local engine = core.engine({ slots = 8, max_response = 10000, connect_timeout = 3, proxy = "" })
local operation = engine:prepare({ method = "POST", base = "http://stuck.test:%s",
  url = { open = "/" }, headers = {}, allow_http = true })
local word = "never answered"
for _ = 1, 60 do
  local left = 0
  while engine:submit(operation, {}, 1, 0, 0.1) do
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

local CHILDREN = {
  {
    name = "a call that ends at its deadline",
    limit = 0.3,
    code = [[
      local client = new({})
      tell(client:stop(ids[1], { deadline = 0.3 }), began)
      client:close()
    ]],
  },
  {
    name = "a call that ends by its attempts' timeouts",
    limit = 0.3,
    code = [[
      local client = new({ timeout = 0.3, max_attempts = 1 })
      tell(client:stop(ids[1]), began)
      client:close()
    ]],
  },
  {
    name = "a call with more ids than places",
    limit = 0.3,
    count = 40,
    code = [[
      local client = new({ concurrency = 4, timeout = 0.1 })
      tell(client:stop(ids, { deadline = 0.3 }), began)
      client:close()
    ]],
  },
  {
    name = "a client that is never closed",
    limit = 0.3,
    code = [[
      client = new({})
      tell(client:stop(ids[1], { deadline = 0.3 }), began)
    ]],
  },
  {
    name = "a client that is collected",
    limit = 0.3,
    code = [[
      local report = new({}):stop(ids[1], { deadline = 0.3 })
      collectgarbage()
      collectgarbage()
      tell(report, began)
    ]],
  },
  {
    name = "os.exit in the midst of it",
    limit = 0.3,
    code = [[
      tell(new({}):stop(ids[1], { deadline = 0.3 }), began)
      os.exit(0)
    ]],
  },
  {
    name = "an iterator that is left alone",
    limit = 0.3,
    code = [[
      local client = new({ concurrency = 2 })
      local each = client:each(ids, { deadline = 0.3 })
      local item = each()
      tell({ item, requests = 0 }, began)
      client:close()
    ]],
  },
  {
    name = "a scheduler's sleep",
    limit = 0.3,
    code = [[
      local client = new({ sleep = function(s) require("socket").sleep(s) end })
      tell(client:stop(ids[1], { deadline = 0.3 }), began)
      client:close()
    ]],
  },
}

describe("a resolver that never answers", function()
  local library
  local overshoots, exits = {}, {}

  setup(function()
    library = (os.getenv("BUILD_DIR") or "build") .. "/stuck_resolver.so"
    local command = ("%s -shared -fPIC -D_GNU_SOURCE -o %s.new spec/support/stuck_resolver.c -ldl"
      .. " && mv %s.new %s"):format(os.getenv("CC") or "cc", library, library, library)
    local done = os.execute(command)
    assert(done == true or done == 0, command)
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

  for _, child in ipairs(CHILDREN) do
    it("outlives neither deadline nor process: " .. child.name, function()
      local preload = os.getenv("LD_PRELOAD")
      local process = server.spawn({
        "env", "LD_PRELOAD=" .. (preload and preload .. ":" or "") .. library,
        server.interpreter(), "-e", CODE:format(child.code),
      })
      local told = uv.hrtime()
      local code, signal = process:end_input()
      local exit = (uv.hrtime() - told) / 1e9
      local answer = json.decode(process.first_line)
      assert.same({ 0, 0 }, { code, signal })
      assert.equal(child.count or 1, #answer.outcomes)
      for _, outcome in ipairs(answer.outcomes) do
        assert.is_truthy(("failed/connect failed/deadline failed/timeout skipped/deadline")
          :find(outcome, 1, true), outcome)
      end
      assert.equal(0, answer.requests)
      overshoots[#overshoots + 1] = answer.elapsed - child.limit
      exits[#exits + 1] = exit
      assert.is_true(answer.elapsed < child.limit + 0.5, "the call took " .. answer.elapsed)
      assert.is_true(exit < 1, "the process took " .. exit)
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
