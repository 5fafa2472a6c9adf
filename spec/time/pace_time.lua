-- How fast requests leave, as the server sees it. Targets: 200 requests a second are kept within
-- 15 percent, a burst is exceeded by 5 requests at most, and none leaves in a pause of a second but
-- for its first and last 20 ms.

local faults = require("spec.support.faults")
local stopmsg = require("stopmsg")

local function say(...)
  io.stdout:write("  " .. string.format(...) .. "\n")
end

describe("the pace of requests", function()
  local server
  local provider = faults.providers[2]
  local GOOD = faults.http("200 OK", "")

  setup(function()
    server = faults.start()
  end)

  teardown(function()
    server:stop()
  end)

  local function some_ids(count)
    local ids = {}
    for i = 1, count do
      ids[i] = provider.id(i)
    end
    return ids
  end

  -- A server that needs `delay` seconds for an answer.
  local function slow(delay)
    return {
      ["do"] = { { "read", "all" }, { "wait", delay }, { "write", GOOD } },
      says = "stopped",
    }
  end

  -- Requests per second as the server saw them, and the most of them in flight.
  local function measure(log)
    local requests = faults.only(log, "request")
    local edges = {}
    for _, record in ipairs(requests) do
      edges[#edges + 1] = { record.time, 1 }
      edges[#edges + 1] = { record.ended, -1 }
    end
    table.sort(edges, function(a, b)
      return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2])
    end)
    local now, most, first, last = 0, 0, math.huge, 0
    for _, edge in ipairs(edges) do
      now = now + edge[2]
      most = math.max(most, now)
    end
    for _, record in ipairs(requests) do
      first, last = math.min(first, record.time), math.max(last, record.time)
    end
    return (#requests - 1) / (last - first), most
  end

  for _, case in ipairs({
    { concurrency = 1, delay = 0.001 },
    { concurrency = 16, delay = 0.05 },
    { concurrency = 256, delay = 0.5 },
  }) do
    it(("is the rate that was asked for, %d in flight"):format(case.concurrency), function()
      local rate, ids = 200, some_ids(300)
      local client = stopmsg.new({
        provider = provider.name,
        token = "a-token",
        base_url = server.url,
        concurrency = case.concurrency,
        rate = rate,
      })
      server:set({ ["then"] = slow(case.delay), ids = ids })
      local report = client:stop_dispatch(ids)
      client:close()
      local log = server:take()
      assert.same({}, faults.judge(report, log, ids))
      assert.is_true(report.ok)
      local measured, most = measure(log)
      say("rate of 200/s, concurrency %d: the server saw %.1f/s (%+.1f %%), %d in flight at most",
        case.concurrency, measured, (measured / rate - 1) * 100, most)
      assert.is_true(math.abs(measured / rate - 1) < 0.15, tostring(measured))
      assert.is_true(most <= case.concurrency)
    end)
  end

  it("exceeds the rate by no more than the burst", function()
    local ids = some_ids(60)
    local client = stopmsg.new({
      provider = provider.name,
      token = "a-token",
      base_url = server.url,
      concurrency = 64,
      rate = 100,
      burst = 20,
    })
    server:set({ ["then"] = slow(0.2), ids = ids })
    assert.is_true(client:stop_dispatch(ids).ok)
    client:close()
    local times = {}
    for _, record in ipairs(faults.only(server:take(), "request")) do
      times[#times + 1] = record.time
    end
    table.sort(times)
    -- The 20 of the burst, and what the rate allows until then.
    for i, time in ipairs(times) do
      local allowed = 20 + (time - times[1]) * 100
      assert.is_true(i <= allowed + 5, ("request %d after %.3f s"):format(i, time - times[1]))
    end
  end)

  it("is paused for the whole client while the provider asks to wait", function()
    local ids = some_ids(40)
    local client = stopmsg.new({
      provider = provider.name,
      token = "a-token",
      base_url = server.url,
      concurrency = 8,
    })
    local refusal = faults.answer(faults.http("429 Slow Down", "", "length",
      "Retry-After: 1\r\n"), "failed")
    server:set({ requests = { slow(0.01), refusal }, ["then"] = slow(0.01), ids = ids })
    local report = client:stop_dispatch(ids)
    client:close()
    local log = server:take()
    assert.same({}, faults.judge(report, log, ids))
    assert.is_true(report.ok)
    local refused
    for _, record in ipairs(faults.only(log, "request")) do
      refused = refused or (not record.carried and record.ended)
    end
    local early = 0
    for _, record in ipairs(faults.only(log, "request")) do
      -- What was on its way when the answer came is no breach.
      if record.time > refused + 0.02 and record.time < refused + 0.98 then
        early = early + 1
      end
    end
    assert.equal(0, early)
  end)
end)
