-- The verbs of a job's storage and their scripts, run by a real Redis.

local fleet = require("spec.support.fleet")
local patience = require("spec.support.patience")
local redis = require("spec.support.redis")
local scripts = require("stopmsg.fleet.scripts")
local server = require("spec.support.server")

local WHAT = { { "version", "1" }, { "total", "6" } }
local LIMITS = { ahead = 100, results = 100 }

describe("stopmsg.fleet.store", function()
  local started, made, count

  setup(function()
    started, count = redis.start(), 0
  end)

  teardown(function()
    started:stop()
  end)

  before_each(function()
    count = count + 1
    made = fleet.store(started, "job-" .. count)
  end)

  after_each(function()
    made:close()
  end)

  local function ask(...)
    return fleet.ask(made, ...)
  end

  local function key(name)
    return ("stopmsg:{job-%d}:%s"):format(count, name)
  end

  -- A job of six ids, in two entries.
  local function fed()
    local begun = ask("begin", "feed", WHAT, 0, nil, nil)
    assert.equal("OK", begun[1])
    for from = 0, 3, 3 do
      assert.same({ "OK" }, ask("feed", "feed", begun[3], { from = from, to = from + 3,
        ids = { "a" .. from, "b" .. from, "c" .. from } }, LIMITS))
    end
    return begun[3]
  end

  local function deliveries(id)
    return started:call("XPENDING", key("work"), "workers", id, id, "1")[1][4]
  end

  local function result(at, word)
    return { at = at, word = word or "stopped", line = ("line %d\n"):format(at) }
  end

  it("has the SHA-1 that Redis makes of its scripts", function()
    for name, script in pairs(scripts) do
      assert.message(name).equal(started:call("SCRIPT", "LOAD", script.text), script.sha)
    end
  end)

  it("goes on where Redis has forgotten the scripts", function()
    fed()
    started:call("SCRIPT", "FLUSH")
    assert.equal(2, #ask("take", "one", 30, 10).entries)
  end)

  it("keeps all keys of a job in one slot of a cluster", function()
    fed()
    for _, name in ipairs(started:call("KEYS", key("*"))) do
      assert.matches("^stopmsg:{job%-%d+}:", name)
    end
  end)

  describe("feed", function()
    it("adds nothing twice, where no answer came", function()
      local identity = fed()
      local chunk = { from = 3, to = 6, ids = { "a3", "b3", "c3" } }
      assert.same({ "AT", "6" }, ask("feed", "feed", identity, chunk, LIMITS))
      assert.equal(2, started:call("XLEN", key("work")))
    end)

    it("waits for workers, and for who collects", function()
      local identity = ask("begin", "feed", { { "total", "9" } }, 0, nil, nil)[3]
      local function feed(from, limits, settled)
        return ask("feed", "feed", identity, { from = from, to = from + 2, ids = { "a", "b" },
          settled = settled }, limits)[1]
      end
      assert.equal("OK", feed(0, { ahead = 1, results = 1 }))
      assert.equal("FULL", feed(2, { ahead = 1, results = 1 }))
      assert.equal("OK", feed(2, { ahead = 2, results = 1 }, { { at = 1, line = "bad\n" } }))
      assert.same({ "FULL", "results" }, ask("feed", "feed", identity,
        { from = 4, to = 6, ids = { "a", "b" } }, { ahead = 9, results = 1 }))
      assert.same({ 1 }, ask("remove", { ask("results", 10)[1].id }))
      assert.equal("OK", feed(4, { ahead = 9, results = 1 }))
    end)

    it("settles what cannot be sent, and makes no entry where that is all", function()
      local identity = ask("begin", "feed", { { "total", "2" } }, 0, nil, nil)[3]
      assert.same({ "OK" }, ask("feed", "feed", identity, { from = 0, to = 2, ids = { "", "" },
        settled = { { at = 1, line = "one\n" }, { at = 2, line = "two\n" } } }, LIMITS))
      local totals = ask("totals")
      assert.same({ 0, 2, 2 }, { totals.waiting, totals.counts.invalid, totals.counts.settled })
      assert.equal("one\ntwo\n", ask("results", 10)[1].lines)
      assert.equal("over", ask("take", "one", 30, 1).ending)
    end)

    it("is for one at a time", function()
      local identity = fed()
      assert.equal("BUSY", ask("begin", "other", WHAT, 0, nil, nil)[1])
      local busy = ask("begin", "other", WHAT, 0, { feeder = "feed", beat = "0" }, nil)
      assert.same({ "BUSY", "feed" }, { busy[1], busy[2] })
      local gone = { feeder = "feed", beat = busy[3] }
      assert.equal("OK", ask("begin", "other", WHAT, 0, gone, nil)[1])
      assert.same({ "OTHER", "other" }, ask("feed", "feed", identity,
        { from = 6, to = 7, ids = { "g" } }, LIMITS))
      ask("leave", "feed")
      assert.equal("BUSY", ask("begin", "third", WHAT, 0, nil, nil)[1])
      ask("leave", "other")
      assert.equal("OK", ask("begin", "third", WHAT, 0, nil, nil)[1])
    end)

    it("is of one input", function()
      fed()
      assert.same({ "DIFFERS", "total", "6" },
        ask("begin", "feed", { { "version", "1" }, { "total", "7" } }, 0, nil, nil))
    end)

    it("knows of a job that is gone, and of one that is cancelled", function()
      local identity = fed()
      ask("change", "cancelled")
      local chunk = { from = 6, to = 7, ids = { "g" } }
      assert.same({ "cancelled" }, ask("feed", "feed", identity, chunk, LIMITS))
      ask("forget", 100)
      assert.same({ "LOST", identity }, ask("feed", "feed", identity, chunk, LIMITS))
    end)
  end)

  -- The entry, once its lease is over and another worker has it.
  local function taken_over(entry)
    return patience.until_(function()
      for _, other in ipairs(ask("take", "two", 0.01, 5).entries) do
        if other.id == entry.id then
          return other
        end
      end
    end, "the lease to end")
  end

  describe("take", function()
    it("gives each entry to one", function()
      fed()
      local one, two = ask("take", "one", 30, 1).entries, ask("take", "two", 30, 5).entries
      assert.same({ "a0", "b0", "c0" }, one[1].ids)
      assert.same({ 4, "000", 0 }, { two[1].position, two[1].marks, two[1].sent })
      assert.same({}, ask("take", "three", 30, 5).entries)
    end)

    it("gives what somebody has lost to others, with what is known of it", function()
      fed()
      local entry = ask("take", "one", 0.01, 1).entries[1]
      assert.same({ "OK" }, ask("intend", "one", entry, 2, true))
      assert.same({ "OK", 1 }, ask("settle", "one", entry, { result(1) }, nil))
      local other = taken_over(entry)
      assert.same({ "100", 2 }, { other.marks, other.sent })
      assert.same({ "FENCED" }, ask("intend", "one", entry, 3, false))
      assert.same({ "FENCED" }, ask("settle", "one", entry, { result(2) }, nil))
      assert.same({ "OK", entry.id }, ask("claim", "one", { entry.id }))
    end)

    it("keeps what is claimed", function()
      fed()
      local entry = ask("take", "one", 30, 1).entries[1]
      started:call("XCLAIM", key("work"), "workers", "one", "0", entry.id, "IDLE", "40000",
        "JUSTID")
      assert.same({ "OK" }, ask("claim", "one", { entry.id }))
      local others = ask("take", "two", 30, 5).entries
      assert.same({ 1, 4 }, { #others, others[1].position })
    end)

    it("goes by the longest lease of all", function()
      fed()
      local entry = ask("take", "one", 60, 1).entries[1]
      started:call("XCLAIM", key("work"), "workers", "one", "0", entry.id, "IDLE", "40000",
        "JUSTID")
      assert.equal(1, #ask("take", "two", 1, 5).entries)
      assert.equal("60000", started:call("HGET", key("job"), "lease"))
    end)

    it("counts what was sent by one whose intent Redis has dropped as sent", function()
      fed()
      local entry = ask("take", "one", 0.01, 1).entries[1]
      ask("intend", "one", entry, 1, true)
      started:call("DEL", key("intent"))
      assert.equal(3, taken_over(entry).sent)
    end)

    it("begins leases anew where the clock was set back", function()
      fed()
      local entry = ask("take", "one", 0.01, 1).entries[1]
      local seen = tonumber(started:call("HGET", key("job"), "seen"))
      -- As if the clock had been an hour ahead.
      started:call("XCLAIM", key("work"), "workers", "one", "0", entry.id, "TIME",
        ("%.0f"):format(seen + 3600e3), "JUSTID")
      started:call("HSET", key("job"), "seen", ("%.0f"):format(seen + 3600e3))
      assert.is_table(taken_over(entry))
    end)

    it("gives nothing of a new job that a power cut could still take", function()
      local begun = ask("begin", "feed", WHAT, 3600, nil, nil)
      ask("feed", "feed", begun[3], { from = 0, to = 3, ids = { "a", "b", "c" } }, LIMITS)
      local taken = ask("take", "one", 30, 1)
      assert.same({ "opening", {} }, { taken.state, taken.entries })
      -- An hour later.
      local ripe = tonumber(started:call("HGET", key("job"), "ripe"))
      started:call("HSET", key("job"), "ripe", ("%.0f"):format(ripe - 3600e3))
      assert.equal(1, #ask("take", "one", 30, 1).entries)
    end)

    it("tells of a job that is paused, cancelled, or not there", function()
      assert.equal("LOST", ask("take", "one", 30, 1).state)
      fed()
      ask("change", "paused")
      assert.same({ "paused", {} }, { ask("take", "one", 30, 1).state,
        ask("take", "one", 30, 1).entries })
      ask("change", "cancelled")
      assert.same({ "cancelled", "cancelled" }, ask("change", "running"))
    end)

    it("tells how many ids of a cancelled job may have been sent without an outcome", function()
      fed()
      local entry = ask("take", "one", 30, 1).entries[1]
      ask("intend", "one", entry, 2, true)
      ask("settle", "one", entry, { result(1) }, nil)
      assert.equal(0, ask("totals").unsure)
      ask("change", "cancelled")
      assert.equal(1, ask("totals").unsure)
    end)
  end)

  it("counts as a delivery only what may have been sent, and none of which an id was settled",
    function()
      fed()
      local entry = ask("take", "one", 30, 1).entries[1]
      assert.equal(0, deliveries(entry.id))
      ask("intend", "one", entry, 1, true)
      ask("intend", "one", entry, 2, false)
      assert.equal(1, deliveries(entry.id))
      ask("settle", "one", entry, {}, { sent = 0, is_counted = true })
      assert.equal(0, deliveries(entry.id))
      entry = ask("take", "two", 30, 1).entries[1]
      ask("intend", "two", entry, 1, true)
      started:call("XCLAIM", key("work"), "workers", "two", "0", entry.id, "JUSTID", "RETRYCOUNT",
        "3")
      ask("settle", "two", entry, { result(1) }, nil)
      assert.equal(1, deliveries(entry.id))
    end)

  it("settles an id once, however often that is said", function()
    fed()
    local entry = ask("take", "one", 30, 1).entries[1]
    for times = 1, 3 do
      assert.same({ "OK", times == 1 and 2 or 0 },
        ask("settle", "one", entry, { result(1), result(3), result(3, "too_late") }, nil))
    end
    assert.same({ "DONE", 1 }, ask("settle", "one", entry, { result(2) }, nil))
    assert.same({ "FENCED" }, ask("settle", "one", entry, { result(2) }, nil))
    assert.equal(3, ask("totals").counts.stopped)
    local lines = {}
    for i, piece in ipairs(ask("results", 10)) do
      lines[i] = piece.lines
    end
    assert.same({ "line 1\nline 3\n", "line 2\n" }, lines)
  end)

  -- No verb is more than one command, so that there is no transaction of which half can arrive.
  for _, cut in ipairs({ 1, 100, 65536, 1e6, "reply" }) do
    it("settles an id once where the connection is cut: " .. cut, function()
      fed()
      started:call("SCRIPT", "LOAD", scripts.settle.text)
      local entry = ask("take", "one", 30, 1).entries[1]
      local proxy = server.spawn({ server.interpreter(), "spec/support/cutting_proxy.lua",
        tostring(started.port), tostring(cut) })
      local cutting = fleet.store({ url = "redis://127.0.0.1:" .. proxy.first_line },
        "job-" .. count)
      -- More than a socket takes at once: what is left of it must not reach the next connection.
      local long = result(1)
      long.line = ("x"):rep(4e6) .. "\n"
      assert.same({ "OK", cut == "reply" and 0 or 2 },
        fleet.ask(cutting, "settle", "one", entry, { long, result(3) }, nil))
      cutting:close()
      proxy:stop()
      local totals = ask("totals")
      assert.same({ 2, 2, 1 }, { totals.counts.settled, totals.counts.stopped, totals.results })
    end)
  end

  it("takes results out once", function()
    fed()
    local entry = ask("take", "one", 30, 1).entries[1]
    ask("settle", "one", entry, { result(1), result(2) }, nil)
    local pieces = ask("results", 10)
    assert.same({ 2 }, ask("remove", { pieces[1].id }))
    assert.same({ 0 }, ask("remove", { pieces[1].id }))
    assert.equal(2, ask("totals").counts.collected)
  end)

  it("knows another Redis by its identity, and says nothing to who knew the old one", function()
    local durable = redis.start({ "--appendonly", "yes", "--appendfsync", "always" })
    made:close()
    made = fleet.store(durable, "job-" .. count)
    local identity = fed()
    local entry = ask("take", "one", 60, 1).entries[1]
    durable:restart()
    made:close()
    made = fleet.store(durable, "job-" .. count)
    local reply = ask("intend", "one", entry, 1, true)
    assert.equal("EPOCH", reply[1])
    assert.is_true(reply[2] ~= identity and #reply[2] == 40)
    assert.equal("EPOCH", ask("settle", "one", entry, { result(1) }, nil)[1])
    assert.same({ "EPOCH" }, ask("feed", "feed", identity, { from = 6, to = 7, ids = { "g" } },
      LIMITS))
    -- All of an entry that was written before counts as sent.
    assert.equal(3, ask("take", "two", 60, 1).entries[1].sent)
    durable:stop()
  end)

  it("forgets all of a job", function()
    fed()
    local entry = ask("take", "one", 30, 1).entries[1]
    ask("intend", "one", entry, 2, true)
    ask("settle", "one", entry, { result(1) }, nil)
    assert.same({ 1 }, ask("forget", 1))
    assert.same({ 0 }, ask("forget", 1))
    assert.same({}, started:call("KEYS", key("*")))
    assert.is_false(ask("totals"))
  end)

  it("has nothing to say of Redis where whoever waits is called away", function()
    assert.same({ nil, nil, false }, { made:wait(60, function() return true end, "totals") })
  end)

  it("adds nothing where the memory is used up, but settles", function()
    local full = redis.start({ "--maxmemory", "100mb" })
    made:close()
    made = fleet.store(full, "job-" .. count)
    local identity = fed()
    local entry = ask("take", "one", 30, 1).entries[1]
    full:call("CONFIG", "SET", "maxmemory", "1")
    local reply, message = made:wait(0.2, nil, "feed", "feed", identity,
      { from = 6, to = 7, ids = { "g" } }, LIMITS)
    assert.is_nil(reply)
    assert.matches("no memory left", message)
    assert.same({ "OK" }, ask("intend", "one", entry, 3, true))
    assert.same({ "DONE", 3 }, ask("settle", "one", entry,
      { result(1), result(2), result(3) }, nil))
    assert.same({ 3 }, ask("remove", { ask("results", 10)[1].id }))
    full:stop()
  end)
end)
