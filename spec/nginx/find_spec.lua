-- Lists inside nginx: handlers find and stop at one time, and none blocks the worker.

local fetch = require("spec.support.fetch")
local nginx = require("spec.support.nginx")
local server = require("spec.support.server")

if not nginx.is_due() then
  return
end

describe("a list inside nginx", function()
  local sandbox, worker

  setup(function()
    sandbox = server.start({ campaign = "{ size = 700 }", delay = 0.02, log = false })
    worker = nginx.start({
      http = ([[
        init_by_lua_block {
          client = require("stopmsg").new({ provider = "revicom", token = "sandbox",
            base_url = "SANDBOX" })
        }
      ]]):gsub("SANDBOX", sandbox.url),
      server = [[
        location /find {
          content_by_lua_block {
            local count = 0
            local next_item, report = client:find({ dispatch = 17 })
            for _ in next_item do
              count = count + 1
            end
            ngx.print(count, " ", tostring(report.is_complete))
          }
        }
        location /stop {
          content_by_lua_block {
            local next_item, report = client:stop_where({ dispatch = 17 }, { interval = 0.05 })
            for _ in next_item do end
            ngx.print(report.counts.stopped, " ", report.total, " ",
              tostring(report.is_complete))
          }
        }
        location /plain { return 200 plain; }
      ]],
    })
  end)

  teardown(function()
    worker:stop()
    sandbox:stop()
  end)

  it("is read and stopped by several handlers, while others are served", function()
    local found = { fetch.start(worker.port, "/find"), fetch.start(worker.port, "/find") }
    assert.equal("plain", fetch.one(worker.port, "/plain"))
    assert.is_false(found[1].is_closed)
    server.wait(function() return found[1].is_closed and found[2].is_closed end)
    assert.same({ "700 true", "700 true" }, { found[1].body, found[2].body })
    local stops = fetch.start(worker.port, "/stop")
    assert.equal("plain", fetch.one(worker.port, "/plain"))
    server.wait(function() return stops.is_closed end)
    assert.equal("700 700 true", stops.body)
    assert.equal("0 true", fetch.one(worker.port, "/find"))
  end)
end)
