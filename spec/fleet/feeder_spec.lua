-- Feeding a job, with a real Redis, which may lose what it was told.

local fleet = require("spec.support.fleet")
local redis = require("spec.support.redis")

describe("stopmsg.fleet.feeder", function()
  local started, made, job, count

  setup(function()
    started, count = redis.start({ "--appendonly", "yes", "--appendfsync", "always" }), 0
  end)

  teardown(function()
    started:stop()
  end)

  before_each(function()
    count = count + 1
    job = "job-" .. count
    made = fleet.store(started, job)
  end)

  after_each(function()
    made:close()
  end)

  -- All ids are in the job, each at its place, and are settled.
  local function finishes(ids, provider)
    assert.equal("ended", (fleet.work(started, job, provider, nil, { batch = 5 })))
    local found = fleet.judge(started, job, ids, provider)
    assert.same({ 0, 0, 0, 0 }, { found.lost, found.twice, found.false_no, found.false_yes })
    assert.equal(#ids, found.totals.counts.settled)
    for i, id in ipairs(ids) do
      assert.equal(i, found.item[id].n)
    end
    return found
  end

  -- The first `kept` entries stay, of all others nothing is left.
  local function loses(ids, kept, options)
    local limits, size = { ahead = 1e6, results = 1e6 }, nil
    options.with = {
      limits = limits,
      on_full = function(which)
        if which == nil and fleet.ask(made, "totals").waiting == kept then
          size = fleet.log_size(started)
        end
        return options.on_fed and options.on_fed(function()
          fleet.cut(started, size)
        end)
      end,
    }
    local done, why, detail = fleet.feed(made, ids, options)
    return done, why, detail, function()
      fleet.cut(started, size)
    end
  end

  for _, size in ipairs({ 1, 7, 40, 100 }) do
    it(("puts all ids in, %d an entry"):format(size), function()
      local ids = fleet.ids(40)
      assert(fleet.feed(made, ids, { size = size }))
      assert.equal(math.ceil(40 / size), fleet.ask(made, "totals").waiting)
      assert.equal("", fleet.ask(made, "totals").job.feeder)
      finishes(ids, fleet.provider())
    end)
  end

  it("goes on where one that was killed has ended", function()
    local ids, asked = fleet.ids(40), 0
    local done = pcall(fleet.feed, made, ids, { with = { on_full = function()
      asked = asked + 1
      if asked == 2 then
        error("killed")
      end
    end } })
    assert.is_false(done)
    local known = fleet.ask(made, "totals").job
    assert.same({ "20", "feeder" }, { known.fed, known.feeder })
    made:close()
    made = fleet.store(started, job)
    assert(fleet.feed(made, ids, { me = "another" }))
    local found = finishes(ids, fleet.provider({ ["id-000030"] = true }))
    assert.equal(1, found.totals.counts.too_late)
  end)

  it("stays ahead by so many entries", function()
    local ids, provider, most = fleet.ids(60), fleet.provider(), 0
    local done = fleet.feed(made, ids, { ahead = 2, with = { on_full = function(which)
      local totals = fleet.ask(made, "totals")
      most = math.max(most, totals.waiting + totals.held)
      if which == "work" then
        fleet.work(started, job, provider, nil, { is_once = true })
      end
    end } })
    assert.is_true(done)
    assert.equal(2, most)
    finishes(ids, provider)
  end)

  it("waits while results are not collected", function()
    local ids, provider, collected = fleet.ids(60), fleet.provider(), 0
    local done = fleet.feed(made, ids, { ahead = 100, results = 20, with = {
      on_full = function(which)
        fleet.work(started, job, provider, nil, { is_once = true })
        if which == "results" then
          for _, piece in ipairs(fleet.ask(made, "results", 100)) do
            collected = collected + piece.count
            fleet.ask(made, "remove", { piece.id })
          end
        end
        assert.is_true(fleet.ask(made, "totals").counts.settled - collected <= 20)
      end } })
    assert.is_true(done)
    assert.is_true(collected > 0)
  end)

  it("puts in again what Redis lost while it went on, and says that this may have been sent",
    function()
      local ids, provider, fed = fleet.ids(50), fleet.provider({ ["id-000045"] = true }), 0
      local done = loses(ids, 1, { on_fed = function(cut)
        fed = fed + 1
        if fed == 3 then
          -- Workers have stopped what is lost then.
          fleet.work(started, job, provider, nil, { is_once = true })
          assert.equal(30, provider.requests)
          cut()
        end
      end })
      assert.is_true(done)
      assert.is_true(provider.requests >= 30)
      local found = finishes(ids, provider)
      -- All that was there before is told too late, and not believed; what is new is.
      assert.same({ 30, 19, 1 }, { found.totals.counts.unknown, found.totals.counts.stopped,
        found.totals.counts.too_late })
    end)

  it("puts in again what Redis lost after it had ended, whoever does it", function()
    local ids, provider = fleet.ids(50), fleet.provider()
    local done, _, _, cut = loses(ids, 1, {})
    assert.is_true(done)
    fleet.work(started, job, provider, nil, { is_once = true })
    assert.equal(50, provider.requests)
    cut()
    assert.equal("10", fleet.ask(made, "totals").job.fed)
    -- A worker waits for the rest: the job is not finished.
    fleet.work(started, job, provider, nil, { is_once = true })
    assert(fleet.feed(made, ids, { me = "another" }))
    local found = finishes(ids, provider)
    assert.equal(50, found.totals.counts.unknown)
  end)

  it("ends only when all of it is on disk", function()
    local ids, waits, size, now = fleet.ids(30), 0, nil, 0
    local done = fleet.feed(made, ids, { with = {
      lasting = 2,
      clock = function()
        return now
      end,
      on_full = function()
        local fed = fleet.ask(made, "totals").job.fed
        size = fed == "20" and fleet.log_size(started) or size
        if fed == "30" then
          waits = waits + 1
          if waits == 2 then
            fleet.cut(started, size)
            assert.equal("20", fleet.ask(made, "totals").job.fed)
          elseif waits > 4 then
            now = now + 1
          end
        end
      end,
    } })
    assert.is_true(done)
    assert.is_true(waits >= 6)
    assert.equal("30", fleet.ask(made, "totals").job.fed)
  end)

  it("begins again where Redis lost the whole job under it", function()
    local ids, provider, fed = fleet.ids(50), fleet.provider(), 0
    local before = fleet.log_size(started)
    local done = fleet.feed(made, ids, { with = { on_full = function()
      fed = fed + 1
      if fed == 3 then
        fleet.work(started, job, provider, nil, { is_once = true })
        fleet.cut(started, before)
      end
    end } })
    assert.is_true(done)
    finishes(ids, provider)
  end)

  it("ends where somebody forgot the job", function()
    local fed = 0
    local done, why = fleet.feed(made, fleet.ids(50), { with = { on_full = function()
      fed = fed + 1
      if fed == 2 then
        fleet.ask(made, "forget", 100)
      end
    end } })
    assert.is_nil(done)
    assert.equal("FORGOTTEN", why)
  end)

  it("ends where another feed has taken over", function()
    local ids, fed, other = fleet.ids(50), 0, nil
    local done, why, detail = fleet.feed(made, ids, { with = { on_full = function()
      fed = fed + 1
      if fed == 2 then
        local own = fleet.store(started, job)
        local beat = fleet.ask(own, "totals").job.beat
        other = fleet.ask(own, "begin", "other", { { "total", "50" } }, 0,
          { feeder = "feeder", beat = beat }, nil)
        own:close()
      end
    end } })
    assert.equal("OK", other[1])
    assert.is_nil(done)
    assert.same({ "BUSY", "other" }, { why, detail })
  end)

  it("ends where the input is shorter than it was", function()
    local ids = fleet.ids(30)
    local done, why = fleet.feed(made, ids, { with = { total = 31,
      what = { { "version", "1" }, { "total", "31" } } } })
    assert.is_nil(done)
    assert.equal("SHORT", why)
  end)
end)
