local cli = require("spec.support.cli")
local core = require("stopmsg.core")
local journal = require("stopmsg.journal")
local json = require("stopmsg.json")
local record = require("stopmsg.record")

local tails = record.tails()

describe("stopmsg.journal", function()
  local path

  before_each(function()
    path = os.tmpname()
    os.remove(path)
  end)

  after_each(function()
    os.remove(path)
  end)

  local function identity(changes)
    local made = {
      provider = "acme", operation = "stop", base_url = "https://acme.example/C4N4RY",
      fingerprint = "00ff", total = 10,
    }
    for name, value in pairs(changes or {}) do
      made[name] = value
    end
    return made
  end

  local function open(changes, batch)
    return journal.open(path, identity(changes), {
      batch = batch or 4,
      now = core.now,
      time = function()
        return 1764407519123
      end,
    })
  end

  local function note(book, position, word, reason)
    local item = { id = "id" .. position, outcome = word, reason = reason }
    book:outcome(position, item, tails(item))
  end

  local function lines()
    local list = {}
    for line in cli.read(path):gmatch("[^\n]+") do
      list[#list + 1] = assert(json.decode(line))
    end
    return list
  end

  -- All positions that a journal hands out.
  local function granted(book)
    local list, position = {}, 0
    while true do
      position = book:grant(position)
      if not position then
        return list
      end
      list[#list + 1] = position
    end
  end

  it("has an intent on disk before a position is handed out", function()
    local book = assert(open())
    assert.is_true(book.is_new)
    assert.equal(1, book:grant(0))
    assert.same({ 1, 4 }, lines()[2].intent)
    for position = 1, 3 do
      assert.equal(position + 1, book:grant(position))
    end
    assert.equal(2, #lines())
    assert.equal(5, book:grant(4))
    assert.same({ 5, 8 }, lines()[3].intent)
    assert.same({ 9, 10 }, { book:grant(8), book:grant(9) })
    assert.same({ 9, 10 }, lines()[4].intent)
    assert.is_nil(book:grant(10))
    assert.is_true(book:close())
  end)

  it("writes outcomes before the next intent, on request, and at the end", function()
    local book = assert(open())
    book:grant(0)
    note(book, 2, "stopped")
    assert.equal(2, #lines())
    book:grant(4)
    assert.same({ n = 2, id = "id2", outcome = "stopped", at = 1764407519123 }, lines()[3])
    assert.same({ 5, 8 }, lines()[4].intent)
    note(book, 1, "too_late")
    book:flush()
    assert.equal("too_late", lines()[5].outcome)
    note(book, 3, "unknown", "lost")
    book:close()
    assert.same({ n = 3, id = "id3", outcome = "unknown", reason = "lost",
      at = 1764407519123 }, lines()[6])
  end)

  it("names no address and no token", function()
    local book = assert(open())
    book:close()
    assert.is_nil(cli.read(path):find("C4N4RY", 1, true))
    assert.same({ journal = "stopmsg", version = 2, provider = "acme", operation = "stop",
      input = "00ff", ids = 10, address = lines()[1].address }, lines()[1])
  end)

  it("hands out on a second run what is not settled, whatever its reason", function()
    local noted = {
      "stopped", "accepted", "too_late", "not_stoppable", "not_found", "invalid",
      { "failed", "http_302" }, { "failed", "http_407" }, { "failed", "connect" },
      { "failed", "http_403" }, { "denied", "forbidden" }, { "denied", "credentials" },
      { "skipped", "deadline" }, { "unknown", "lost" },
    }
    local book = assert(open({ total = 15 }, 100))
    book:grant(0)
    for position, word in ipairs(noted) do
      note(book, position, word[1] or word, word[2])
    end
    book:close()

    book = assert(open({ total = 15 }, 100))
    assert.is_false(book.is_new)
    local counts = book:counts()
    assert.same({ 1, 4, 2, 1, 2 }, { counts.stopped, counts.failed, counts.denied, counts.skipped,
      counts.unknown })
    assert.equal(6, book:settled())
    local found = {}
    for _, position in ipairs(granted(book)) do
      local word, is_ambiguous = book:known(position)
      found[#found + 1] = ("%d %s %s"):format(position, word, tostring(is_ambiguous))
    end
    assert.same({ "7 failed false", "8 failed false", "9 failed false", "10 failed false",
      "11 denied false", "12 denied false", "13 skipped false", "14 unknown true",
      "15 unknown true" }, found)
    book:close()
  end)

  it("goes on with one that an earlier version wrote", function()
    local book = assert(open())
    book:grant(0)
    note(book, 1, "stopped")
    note(book, 2, "skipped", "deadline")
    note(book, 3, "too_late")
    book:close()
    local old = cli.read(path):gsub('"version":2', '"version":1'):gsub(',"at":%d+', "")
    local file = assert(io.open(path, "wb"))
    file:write(old)
    file:close()
    book = assert(open())
    assert.same({ 2, 4, 5, 6, 7, 8, 9, 10 }, granted(book))
    note(book, 2, "stopped")
    book:close()
    assert.equal(1764407519123, lines()[#lines()].at)
    book = assert(open())
    assert.equal("stopped", (book:known(2)))
    book:close()
  end)

  it("keeps lines of other kinds with their time, and skips those it reads", function()
    local book = assert(open())
    book:note("pause", { seconds = 30 })
    book:grant(0)
    note(book, 1, "stopped")
    book:note("end", { stopped = 1 })
    book:close()
    assert.same({ pause = { seconds = 30 }, at = 1764407519123 }, lines()[2])
    local file = assert(io.open(path, "ab"))
    file:write('{"what":"is this","of":[1,2]}\n{}\n')
    file:close()
    book = assert(open())
    assert.same({ 2, 3, 4, 5, 6, 7, 8, 9, 10 }, granted(book))
    book:close()
  end)

  it("tells what is proven from what is only promised", function()
    local book = assert(open())
    book:grant(0)
    note(book, 1, "stopped")
    note(book, 2, "accepted")
    local item = { id = "id3", outcome = "stopped", verified = true }
    book:outcome(3, item, tails(item))
    book:close()
    book = assert(open())
    assert.same({ true, true, false }, { book:is_promised(1), book:is_promised(2),
      book:is_promised(3) })
    assert.equal(1, book:unproven())
    assert.equal(2, book:counts().stopped)
    book:close()
  end)

  it("hands out nothing that a lookup has settled", function()
    local book = assert(open({ total = 3 }))
    book:grant(0)
    book:close()
    book = assert(open({ total = 3 }))
    local item = { id = "id2", outcome = "too_late", verified = true, ambiguous = true }
    book:settle(2, item, tails(item))
    assert.same({ 1, 3 }, granted(book))
    book:close()
    book = assert(open({ total = 3 }))
    assert.same({ "too_late", false }, { book:known(2) })
    book:close()
  end)

  it("takes the last outcome of a position, whatever an intent says after it", function()
    local book = assert(open())
    book:grant(0)
    note(book, 1, "skipped")
    note(book, 2, "accepted")
    note(book, 2, "stopped")
    note(book, 3, "skipped")
    book:close()
    book = assert(open())
    book:grant(0) -- covers all of them again
    book:close()
    book = assert(open())
    assert.same({ "unknown", true }, { book:known(1) })
    assert.same({ "stopped", false }, { book:known(2) })
    assert.same({ "unknown", true }, { book:known(3) })
    book:close()
  end)

  it("covers with one intent as many open positions as are asked for, however far apart", function()
    local book = assert(open({ total = 100 }, 100))
    book:grant(0)
    for position = 1, 100 do
      note(book, position, position % 10 == 0 and "skipped" or "stopped")
    end
    book:close()
    book = assert(open({ total = 100 }, 4))
    local before = #lines()
    assert.same({ 10, 20, 30, 40, 50, 60, 70, 80, 90, 100 }, granted(book))
    local intents = {}
    for i = before + 1, #lines() do
      intents[#intents + 1] = lines()[i].intent
    end
    assert.same({ { 10, 40 }, { 50, 80 }, { 90, 100 } }, intents)
    book:close()
  end)

  it("hands out no more than it covers already, once it is sealed", function()
    local book = assert(open())
    book:grant(0)
    book:seal()
    assert.same({ 1, 2, 3, 4 }, granted(book))
    book:close()
  end)

  it("covers more ids by an intent where flushing takes long, else fewer", function()
    local time, cost = 0, 1
    local book = assert(journal.open(path, identity({ total = 1e6 }), { batch = 1, now = function()
      time = time + cost
      return time
    end }))
    local position = 0
    for _ = 1, 20 do
      book:grant(position)
      position = lines()[#lines()].intent[2]
    end
    local last = lines()[#lines()].intent
    assert.equal(1024, last[2] - last[1] + 1)
    cost = 0
    for _ = 1, 20 do
      time = time + 1
      book:grant(position)
      position = lines()[#lines()].intent[2]
    end
    last = lines()[#lines()].intent
    assert.equal(16, last[2] - last[1] + 1)
    book:close()
  end)

  it("is right wherever it was cut off", function()
    local book = assert(open())
    book:grant(0)
    note(book, 1, "stopped")
    note(book, 3, "not_found")
    book:grant(4)
    note(book, 6, "skipped")
    book:close()
    local whole = cli.read(path)
    for length = 0, #whole do
      local file = assert(io.open(path, "wb"))
      file:write(whole:sub(1, length))
      file:close()
      local cut = assert(open())
      local kept = whole:sub(1, length):match("^.*\n") or ""
      local is_settled = {
        [1] = kept:find('"n":1,', 1, true) ~= nil,
        [3] = kept:find('"n":3,', 1, true) ~= nil,
      }
      local expected = {}
      for position = 1, 10 do
        expected[#expected + 1] = not is_settled[position] and position or nil
      end
      assert.same(expected, granted(cut))
      cut:close()
      assert.truthy(lines()) -- nothing torn is left
    end
  end)

  it("is refused where it is of another run", function()
    open():close()
    local before = cli.read(path)
    local rows = {
      { { provider = "other" }, "provider" },
      { { operation = "stop_dispatch" }, "operation" },
      { { base_url = "https://acme.example" }, "address" },
      { { fingerprint = "01" }, "input" },
      { { total = 11 }, "input" },
    }
    for _, row in ipairs(rows) do
      local book, message = open(row[1])
      assert.is_nil(book)
      assert.truthy(message:find(row[2], 1, true), message)
    end
    assert.equal(before, cli.read(path))
  end)

  it("is refused, and left as it is, where it is none", function()
    for _, content in ipairs({ "id1\nid2\n", "id1", '{"journal":"other"}\n', "\0\0\0", "{}\n" }) do
      local file = assert(io.open(path, "wb"))
      file:write(content)
      file:close()
      local book, message = open()
      assert.is_nil(book)
      assert.truthy(message:find("is not a journal", 1, true), message)
      assert.equal(content, cli.read(path))
    end
  end)

  it("is refused where a line in its middle is damaged", function()
    open():close()
    local header = cli.read(path)
    for _, line in ipairs({ "rubbish", "[]x", '{"intent":[1]}', '{"intent":[0,1]}',
      '{"intent":[1,11]}', '{"intent":[2,1]}', '{"intent":"1"}',
      '{"n":11,"id":"x","outcome":"stopped"}',
      '{"n":1,"id":"x","outcome":"gone"}', '{"n":1.5,"id":"x","outcome":"stopped"}',
      '{"n":0,"id":"x","outcome":"stopped"}' }) do
      local file = assert(io.open(path, "wb"))
      file:write(header, line, '\n{"intent":[1,4]}\n')
      file:close()
      local book, message = open()
      assert.is_nil(book, line)
      assert.truthy(message:find("line 2", 1, true), message)
    end
  end)

  it("reads ids with escapes", function()
    local book = assert(open())
    book:grant(0)
    local item = { id = 'a"\\,"outcome":"stopped"', outcome = "too_late" }
    book:outcome(1, item, tails(item))
    book:close()
    book = assert(open())
    assert.equal("too_late", (book:known(1)))
    book:close()
  end)

  it("is held by one run at a time", function()
    local book = assert(open())
    assert.same({ nil, "another run holds it" }, { open() })
    book:close()
    assert.truthy(open())
  end)
end)
