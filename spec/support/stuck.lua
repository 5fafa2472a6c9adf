-- Programs that call a provider whose name a resolver is asked for that never answers.

local json = require("stopmsg.json")
local server = require("spec.support.server")
local uv = require("luv")

local stuck = {}

-- Seconds that each of them has.
stuck.LIMIT = 0.3

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
  options.patience = 0
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

stuck.children = {
  {
    name = "a call that ends at its deadline",
    code = [[
      local client = new({})
      tell(client:stop(ids[1], { deadline = 0.3 }), began)
      client:close()
    ]],
  },
  {
    name = "a call that ends by its attempts' timeouts",
    code = [[
      local client = new({ timeout = 0.3, max_attempts = 1 })
      tell(client:stop(ids[1]), began)
      client:close()
    ]],
  },
  {
    name = "a call with more ids than places",
    count = 40,
    code = [[
      local client = new({ concurrency = 4, timeout = 0.1 })
      tell(client:stop(ids, { deadline = 0.3 }), began)
      client:close()
    ]],
  },
  {
    name = "a client that is never closed",
    code = [[
      client = new({})
      tell(client:stop(ids[1], { deadline = 0.3 }), began)
    ]],
  },
  {
    name = "a client that is collected",
    code = [[
      local report = new({}):stop(ids[1], { deadline = 0.3 })
      collectgarbage()
      collectgarbage()
      tell(report, began)
    ]],
  },
  {
    name = "os.exit in the midst of it",
    code = [[
      tell(new({}):stop(ids[1], { deadline = 0.3 }), began)
      os.exit(0)
    ]],
  },
  {
    name = "an iterator that is left alone",
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
    code = [[
      local client = new({ sleep = function(s) require("socket").sleep(s) end })
      tell(client:stop(ids[1], { deadline = 0.3 }), began)
      client:close()
    ]],
  },
}

-- Its resolver, made: for run().
function stuck.library()
  local library = (os.getenv("BUILD_DIR") or "build") .. "/stuck_resolver.so"
  local command = ("%s -shared -fPIC -D_GNU_SOURCE -o %s.new spec/support/stuck_resolver.c -ldl"
    .. " && mv %s.new %s"):format(os.getenv("CC") or "cc", library, library, library)
  local done = os.execute(command)
  assert(done == true or done == 0, command)
  return library
end

-- What one of them told, { outcomes, elapsed, requests }, its exit code and signal, and how many
-- seconds it took to end then.
function stuck.run(child, library)
  local preload = os.getenv("LD_PRELOAD")
  local process = server.spawn({
    "env", "LD_PRELOAD=" .. (preload and preload .. ":" or "") .. library,
    server.interpreter(), "-e", CODE:format(child.code),
  })
  local told = uv.hrtime()
  local code, signal = process:end_input()
  local answer = json.decode(process.first_line)
  return answer, code, signal, (uv.hrtime() - told) / 1e9
end

return stuck
