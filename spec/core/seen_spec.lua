-- Ids that were seen, of any form: against a plain table.

local core = require("stopmsg.core")

describe("stopmsg.core.seen", function()
  it("knows an id at its first place, until it is forgotten", function()
    local seen = core.seen()
    assert.is_nil(seen:add("a", 7))
    assert.equal(7, seen:add("a", 8))
    assert.is_nil(seen:add("A", 9))
    seen:remove("a")
    seen:remove("never there")
    assert.is_nil(seen:add("a", 2 ^ 40))
    assert.equal(2 ^ 40, seen:add("a", 1))
    assert.equal(9, seen:add("A", 1))
  end)

  it("is a table of Lua's, whatever is added and removed", function()
    local seen, model, state = core.seen(("x"):rep(16) .. "-" .. ("x"):rep(16)), {}, 1
    -- Half of them fit the mask, and differ anywhere.
    local function name(n)
      local digits = ("%032x"):format(n)
      digits = digits:sub(n % 31 + 1) .. digits:sub(1, n % 31)
      return n % 2 == 0 and "id" .. n or digits:sub(1, 16) .. "-" .. digits:sub(17)
    end
    local function random(n)
      state = state * 16807 % 2147483647
      return state % n + 1
    end
    for place = 1, 30000 do
      local id = name(random(3000))
      if random(3) == 1 then
        seen:remove(id)
        model[id] = nil
      else
        assert(seen:add(id, place) == model[id], id)
        model[id] = model[id] or place
      end
    end
  end)

  it("takes many that fit a mask, up to the first that is known or written otherwise", function()
    local ZEROS = ("0"):rep(29)
    local MASK = ("x"):rep(29) .. "xx-x"
    -- The ids of a chunk are given by their ends.
    local function admit(seen, ends, first, last)
      local list, places, chunk = { "kept" }, { 1 }, {}
      for i, one in ipairs(ends) do
        chunk[i] = type(one) == "string" and ZEROS .. one or one
      end
      local count = seen:admit(chunk, first, last or #chunk, 40, list, places, 1)
      assert.equal(count + 1, #list)
      assert.equal(count + 1, #places)
      return count, list, places
    end
    local seen = core.seen(MASK)
    local count, list, places = admit(seen, { "no", "00-a", "09-f", "00-a", "11-1" }, 2)
    assert.equal(2, count)
    assert.same({ "kept", ZEROS .. "00-a", ZEROS .. "09-f" }, list)
    assert.same({ 1, 41, 42 }, places)
    assert.equal(42, seen:add(ZEROS .. "09-f", 1))
    for _, odd in ipairs({ "0A-a", "00-g", "00+a", "00-", "00-aa", 17, {}, false }) do
      assert.equal(1, (admit(core.seen(MASK), { "aa-b", odd, "cc-d" }, 1)))
    end
    assert.equal(0, (admit(seen, {}, 1)))
    assert.equal(0, (admit(seen, { "11-1" }, 2, 3)))
    seen:close()
    assert.has_error(function()
      admit(seen, { "11-1" }, 1)
    end)
  end)

  for _, form in ipairs({ "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", ("x"):rep(29) .. "xx-x" }) do
    it("takes no byte but a hex digit at any place of " .. form, function()
      local id = form:gsub("x", "a")
      -- How many of one id are taken: by `seen`, which leaves capitals to others, and by `known`.
      local function taken(one)
        local seen, known = core.seen(form), core.known(1, form)
        return seen:admit({ one }, 1, 1, 0, {}, {}, 0), known:admit({ one }, 1, 1, 0, {}, {}, 0)
      end
      for place = 1, #form do
        for byte = 0, 255 do
          local char = string.char(byte)
          local one = id:sub(1, place - 1) .. char .. id:sub(place + 1)
          local is_digit = form:sub(place, place) == "x" and char:find("%x") ~= nil
          local fits = is_digit or one == id
          local by_seen, by_known = taken(one)
          if by_seen ~= (fits and not char:find("%u") and 1 or 0)
            or by_known ~= (fits and 1 or 0) then
            error(("%q: %d and %d are taken"):format(one, by_seen, by_known))
          end
        end
      end
    end)

    it("tells apart ids of " .. form .. " by each of their digits", function()
      local id, list, known = form:gsub("x", "0"), {}, core.known(1000, form)
      for place = 1, #form do
        for digit in (form:sub(place, place) == "x" and "123456789abcdef" or ""):gmatch(".") do
          list[#list + 1] = id:sub(1, place - 1) .. digit .. id:sub(place + 1)
        end
      end
      assert.equal(480, known:admit(list, 1, #list, 0, {}, {}, 0))
      for i, one in ipairs(list) do
        assert.equal(i, known:add(one:upper(), 1000))
      end
    end)
  end

  it("tells apart ids of any length", function()
    local seen = core.seen()
    for length = 0, 300 do
      assert.is_nil(seen:add(("x"):rep(length), length))
      assert.is_nil(seen:add(("x"):rep(length) .. "\0", length))
    end
    for length = 0, 300 do
      assert.equal(length, seen:add(("x"):rep(length), 1))
    end
  end)

  it("keeps at most 64 bytes an id", function()
    local seen = core.seen()
    for i = 1, 100000 do
      seen:add(("%08x-0000-4000-8000-00000000aaaa"):format(i))
    end
    assert.is_true(seen:has("00000001-0000-4000-8000-00000000aaaa"))
    assert.is_false(seen:has("00000000-0000-4000-8000-00000000aaaa"))
    local count, bytes = seen:count()
    assert.equal(100000, count)
    assert.is_true(bytes / count <= 64)
    seen:close()
    assert.same({ 0, 0 }, { seen:count() })
  end)

  it("refuses what is no text", function()
    local seen = core.seen()
    assert.has_error(function() seen:add({}) end)
    assert.has_error(function() seen.add(nil, "a") end)
  end)

  it("is closed when it is collected", function()
    local seen = core.seen()
    local close = debug.getregistry()["stopmsg.seen"].__gc
    seen:add("a", 1)
    close(seen)
    close(seen)
    assert.has_error(function()
      seen:add("a", 1)
    end)
  end)

  describe("of many ids at once", function()
    local MASK = ("x"):rep(32)

    local function id(i)
      return ("%032x"):format(i)
    end

    it("takes those that fit, up to the first that does not or was there before", function()
      for _, stranger in ipairs({ "x", id(1) .. "0", ("A"):rep(32), ("g"):rep(32), 7, id(2) }) do
        local set, ids, places = core.seen(MASK), { "kept" }, { 99 }
        local chunk = { id(0), id(1), id(2), stranger, id(4) }
        assert.equal(2, set:admit(chunk, 2, 5, 10, ids, places, 1))
        assert.same({ "kept", id(1), id(2) }, { ids[1], ids[2], ids[3] })
        assert.same({ 99, 11, 12 }, places)
        assert.equal(11, set:add(id(1), 50))
        assert.equal(12, set:add(id(2), 50))
        assert.is_false(set:has(id(0)))
        assert.is_false(set:has(id(4)))
      end
    end)

    it("knows by what :add() knows", function()
      local set = core.seen(MASK)
      set:add(id(3), 5)
      assert.equal(0, set:admit({ id(3) }, 1, 1, 0, {}, {}, 0))
    end)

    it("forgets them, by their keys where they have some", function()
      local set, list = core.seen(MASK), {}
      for i = 1, 300 do
        list[i] = id(i)
      end
      assert.equal(300, set:admit(list, 1, 300, 0, {}, {}, 0))
      set:remove_all({ id(1), "X", id(3), "Y" }, 1, 3, { [2] = id(2) })
      assert.same({ 297, false, false, false, true }, { (set:count()), set:has(id(1)),
        set:has(id(2)), set:has(id(3)), set:has(id(4)) })
      set:remove_all(list, 4, 300)
      assert.equal(0, (set:count()))
      set:remove_all(list, 1, 0)
    end)

    it("raises for what is no list, no mask, or closed", function()
      local set = core.seen(MASK)
      assert.has_error(function() set:remove_all({ 1 }, 1, 1) end)
      assert.has_error(function() set:remove_all(nil, 1, 1) end)
      assert.has_error(function() core.seen("xx") end)
      assert.has_error(function() core.seen():admit({}, 1, 0, 0, {}, {}, 0) end)
      assert.has_error(function() set:admit(nil, 1, 1, 0, {}, {}, 0) end)
      set:close()
      assert.has_error(function() set:remove_all({}, 1, 0) end)
      assert.has_error(function() set:admit({}, 1, 0, 0, {}, {}, 0) end)
    end)
  end)
end)
