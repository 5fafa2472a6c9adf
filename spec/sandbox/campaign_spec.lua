-- Messages that the sandbox holds: what is made, leaves and is stopped, by a clock of the spec's.

local campaigns = require("stopmsg.sandbox.campaign")

local function new(with)
  local self = { now = 1000 }
  local given = { format = "m-%06d", settle = 0, size = 0, now = function() return self.now end }
  for name, value in pairs(with) do
    given[name] = value
  end
  self.held = campaigns.new(given)
  return self
end

local function all(held, skip, size)
  local first, last = held:between()
  return held:list(first, last, skip or 0, size or 100)
end

describe("stopmsg.sandbox.campaign", function()
  it("holds so many messages from the start, and more at a rate", function()
    local self = new({ size = 3, created_per_second = 2, create_seconds = 5 })
    assert.same({ 1, 2, 3 }, all(self.held))
    self.now = 1001.6
    assert.same({ 1, 2, 3, 4, 5, 6 }, all(self.held))
    self.now = 2000
    assert.equal(13, self.held:tally().created)
  end)

  it("lets the oldest leave that are open", function()
    local self = new({ size = 5, leave_per_second = 1 })
    self.held:stop(2)
    self.now = 1002
    assert.same({ "sent", "stopped", "sent", "scheduled" }, { self.held:state(1),
      self.held:state(2), self.held:state(3), self.held:state(4) })
    assert.same({ 4, 5 }, all(self.held))
    self.now = 9999
    assert.same({ created = 5, open = 0, stopped = 1, sent = 4, again = 0 }, self.held:tally())
  end)

  it("shows a stop when it has settled, and counts second ones", function()
    local self = new({ size = 2, settle = 3 })
    self.held:stop(1)
    self.held:stop(1)
    assert.equal("stopped", self.held:state(1))
    assert.equal("scheduled", self.held:state(1, true))
    assert.same({ 1, 2 }, all(self.held))
    self.now = 1003
    assert.equal("stopped", self.held:state(1, true))
    assert.same({ 2 }, all(self.held))
    assert.equal(1, self.held:tally().again)
  end)

  it("lists in either order, and all of them where that is wanted", function()
    local self = new({ size = 5, newest_first = true })
    self.held:stop(4)
    assert.same({ 5, 3, 2, 1 }, all(self.held))
    assert.same({ 3, 2 }, all(self.held, 1, 2))
    self = new({ size = 5, lists_all = true })
    self.held:stop(4)
    assert.same({ 1, 2, 3, 4, 5 }, all(self.held))
  end)

  it("counts and pages the same whatever was stopped, in blocks or not", function()
    for _, newest_first in ipairs({ false, true }) do
      local self = new({ size = 5000, newest_first = newest_first })
      for number = 1, 5000 do
        if number % 7 == 0 or (number > 1024 and number <= 2048) then
          self.held:stop(number)
        end
      end
      local wanted = {}
      for number = 37, 4711 do
        if self.held:state(number) == "scheduled" then
          table.insert(wanted, newest_first and 1 or #wanted + 1, number)
        end
      end
      assert.equal(#wanted, self.held:count(37, 4711))
      local got = {}
      while #got < #wanted do
        local page = self.held:list(37, 4711, #got, 100)
        assert.is_true(#page > 0)
        for _, number in ipairs(page) do
          got[#got + 1] = number
        end
      end
      assert.same(wanted, got)
    end
  end)

  it("knows its ids again, and no others", function()
    local self = new({ size = 5 })
    assert.equal(5, self.held:number(self.held:id(5)))
    for _, id in ipairs({ "m-000006", "m-000000", "m-5", "n-000005", "m-000005x", "" }) do
      assert.is_nil(self.held:number(id))
    end
    self = new({ size = 300, format = "%08x-0000-4000-8000-00000000c0de" })
    assert.equal(255, self.held:number("000000FF-0000-4000-8000-00000000c0de"))
  end)

  it("finds the messages of a span of time", function()
    local self = new({ size = 100, leave_per_second = 10 })
    assert.same({ 1, 100 }, { self.held:between() })
    for since = 998, 1012 do
      for till = since, 1012 do
        local first, last = self.held:between(since, till)
        for number = 1, 100 do
          local time = self.held:time(number)
          assert.equal(time >= since and time <= till, number >= first and number <= last)
        end
      end
    end
  end)
end)
