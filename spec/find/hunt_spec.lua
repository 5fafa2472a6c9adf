-- Looking again and again: when a hunt ends, what it gives meanwhile, and when it waits.

local hunts = require("stopmsg.find.hunt")

local INTERVAL = 5

-- A hunt whose looks are those of a list: each { pages, err, changing }, where pages are lists of
-- ids; the last one comes again and again.
local function start(script)
  local self = { now = 100, looks = {}, report = {}, ended = nil }
  self.hunt = hunts.new({
    report = self.report,
    interval = INTERVAL,
    clock = function()
      return self.now
    end,
    ended = function()
      return self.ended
    end,
    look = function()
      local plan = script[#self.looks + 1] or script[#script]
      self.looks[#self.looks + 1] = self.now
      local look = { found = 0, changing = plan.changing or 0, err = nil, is_complete = false }
      local at = 0
      function look.page()
        at = at + 1
        local ids = plan[at]
        if not ids then
          look.err, look.is_complete = plan.err, plan.err == nil
          return nil
        end
        local items = {}
        for i, id in ipairs(ids) do
          items[i] = { id = id, outcome = "open" }
        end
        look.found = look.found + #items
        return items
      end
      return look
    end,
  })
  return self
end

-- Takes all, as a run does: ids and pauses (where the hunt said "not before") in their order.
local function drain(self, want, most)
  local said, chunk = {}, {}
  for _ = 1, most or 10000 do
    local is_last, at = self.hunt:fill(chunk, want or 256)
    for i = 1, chunk.n do
      said[#said + 1] = chunk[i]
    end
    if is_last then
      return said
    elseif chunk.n == 0 and at and at > self.now then
      said[#said + 1] = at - self.now
      self.now = at
    end
  end
  error("it does not end")
end

describe("stopmsg.find.hunt", function()
  it("ends after two looks in a row, `interval` apart, that found nothing", function()
    local self = start({ { { "a", "b" }, { "c" } }, {} })
    assert.same({ "a", "b", "c", INTERVAL }, drain(self))
    assert.same({ 100, 100, 105 }, self.looks)
    assert.same({ 3, 3, true }, { self.report.rounds, self.report.found, self.report.is_complete })
    assert.is_nil(self.report.err)
  end)

  it("looks twice at an empty list", function()
    local self = start({ {} })
    assert.same({ INTERVAL }, drain(self))
    assert.equal(2, self.report.rounds)
    assert.is_true(self.report.is_complete)
  end)

  it("begins to count anew when something is found", function()
    local self = start({ { { "a" } }, {}, { { "b" } }, {} })
    assert.same({ "a", INTERVAL, "b", INTERVAL }, drain(self))
    assert.equal(5, self.report.rounds)
  end)

  it("gives a page in pieces, and lets it be stopped before the next one is read", function()
    local self = start({ { { "a", "b", "c" }, { "d" } }, {} })
    local chunk = {}
    local function fill()
      local is_last, at = self.hunt:fill(chunk, 2)
      return { chunk.n, is_last, at and at <= self.now }
    end
    assert.same({ 0, false, true }, fill()) -- reads the page
    assert.same({ 2, false }, fill())
    assert.same({ 1, false }, fill())
    assert.equal(3, self.report.found)
    assert.same({ 0, false, true }, fill()) -- what is there goes now
    assert.equal(3, self.report.found)
    fill()
    assert.equal(4, self.report.found)
  end)

  it("does not take a look that failed for an empty one", function()
    local self = start({ { err = { reason = "http_500" } } })
    assert.same({ INTERVAL, INTERVAL }, drain(self))
    assert.same({ 3, false, "http_500" }, { self.report.rounds, self.report.is_complete,
      self.report.err.reason })
  end)

  it("goes on after a look that failed once", function()
    local self = start({ { { "a" }, err = { reason = "http_500" } }, { err = { reason = "x" } },
      { { "b" } }, {} })
    assert.same({ "a", INTERVAL, INTERVAL, "b", INTERVAL }, drain(self))
    assert.is_true(self.report.is_complete)
  end)

  it("goes on without an end as long as failing looks find something", function()
    local script = {}
    for i = 1, 20 do
      script[i] = { { "m" .. i }, err = { reason = "http_500" } }
    end
    script[21] = {}
    local self = start(script)
    drain(self)
    assert.same({ 20, true }, { self.report.found, self.report.is_complete })
  end)

  it("looks on at once where the provider lists only so many", function()
    local self = start({ { { "a" }, err = { reason = "depth", is_depth = true } }, { { "b" } },
      {} })
    assert.same({ "a", "b", INTERVAL }, drain(self))
  end)

  it("ends at once where looking again is of no use", function()
    local self = start({ { { "a" }, err = { reason = "filter_ignored", is_final = true } } })
    assert.same({ "a" }, drain(self))
    assert.same({ 1, false, "filter_ignored" }, { self.report.rounds, self.report.is_complete,
      self.report.err.reason })
  end)

  it("waits for what is about to change, and not for ever", function()
    local self = start({ { changing = 1 }, { changing = 1 }, { { "a" } }, {} })
    assert.same({ INTERVAL, INTERVAL, "a", INTERVAL }, drain(self))
    assert.is_true(self.report.is_complete)
    self = start({ { changing = 1 } })
    assert.equal(11, #drain(self))
    assert.same({ false, "changing" }, { self.report.is_complete, self.report.err.reason })
  end)

  it("says why the last look failed where the run ends before the next one", function()
    for _, err in ipairs({ { reason = "http_500" }, { reason = "http_500", message = "no" } }) do
      local self = start({ { { "a" } }, { err = err } })
      assert.has_error(function()
        drain(self, 256, 5)
      end, "it does not end")
      self.ended = "outage"
      assert.same({}, drain(self))
      assert.same({ "outage", "the run ended before the list was complete; the last look failed: "
        .. (err.message or err.reason) }, { self.report.err.reason, self.report.err.message })
    end
  end)

  it("ends when nothing more is sent, and loses nothing that it found", function()
    local self = start({ { { "a", "b", "c" }, { "d" } } })
    local chunk = {}
    self.hunt:fill(chunk, 2)
    self.hunt:fill(chunk, 2)
    self.ended = "deadline"
    assert.same({ "c" }, drain(self))
    assert.same({ false, "deadline" }, { self.report.is_complete, self.report.err.reason })
    assert.is_true((self.hunt:fill(chunk, 2)))
  end)
end)
