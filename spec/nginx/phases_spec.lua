-- Where in nginx a call can be made.

local certificates = require("spec.support.certificates")
local fetch = require("spec.support.fetch")
local nginx = require("spec.support.nginx")
local server = require("spec.support.server")

if not nginx.is_due() then
  return
end

local ID = "1A2B-3C4D5E6F-7A8B9C0D"

-- What older modules do not know, and what OpenResty's nginx has a patch for.
local HAS_PRECONTENT = nginx.knows("precontent_by_lua_block")
local HAS_PROXY_SSL = nginx.knows("proxy_ssl_verify_by_lua_block")

describe("a call in nginx's phase", function()
  local sandbox, worker, keys

  setup(function()
    keys = certificates.make()
    sandbox = server.start()
    worker = nginx.start({
      http = ([[
        init_by_lua_block {
          local stopmsg = require("stopmsg")
          client = stopmsg.new({ provider = "pushwoosh", token = "sandbox",
            base_url = "]] .. sandbox.url .. [[" })
          heard = {}
          local count = 0
          function stop(name)
            count = count + 1
            local ok, result = pcall(function()
              local report = client:stop(("1A2B-3C4D5E6F-7A8B%04X"):format(0xA000 + count))
              return report
            end)
            heard[name] = ok and result[1].outcome or result
          end
          stop("init")
        }
        init_worker_by_lua_block {
          stop("init_worker")
          ngx.timer.at(0, function() stop("timer") end)
        }
        upstream itself {
          server 0.0.0.1;
          balancer_by_lua_block {
            stop("balancer")
            require("ngx.balancer").set_current_peer("127.0.0.1", $port)
          }
        }
        server {
          listen unix:$dir/tls.sock ssl;
          ssl_certificate KEYS/good.pem;
          ssl_certificate_key KEYS/good.key;
          ssl_verify_client on;
          ssl_client_certificate KEYS/ca.pem;
          location / { return 200 secured; }
        }
      ]]):gsub("KEYS", keys),
      server = ([[
        location /heard { content_by_lua_block { ngx.print(heard[ngx.var.arg_name]) } }
        location /balanced { proxy_pass http://itself/plain; }
        location /plain { return 200 plain; }
        location /secured {
          proxy_pass https://unix:$dir/tls.sock:/;
          proxy_ssl_session_reuse off;
          proxy_ssl_verify on;
          proxy_ssl_name localhost;
          proxy_ssl_trusted_certificate KEYS/ca.pem;
          proxy_ssl_certificate KEYS/good.pem;
          proxy_ssl_certificate_key KEYS/good.key;
          ]] .. (HAS_PROXY_SSL and [[
            proxy_ssl_verify_by_lua_block { stop("proxy_ssl_verify") }
          ]] or "") .. [[

        }
        location /all {
          set_by_lua_block $unused { stop("set") }
          rewrite_by_lua_block { stop("rewrite") }
          access_by_lua_block { stop("access") }
          ]] .. (HAS_PRECONTENT and 'precontent_by_lua_block { stop("precontent") }' or "") .. [[

          content_by_lua_block {
            stop("content")
            ngx.say("done")
          }
          header_filter_by_lua_block { stop("header_filter") }
          body_filter_by_lua_block { stop("body_filter") }
          log_by_lua_block { stop("log") }
        }
        location /others {
          content_by_lua_block {
            for _, call in ipairs({ "stop_dispatch", "each", "status", "check" }) do
              heard[call] = "not tried"
            end
            ngx.say("done")
          }
          log_by_lua_block {
            for _, call in ipairs({ "stop", "each", "status", "check" }) do
              local ok, message = pcall(client[call], client, { "]] .. ID .. [[" })
              heard[call] = message
            end
          }
        }
      ]]):gsub("KEYS", keys),
    })
    assert.equal("done\n", fetch.one(worker.port, "/all"))
    assert.equal("plain", fetch.one(worker.port, "/balanced"))
    assert.equal("secured", fetch.one(worker.port, "/secured"))
  end)

  teardown(function()
    worker:stop()
    sandbox:stop()
    certificates.remove(keys)
  end)

  local function heard(name)
    return (fetch.one(worker.port, "/heard?name=" .. name))
  end

  local can_wait = { "rewrite", "access", "content", "timer" }
  if HAS_PRECONTENT then
    can_wait[#can_wait + 1] = "precontent"
  end
  if HAS_PROXY_SSL then
    can_wait[#can_wait + 1] = "proxy_ssl_verify"
  end
  for _, phase in ipairs(can_wait) do
    it(phase .. " stops", function()
      assert.equal("stopped", heard(phase))
    end)
  end

  for _, phase in ipairs({
    "init_worker", "set", "balancer", "header_filter", "body_filter", "log",
  }) do
    it(phase .. " raises at the caller, with the way out", function()
      local message = heard(phase)
      assert.is_truthy(message:find(":%d+: cannot wait in the " .. phase .. " phase of nginx; use "
        .. "ngx%.timer%.at%(0, …%)$"), message)
    end)
  end

  it("init raises, too, where there are no timers yet", function()
    assert.is_truthy(heard("init"):find("ngx.timer.at(0, …) in init_worker_by_lua", 1, true))
  end)

  it("log raises for every call, before anything is sent", function()
    fetch.one(worker.port, "/others")
    local before = #sandbox:log()
    for _, call in ipairs({ "stop", "each", "status", "check" }) do
      assert.is_truthy(heard(call):find("cannot wait in the log phase", 1, true), heard(call))
    end
    assert.equal(before, #sandbox:log())
  end)

  it("init opens nothing in the master", function()
    local names = {}
    for name in io.popen("ls /proc/" .. worker.pid .. "/task"):lines() do
      names[#names + 1] = name
    end
    assert.equal(1, #names)
    for line in io.popen("ls -l /proc/" .. worker.pid .. "/fd"):lines() do
      assert.is_nil(line:find("eventpoll", 1, true))
    end
  end)
end)
