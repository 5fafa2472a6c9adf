-- Hoping for HTTP/2 must hold up no request: what stalls may never have spoken it.

local certificates = require("spec.support.certificates")
local faults = require("spec.support.faults")
local patience = require("spec.support.patience")
local stopmsg = require("stopmsg")

local PROVIDER = faults.providers[3]

describe("where HTTP/2 is hoped for", function()
  local server, folder
  local ports = {}

  setup(function()
    folder = certificates.make()
    server = faults.start()
    for name, alpn in pairs({ nothing = false, ["http/1.1"] = { "http/1.1" } }) do
      ports[name] = server:listen({
        cert = folder .. "/good.pem",
        key = folder .. "/good.key",
        alpn = alpn or nil,
      })
    end
  end)

  teardown(function()
    server:stop()
    certificates.remove(folder)
  end)

  -- Four ids, of which the one that comes first meets `stall`, until the others are settled.
  local function stop(alpn, stall)
    local ids = {}
    for i = 1, 4 do
      ids[i] = PROVIDER.id(i)
    end
    stall.port = ports[alpn]
    stall.ids = ids
    stall["then"] = faults.answer(faults.http(PROVIDER.stopped(ids)), "stopped")
    server:set(stall)
    local client = stopmsg.new({
      provider = PROVIDER.name,
      token = "a-token",
      base_url = "https://127.0.0.1:" .. ports[alpn],
      ca_file = folder .. "/ca.pem",
      http_version = "2",
      concurrency = 4,
      timeout = patience.SECONDS,
      connect_timeout = patience.SECONDS,
      max_attempts = 1,
    })
    local settled = 0
    local report = client:stop(ids, {
      on_item = function()
        settled = settled + 1
        if settled == 3 then
          server:go()
        end
      end,
    })
    client:close()
    assert.same({}, faults.judge(report, server:take(), ids))
    return report
  end

  for _, alpn in ipairs({ "nothing", "http/1.1" }) do
    describe("from a server whose handshake offers " .. alpn, function()
      it("a request that stalls holds up no other", function()
        local report = stop(alpn, {
          requests = { { ["do"] = { { "read", "all" }, { "hold" }, { "close" } } } },
        })
        assert.equal(3, report.counts.stopped, tostring(report))
        assert.equal(1, report.counts.unknown, tostring(report))
      end)

      it("a handshake that stalls holds up no other", function()
        local report = stop(alpn, { accept = { { ["do"] = { { "hold" }, { "close" } } } } })
        assert.equal(3, report.counts.stopped, tostring(report))
        assert.equal(1, report.counts.failed, tostring(report))
      end)
    end)
  end
end)
