local pages = require("stopmsg.run.pages")

describe("stopmsg.run.pages", function()
  it("holds what was put there, in any order", function()
    local list = pages.new()
    for _, place in ipairs({ 1, 512, 513, 1024, 1025, 100000 }) do
      assert.is_nil(list[place])
      list[place] = "item " .. place
      assert.equal("item " .. place, list[place])
    end
    assert.is_nil(list[2])
    assert.is_nil(list[99999])
  end)

  it("takes another item at the same place", function()
    local list = pages.new()
    list[7] = "one"
    list[7] = "other"
    assert.equal("other", list[7])
  end)

  it("moves all into a plain list, and lets others run on the way", function()
    local list, move = pages.new()
    local count, into, breaths, longest = 300000, {}, {}, 0
    for place = count, 1, -1 do
      list[place] = place
    end
    local before = 0
    move(into, function(must)
      longest = math.max(longest, #into - before)
      before = #into
      breaths[#breaths + 1] = must and #into or nil
    end)
    assert.equal(count, #into)
    for place = 1, count do
      assert(into[place] == place)
    end
    assert.equal(512, longest)
    -- Where a table of Lua grows.
    assert.same({ 131072, 262144 }, breaths)
    assert.is_nil(list[1])
  end)
end)
