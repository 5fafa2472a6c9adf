-- Servers that stall: what a call says that ran out of time. How soon it does is in spec/time.

local faults = require("spec.support.faults")
local patience = require("spec.support.patience")
local sorted = require("spec.support.sorted")
local stalls = require("spec.support.stalls")
local stopmsg = require("stopmsg")

-- The longest of the limits that are tried, in seconds.
local LONGEST = 30

-- What a server does that stalls.
local STALLED = "wait " .. patience.SECONDS

describe("a server that stalls", function()
  local stalled

  setup(function()
    stalled = stalls.start()
  end)

  teardown(function()
    stalled:stop()
  end)

  for _, phase in ipairs(stalls.phases) do
    it("holds up no call for ever: it stalls " .. phase.name, function()
      for _, name in ipairs(sorted.keys(stalls.limits)) do
        -- Within a short limit a busy machine may not even connect: that is another outcome.
        patience.grow(0.03, function(seconds)
          local report, log, wrong = stalled:call(phase, name, seconds)
          assert.same({}, wrong)
          for _, record in ipairs(log) do
            -- It did not wait for as long as the server would have.
            if record.did[#record.did] == STALLED then
              assert.equal("the peer left", record.error, name)
            end
          end
          local item, expected = report[1], phase.outcome or "unknown"
          if seconds > LONGEST then
            assert.equal(expected, item.outcome, ("%s: %s"):format(name, tostring(item.reason)))
          end
          return item.outcome == expected
        end)
      end
    end)
  end

  for _, way in ipairs({ "http", "https" }) do
    for _, version in ipairs({ "1.1", "2" }) do
      it(("holds up no request but its own, over %s with HTTP/%s wanted"):format(way, version),
        function()
          local server, provider, ids = stalled.server, faults.providers[2], {}
          for i = 1, 4 do
            ids[i] = provider.id(i)
          end
          local port = way == "https" and stalled.ports.tls or stalled.ports.plain
          local client = stopmsg.new({
            provider = provider.name,
            token = "a-token",
            base_url = way .. "://127.0.0.1:" .. port,
            ca_file = stalled.folder .. "/ca.pem",
            http_version = version,
            concurrency = 4,
            timeout = patience.SECONDS,
            max_attempts = 1,
          })
          server:set({
            port = port,
            requests = { { ["do"] = { { "read", "all" }, { "hold" }, { "close" } } } },
            ["then"] = faults.answer(faults.http(provider.stopped(ids)), "stopped"),
            ids = ids,
          })
          local settled = 0
          local report = client:stop_dispatch(ids, {
            on_item = function()
              settled = settled + 1
              if settled == 3 then
                server:go()
              end
            end,
          })
          client:close()
          assert.same({}, faults.judge(report, server:take(), ids))
          assert.equal(3, report.counts.stopped, tostring(report))
          assert.equal(1, report.counts.unknown, tostring(report))
        end)
    end
  end
end)
