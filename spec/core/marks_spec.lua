-- Numbers at positions, and fingerprints.

local native = require("stopmsg.command")

-- The set of these values, as `fill` and `seek` take it.
local function set(...)
  local sum = 0
  for _, value in ipairs({ ... }) do
    sum = sum + 2 ^ value
  end
  return sum
end

describe("stopmsg.command.marks", function()
  it("keeps a number for each position, 0 where none was set", function()
    local marks = native.marks()
    marks:set(1, 3)
    marks:set(2, 15)
    marks:set(3000000, 7)
    assert.same({ 3, 15, 0, 7, 0 },
      { marks:get(1), marks:get(2), marks:get(3), marks:get(3000000), marks:get(2 ^ 31 - 1) })
    marks:set(2, 4)
    assert.same({ 3, 4, 0 }, { marks:get(1), marks:get(2), marks:get(3) })
  end)

  it("counts them", function()
    local marks = native.marks()
    marks:fill(1, 1000, 1, 0)
    marks:set(5, 2)
    marks:set(6, 2)
    marks:set(6, 1)
    assert.same({ 999, 1, 0 }, { marks:count(1), marks:count(2), marks:count(3) })
  end)

  it("fills a range but for what has to stay", function()
    local marks = native.marks()
    marks:set(3, 2)
    marks:set(4, 5)
    marks:fill(2, 5, 1, set(2))
    assert.same({ 0, 1, 2, 1, 1, 0 }, { marks:get(1), marks:get(2), marks:get(3), marks:get(4),
      marks:get(5), marks:get(6) })
  end)

  it("seeks the first and the last of so many positions", function()
    local marks = native.marks()
    marks:fill(1, 10, 2, 0)
    marks:set(4, 1)
    marks:set(7, 3)
    assert.same({ 4, 4 }, { marks:seek(1, 10, 1, set(2)) })
    assert.same({ 4, 7 }, { marks:seek(1, 10, 2, set(2)) })
    assert.same({ 4, 12 }, { marks:seek(1, 12, 99, set(2)) })
    assert.same({ 7, 7 }, { marks:seek(5, 10, 9, set(2)) })
    assert.same({}, { marks:seek(8, 10, 9, set(2)) })
  end)

  it("refuses what is no position or number", function()
    local marks = native.marks()
    for _, call in ipairs({
      function() marks:set(0, 1) end,
      function() marks:set(2 ^ 31, 1) end,
      function() marks:set(1, 16) end,
      function() marks:get(-1) end,
      function() marks:fill(1, 2, -1, 0) end,
    }) do
      assert.has_error(call)
    end
    marks:close()
    marks:close()
    assert.equal(0, marks:get(1))
  end)
end)

describe("stopmsg.command.digest", function()
  it("is FNV-1a of all that was added", function()
    local digest = native.digest()
    assert.equal("cbf29ce484222325", digest:hex())
    digest:add("foo")
    digest:add("bar")
    assert.equal("85944171f73967e8", digest:hex())
  end)
end)
