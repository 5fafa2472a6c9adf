local ids = require("stopmsg.ids")
local intake = require("stopmsg.run.ids")
local settled = require("stopmsg.run.items")
local source = require("stopmsg.run.source")

-- What is made at once stays small: others may wait for the thread.
describe("stopmsg.run.items", function()
  it("makes the copies of an id that stands everywhere a slice at a time", function()
    local list, result = {}, {}
    for i = 1, 10000 do
      list[i] = "id" .. (i % 3 == 0 and i or 1)
    end
    local taken = intake.new(source.list(list, #list))
    local ready = settled.new(taken, tostring, error, true)
    taken:begin({ operation = { id = ids.forms.text }, limit = #list, result = result,
      total = #list })
    ready:begin({ name = "stop" }, #list)
    local batch = taken:batch()
    taken:read(batch, ready)
    ready:add(batch, { outcome = "stopped" })
    local total, longest = 0, 0
    local slice = ready:slice()
    while slice do
      for i = 1, slice.count do
        assert.equal(list[slice.places[i]], slice[i].id)
      end
      total, longest = total + slice.count, math.max(longest, slice.count)
      slice = ready:slice()
    end
    assert.equal(#list, total)
    assert.equal(0, ready.backlog)
    assert.is_true(longest <= 512)
    for place, id in ipairs(list) do
      assert.equal(id, result[place].id)
    end
  end)
end)
