-- The rate that the stop gateway of examples/openresty keeps over both of its workers, by the
-- sandbox's log. Targets: never more in half a second than the rate and its reserve, and at most
-- half as long again as the rate needs.

if not rawget(_G, "jit") then
  return
end

local files = require("spec.support.files")
local gateways = require("spec.support.gateway")
local http10 = require("spec.support.http10")
local server = require("spec.support.server")
local uv = require("luv")

local STREAM = { ["Content-Type"] = "text/plain", Accept = "application/x-ndjson" }

describe("examples/openresty", function()
  it("keeps the rate over both workers", function()
    local RATE, CALLS, IDS = 100, 8, 20
    local sandbox = server.start()
    local gateway = gateways.start({ STOPMSG_PROVIDER = "pushwoosh", STOPMSG_TOKEN = "sandbox",
      STOPMSG_BASE_URL = sandbox.url, STOPMSG_RATE = tostring(RATE) })
    finally(function()
      gateway:stop()
      sandbox:stop()
    end)
    local workers = gateways.workers_of(gateway)

    local started = http10.now()
    local exchanges, first_after = {}, nil
    for call = 1, CALLS do
      -- One worker sleeps, so that the other has to take the call.
      local other = workers[call % 2 + 1]
      gateways.freeze(other)
      local list = {}
      for i = 1, IDS do
        list[i] = ("C3F8-C3863ED4-%04X1%03X"):format(call, i)
      end
      exchanges[call] = http10.send(gateway.port, "POST", "/stop", STREAM, table.concat(list, "\n"))
      exchanges[call]:head()
      first_after = first_after or http10.now() - started
      uv.kill(other, "sigcont")
    end
    for call = 1, CALLS do
      local lines = gateways.decode_lines(exchanges[call]:answer().body)
      assert.equal(IDS, lines[IDS + 1].counts.stopped)
    end
    local elapsed = http10.now() - started
    local log = sandbox:log()
    local access = files.read(gateway.dir .. "/access.log")

    for _, pid in ipairs(workers) do
      assert.matches("worker=" .. pid .. "\n", access)
    end
    assert.equal(CALLS * IDS, #log)
    -- Long before the last item: all but the first call's first wait for the rate.
    assert.is_true(first_after < elapsed / 4)
    -- A twentieth of a second's permits may come at once at each end, and each worker may hold one.
    local most = RATE * 0.5 + 2 * RATE / 20 + #workers
    local from = 1
    for i, record in ipairs(log) do
      while record.started - log[from].started > 0.5 do
        from = from + 1
      end
      assert.is_true(i - from + 1 <= most)
    end
    assert.is_true(elapsed >= CALLS * IDS / RATE - 0.1)
    assert.is_true(elapsed <= CALLS * IDS / RATE * 1.5 + 0.5)
  end)
end)
