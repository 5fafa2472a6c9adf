-- A run whose usual ids go to a sink, without items: which they are, and in what order all come.

local runs = require("spec.support.runs")

local items, LOST, by_id, in_turn, names = runs.items, runs.LOST, runs.by_id, runs.in_turn,
  runs.names

describe("stopmsg.run.items with a sink", function()
  -- Whatever became of the ids, in its order: "id outcome code", with a * where it came as an item.
  -- options.takes(id): whether the sink takes it.
  local function flow(options)
    local told = {}
    options.keeps = false
    options.sink = function(_, ids, places, first, last, word, code, verified)
      for i = first, last do
        if options.takes and not options.takes(ids[i]) then
          return i - first
        end
        told[#told + 1] = { places[i], ("%s %s %s%s"):format(ids[i], word, tostring(code),
          verified and " verified" or "") }
      end
      return last - first + 1
    end
    local running, summary = runs.new_run(runs.new_session(options), options)
    local count = 0
    for item, place in running.next, running do
      told[#told + 1] = { place, ("%s %s %s*"):format(item.id, item.outcome, tostring(item.code)) }
      count = count + 1
    end
    local list = {}
    for i, one in ipairs(told) do
      list[i] = one[2]
    end
    return list, count, told, summary
  end

  it("makes no item of a usual id", function()
    local list, count = flow({ ids = names(1000), limit = 100, answer = items({ id7 = 403 }) })
    assert.equal(1000, #list)
    assert.equal(0, count)
    assert.equal("id1 stopped 200", list[1])
    assert.equal("id7 too_late 403", list[7])
  end)

  it("gives all others their items, each in its place among them", function()
    local list = flow({ ids = { "a", "b", "x y", "c", "d", "e" }, limit = 10, concurrency = 1,
      answer = items({ b = 418, c = 403, d = 403 }) })
    assert.same({ "x y invalid nil*", "a stopped 200", "b unknown 418*", "c too_late 403",
      "d too_late 403", "e stopped 200" }, list)
  end)

  it("gives an item to the id that the sink does not take, and goes on", function()
    local list = flow({ ids = { "a", "b", "c", "d" }, limit = 10, takes = function(id)
      return id ~= "b" and id ~= "d"
    end })
    assert.same({ "a stopped 200", "b stopped 200*", "c stopped 200", "d stopped 200*" }, list)
  end)

  it("gives items to ids with a history, and to those that come again", function()
    local list = flow({ ids = { "a", "b", "a", "c" }, limit = 1, concurrency = 1,
      answer = by_id({ b = in_turn({ LOST, runs.OK }) }) })
    table.sort(list)
    assert.same({ "a stopped 200", "a stopped 200", "b stopped 200*", "c stopped 200" }, list)
    list = flow({ ids = { "a", "b", "a", "c" }, limit = 10 })
    table.sort(list)
    assert.same({ "a stopped 200*", "a stopped 200*", "b stopped 200", "c stopped 200" }, list)
  end)

  it("knows an id no longer than until the sink has it", function()
    local ids, count = {}, 0
    for i = 1, 3000 do
      ids[i] = "id" .. i % 500
    end
    local _, _, told = flow({ ids = ids, limit = 100, concurrency = 1 })
    for _ in pairs(told) do
      count = count + 1
    end
    assert.equal(3000, count)
  end)

  it("has every place once, and counts all, whatever comes in between", function()
    local ids, codes = {}, {}
    for i = 1, 5000 do
      ids[i] = i % 97 == 0 and "not an id" or "id" .. (i % 1009 == 0 and i - 1 or i)
      codes["id" .. i] = i % 13 == 0 and 418 or i % 7 == 0 and 404 or nil
    end
    local _, _, told, summary = flow({ ids = ids, limit = 300, answer = items(codes),
      takes = function(id)
        return not id:find("9$")
      end })
    local seen = {}
    for _, one in ipairs(told) do
      assert.is_nil(seen[one[1]])
      seen[one[1]] = true
    end
    assert.equal(5000, #told)
    assert.is_true(summary.total <= 5000)
  end)
end)
