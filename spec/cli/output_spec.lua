local cli = require("spec.support.cli")
local host = require("stopmsg.cli.host")
local json = require("stopmsg.json")
local output = require("stopmsg.cli.output")
local record = require("stopmsg.record")
local reports = require("stopmsg.report")

local tails = record.tails()

local ITEMS = {
  { id = "a1", outcome = "stopped", code = 200 },
  { id = 'b"2,', outcome = "unknown", reason = "lost", code = "006", http = 503,
    message = "gone,\27[31m \"so\"", attempts = 2, ambiguous = true },
  { id = "c3", outcome = "too_late", verified = true, state = "sent" },
}

local BAR = { clear = function() end }

-- What is written of these items.
local function write(format, items, options)
  options = options or {}
  local file = options.file or cli.sink()
  local around = host.new({ columns = function(name)
    return options.is_terminal and name == "stdout" and 80 or nil
  end })
  local sink = output.new({ format = format }, around, options.bar or BAR, file, options.adds,
    options.only_missed)
  local summary = reports.new()
  for _, item in ipairs(items) do
    sink:item(item, tails(item))
    summary:count(item)
    if options.looks then
      sink:flush()
      table.insert(options.looks, file.text)
    end
  end
  sink:finish(summary)
  return file.text, sink
end

describe("stopmsg.cli.output", function()
  it("writes NDJSON that holds the items' own fields", function()
    local found = {}
    for line in write("ndjson", ITEMS):gmatch("([^\n]*)\n") do
      found[#found + 1] = json.decode(line)
    end
    assert.same(ITEMS, found)
  end)

  it("writes one document of JSON, with the totals", function()
    local document = assert(json.decode(write("json", ITEMS)))
    assert.same(ITEMS, document.items)
    assert.same({ 1, 1, 1, 0 }, { document.counts.stopped, document.counts.unknown,
      document.counts.too_late, document.counts.open })
    assert.same({ 3, false, false }, { document.total, document.ok, document.interrupted })
    assert.same({ lost = 1 }, document.reasons)
    assert.same({}, document.warnings)
  end)

  it("writes the reasons into the document of JSON, the commonest first", function()
    local items = {}
    for i, reason in ipairs({ "b_b", "timeout", "a\"1", "timeout" }) do
      items[i] = { id = "i" .. i, outcome = "unknown", reason = reason }
    end
    assert.truthy(write("json", items):find('"reasons":{"timeout":2,"a\\"1":1,"b_b":1},', 1, true))
  end)

  it("writes a document of JSON without items, too", function()
    assert.same({}, assert(json.decode(write("json", {}))).items)
    assert.same({}, assert(json.decode(write("json", {}, { is_terminal = true }))).items)
  end)

  it("writes only whole lines of JSON to a terminal, where a bar would erase the last", function()
    local shown = {}
    local text = write("json", ITEMS, { is_terminal = true, looks = shown })
    assert.same(ITEMS, assert(json.decode(text)).items)
    assert.equal(#ITEMS, #shown)
    for i, before in ipairs(shown) do
      assert.equal("\n", before:sub(-1))
      assert.equal(i, select(2, before:gsub("\n", "")))
    end
  end)

  it("writes CSV with its header and quotes where they are needed", function()
    local lines = {
      "id,outcome,reason,code,http,message,attempts,ambiguous,verified,state",
      "a1,stopped,,200,,,,,,",
      '"b""2,",unknown,lost,006,503,"gone,\27[31m ""so""",2,true,,',
      "c3,too_late,,,,,,,true,sent",
    }
    assert.equal(table.concat(lines, "\n") .. "\n", write("csv", ITEMS))
  end)

  it("writes CSV in which no spreadsheet finds a formula", function()
    for _, text in ipairs({ "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1" }) do
      local out = write("csv", { { id = "a", outcome = "failed", message = text, state = text } })
      assert.equal(2, select(2, out:gsub("'" .. text:gsub("%p", "%%%0"), "")), text)
    end
    assert.truthy(write("csv", { { id = "a", outcome = "failed", message = "a=1" } })
      :find(",a=1,", 1, true))
  end)

  it("writes no second header where there is one", function()
    assert.equal("a1,stopped,,200,,,,,,\n", write("csv", { ITEMS[1] }, { adds = true }))
  end)

  it("writes a table and the totals", function()
    assert.equal(table.concat({
      "ID    OUTCOME   CODE  NOTE",
      "a1    stopped   200",
      'b"2,  unknown   006   ambiguous, 2 attempts, lost, gone,[31m "so"',
      "c3    too_late        verified, state sent",
      "",
      "3 ids: 1 stopped, 1 too_late, 1 unknown (0 requests, 0.00 s)",
      "",
    }, "\n"), (write("text", ITEMS)))
  end)

  it("writes for people what was not stopped, twenty of it, and how to get the rest", function()
    local items = { ITEMS[1] }
    for i = 1, 50 do
      items[i + 1] = { id = "id" .. i, outcome = "too_late" }
    end
    local out = write("text", items, { only_missed = true })
    assert.is_nil(out:find("a1", 1, true))
    assert.truthy(out:find("\nid20  too_late\n", 1, true))
    assert.is_nil(out:find("id21", 1, true))
    assert.matches("… and 30 more [^\n]*%-%-format ndjson", out)
    assert.equal("1 id: 1 stopped (0 requests, 0.00 s)\n",
      (write("text", { ITEMS[1] }, { only_missed = true })))
  end)

  it("writes nothing that a terminal would obey", function()
    for _, format in ipairs(output.formats) do
      local text = write(format, { { id = "a\27[2Jb\194\155", outcome = "invalid",
        message = "\27]0;x\7", code = "\27c" } }, { is_terminal = true })
      assert.is_nil(text:gsub("\n", ""):find("%c"), format)
      assert.is_nil(text:find("\194\155", 1, true), format)
    end
  end)

  it("holds no more than a part of many items", function()
    local longest, total = 0, 0
    local file = { text = "" }
    function file.write(_, s)
      longest, total = math.max(longest, #s), total + #s
      return file
    end
    function file.flush() end
    for _, format in ipairs(output.formats) do
      longest, total = 0, 0
      local items = {}
      for i = 1, 20000 do
        items[i] = { id = ("id%06d"):format(i), outcome = "stopped", code = 200 }
      end
      write(format, items, { file = file })
      assert.is_true(total > 200000, format)
      assert.is_true(longest < 70000, format)
    end
  end)

  it("takes the bar away before it writes to the terminal, and only then", function()
    for _, is_terminal in ipairs({ true, false }) do
      local count = 0
      write("ndjson", ITEMS, { is_terminal = is_terminal, bar = { clear = function()
        count = count + 1
      end } })
      assert.equal(is_terminal and 1 or 0, count)
    end
  end)

  it("says why it could not write, and writes no more", function()
    local calls = 0
    local _, sink = write("ndjson", ITEMS, { file = {
      write = function()
        calls = calls + 1
        return nil, "No space left"
      end,
    } })
    assert.equal("No space left", sink.failure)
    sink:item(ITEMS[1], tails(ITEMS[1]))
    sink:flush()
    assert.equal(1, calls)
  end)

  describe(".open", function()
    local path

    before_each(function()
      path = cli.file("one\ntorn")
    end)

    after_each(function()
      os.remove(path)
    end)

    -- What the file holds after the results of this summary, and whether it was added to.
    local function write_to(format, is_resumed, summary, item)
      local args = { format = format, output = path }
      local file, adds = output.open(args, nil, is_resumed)
      local sink = output.new(args, host.new({}), BAR, file, adds)
      sink:flush() -- as where nothing comes for a while
      if item then
        sink:item(item, tails(item))
        summary:count(item)
      end
      sink:finish(summary)
      assert.is_nil(sink.failure)
      return cli.read(path), adds
    end

    local LINE = '{"id":"a1","outcome":"stopped","code":200}\n'

    it("adds to the whole lines of an earlier run", function()
      assert.same({ "one\n" .. LINE, true }, { write_to("ndjson", true, reports.new(), ITEMS[1]) })
    end)

    it("begins anew in a first run, and where the results are one document", function()
      assert.equal(LINE, (write_to("ndjson", false, reports.new(), ITEMS[1])))
      for _, format in ipairs({ "json", "text" }) do
        assert.is_nil(write_to(format, true, reports.new(), ITEMS[1]):find("one", 1, true))
      end
    end)

    it("keeps what the file held where nothing could be read, and only then", function()
      for _, format in ipairs(output.formats) do
        local summary = reports.new()
        summary.is_complete = false
        assert.equal("one\ntorn", (write_to(format, false, summary)))
      end
      local summary = reports.new()
      summary.is_complete = true
      assert.equal("", (write_to("ndjson", false, summary)))
    end)

    it("refuses the file of the ids or of the journal, under any name", function()
      local other = path:gsub("/([^/]*)$", "/./%1")
      for name, options in pairs({ ["--input"] = { inputs = { "/nowhere", other } },
        ["--journal"] = { journal = other }, ["--token-file"] = { token_file = other },
        ["--ca-file"] = { ca_file = other }, ["--key-file"] = { key_file = other },
        ["--cert-file"] = { cert_file = other }, ["--provider"] = { definition_file = other } }) do
        options.format, options.output = "csv", path
        local file, message = output.open(options)
        assert.is_nil(file)
        assert.truthy(message:find(name, 1, true))
      end
      assert.equal("one\ntorn", cli.read(path))
    end)
  end)

  it("says in words why an outage began", function()
    for words, event in pairs({
      ["couldn't connect to server"] = { reason = "connect",
        message = "Failed to connect to 127.0.0.1 port 9 after 0 ms: Couldn't connect to server" },
      ["could not resolve host: example.invalid"] = { reason = "connect",
        message = "Could not resolve host: example.invalid" },
      ["SSL certificate problem: certificate has expired"] = { reason = "tls",
        message = "SSL certificate problem: certificate has expired" },
      ["no connection"] = { reason = "connect" },
      ["HTTP 503"] = { reason = "http_503" },
      ["HTTP 429"] = { reason = "rate_limited" },
      ["responses are not the provider's"] = { reason = "bad_response" },
    }) do
      assert.equal(words, output.failure(event))
    end
  end)
end)
