-- A shared rate inside nginx: slots are asked for by timers.

local http10 = require("spec.support.http10")
local nginx = require("spec.support.nginx")
local patience = require("spec.support.patience")
local redis = require("spec.support.redis")
local server = require("spec.support.server")

if not nginx.is_due() then
  return
end

local PASSWORD = "canary-4f20c8-redis"

local KEY = "stopmsg:rate:account"

local CONFIG = {
  workers = 2,
  http = [[
    lua_socket_log_errors off;
    init_by_lua_block {
      package.preload["resty.redis"] = function()
        return require("spec.support.resty_redis")
      end
      local stopmsg = require("stopmsg")
      local function client(redis, more)
        local rate = stopmsg.shared.rate({ name = "account", rate = 200, redis = redis,
          password = type(redis) == "string" and "PASSWORD" or nil, timeout = nil })
        return stopmsg.new({ provider = "idigital", token = "sandbox", base_url = "SANDBOX",
          concurrency = 64, rate = rate, patience = more or 60 })
      end
      by_address = client("ADDRESS/1")
      by_function = client(function()
        local redis = require("resty.redis"):new()
        local connected, message = redis:connect("127.0.0.1", REDIS_PORT, {})
        if not connected then
          return nil, message
        end
        redis:auth("PASSWORD")
        redis:select(1)
        return redis
      end)
      nobody = client("redis://127.0.0.1:1", 0.2)
      wrong = client("ADDRESS/77", 0.2)
    }
  ]],
  server = [[
    location /stop {
      content_by_lua_block {
        local report = _G[ngx.var.arg_client]:stop_dispatch(tonumber(ngx.var.arg_id))
        ngx.print(report[1].outcome, " ", report[1].reason or "", " ",
          table.concat(report.warnings, " "))
      }
    }
  ]],
}

describe("a shared rate inside nginx", function()
  local started, sandbox, web

  setup(function()
    started = redis.start({ "--requirepass", PASSWORD })
    started:call("AUTH", PASSWORD)
    started:call("SELECT", "1")
    sandbox = server.start()
    local config = {}
    for name, value in pairs(CONFIG) do
      config[name] = type(value) == "string" and value:gsub("PASSWORD", PASSWORD)
        :gsub("SANDBOX", sandbox.url):gsub("ADDRESS", started.url)
        :gsub("REDIS_PORT", started.port) or value
    end
    web = nginx.start(config)
  end)

  teardown(function()
    web:stop()
    started:stop()
    sandbox:stop()
    assert.is_nil(web:log():find("canary"))
    assert.is_nil(web:log():find("%[error%]"))
  end)

  local id = 700

  -- The path that stops one more message: a second stop of one would be too late.
  local function path(client)
    id = id + 1
    return ("/stop?id=%d&client=%s"):format(id, client)
  end

  local function next_slot()
    return tonumber(started:call("HGET", KEY, "next")) / 1e6
  end

  for _, client in ipairs({ "by_address", "by_function" }) do
    it("is kept over two workers, " .. client:gsub("_", " "), function()
      started:call("FLUSHALL")
      local answer = http10.ask(web.port, "GET", path(client))
      assert.matches("^stopped ", answer.body)
      started:call("CONFIG", "RESETSTAT")
      local before, pending = next_slot(), {}
      for i = 1, 100 do
        pending[i] = http10.send(web.port, "GET", path(client))
      end
      for i = 1, 100 do
        assert.matches("^stopped ", pending[i]:head():answer().body)
      end
      -- Each request took a slot of its own; what was caught up on is in the first ones.
      assert.is_true(next_slot() - before >= 100 / 200 - 0.05)
      local calls = started:call("INFO", "commandstats"):match("cmdstat_evalsha:calls=(%d+)")
      assert.is_true(tonumber(calls) <= 102)
    end)
  end

  it("hears of a pause", function()
    local function now()
      local time = started:call("TIME")
      return time[1] * 1e6 + time[2]
    end
    started:call("FLUSHALL")
    started:call("EVAL", require("stopmsg.fleet.script").text, "1", KEY, "200", "0", "3")
    local till = tonumber(started:call("HGET", KEY, "pause"))
    -- Some slots may be held from before; the first request that asks for one waits.
    repeat
      assert.is_true(now() < till)
      assert.matches("^stopped ", http10.ask(web.port, "GET", path("by_address")).body)
    until now() >= till
  end)

  it("waits for a Redis that is away, and says why", function()
    for client, why in pairs({ nobody = "at 127.0.0.1:1 cannot be reached",
      wrong = "has no database of that number" }) do
      local body = http10.ask(web.port, "GET", path(client)).body
      assert.matches("^skipped outage ", body)
      assert.is_not_nil(body:find(why, 1, true), body)
    end
  end)

  it("goes on where Redis was started anew", function()
    assert.matches("^stopped ", http10.ask(web.port, "GET", path("by_address")).body)
    started:restart()
    started:call("AUTH", PASSWORD)
    started:call("SELECT", "1")
    patience.until_(function()
      return http10.ask(web.port, "GET", path("by_address")).body
        :find("^stopped ")
    end)
  end)
end)
