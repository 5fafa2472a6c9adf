local cli = require("spec.support.cli")
local host = require("stopmsg.cli.host")
local progress = require("stopmsg.cli.progress")
local reports = require("stopmsg.report")

-- A bar over `total` ids on a terminal of this width (nil for none), and what it wrote.
local function make(options)
  local clock = { time = 100 }
  local err = cli.sink()
  local around = host.new({
    stderr = err,
    getenv = function(name)
      return (options.env or { TERM = "xterm" })[name]
    end,
    columns = function()
      return options.columns
    end,
    now = function()
      return clock.time
    end,
  })
  local bar = progress.new({ host = around, mode = options.mode or "auto", total = options.total,
    done = options.done })
  return bar, clock, err
end

local function counts(given)
  local all = reports.new().counts
  for word, count in pairs(given) do
    all[word] = count
  end
  return all
end

describe("stopmsg.cli.progress", function()
  it("says that it waits for the provider, why and for how long", function()
    local bar, clock, err = make({ total = 1000, columns = 80 })
    bar:outage("connection refused")
    clock.time = 112
    bar:tick(clock.time, 500, counts({ stopped = 490 }))
    assert.equal("\r\27[K 50% waiting for the provider: connection refused, 12 s; Ctrl-C to stop",
      err.text)
    bar:outage(nil)
    err.text = ""
    bar:tick(clock.time + 0.01, 500, counts({ stopped = 490 }))
    assert.truthy(err.text:find("490 stopped", 1, true))
  end)

  it("says so in lines, too, from a second on", function()
    local bar, clock, err = make({ total = 1000, mode = "plain" })
    clock.time = 104
    bar:outage("HTTP 503")
    bar:tick(clock.time, 500, counts({ stopped = 490 }))
    assert.equal("", err.text)
    for time = 105, 120 do
      clock.time = time
      bar:tick(clock.time, 500, counts({ stopped = 490 }))
    end
    assert.equal("stopmsg: 500 of 1,000 ids; waiting for the provider: HTTP 503, 1 s; "
      .. "Ctrl-C to stop\n", err.text:match("^[^\n]*\n"))
    local _, lines = err.text:gsub("\n", "\n")
    assert.equal(4, lines)
  end)

  it("groups digits by three", function()
    for n, text in pairs({ [0] = "0", [7] = "7", [12] = "12", [123] = "123", [1234] = "1,234",
      [12345] = "12,345", [123456] = "123,456", [1234567] = "1,234,567", [1e7] = "10,000,000" }) do
      assert.equal(text, progress.grouped(n))
    end
  end)

  it("says how long", function()
    assert.same({ "0:00", "0:07", "1:05", "59:59", "1:00:00", "27:46:40" }, {
      progress.duration(0.2), progress.duration(7), progress.duration(65),
      progress.duration(3599), progress.duration(3600), progress.duration(100000),
    })
  end)

  it("draws a bar with done, total, rate, time left and outcomes, unknown always", function()
    local bar, clock, err = make({ total = 1000, columns = 200, env = { TERM = "xterm",
      NO_COLOR = "1" } })
    bar:tick(clock.time, 0, counts({}))
    assert.truthy(err.text:find("0/1,000", 1, true))
    clock.time = 102
    err.text = ""
    bar:tick(clock.time, 500, counts({ stopped = 490, too_late = 10 }))
    assert.equal("\r\27[K 50% [" .. ("#"):rep(20) .. ("."):rep(20)
      .. "] 500/1,000  250/s  0:02 left  490 stopped, 10 not stopped (0 unknown)", err.text)
  end)

  it("stays within the terminal", function()
    for columns = 20, 120 do
      local bar, clock, err = make({ total = 1e7, columns = columns })
      clock.time = 110
      bar:tick(clock.time, 5e6, counts({ stopped = 5e6 }))
      local plain = err.text:gsub("\27%[%d*[mK]", ""):gsub("\r", "")
      assert.is_true(#plain < columns)
    end
  end)

  it("keeps percent, time left, outcomes and what it waits for at 80 columns", function()
    local outcomes = "9,811,800 stopped, 188,200 not stopped"
    for columns, expected in pairs({
      [80] = " 50% 0:01 left  " .. outcomes .. "  paused, 12 min",
      [120] = " 50% 10,000,000/20,000,000  0:01 left  " .. outcomes
        .. " (4,900 unknown)  paused, 12 min",
    }) do
      local bar, clock, err = make({ total = 2e7, columns = columns, env = { TERM = "xterm",
        NO_COLOR = "1" } })
      clock.time = 101
      bar:wait_for("pause", clock.time + 720)
      bar:tick(clock.time, 1e7, counts({ stopped = 9811800, too_late = 183300, unknown = 4900 }))
      assert.equal("\r\27[K" .. expected, err.text)
    end
  end)

  it("says what it waits for, and for a while what went wrong", function()
    local bar, clock, err = make({ total = 10, columns = 100 })
    local function seen()
      err.text = ""
      clock.time = clock.time + 1
      bar:tick(clock.time, 0, counts({}))
      return err.text
    end
    assert.is_nil(seen():find("timeout", 1, true))
    bar:trouble("timeout, trying again")
    assert.truthy(seen():find("timeout, trying again", 1, true))
    bar:wait_for("verifying 182, up to 20 s")
    assert.truthy(seen():find("verifying 182, up to 20 s", 1, true))
    bar:wait_for("pause", clock.time + 3)
    assert.truthy(seen():find("paused, 2 s", 1, true))
    clock.time = clock.time + 10
    assert.is_nil(seen():find("paused", 1, true))
    assert.is_nil(seen():find("timeout", 1, true))
  end)

  it("draws at most ten times a second", function()
    local bar, clock, err = make({ total = 10, columns = 80 })
    for _ = 1, 100 do
      clock.time = clock.time + 0.01
      bar:tick(clock.time, 1, counts({}))
    end
    assert.is_true(select(2, err.text:gsub("\r", "")) <= 11)
  end)

  it("colours, but not against NO_COLOR", function()
    for _, row in ipairs({ { nil, true }, { "", true }, { "1", false } }) do
      local bar, clock, err = make({ total = 10, columns = 80, env = { TERM = "xterm",
        NO_COLOR = row[1] } })
      bar:tick(clock.time, 1, counts({ unknown = 1 }))
      assert.equal(row[2], err.text:find("\27[33m1 unknown", 1, true) ~= nil)
    end
  end)

  it("writes plain lines, seconds apart, without a terminal and on a dumb one", function()
    for _, case in ipairs({ {}, { columns = 80, env = { TERM = "dumb" } } }) do
      case.total = 1000
      local bar, clock, err = make(case)
      bar:tick(clock.time, 0, counts({}))
      assert.equal("", err.text)
      clock.time = clock.time + 5
      bar:tick(clock.time, 500, counts({ stopped = 500 }))
      bar:tick(clock.time + 1, 600, counts({ stopped = 600 }))
      assert.equal("stopmsg: 500 of 1,000 ids, 100/s, 0:05 left; 500 stopped, 0 unknown\n",
        err.text)
    end
  end)

  it("does not count what was done before in its rate", function()
    local bar, clock, err = make({ total = 1000, done = 900 })
    clock.time = clock.time + 5
    bar:tick(clock.time, 950, counts({ stopped = 950 }))
    assert.truthy(err.text:find("10/s, 0:05 left", 1, true), err.text)
  end)

  it("says nothing where nothing is wanted", function()
    local bar, clock, err = make({ total = 10, columns = 80, mode = "none" })
    bar:tick(clock.time + 100, 5, counts({}))
    bar:clear()
    assert.equal("", err.text)
    assert.equal("", bar:farewell())
  end)

  it("is taken off once", function()
    local bar, clock, err = make({ total = 10, columns = 80 })
    bar:tick(clock.time, 5, counts({}))
    err.text = ""
    bar:clear()
    bar:clear()
    assert.equal("\r\27[K", err.text)
  end)
end)
