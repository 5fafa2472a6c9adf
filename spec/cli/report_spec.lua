-- stopmsg report: what journals tell, and the page.

local cli = require("spec.support.cli")
local core = require("stopmsg.core")
local journal = require("stopmsg.journal")
local json = require("stopmsg.json")
local page = require("stopmsg.cli.page")
local record = require("stopmsg.record")
local uv = require("luv")

local tails = record.tails()

describe("stopmsg report", function()
  local path

  before_each(function()
    path = os.tmpname()
    os.remove(path)
  end)

  after_each(function()
    os.remove(path)
  end)

  -- A journal of these items, in runs: { { n, item fields… }, … } each. A number is an intent up to
  -- there, a string a note.
  local function write(total, runs)
    local at = 1764407519000
    for _, items in ipairs(runs) do
      local book = assert(journal.open(path, { provider = "acme", operation = "stop",
        base_url = "https://acme.example", fingerprint = "f", total = total },
        { batch = total, now = core.now, time = function()
          at = at + 400
          return at
        end }))
      book:note("start", { ids = total })
      book:grant(0)
      for _, item in ipairs(items) do
        if item.note then
          book:note(item.note, item.fields)
        else
          item.id = item.id or "id" .. item.n
          book:outcome(item.n, item, tails(item))
        end
      end
      if not items.is_killed then
        book:note("end", {})
      end
      book:close()
    end
  end

  local function report(...)
    return cli.run({ "report", path, ... })
  end

  local function document()
    local code, out, err = report("--format", "json")
    assert.message(err).equal(0, code)
    return assert(json.decode(out))
  end

  it("counts the last outcome of each id, and its reason", function()
    write(5, {
      { { n = 1, outcome = "stopped", code = 200 },
        { n = 2, outcome = "unknown", reason = "timeout" },
        { n = 3, outcome = "failed", reason = "connect" }, is_killed = true },
      { { n = 2, outcome = "too_late", reason = "x" }, { n = 3, outcome = "failed",
        reason = "http_403" }, { n = 4, outcome = "stopped" },
        { note = "request", fields = { count = 7, slowest = 0.5 } },
        { note = "request", fields = { count = 3, slowest = 1.25 } },
        { note = "pause", fields = { seconds = 30 } },
        { note = "outage", fields = { phase = "begin", reason = "connect" } },
        { note = "outage", fields = { phase = "end", elapsed = 4 } } },
    })
    local told = document()
    assert.same({ 2, 1, 1, 1 }, { told.counts.stopped, told.counts.too_late, told.counts.failed,
      told.counts.unknown })
    assert.same({ x = 1, http_403 = 1 }, told.reasons)
    -- The fifth had its intent, and no outcome.
    assert.same({ 5, 0, 2, 10, 1.25 }, { told.total, told.not_reached, told.open, told.requests,
      told.slowest })
    assert.same({ 2, 1 }, { told.runs, told.ended })
    assert.equal(30, told.pauses[1].seconds)
    assert.equal("connect", told.outages[1].reason)
    local stopped, missed = 0, 0
    for _, second in ipairs(told.timeline) do
      stopped, missed = stopped + second.stopped, missed + second.not_stopped
    end
    assert.same({ 2, 2 }, { stopped, missed })
  end)

  -- Seconds since the first line -> ids { stopped, not stopped }.
  local function dates()
    local found = {}
    for _, second in ipairs(document().timeline) do
      if second.stopped + second.not_stopped > 0 then
        found[second.second - 1764407519] = { second.stopped, second.not_stopped }
      end
    end
    return found
  end

  it("dates what a lookup proved by when it was sent", function()
    local nothing = { note = "start", fields = {} } -- 0.4 s
    write(4, { { nothing, { n = 1, outcome = "unknown" }, nothing, nothing,
      { n = 2, outcome = "stopped" }, nothing, nothing, { n = 3, outcome = "unknown" }, nothing,
      nothing, { n = 2, outcome = "stopped", verified = true },
      { n = 3, outcome = "open" }, { n = 3, outcome = "too_late", verified = true },
      { n = 1, outcome = "stopped", verified = true }, is_killed = true } })
    assert.same({ [1] = { 1, 0 }, [2] = { 1, 0 }, [3] = { 0, 1 } }, dates())
    assert.equal(1764407519400 + 14 * 400, document().last)
  end)

  it("dates what was sent again by the last time", function()
    local nothing = { note = "start", fields = {} }
    write(2, { { { n = 1, outcome = "stopped" }, { n = 2, outcome = "unknown" } },
      { nothing, nothing, { n = 2, outcome = "unknown" }, nothing, nothing, nothing,
        { n = 2, outcome = "stopped", verified = true } } })
    assert.same({ [0] = { 1, 0 }, [3] = { 1, 0 } }, dates())
  end)

  it("dates an id with more outcomes than can be counted once", function()
    local items = {}
    for i = 1, 40 do
      items[i] = { n = 1, outcome = i < 40 and "open" or "stopped" }
    end
    write(1, { items })
    local found, count = dates(), 0
    for _, one in pairs(found) do
      count = count + one[1] + one[2]
    end
    assert.equal(1, count)
  end)

  it("takes what was about to be sent again for unknown", function()
    write(2, { { { n = 1, outcome = "failed", reason = "connect" },
      { n = 2, outcome = "stopped" } }, { is_killed = true } })
    local told = document()
    assert.same({ 1, 1, 0 }, { told.counts.stopped, told.counts.unknown, told.counts.failed })
    assert.same({}, told.reasons)
    local code, out, err = report("--only", "unknown,failed")
    assert.same({ 0, "" }, { code, out })
    assert.matches("1 more ids may have been sent", err)
  end)

  it("reads one that an earlier version wrote, and one that is being written", function()
    write(3, { { { n = 1, outcome = "stopped" }, { n = 2, id = 'q"1', outcome = "not_found" } } })
    local text = cli.read(path):gsub(',"at":%d+', ""):gsub('"version":2', '"version":1')
    local file = io.open(path, "wb")
    file:write(text, '{"n":3,"id":"torn')
    file:close()
    local told = document()
    assert.same({ 1, 1, 1 }, { told.counts.stopped, told.counts.not_found, told.counts.unknown })
    assert.same({}, told.timeline)
    local out = select(2, report("--only", "not_found"))
    assert.equal('q"1\n', out)
    assert.equal(0, (report()))
    assert.equal(0, (report("--format", "html")))
  end)

  it("gives ids ready for another stop, and the last outcomes as ndjson and csv", function()
    write(4, { { { n = 1, outcome = "too_late", code = 403 }, { n = 2, outcome = "stopped" },
      { n = 3, outcome = "unknown", reason = "lost", message = "=1+1" } } })
    local code, out = report("--only", "too_late, unknown")
    assert.same({ 0, "id1\nid3\n" }, { code, out })
    out = select(2, report("--format", "ndjson"))
    local items = {}
    for line in out:gmatch("[^\n]+") do
      items[#items + 1] = assert(json.decode(line))
    end
    assert.same({ "id1", "too_late", 403, "id2", "stopped", "lost" }, { items[1].id,
      items[1].outcome, items[1].code, items[2].id, items[2].outcome, items[3].reason })
    assert.number(items[1].at)
    out = select(2, report("--format", "csv", "--only", "unknown"))
    assert.equal("id,outcome,reason,code,http,message,attempts,ambiguous,verified,state,at\n"
      .. "id3,unknown,lost,,,'=1+1,,,,," .. ("%.0f"):format(items[3].at) .. "\n", out)
  end)

  it("sums several journals", function()
    write(2, { { { n = 1, outcome = "stopped" }, { n = 2, outcome = "too_late" } } })
    local other = cli.file(cli.read(path))
    local code, out = cli.run({ "report", path, other, "--format", "json" })
    os.remove(other)
    local told = json.decode(out)
    assert.same({ 0, 4, 2, 2 }, { code, told.total, told.counts.stopped, told.counts.too_late })
  end)

  it("reads a journal once, by however many paths it is given", function()
    write(2, { { { n = 1, outcome = "stopped" }, { n = 2, outcome = "too_late" } } })
    local symbolic, hard = path .. ".symbolic", path .. ".hard"
    assert(uv.fs_symlink(path, symbolic))
    assert(uv.fs_link(path, hard))
    for _, again in ipairs({ path, symbolic, hard, (path:gsub("/([^/]*)$", "/./%1")) }) do
      local code, out, err = cli.run({ "report", path, again, "--format", "json" })
      local told = json.decode(out)
      assert.same({ 0, 2, 1, 1 }, { code, told.total, told.counts.stopped, #told.journals })
      assert.equal(("stopmsg report: %s is %s: it is read once\n"):format(again,
        again == path and "given twice" or "the same file as " .. path), err)
    end
    os.remove(symbolic)
    os.remove(hard)
  end)

  it("leaves the output as it was where a journal cannot be read", function()
    write(1, { { { n = 1, outcome = "stopped" } } })
    local kept, broken = cli.file("kept"), cli.file("no journal\n")
    for _, format in ipairs({ "text", "ndjson", "json", "csv", "html" }) do
      for _, wrong in ipairs({ "/nowhere/journal", broken }) do
        for _, output in ipairs({ { "-o", kept }, {} }) do
          local code, out = cli.run({ "report", path, wrong, "--format", format, output[1],
            output[2] })
          assert.same({ 2, "", "kept" }, { code, out, cli.read(kept) })
        end
      end
    end
    os.remove(kept)
    os.remove(broken)
  end)

  it("tells people totals, reasons, what is open and a timeline", function()
    write(3, { { { n = 1, outcome = "stopped" },
      { n = 2, outcome = "unknown", reason = "timeout" } } })
    local code, out = report()
    assert.equal(0, code)
    for _, said in ipairs({ "acme, stop, 3 ids, 1 run", "stopped +1 +33.3 %%",
      "unknown +2 +66.7 %%", "total +3\n", "reasons: timeout 1\n", "open: 2 ids",
      "timeline, by 1 s\n", "requests: 0" }) do
      assert.matches(said, out)
    end
  end)

  it("refuses what is not a journal, no outcome, and its own journal as output", function()
    local file = io.open(path, "wb")
    file:write("id1\nid2\n")
    file:close()
    for _, row in ipairs({ { {}, "is not a journal" },
      { { "--only", "gone" }, "unknown outcome" }, { { "--only", "," }, "outcomes expected" },
      { { "-o", path }, "is a journal" },
      { { "--only", "stopped", "--format", "html" }, "%-%-only works with" } }) do
      local code, out, err = report((table.unpack or unpack)(row[1])) -- luacheck: ignore
      assert.equal(2, code)
      assert.equal("", out)
      assert.matches(row[2], err)
    end
    assert.equal("id1\nid2\n", cli.read(path))
    for _, begun in ipairs({ "", '{"journal":"st' }) do
      local empty = cli.file(begun)
      local code, _, err = cli.run({ "report", empty })
      os.remove(empty)
      assert.equal(2, code)
      assert.matches("holds nothing yet: no run has begun with it\n$", err)
    end
    local code, _, err = cli.run({ "report", "/nowhere/journal" })
    assert.equal(2, code)
    assert.equal("stopmsg report: /nowhere/journal: No such file or directory\n", err)
    assert.equal(2, (cli.run({ "report" })))
  end)

  it("names the line that is damaged", function()
    write(1, { { { n = 1, outcome = "stopped" } } })
    local file = io.open(path, "ab")
    file:write('{"n":9,"id":"x","outcome":"stopped"}\n')
    file:close()
    local code, _, err = report()
    assert.equal(2, code)
    assert.matches("is damaged: line 6", err)
  end)

  describe("as a page", function()
    it("escapes what strangers wrote", function()
      assert.equal("&lt;b&gt;&amp;&quot;&#39;", page.escape("<b>&\"'\27"))
      local evil = "<script>alert(1)</script>"
      write(2, { { { n = 1, outcome = "failed", reason = "x" },
        { note = "outage", fields = { phase = "begin", message = evil } } } })
      local text = cli.read(path):gsub('"provider":"acme"', function()
        return '"provider":' .. json.encode(evil)
      end)
      local file = io.open(path, "wb")
      file:write(text)
      file:close()
      local code, out = report("--format", "html")
      assert.equal(0, code)
      assert.is_nil(out:find("<script", 1, true))
      assert.truthy(out:find("&lt;script&gt;alert(1)&lt;/script&gt;", 1, true))
    end)

    it("has the figures of the journal, and no outside parts", function()
      write(3, { { { n = 1, outcome = "stopped" }, { n = 2, outcome = "stopped" },
        { n = 3, outcome = "failed", reason = "connect" },
        { note = "request", fields = { count = 1234, slowest = 0.5 } } } })
      local _, out = report("--format", "html")
      for _, figure in ipairs({ 'data-figure="stopped">2<', 'data-figure="total">3<',
        'data-figure="requests">1,234<', 'data-count="stopped">2<', 'data-count="failed">1<',
        'data-reason="connect">1<' }) do
        assert.truthy(out:find(figure, 1, true), figure)
      end
      assert.is_nil(out:find("://", 1, true))
      assert.is_nil(out:find("url(", 1, true))
      assert.is_nil(out:find("src=", 1, true))
    end)

    it("stays small, however long a run was", function()
      local runs = { {} }
      for i = 1, 5000 do
        runs[1][i] = { n = i, outcome = "stopped" }
      end
      write(5000, runs)
      local _, out = report("--format", "html")
      assert.is_true(#out < 100000)
    end)
  end)
end)
