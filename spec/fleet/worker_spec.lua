-- Workers of a job, with a real Redis: one dies at each step of its life, and another one goes on.

local fleet = require("spec.support.fleet")
local patience = require("spec.support.patience")
local redis = require("spec.support.redis")
local sample = require("spec.support.sample")
local store = require("stopmsg.fleet.store")

local it = sample.its(it)

describe("stopmsg.fleet.worker", function()
  local started, made, job

  setup(function()
    started = redis.start()
  end)

  teardown(function()
    started:stop()
  end)

  local count = 0

  before_each(function()
    count = count + 1
    job = "job-" .. count
    made = fleet.store(started, job)
  end)

  after_each(function()
    made:close()
  end)

  local function settles_all(ids, provider, counts)
    local found = fleet.judge(started, job, ids, provider)
    assert.equal(0, found.lost)
    assert.equal(0, found.twice)
    assert.equal(0, found.false_no)
    assert.equal(0, found.false_yes)
    assert.equal(#ids, found.totals.counts.settled)
    for word, expected in pairs(counts or {}) do
      assert.equal(expected, found.totals.counts[word] or 0)
    end
    assert.equal(0, found.totals.waiting + found.totals.held)
    -- Nothing of the entries is left.
    local keys = started:call("KEYS", ("stopmsg:{%s}:*"):format(job))
    table.sort(keys)
    local names = {}
    for i, key in ipairs(keys) do
      names[i] = key:match("([^:]*)$")
    end
    assert.same({ "counts", "done", "job", "work" }, names)
    return found
  end

  for _, batch in ipairs({ 1, 7, 50 }) do
    it(("settles each id once, %d a request"):format(batch), function()
      local ids, provider = fleet.ids(95), fleet.provider({ ["id-000003"] = true })
      assert(fleet.feed(made, ids))
      local ended, worker = fleet.work(started, job, provider, nil, { batch = batch })
      assert.equal("ended", ended)
      assert.equal("over", worker.ending)
      assert.equal(95, worker.settled)
      assert.equal(95, provider.requests)
      settles_all(ids, provider, { stopped = 94, too_late = 1 })
    end)
  end

  it("says at which position of the input an id stands", function()
    local ids, provider = fleet.ids(25), fleet.provider()
    assert(fleet.feed(made, ids))
    fleet.work(started, job, provider)
    local found = settles_all(ids, provider)
    for i, id in ipairs(ids) do
      assert.equal(i, found.item[id].n)
    end
  end)

  -- A machine dies at its n-th step; others go on. Steps are counted until it dies at none.
  for _, batch in ipairs({ 1, 4 }) do
    for name, is_after in pairs({ before = false, after = true }) do
      it(("loses and counts wrongly nothing where it dies right %s any step, %d a request"):format(
        name, batch), function()
        local step, deaths = 0, 0
        repeat
          step = step + 1
          job = ("job-%d-%d"):format(count, step)
          local own = fleet.store(started, job)
          local ids, provider = fleet.ids(12), fleet.provider({ ["id-000005"] = true })
          assert(fleet.feed(own, ids, { size = 5 }))
          own:close()
          local ended = fleet.work(started, job, provider, fleet.fate(step, is_after),
            { batch = batch })
          deaths = deaths + (ended == "died" and 1 or 0)
          assert.equal("ended", (fleet.work(started, job, provider, nil, { batch = batch })))
          settles_all(ids, provider)
        until ended == "ended"
        assert.is_true(deaths >= 10)
      end)
    end
  end

  it("has an entry once, however often its own lease is over", function()
    local ids, provider = fleet.ids(40), fleet.provider()
    assert(fleet.feed(made, ids, { size = 5 }))
    local work = ("stopmsg:{%s}:work"):format(job)
    fleet.work(started, job, provider, nil, { batch = 3, during = function(_, worker)
      local has = {}
      for _, row in ipairs(started:call("XPENDING", work, "workers", "-", "+", "100")) do
        started:call("XCLAIM", work, "workers", row[2], "0", row[1], "IDLE", "100000", "JUSTID")
      end
      for _, entry in ipairs(worker._entries) do
        assert.is_nil(has[entry.id])
        has[entry.id] = true
      end
    end })
    settles_all(ids, provider, { stopped = 40 })
  end)

  it("ends where Redis has lost the job, or its group", function()
    for _, forget in ipairs({ { "FLUSHALL" }, { "XGROUP", "DESTROY", "WORK", "workers" } }) do
      local ids, provider = fleet.ids(40), fleet.provider()
      assert(fleet.feed(made, ids, { size = 10 }))
      forget[3] = forget[3] and ("stopmsg:{%s}:work"):format(job)
      local ended, worker = fleet.work(started, job, provider, nil, { during = function(place)
        if place == 3 then
          assert(started:call((table.unpack or unpack)(forget))) -- luacheck: ignore
        end
      end })
      assert.same({ "ended", "lost" }, { ended, worker.ending })
      assert.is_nil(worker.fault)
    end
  end)

  it("knows what may have been sent before a machine died", function()
    local ids, provider = fleet.ids(4), fleet.provider()
    assert(fleet.feed(made, ids))
    -- The answer is lost with the machine.
    assert.equal("died", (fleet.work(started, job, provider, fleet.fate(1, true, "request"))))
    assert.equal(1, provider.requests)
    fleet.work(started, job, provider)
    local found = settles_all(ids, provider, { stopped = 3, unknown = 1 })
    local item = found.item[ids[1]]
    assert.same({ "unknown", "too_late", true }, { item.outcome, item.reason, item.ambiguous })
  end)

  it("believes a no about what certainly was not sent before", function()
    local ids = fleet.ids(40)
    local late = {}
    for _, id in ipairs(ids) do
      late[id] = true
    end
    local provider = fleet.provider(late)
    assert(fleet.feed(made, ids, { size = 40 }))
    assert.equal("died", (fleet.work(started, job, provider, fleet.fate(1, true, "request"))))
    fleet.work(started, job, provider)
    -- Sixteen were to be sent when it died.
    settles_all(ids, provider, { too_late = 24, unknown = 16 })
  end)

  describe("that cannot ask the provider", function()
    local function fails(item)
      return setmetatable({ stop = function(_, id)
        return { id = id, outcome = item.outcome, reason = item.reason, message = item.message,
          attempts = item.attempts }
      end }, { __index = fleet.provider() })
    end

    for name, item in pairs({
      ["credentials are refused"] = { outcome = "denied", reason = "credentials" },
      ["a run has ended"] = { outcome = "skipped", reason = "outage" },
      ["nobody is reached"] = { outcome = "failed", reason = "connect" },
      ["TLS fails"] = { outcome = "failed", reason = "tls" },
      ["a stranger answers"] = { outcome = "failed", reason = "http_403",
        message = "not in the provider's form: check base_url, proxy" },
    }) do
      it("gives back what it holds where " .. name .. ", and others believe the answers",
        function()
          local ids = fleet.ids(30)
          local provider = fleet.provider({ ["id-000002"] = true })
          assert(fleet.feed(made, ids))
          for _ = 1, 5 do
            local ended, worker = fleet.work(started, job, fails(item), nil, { lease = 600 })
            assert.equal("ended", ended)
            assert.equal(item.reason, worker.failure.reason)
            assert.equal(0, worker.settled)
          end
          local totals = fleet.ask(made, "totals")
          assert.is_nil(totals.counts.settled)
          assert.equal(0, totals.held)
          -- At once, whatever the lease; and no delivery was counted.
          fleet.work(started, job, provider, nil, { lease = 600 })
          settles_all(ids, provider, { stopped = 29, too_late = 1 })
        end)
    end

    it("settles what the provider said of one message, and what is unknown", function()
      for _, item in ipairs({ { outcome = "denied", reason = "forbidden" },
        { outcome = "failed", message = "other reasons" },
        { outcome = "unknown", reason = "timeout" } }) do
        job = job .. "-x"
        local own = fleet.store(started, job)
        local ids, provider = fleet.ids(3), fails(item)
        assert(fleet.feed(own, ids))
        own:close()
        local _, worker = fleet.work(started, job, provider)
        assert.is_nil(worker.failure)
        settles_all(ids, provider, { [item.outcome] = 3 })
      end
    end)
  end)

  it("buries an entry after three machines died with it, and gives it out again", function()
    local ids, provider = fleet.ids(3), fleet.provider()
    assert(fleet.feed(made, ids))
    for _ = 1, 3 do
      assert.equal("died", (fleet.work(started, job, provider, fleet.fate(1, true, "request"))))
    end
    local ended, worker = fleet.work(started, job, provider)
    assert.same({ "ended", "dead" }, { ended, worker.ending })
    local totals = fleet.ask(made, "totals")
    assert.same({ 1, 3 }, { totals.dead, totals.counts.dead })
    assert.same({ 1, 0 }, fleet.ask(made, "retry", 10))
    fleet.work(started, job, provider)
    local found = fleet.judge(started, job, ids, provider)
    assert.same({ 0, 0, 0 }, { found.lost, found.twice, found.false_no })
    assert.equal(0, found.totals.counts.dead)
  end)

  it("drops its answers where somebody else has the entry by now", function()
    local ids, provider = fleet.ids(5), fleet.provider()
    assert(fleet.feed(made, ids))
    local frozen = fleet.store(started, job)
    local slow = fleet.worker(frozen, { lease = fleet.LEASE })
    local chunk = { n = 0 }
    patience.until_(function()
      slow:fill(chunk, 1)
      return chunk.n == 1
    end, "an id")
    local item = provider:stop(chunk[1])
    -- It is stopped for longer than its lease.
    fleet.work(started, job, provider)
    slow:take(item, 1)
    patience.until_(function()
      return slow:fill(chunk, 1)
    end, "the slow one to end")
    assert.is_true(slow:finish(function() end))
    assert.equal(0, slow.settled)
    frozen:close()
    settles_all(ids, provider, { stopped = 4, unknown = 1 })
  end)

  it("sends nothing while the job is paused, and ends where it is cancelled", function()
    local ids, provider = fleet.ids(30), fleet.provider()
    assert(fleet.feed(made, ids))
    fleet.ask(made, "change", "paused")
    local looks = 0
    local ended, worker = fleet.work(started, job, provider, nil, { lease = 600,
      during = function(_, self)
        looks = looks + (self.is_paused and 1 or 0)
        if looks == 3 then
          assert.equal(0, provider.requests)
          fleet.ask(made, "change", "running")
        elseif provider.requests == 5 then
          fleet.ask(made, "change", "cancelled")
        end
      end })
    assert.same({ "ended", "cancelled" }, { ended, worker.ending })
    assert.is_true(provider.requests < 30)
    local found = fleet.judge(started, job, ids, provider)
    assert.equal(provider.requests, found.totals.counts.settled)
    assert.equal(0, found.totals.held)
  end)

  describe("with a Redis that loses its last writes", function()
    local durable

    before_each(function()
      -- What has an answer is in the file: else the file would end somewhere before that.
      durable = redis.start({ "--appendonly", "yes", "--appendfsync", "always" })
    end)

    after_each(function()
      durable:stop()
    end)

    -- Feeds, stops some, and loses all that was noted after the k-th request.
    local function lose(kept, done)
      local ids, provider = fleet.ids(20), fleet.provider()
      local own = fleet.store(durable, job)
      assert(fleet.feed(own, ids, { size = 10 }))
      own:close()
      local size
      local fate = fleet.fate(0)
      fleet.work(durable, job, provider, fate, { during = function()
        if provider.requests >= kept and not size then
          size = fleet.log_size(durable)
        elseif provider.requests >= done then
          fate.step = fate.steps + 1
        end
      end })
      fleet.cut(durable, size or fleet.log_size(durable))
      assert.equal("ended", (fleet.work(durable, job, provider)))
      return fleet.judge(durable, job, ids, provider)
    end

    for _, kept in ipairs({ 0, 1, 7, 12 }) do
      it(("says nothing stronger than what is known, from request %d on"):format(kept), function()
        local found = lose(kept, 18)
        assert.same({ 0, 0, 0, 0 },
          { found.lost, found.twice, found.false_no, found.false_yes })
        assert.equal(20, found.totals.counts.settled)
      end)
    end

    it("goes on with what Redis lost of the work of one that lives on", function()
      local ids, provider = fleet.ids(20), fleet.provider()
      local own = fleet.store(durable, job)
      assert(fleet.feed(own, ids, { size = 10 }))
      own:close()
      local size
      local ended, worker = fleet.work(durable, job, provider, nil, { lease = 600,
        during = function(_, self)
          if provider.requests == 1 and not size then
            size = fleet.log_size(durable)
          elseif provider.requests == 5 and self.settled < 5 then
            -- What it settled then is lost with the power.
            patience.until_(function()
              self:step()
              return self.settled == 5
            end, "results to be noted")
            fleet.cut(durable, size)
          end
        end })
      assert.same({ "ended", "over" }, { ended, worker.ending })
      local found = fleet.judge(durable, job, ids, provider)
      assert.same({ 0, 0, 0 }, { found.lost, found.twice, found.false_no })
      assert.equal(20, found.totals.counts.settled)
      -- Only what was asked again, and told too late, is unknown.
      assert.equal(5, found.totals.counts.unknown)
    end)

    it("would say too much without the rule of epochs", function()
      store.has_epochs = false
      finally(function()
        store.has_epochs = true
      end)
      local found = lose(0, 18)
      assert.is_true(found.false_no > 0)
    end)
  end)
end)
