-- Times of filters: as users write them, as providers ask for them, as entries show them.

local times = require("stopmsg.find.times")

-- 2026-11-29T12:34:56Z
local NOW = 1795955696

describe("stopmsg.find.times", function()
  describe(".parse", function()
    for written, time in pairs({
      ["2026-11-29T09:00:00Z"] = 1795942800,
      ["2026-11-29T09:00:00.5Z"] = 1795942800,
      ["2026-11-29t09:00z"] = 1795942800,
      ["2026-11-29T09:00:00+03:00"] = 1795932000,
      ["2026-11-29 09:00:00-0530"] = 1795962600,
      ["1970-01-01T00:00:00Z"] = 0,
      ["2000-02-29T00:00:00Z"] = 951782400,
      ["2100-03-01T00:00:00Z"] = 4107542400,
      ["-2h"] = NOW - 7200,
      ["-90s"] = NOW - 90,
      ["-1d12h"] = NOW - 129600,
      ["+30m"] = NOW + 1800,
    }) do
      it("reads " .. written, function()
        assert.equal(time, times.parse(written, NOW))
      end)
    end

    it("takes seconds since 1970", function()
      assert.equal(1795942800, times.parse(1795942800, NOW))
    end)

    it("takes a time of the day for today's, in local time", function()
      local today = os.date("*t", NOW)
      today.hour, today.min, today.sec, today.isdst = 9, 0, 0, nil
      assert.equal(os.time(today), times.parse("09:00", NOW))
      assert.equal(os.time(today), times.parse("9:00", NOW))
      today.sec = 7
      assert.equal(os.time(today), times.parse("09:00:07", NOW))
    end)

    it("takes a time without a zone for a local one", function()
      assert.equal(os.time({ year = 2026, month = 11, day = 29, hour = 9, min = 0, sec = 0 }),
        times.parse("2026-11-29T09:00", NOW))
      assert.equal(os.time({ year = 2026, month = 11, day = 29, hour = 0 }),
        times.parse("2026-11-29", NOW))
    end)

    for _, written in ipairs({ "", " ", "yesterday", "now", "9", "9h", "-2", "-2w", "--2h", "-2h3",
      "25:00", "09:60", "09:00:61", "09:0", "09:0012", "2026-13-01T00:00:00Z",
      "2026-02-29T00:00:00Z", "2026-11-31", "2026-11-29T24:00:00Z", "2026-11-29T09:00:00+24:00",
      "2026-11-29T09:00:00 MSK", "29.11.2026", "11/29/2026", "2026-11-29T09:00:00Zx", "T09:00" }) do
      it(("refuses %q"):format(written), function()
        local time, message = times.parse(written, NOW)
        assert.is_nil(time)
        assert.matches("expected a time like", message, 1, true)
      end)
    end

    for _, value in ipairs({ true, {}, 0 / 0, math.huge, 1e300 }) do
      it("refuses " .. tostring(value), function()
        assert.is_nil((times.parse(value, NOW)))
      end)
    end
  end)

  it("writes a time as a definition says", function()
    assert.equal("2026-11-29T12:34:56Z", times.write(NOW, "rfc3339"))
    assert.equal("2026-11-29T12:34:56.000Z", times.write(NOW, "rfc3339_ms"))
    assert.equal("1795955696", times.write(NOW, "unix"))
    assert.equal("2026-11-29", times.write(NOW, "date"))
    assert.equal("20261129 1234", times.write(NOW, "%Y%m%d %H%M"))
  end)

  it("writes what it reads as the same time", function()
    for _, time in ipairs({ 0, 951782399, 951782400, NOW, 4107542399 }) do
      assert.equal(time, times.parse(times.text(time), NOW))
    end
  end)

  describe(".read", function()
    for shown, time in pairs({
      ["2026-11-29T09:00:00Z"] = 1795942800,
      ["2026-11-29T09:00:00.123456Z"] = 1795942800,
      ["2026-11-29 09:00:00.000000+00"] = 1795942800,
      ["2026-11-29T09:00:00"] = 1795942800,
      ["2026-11-29T12:00:00+03:00"] = 1795942800,
      ["Sun, 29 Nov 2026 09:00:00 +0000"] = 1795942800,
      ["Sun, 29 Nov 2026 09:00:00 GMT"] = 1795942800,
      ["1795942800"] = 1795942800,
      ["1795942800123"] = 1795942800,
    }) do
      it("understands " .. shown, function()
        assert.equal(time, (times.read(shown)))
      end)
    end

    it("understands numbers, and milliseconds", function()
      assert.equal(1795942800, (times.read(1795942800)))
      assert.equal(1795942800, (times.read(1795942800123)))
    end)

    it("knows that a date is a day long", function()
      local time, grain = times.read("2026-11-29")
      assert.same({ 1795910400, 86400 }, { time, grain })
    end)

    for _, value in ipairs({ "", "soon", "2026-11-29T", true, {}, -5 }) do
      it("finds no time in " .. tostring(value), function()
        assert.is_nil((times.read(value)))
      end)
    end
  end)
end)
