-- core.seen: which ids were met before.

local core = require("stopmsg.core")

describe("stopmsg.core.seen", function()
  it("tells new ids from known ones, whatever they look like", function()
    local seen = core.seen()
    for _, id in ipairs({ "a", "", "\0", "\0\0", "A", "12345678", "123456789", ("x"):rep(5000) }) do
      assert.is_false(seen:has(id))
      assert.is_true(seen:add(id))
      assert.is_false(seen:add(id))
      assert.is_true(seen:has(id))
    end
    assert.equal(8, (seen:count()))
  end)

  it("keeps at most 64 bytes an id", function()
    local seen = core.seen()
    for i = 1, 100000 do
      assert(seen:add(("%08x-0000-4000-8000-00000000aaaa"):format(i)))
    end
    for i = 1, 100000 do
      assert(seen:has(("%08x-0000-4000-8000-00000000aaaa"):format(i)))
    end
    assert.is_false(seen:has("00000000-0000-4000-8000-00000000aaaa"))
    local count, bytes = seen:count()
    assert.equal(100000, count)
    assert.is_true(bytes / count <= 64)
  end)

  it("is empty again once it is closed", function()
    local seen = core.seen()
    seen:add("a")
    seen:close()
    seen:close()
    assert.same({ 0, 0 }, { seen:count() })
    assert.is_false(seen:has("a"))
    assert.is_true(seen:add("a"))
  end)

  it("refuses what is no text", function()
    local seen = core.seen()
    assert.has_error(function() seen:add({}) end)
    assert.has_error(function() seen.add(nil, "a") end)
  end)
end)
