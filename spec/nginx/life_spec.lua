-- A worker of nginx that is told to go while requests are in flight, and one without timers.

local fetch = require("spec.support.fetch")
local nginx = require("spec.support.nginx")
local patience = require("spec.support.patience")
local server = require("spec.support.server")

if not nginx.is_due() then
  return
end

local DELAY = 0.2

local HTTP = [[
  init_by_lua_block {
    client = require("stopmsg").new({ provider = "idigital", token = "sandbox",
      base_url = "SANDBOX", concurrency = 8 })
    begun = {}
    function stop(first, last)
      local words = {}
      for id = first, last do
        words[#words + 1] = client:stop_dispatch(id)[1].outcome
      end
      return table.concat(words, " ")
    end
  }
]]

local SERVER = [[
  location /pid { content_by_lua_block { ngx.print(ngx.worker.pid()) } }
  location /stop {
    content_by_lua_block {
      ngx.sleep(tonumber(ngx.var.arg_after or 0))
      local id = tonumber(ngx.var.arg_id)
      begun[id] = true
      ngx.print(id, " ", stop(id, id))
    }
  }
  location /begun { content_by_lua_block { ngx.print(tostring(begun[tonumber(ngx.var.arg_id)])) } }
  location /job {
    content_by_lua_block {
      local id = tonumber(ngx.var.arg_id)
      ngx.timer.at(0, function(premature)
        ngx.log(ngx.WARN, "job ", id, " did ", stop(id, id + 2))
      end)
      ngx.print("started")
    }
  }
]]

describe("a worker of nginx", function()
  local sandbox, worker

  before_each(function()
    sandbox = server.start({ delay = DELAY })
  end)

  after_each(function()
    worker:stop()
    sandbox:stop()
    local log = worker:log()
    for _, word in ipairs({ "[error]", "[crit]", "exited on signal", "open socket" }) do
      assert.is_nil(log:find(word, 1, true), log)
    end
  end)

  local function start(options)
    options.http = (options.http or "") .. HTTP:gsub("SANDBOX", sandbox.url)
    options.server = SERVER
    worker = nginx.start(options)
    return worker.port
  end

  local function get(path)
    return (fetch.one(worker.port, path))
  end

  -- Calls that are at it, one that has not begun, and one in the background.
  local function begin(port)
    local waiting = { fetch.start(port, "/stop?id=1"), fetch.start(port, "/stop?id=2"),
      fetch.start(port, "/stop?id=3&after=" .. DELAY) }
    assert.equal("started", get("/job?id=10"))
    local gone = fetch.start(port, "/stop?id=4")
    for _, id in ipairs({ 1, 2, 4 }) do
      patience.until_(function() return get("/begun?id=" .. id) == "true" end)
    end
    gone:close()
    return waiting
  end

  local function check_all(waiting)
    assert.is_true(fetch.finish(waiting))
    for id, request in ipairs(waiting) do
      assert.equal(id .. " stopped", request.body)
    end
    local log = worker:log()
    assert.is_truthy(log:find("job 10 did stopped stopped stopped", 1, true), log)
    local seen = {}
    for _, request in ipairs(sandbox:log()) do
      local id = tonumber(request.path:match("/(%d+)/"))
      if id then
        assert.is_nil(seen[id], "sent twice: " .. id)
        seen[id] = true
      end
    end
    for _, id in ipairs({ 1, 2, 3, 4, 10, 11, 12 }) do
      assert.is_true(seen[id], "never sent: " .. id)
    end
  end

  it("finishes what it began when the configuration is loaded anew", function()
    local port = start({})
    local old = get("/pid")
    local waiting = begin(port)
    worker:kill("sighup")
    assert.is_truthy(server.wait(function()
      return worker:log():find("process " .. old .. " exited with code 0", 1, true)
    end))
    check_all(waiting)
    assert.not_equal(old, get("/pid"))
    assert.equal("20 stopped", get("/stop?id=20"))
  end)

  it("finishes what it began when nginx is asked to quit", function()
    local waiting = begin(start({}))
    worker:kill("sigquit")
    assert.is_true(worker:has_ended())
    check_all(waiting)
  end)

  it("answers without a timer for the pump, too", function()
    local port = start({
      http = [[
        lua_max_running_timers 1;
        init_worker_by_lua_block {
          ngx.timer.at(0, function()
            while not ngx.worker.exiting() do
              ngx.sleep(0.05)
            end
          end)
        }
      ]],
    })
    local paths = {}
    for id = 1, 12 do
      paths[id] = "/stop?id=" .. id
    end
    for id, request in ipairs(fetch.all(port, paths)) do
      assert.equal(id .. " stopped", request.body)
    end
    assert.is_truthy(worker:log():find("lua_max_running_timers are not enough", 1, true))
  end)

  it("answers when no timer may be pending, too", function()
    local port = start({ http = "lua_max_pending_timers 0;" })
    local paths = {}
    for id = 1, 12 do
      paths[id] = "/stop?id=" .. id
    end
    for id, request in ipairs(fetch.all(port, paths)) do
      assert.equal(id .. " stopped", request.body)
    end
  end)
end)
