-- The module may be loaded, and a client made, for the first time in a handler or a timer: nginx
-- has coroutines of its own there, which cannot yield through require().

local fetch = require("spec.support.fetch")
local nginx = require("spec.support.nginx")
local server = require("spec.support.server")

if not nginx.is_due() then
  return
end

local STOP = [[
  local client = require("stopmsg").new({ provider = "PROVIDER", token = "sandbox",
    base_url = "SANDBOX" })
  local item = client:stop("ID")[1]
  client:close()
]]

local function stop(sandbox, provider, id)
  return (STOP:gsub("%u+", { SANDBOX = sandbox.url, PROVIDER = provider, ID = id }))
end

describe("stopmsg inside nginx is loaded", function()
  local sandbox

  setup(function()
    sandbox = server.start({ log = false })
  end)

  teardown(function()
    sandbox:stop()
  end)

  -- The worker's first use is what is asked for.
  local function first(location)
    local worker = nginx.start({ server = "location /first { content_by_lua_block {"
      .. location .. "} }" })
    local body = fetch.one(worker.port, "/first")
    worker:stop()
    return body
  end

  it("by a handler", function()
    assert.equal("stopped", first(stop(sandbox, "idigital", "10000000125")
      :gsub("stop%(", "stop_dispatch(") .. "ngx.print(item.outcome)"))
  end)

  it("without the C module that only the command needs", function()
    assert.equal("stopped, core.so", first(stop(sandbox, "clickatell", ("a"):rep(32)) .. [[
      local names = {}
      for line in io.lines("/proc/self/maps") do
        local name = line:match("/stopmsg/([^/]+%.so)$")
        names[name or ""] = true
      end
      ngx.print(item.outcome)
      for name in pairs(names) do
        ngx.print(name ~= "" and ", " .. name or "")
      end
    ]]))
  end)

  it("by a timer", function()
    assert.equal("stopped", first([[
      local done = require("ngx.semaphore").new()
      local outcome
      ngx.timer.at(0, function()
        ]] .. stop(sandbox, "clickatell", ("a"):rep(32)) .. [[
        outcome = item.outcome
        done:post()
      end)
      done:wait(60)
      ngx.print(outcome)
    ]]))
  end)
end)
