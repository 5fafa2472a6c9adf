-- What a verification costs whose stops take their time to show. Targets: from one look to three at
-- each id, the first after a second, and all of it within ten.

local server = require("spec.support.server")
local stopmsg = require("stopmsg")

describe("a verification", function()
  -- The stop is one request. No status call tells of more than 100 ids: that many uuids are an
  -- address of 5 KiB, and servers take 8. So a look at 10,000 costs 100 requests, and as each id
  -- has to be looked at once after it settled, 100 are the least for who knows when that is. Who
  -- does not, looks too early sometimes: here after 1 and 2.5 s, before 4.75 s shows it. Pauses
  -- that grow by half keep the number of looks near the logarithm of the time; each look asks for
  -- what is still open alone (verify_spec.lua has the figure for ids that settle one by one).
  it("proves 10,000 stops that show after 3 s with three looks at each", function()
    local late = server.start({ settle = 3 })
    local ids = {}
    for i = 1, 10000 do
      ids[i] = ("%08x-0000-4000-8000-%08xaaaa"):format(i, i)
    end
    local report = stopmsg.new({ provider = "revicom", token = "sandbox", base_url = late.url })
      :stop(ids, { verify = true })
    late:stop()

    assert.equal(10000, report.counts.stopped)
    for i = 1, 10000 do
      if not report[i].verified or report[i].id ~= ids[i] then
        error("item " .. i .. " is not verified, or not that of its id")
      end
    end
    local looks, most = 0, 0
    local first_look = late:log()[2].started - late:log()[1].started
    assert.is_true(first_look >= 1 and first_look < 3) -- what `true` stands for
    for _, request in ipairs(late:log()) do
      if request.method == "GET" then
        looks = looks + 1
        most = math.max(most, request.in_flight)
        assert.is_true(request.ids <= 100)
      end
    end
    assert.is_true(looks >= 100 and looks <= 300, looks .. " status requests")
    assert.equal(looks + 1, report.requests)
    assert.is_true(most <= 4)
    assert.is_true(report.elapsed >= 3 and report.elapsed < 10,
      ("settled after %.2f s"):format(report.elapsed))
    assert.same({}, report.warnings)
    io.stdout:write(("  10,000 revicom ids that show after 3 s: %d status requests, settled after "
      .. "%.2f s\n"):format(looks, report.elapsed))
  end)
end)
