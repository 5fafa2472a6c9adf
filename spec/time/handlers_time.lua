-- How long a call over a long list keeps a worker of nginx from its other work. Target: 20 ms of
-- the processor's time.

local fetch = require("spec.support.fetch")
local nginx = require("spec.support.nginx")
local server = require("spec.support.server")

if not nginx.is_due() then
  return
end

local LONGEST = 0.02

describe("a worker of nginx", function()
  it("is not held up, however long the list", function()
    local sandbox = server.start({ delay = 0.1 })
    local worker = nginx.start({
      http = [[
        init_by_lua_block {
          client = require("stopmsg").new({ provider = "revicom", token = "sandbox",
            base_url = "]] .. sandbox.url .. [[" })
          ticking, longest = false, 0
          function tick(premature)
            while not premature and ticking do
              local before = os.clock()
              ngx.sleep(0.001)
              longest = math.max(longest, os.clock() - before)
            end
          end
        }
      ]],
      server = [[
        location /long {
          content_by_lua_block {
            local ids = {}
            for i = 1, 100000 do
              ids[i] = ("%08x-0000-4000-8000-%08xaaaa"):format(i, i)
            end
            ticking = true
            ngx.timer.at(0, tick)
            ngx.sleep(0.01)
            longest = 0
            local report = client:stop(ids)
            ticking = false
            ngx.print(report.counts.stopped, " ", longest)
          }
        }
      ]],
    })
    local stopped, longest = fetch.one(worker.port, "/long"):match("^(%d+) (%S+)$")
    worker:stop()
    sandbox:stop()
    assert.equal("100000", stopped)
    io.stdout:write(("  a worker was held up for %.1f ms at most\n"):format(longest * 1000))
    assert.is_true(tonumber(longest) < LONGEST, "held up for " .. longest)
  end)
end)
