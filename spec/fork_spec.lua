-- A child that was forked has copies of its parent's handles, and shares their sockets: it must
-- not use them, nor close them in a way that the other end notices.

local built = require("spec.support.built")
local core = require("stopmsg.core")
local engines = require("spec.support.engines")
local patience = require("spec.support.patience")
local redis = require("spec.support.redis")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local ID = ("0123456789abcdef"):rep(2)

describe("a forked child", function()
  local fork, echo

  setup(function()
    fork = assert(package.loadlib(built("fork"), "luaopen_fork"))()
    echo = server.echo(('{"data":{"messageStatus":"006","apiMessageId":"%s"}}'):format(ID))
  end)

  teardown(function()
    echo:stop()
  end)

  local function new_client()
    return stopmsg.new({ provider = "clickatell", token = "k", base_url = echo.first_line })
  end

  local function shown(report)
    return ("%s, %d connection(s)"):format(report[1].outcome, report.connections)
  end

  it("has its own number", function()
    local pid = core.pid()
    local child = fork(function()
      return ("%d %d"):format(core.pid(), core.pid())
    end)
    local first, second = child:match("^(%d+) (%d+)$")
    assert.equal(first, second)
    assert.not_equal(("%d"):format(pid), first)
    assert.equal(pid, core.pid())
  end)

  it("opens connections of its own with its parent's client, and leaves the parent's alone",
    function()
      local client = new_client()
      assert.equal("stopped, 1 connection(s)", shown(client:stop(ID)))
      for _ = 1, 2 do
        assert.equal("stopped, 1 connection(s)", fork(function()
          local text = shown(client:stop(ID))
          client = nil
          return text
        end))
        assert.equal("stopped, 0 connection(s)", shown(client:stop(ID)))
      end
      client:close()
    end)

  it("uses a client that its parent made and never used", function()
    local client = new_client()
    assert.equal("stopped, 1 connection(s)", fork(function()
      return shown(client:stop(ID))
    end))
    assert.equal("stopped, 1 connection(s)", shown(client:stop(ID)))
    client:close()
  end)

  it("takes slots of its own from a rate that its parent shares", function()
    local started = redis.start()
    local rate = stopmsg.shared.rate({ name = "account", rate = 10, redis = started.url })
    local function take()
      patience.until_(function() return rate() == 0 end)
      return ("%.0f"):format(tonumber(started.first:call("HGET", "stopmsg:rate:account", "next")))
    end
    started.first = redis.client(started.port)
    local before = take()
    local child = fork(function()
      started.first = redis.client(started.port)
      local mine = take()
      rate = nil
      collectgarbage()
      return mine
    end)
    assert.is_true(tonumber(child) > tonumber(before))
    assert.is_true(tonumber(take()) > tonumber(child))
    started.first:close()
    started:stop()
  end)

  it("cannot use a connection to Redis of its parent, and may close it", function()
    local connection = core.redis({ url = "http://127.0.0.1:1/", connect_timeout = 1, limit = 100 })
    for _, method in ipairs({ "connect", "step", "receive", "send", "wait" }) do
      assert.matches("attempt to use a connection of another process$", fork(function()
        connection[method](connection, 0)
      end))
    end
    assert.equal("closed", fork(function()
      connection:close()
      return "closed"
    end))
    assert.is_true(connection:connect())
    connection:close()
  end)

  it("cannot use an engine of its parent, and may close it", function()
    local engine = assert(engines.new({ slots = 1, max_response = 1000, connect_timeout = 120 }))
    for _, method in ipairs({ "step", "start", "collect", "wait", "prepare", "submit" }) do
      assert.matches("attempt to use an engine of another process$", fork(function()
        engine[method](engine, 0)
      end))
    end
    assert.equal("closed", fork(function()
      engine:close()
      return "closed"
    end))
    assert.is_true(engine:step())
    engine:close()
  end)
end)
