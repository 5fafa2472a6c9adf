-- The script that hands out slots, run by a real Redis. Slots are counted by the clock of Redis.

local redis = require("spec.support.redis")
local script = require("stopmsg.fleet.script")

describe("stopmsg.fleet.script", function()
  local started, key

  setup(function()
    started = redis.start()
  end)

  teardown(function()
    started:stop()
  end)

  before_each(function()
    started:call("FLUSHALL")
    key = script.key("account")
  end)

  local function field(name)
    return tonumber(started:call("HGET", key, name))
  end

  local function add(name, microseconds)
    local value = ("%.0f"):format(field(name) + microseconds)
    started:call("HSET", key, name, value)
  end

  -- Slots in seconds since 1970, by the clock of Redis; the end of a pause, and what was said.
  local function take(rate, count, pause)
    local reply = assert(started:call("EVAL", script.text, "1", key,
      (table.unpack or unpack)(script.arguments(rate, count, pause or 0)))) -- luacheck: ignore
    local first, interval, paused = script.read(reply)
    local now, list = field("seen") / 1e6, {}
    for i = 1, count do
      list[i] = now + first + (i - 1) * interval
    end
    return list, paused, { first = first, interval = interval, now = now }
  end

  it("has the SHA-1 that Redis makes of it", function()
    assert.equal(started:call("SCRIPT", "LOAD", script.text), script.sha)
  end)

  it("keeps its key under one name, which tells clusters where it belongs", function()
    assert.equal("stopmsg:rate:account", key)
    take(10, 1)
    assert.same({ key }, started:call("KEYS", "*"))
  end)

  for _, rate in ipairs({ 0.5, 3, 50, 1000, 1e6 }) do
    it(("gives no two the same slot at %g a second, however many are asked for at a time"):format(
      rate), function()
      local all, late = {}, math.min(0.01, 1 / rate)
      for i = 1, 40 do
        for _, at in ipairs((take(rate, i % 7 + 1))) do
          all[#all + 1] = at
        end
      end
      local began = all[1] + late
      for i = 2, #all do
        -- Numbers of this size have no more than a quarter of a microsecond.
        assert.is_true(all[i] - all[i - 1] >= 1 / rate - 2e-6)
      end
      -- The first may lie back by what can be caught up.
      assert.is_true(all[#all] - began >= (#all - 1) / rate - late - 1e-4)
    end)
  end

  it("gives a slot at once where nobody took one for a while", function()
    local _, _, said = take(1, 1)
    assert.is_true(said.first <= 0 and said.first >= -0.01)
    add("next", -100e6)
    _, _, said = take(1, 1)
    assert.is_true(said.first <= 0 and said.first >= -0.01)
  end)

  it("goes by the lowest rate in use, for as long as that is in use", function()
    local _, _, said = take(50, 1)
    assert.near(0.02, said.interval, 1e-5)
    _, _, said = take(5, 1)
    assert.near(0.2, said.interval, 1e-5)
    _, _, said = take(50, 1)
    assert.near(0.2, said.interval, 1e-5)
    add("r5", -11e6)
    _, _, said = take(50, 1)
    assert.near(0.02, said.interval, 1e-5)
    assert.is_nil(field("r5"))
  end)

  it("counts a rate as in use until ten seconds after its last slot", function()
    local list = take(0.1, 3)
    assert.near(list[3] + 10 + 10, field("r0.1") / 1e6, 1e-3)
  end)

  it("gives no slot within a pause, and tells everybody of it", function()
    take(50, 1)
    local _, paused = take(50, 0, 30)
    assert.near(30, paused, 1e-3)
    local list, left, said = take(50, 2)
    assert.is_true(left > 0 and left <= 30)
    assert.is_true(list[1] >= said.now + left - 1e-4)
  end)

  it("keeps the longer one of two pauses, and none for more than an hour", function()
    take(50, 0, 30)
    local _, paused = take(50, 0, 10)
    assert.is_true(paused > 20)
    _, paused = take(50, 0, 1e9)
    assert.near(3600, paused, 1e-3)
  end)

  describe("where the clock was set back by an hour", function()
    local function set_back()
      for _, name in ipairs({ "next", "seen", "pause", "r50" }) do
        add(name, 3600e6)
      end
    end

    it("goes on with the slots where they were", function()
      local before = take(50, 10)
      set_back()
      local after, _, said = take(50, 1)
      assert.is_true(said.first < 0.5)
      assert.is_true(after[1] - before[10] >= 0.02 - 1e-4)
    end)

    it("keeps what is left of a pause, and the rates in use", function()
      take(5, 1)
      take(50, 0, 30)
      add("r5", 3600e6)
      set_back()
      local _, paused, said = take(50, 1)
      assert.is_true(paused > 0 and paused <= 30)
      assert.near(0.2, said.interval, 1e-5)
      assert.is_true(field("r5") / 1e6 < said.now + 100)
      assert.is_true(field("next") / 1e6 < said.now + 100)
    end)
  end)

  it("has no one wait where the clock was set forward by an hour", function()
    take(50, 100)
    for _, name in ipairs({ "next", "seen", "r50" }) do
      add(name, -3600e6)
    end
    local _, _, said = take(50, 1)
    assert.is_true(said.first <= 0)
  end)

  it("takes no value for more than an hour ahead", function()
    take(50, 1)
    started:call("HSET", key, "next", "9e18", "pause", "9e18")
    local _, paused, said = take(50, 1)
    assert.equal(0, paused)
    assert.is_true(said.first <= 0.01)
  end)

  it("makes do with values that are none", function()
    started:call("HSET", key, "next", "x", "seen", "", "pause", "-", "rx", "1", "r", "2", "a", "3")
    local _, _, said = take(50, 1)
    assert.near(0.02, said.interval, 1e-5)
  end)

  it("begins anew after a Redis that forgot everything", function()
    take(1, 3)
    started:call("FLUSHALL")
    local _, _, said = take(1, 1)
    assert.is_true(said.first <= 0)
  end)

  it("leaves nothing behind for ever", function()
    take(50, 10)
    local left = started:call("PTTL", key)
    assert.is_true(left > 60000 and left < 200000)
    take(50, 0, 900)
    assert.is_true(started:call("PTTL", key) >= 70000)
  end)

  it("reads nothing else than its own replies", function()
    for _, reply in ipairs({ "OK", {}, { 1 }, { 1, 2 }, { 1, "x", 3 }, { 1, 0, 3 }, { 1, -1, 3 },
      { false, 2, 3 }, { 0 / 0, 1, 1 } }) do
      assert.is_nil(script.read(reply))
    end
    assert.is_nil(script.read(nil))
    assert.same({ -0.01, 0.02, 0 }, { script.read({ -10000, "20000", 0 }) })
  end)
end)
