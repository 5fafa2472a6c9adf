-- Handlers of one nginx worker that share a client, and what becomes of those that end early.

local faults = require("spec.support.faults")
local fetch = require("spec.support.fetch")
local json = require("stopmsg.json")
local nginx = require("spec.support.nginx")
local patience = require("spec.support.patience")
local server = require("spec.support.server")

if not nginx.is_due() then
  return
end

-- Seconds that the sandbox holds each answer back; another server does until it is told to go on.
local DELAY = 0.1

-- Ends in what chooses an id's fate in the sandbox.
local FATES = {
  aaaa = "stopped", ["0202"] = "accepted", ["0403"] = "too_late", ["0404"] = "not_found",
}

local CONFIG = {
  main = "env http_proxy; env HTTPS_PROXY; env ALL_PROXY;",
  environment = {
    http_proxy = "http://127.0.0.1:1", HTTPS_PROXY = "http://127.0.0.1:1",
    ALL_PROXY = "http://127.0.0.1:1",
  },
  http = [[
    lua_check_client_abort on;
    init_by_lua_block {
      local stopmsg = require("stopmsg")
      json = require("cjson")
      options = function(more)
        local all = { token = "sandbox", base_url = "SANDBOX" }
        for name, value in pairs(more) do
          all[name] = value
        end
        return all
      end
      batches = stopmsg.new(options({ provider = "revicom" }))
      singles = stopmsg.new(options({ provider = "idigital", concurrency = 8 }))
      narrow = stopmsg.new(options({ provider = "idigital", concurrency = 1 }))
      held = stopmsg.new(options({ provider = "idigital", concurrency = 8, base_url = "HELD" }))
      doomed = stopmsg.new(options({ provider = "idigital", concurrency = 1, base_url = "HELD" }))
      runs = setmetatable({}, { __mode = "k" })
      function flights_of(client)
        return client._session and client._session.engine:in_flight() or 0
      end
    }
  ]],
  server = [[
    location /batch {
      content_by_lua_block {
        local ids = {}
        for id in ngx.var.arg_ids:gmatch("[^,]+") do
          ids[#ids + 1] = id
        end
        local report = batches:stop(ids)
        local said = {}
        for i, item in ipairs(report) do
          said[i] = item
        end
        ngx.print(json.encode(said))
      }
    }
    location /single {
      content_by_lua_block {
        local client = _G[ngx.var.arg_client or "singles"]
        local ok, report = pcall(client.stop_dispatch, client, tonumber(ngx.var.arg_id))
        ngx.print(ok and report[1].outcome .. " " .. report[1].id or report)
      }
    }
    location /long {
      content_by_lua_block {
        local ids = {}
        for i = 1, tonumber(ngx.var.arg_count) do
          ids[i] = ("%08x-0000-4000-8000-%08xaaaa"):format(i, i)
        end
        local report = batches:stop(ids)
        ngx.print(json.encode({ ok = report.ok, total = report.total }))
      }
    }
    location /endless {
      content_by_lua_block {
        local id = tonumber(ngx.var.arg_id)
        local next_item = narrow:each(function()
          id = id + 1
          return id
        end, { kind = "dispatch" })
        runs[next_item] = true
        while next_item() do
        end
      }
    }
    location /thread {
      content_by_lua_block {
        local thread = ngx.thread.spawn(function()
          singles:stop_dispatch({ 71, 72, 73 })
        end)
        ngx.sleep(0.02)
        ngx.thread.kill(thread)
        ngx.print(coroutine.status(thread))
      }
    }
    location /close { content_by_lua_block { doomed:close() } }
    location /flights { content_by_lua_block { ngx.print(flights_of(_G[ngx.var.arg_client])) } }
    location /state {
      content_by_lua_block {
        require("jit").flush() -- compiled code holds on to functions that it calls
        collectgarbage()
        collectgarbage()
        local flights, left = 0, 0
        for _, client in ipairs({ batches, singles, narrow, held }) do
          flights = flights + flights_of(client)
        end
        for _ in pairs(runs) do
          left = left + 1
        end
        ngx.print(flights, " ", left, " ", ngx.timer.running_count())
      }
    }
  ]],
}

local function uuid(n, fate)
  return ("%08x-0000-4000-8000-%08x%s"):format(n, n, fate)
end

describe("handlers of one nginx worker", function()
  local sandbox, holding, worker

  setup(function()
    sandbox = server.start({ delay = DELAY })
    holding = faults.start()
    local config = {}
    for name, value in pairs(CONFIG) do
      config[name] = value
    end
    config.http = config.http:gsub("SANDBOX", sandbox.url):gsub("HELD", holding.url)
    worker = nginx.start(config)
  end)

  teardown(function()
    worker:stop()
    sandbox:stop()
    holding:stop()
    local log = worker:log()
    for _, word in ipairs({ "[error]", "[alert]", "[crit]" }) do
      assert.is_nil(log:find(word, 1, true), log)
    end
  end)

  local function get(path)
    return (fetch.one(worker.port, path))
  end

  local function await(path, body)
    patience.until_(function()
      local is_so = get(path) == body
      if not is_so then
        fetch.rest(0.02)
      end
      return is_so
    end, path .. " to say " .. body)
  end

  -- Nothing in flight, no run alive, and the pump gone.
  local function comes_to_rest()
    await("/state", "0 0 0")
  end

  -- From now on the other server holds its answers back.
  local function hold()
    local provider = faults.providers[2]
    local answer = faults.answer(faults.http(provider.stopped()), "stopped")
    table.insert(answer["do"], 2, { "hold" })
    holding:set({ ["then"] = answer })
  end

  -- Requests that it got, once it may go on.
  local function requests_of_held()
    return #faults.only(holding:take(), "request")
  end

  it("each get the items of their own ids, environment proxies or not", function()
    local paths, asked = {}, {}
    local n = 0
    for i = 1, 60 do
      local ids = {}
      asked[i] = {}
      for fate, outcome in pairs(FATES) do
        n = n + 1
        ids[#ids + 1] = uuid(n, fate)
        asked[i][uuid(n, fate)] = outcome
      end
      paths[i] = "/batch?ids=" .. table.concat(ids, ",")
    end
    for i, request in ipairs(fetch.all(worker.port, paths)) do
      local said = {}
      for _, item in ipairs(assert(json.decode(request.body))) do
        said[item.id] = item.outcome
      end
      assert.same(asked[i], said)
    end
    comes_to_rest()
  end)

  it("share the client's slots, and nobody is forgotten", function()
    local paths = {}
    for i = 1, 40 do
      paths[i] = "/single?id=" .. i
    end
    for i, request in ipairs(fetch.all(worker.port, paths)) do
      assert.equal("stopped " .. i, request.body)
    end
    local most = 0
    for _, request in ipairs(sandbox:log()) do
      if request.path:find("dispatch") then
        most = math.max(most, request.in_flight)
      end
    end
    assert.is_true(most <= 8)
    comes_to_rest()
  end)

  it("use all of the client's slots, and wait for one", function()
    hold()
    local requests = {}
    for i = 1, 12 do
      requests[i] = fetch.start(worker.port, "/single?client=held&id=" .. 200 + i)
    end
    await("/flights?client=held", "8")
    holding:go()
    assert.is_true(fetch.finish(requests))
    for i, request in ipairs(requests) do
      assert.equal("stopped " .. 200 + i, request.body)
    end
    assert.equal(12, requests_of_held())
    comes_to_rest()
  end)

  it("wait for a slot in turn while one call takes all it can get", function()
    local endless = fetch.start(worker.port, "/endless?id=1000")
    await("/flights?client=narrow", "1")
    for i, request in ipairs(fetch.all(worker.port, {
      "/single?client=narrow&id=501", "/single?client=narrow&id=502",
    })) do
      assert.equal("stopped " .. 500 + i, request.body)
    end
    endless:close()
    comes_to_rest()
  end)

  it("leave their requests to the pump when the client goes away", function()
    hold()
    local gone = {}
    for i = 1, 8 do
      gone[i] = fetch.start(worker.port, "/single?client=held&id=" .. 600 + i)
    end
    await("/flights?client=held", "8")
    for _, request in ipairs(gone) do
      request:close()
    end
    -- Their slots are taken until then; the answers are not taken for anybody else's.
    local late = fetch.start(worker.port, "/single?client=held&id=700")
    assert.equal("8", get("/flights?client=held"))
    holding:go()
    assert.is_true(fetch.finish({ late }))
    assert.equal("stopped 700", late.body)
    assert.equal(9, requests_of_held())
    comes_to_rest()
  end)

  it("may end a thread that waits", function()
    assert.equal("dead", get("/thread"))
    assert.equal("stopped 701", get("/single?id=701"))
    comes_to_rest()
  end)

  it("hear of it when another closes the client", function()
    hold()
    local waiting = {
      fetch.start(worker.port, "/single?client=doomed&id=1"),
      fetch.start(worker.port, "/single?client=doomed&id=2"),
    }
    await("/flights?client=doomed", "1")
    local closing = fetch.start(worker.port, "/close")
    assert.is_true(fetch.finish({ waiting[1], waiting[2], closing }))
    assert.equal("attempt to use a closed client", waiting[1].body)
    assert.equal("attempt to use a closed client", waiting[2].body)
    comes_to_rest()
  end)

  it("take lists of any length", function()
    local said = assert(json.decode(get("/long?count=100000")))
    assert.is_true(said.ok)
    assert.equal(100000, said.total)
    comes_to_rest()
  end)
end)
