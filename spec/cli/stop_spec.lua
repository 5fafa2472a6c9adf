-- stopmsg stop, in this process, against the sandbox.

local cli = require("spec.support.cli")
local json = require("stopmsg.json")
local server = require("spec.support.server")

-- The one that the sandbox accepts, and one that it refuses.
local TOKEN, CANARY = "sandbox", "C4N4RY-5f1e7a"
local ENV = { STOPMSG_TOKEN = TOKEN }

-- A uuid that ends in these four characters: the sandbox's fate of it.
local function uuid(i, fate)
  return ("00000000-0000-4000-8000-0000%04x%s"):format(i, fate or "aaaa")
end

local function decode(out)
  local list = {}
  for line in out:gmatch("[^\n]+") do
    list[#list + 1] = assert(json.decode(line))
  end
  return list
end

describe("stopmsg stop", function()
  local sandbox, journal

  setup(function()
    sandbox = server.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  before_each(function()
    journal = os.tmpname()
  end)

  after_each(function()
    os.remove(journal)
  end)

  -- code, out, err of a stop at the sandbox; arguments as given.
  local function stop(arguments, options)
    options = options or {}
    options.env = options.env or ENV
    local argv = { "stop", "-p", options.provider or "revicom", "--base-url", sandbox.url }
    for _, argument in ipairs(arguments) do
      argv[#argv + 1] = argument
    end
    local code, out, err = cli.run(argv, options)
    assert.is_nil((out .. err):find(CANARY, 1, true))
    -- The sandbox's address is not the provider's, and that is told each time.
    return code, out, (err:gsub("^stopmsg stop: sending to [^\n]*\n", ""))
  end

  local function requests()
    return #sandbox:log()
  end

  it("gives each id its item, and the exit code that fits first", function()
    local rows = {
      { 0, { uuid(1) } },
      { 3, { uuid(1), uuid(2, "0403") } },
      { 3, { uuid(1), uuid(2, "0404") } },
      { 3, { uuid(1), "rubbish" } },
      { 4, { uuid(1), uuid(2, "0202"), uuid(3, "0404") } },
      { 4, { uuid(1, "0503") }, { "--max-attempts", "1" } },
    }
    for _, row in ipairs(rows) do
      local argv = { "--format", "ndjson" }
      for _, list in ipairs({ row[2], row[3] or {} }) do
        for _, word in ipairs(list) do
          argv[#argv + 1] = word
        end
      end
      local code, out = stop(argv)
      assert.equal(row[1], code)
      assert.equal(#row[2], #decode(out))
    end
  end)

  it("ends with 6 where the token is refused", function()
    local code, out = stop({ "--journal", journal, uuid(1) }, { env = { STOPMSG_TOKEN = CANARY } })
    assert.equal(6, code)
    assert.matches("denied", out)
    assert.is_nil(cli.read(journal):find(CANARY, 1, true))
    -- With a token that is accepted the same command goes on.
    assert.equal(0, (stop({ "--journal", journal, uuid(1) })))
  end)

  it("goes on with a journal, however the same address is spelled", function()
    assert.equal(0, (stop({ "--journal", journal, uuid(1) })))
    local before = requests()
    for _, url in ipairs({ sandbox.url .. "/", (sandbox.url:gsub("^http", "HTTP")) }) do
      local argv = { "stop", "-p", "revicom", "--base-url", url, "--journal", journal, uuid(1) }
      assert.equal(0, (cli.run(argv, { env = ENV })))
    end
    assert.equal(before, requests())
    local code, _, err = cli.run({ "stop", "-p", "revicom", "--base-url", sandbox.url .. "/a",
      "--journal", journal, uuid(1) }, { env = ENV })
    assert.equal(2, code)
    assert.matches("it was sent to a different address", err)
  end)

  it("tells bad lines by their number and sends the others", function()
    local code, out, err = stop({ "-", "--format", "ndjson" },
      { stdin = uuid(1) .. "\nrubbish\n# no\n" .. uuid(2) .. "\n" })
    assert.equal(3, code)
    assert.truthy(err:find("line 2: 'rubbish'", 1, true))
    local found = {}
    for _, item in ipairs(decode(out)) do
      found[item.id] = item.outcome
    end
    assert.same({ [uuid(1)] = "stopped", [uuid(2)] = "stopped", rubbish = "invalid" }, found)
  end)

  local function refused(title, arguments, options, pattern)
    it("sends nothing and ends with 2 " .. title, function()
      local before = requests()
      local code, out, err = stop(arguments, options)
      assert.equal(2, code)
      assert.equal("", out)
      assert.matches(pattern, err)
      assert.equal(before, requests())
    end)
  end

  refused("without a token", { uuid(1) }, { env = {} },
    "%-%-token%-file FILE, or set STOPMSG_REVICOM_TOKEN or STOPMSG_TOKEN")
  refused("without ids", {}, { stdin = "# none\n" }, "no ids")
  refused("with none that is valid", { "a", "b" }, nil, "no valid id")
  refused("with more than --max", { "--max", "1", uuid(1), uuid(2) }, nil, "%-%-max")
  refused("with a wrong option", { "--rate", "0", uuid(1) }, nil, "%-%-rate: expected")
  refused("with an option of the library's own words", { "--deadline", "0", uuid(1) }, nil,
    "%-%-deadline: expected seconds, a number from 0.001 to a year, got 0\n")
  refused("with a key and no certificate", { "--key-file", "Makefile", uuid(1) }, nil,
    "%-%-key%-file needs %-%-cert%-file\n")
  refused("with a provider that is none", { "-p", "acme", uuid(1) }, nil, ".")
  refused("for what the provider cannot stop", { "4711" }, { provider = "idigital" },
    "%-%-dispatch")
  refused("for dispatches that nobody confirms", { "--dispatch", "4711" },
    { provider = "idigital" }, "pass %-%-yes")
  refused("where the answer is no", { "--dispatch", "4711" },
    { provider = "idigital", columns = { stderr = 80 }, answer = "n\n" }, "not confirmed")
  refused("with an output that cannot be opened", { "-o", "/nowhere/x", uuid(1) }, nil,
    "/nowhere/x")
  refused("with a journal that cannot be", { "--journal", "/", uuid(1) }, nil, "the journal /: ")
  refused("with a rate that cannot be, in the command's own words", { "--rate", "0", uuid(1) }, nil,
    "%-%-rate: [^\n]* to 1000000, got 0\n")

  it("refuses plain http to another host in the command's own words", function()
    local code, _, err = cli.run({ "stop", "-p", "revicom", "--base-url", "http://example.com",
      uuid(1) }, { env = ENV })
    assert.equal(2, code)
    assert.matches("use https://, or %-%-allow%-http\n", err)
  end)

  it("takes - as the output for standard output", function()
    local code, out = stop({ "-o", "-", "--format", "csv", uuid(1) })
    assert.equal(0, code)
    assert.matches("^id,outcome,", out)
    assert.is_nil(io.open("-"))
  end)

  it("asks on a terminal, and takes yes for an answer", function()
    local code, _, err = stop({ "--dispatch", "4711" },
      { provider = "idigital", columns = { stderr = 80 }, answer = "Yes\n" })
    assert.equal(0, code)
    assert.truthy(err:find("? [y/N] ", 1, true))
    assert.truthy(err:find("Stop 1 dispatch: 4711 at idigital (http://", 1, true))
  end)

  it("does not ask with --yes", function()
    local code, _, err = stop({ "--dispatch", "--yes", "4712" },
      { provider = "idigital", columns = { stderr = 80 } })
    assert.equal(0, code)
    assert.is_nil(err:find("y/N", 1, true))
  end)

  it("shows what it would send, and needs no token for that", function()
    local before = requests()
    local code, out = stop({ "--dry-run", "--batch-size", "2", "--rate", "1", uuid(1), uuid(2),
      uuid(3), uuid(3) }, { env = {} })
    assert.equal(0, code)
    assert.truthy(out:find("Authorization: Basic [token]", 1, true))
    assert.truthy(out:find("POST /api/v1/message/stop HTTP/1.1", 1, true))
    assert.truthy(out:find("Host: " .. sandbox.url:match("//(.*)"), 1, true))
    assert.truthy(out:find(('\n\n{"uuids":["%s","%s"]}\n'):format(uuid(1), uuid(2)), 1, true))
    assert.truthy(out:find("2 request(s) for 3 id(s), at least 0:01 at 1 a second", 1, true), out)
    assert.equal(before, requests())
  end)

  it("shows the one Accept that is sent", function()
    for provider, accept in pairs({ revicom = "*/*", klaviyo = "application/vnd.api+json" }) do
      local _, out = stop({ "--dry-run", provider == "revicom" and uuid(1) or "abc" },
        { provider = provider, env = {} })
      local lines = {}
      for line in out:gmatch("Accept: ([^\n]*)") do
        lines[#lines + 1] = line
      end
      assert.same({ accept }, lines)
    end
  end)

  it("takes the token of the provider before the common one, and a file before both", function()
    local path = cli.file(TOKEN .. "\r\n")
    local code = stop({ uuid(1), "--token-file", path }, { env = { STOPMSG_TOKEN = "bad\1" } })
    assert.equal(0, code)
    code = stop({ uuid(1) }, { env = { STOPMSG_TOKEN = "bad\1", STOPMSG_REVICOM_TOKEN = TOKEN } })
    assert.equal(0, code)
    os.remove(path)
    code = stop({ uuid(1), "--token-file", path })
    assert.equal(2, code)
  end)

  it("takes a token from files as editors write them", function()
    for _, content in ipairs({ "\239\187\191sandbox\r\n",
      "\255\254s\0a\0n\0d\0b\0o\0x\0\r\0\n\0",
      "\254\255\0s\0a\0n\0d\0b\0o\0x", "sandbox \nmore\n" }) do
      local path = cli.file(content)
      local code, _, err = stop({ uuid(1), "--token-file", path }, { env = {} })
      assert.message(err).equal(0, code)
      os.remove(path)
    end
  end)

  it("refuses a token that cannot be sent, by where it came from, and sends nothing", function()
    local before = requests()
    for _, wrong in ipairs({ " sandbox", "sand\1box", ("x"):rep(10000) }) do
      local path = cli.file(wrong .. "\n")
      local code, _, err = stop({ uuid(1), "--token-file", path })
      assert.equal(2, code)
      assert.truthy(err:find("--token-file: " .. path .. ": the token ", 1, true))
      os.remove(path)
      code, _, err = stop({ uuid(1) }, { env = { STOPMSG_REVICOM_TOKEN = wrong } })
      assert.equal(2, code)
      assert.matches("STOPMSG_REVICOM_TOKEN: the token ", err)
    end
    assert.equal(before, requests())
  end)

  it("refuses a token in quotes, by where it came from, and sends nothing", function()
    local before = requests()
    local path = cli.file('"sandbox"\n')
    local code, _, err = stop({ uuid(1), "--token-file", path })
    assert.equal(2, code)
    assert.truthy(err:find(path, 1, true))
    assert.matches("quotes", err)
    os.remove(path)
    for open, close in pairs({ ['"'] = '"', ["'"] = "'", ["“"] = "”", ["«"] = "»" }) do
      local status, _, told = stop({ uuid(1) },
        { env = { STOPMSG_REVICOM_TOKEN = open .. CANARY .. close } })
      assert.equal(2, status)
      assert.matches("STOPMSG_REVICOM_TOKEN: [^\n]*quotes", told)
    end
    assert.equal(before, requests())
  end)

  describe("--journal", function()
    it("sends nothing again that is settled, and counts the whole", function()
      local arguments = { "--journal", journal, "--format", "json", uuid(1), uuid(2, "0404"),
        "bad" }
      assert.equal(3, (stop(arguments)))
      local before = requests()
      local code, out = stop(arguments)
      assert.equal(3, code)
      assert.equal(before, requests())
      local document = json.decode(out)
      assert.same({}, document.items)
      assert.same({ 3, 1, 1, 1 }, { document.total, document.counts.stopped,
        document.counts.not_found, document.counts.invalid })
    end)

    it("sends again what has an intent and no outcome, and says that it is ambiguous", function()
      local arguments = { "--journal", journal, "--format", "ndjson", uuid(1), uuid(2, "0404"),
        uuid(3), "bad" }
      stop(arguments)
      local kept = cli.read(journal):match('^.-\n{"start.-\n{"intent[^\n]*\n[^\n]*\n')
      local file = io.open(journal, "wb")
      file:write(kept, '{"n":2,"id":"torn')
      file:close()
      local settled = kept:match('"n":%d,"id":"([^"]*)"')
      local code, out = stop(arguments)
      local found = {}
      for _, item in ipairs(decode(out)) do
        found[item.id] = ("%s %s"):format(item.outcome, tostring(item.ambiguous))
      end
      local expected = { [uuid(1)] = "stopped true", [uuid(2, "0404")] = "unknown true",
        [uuid(3)] = "stopped true", bad = "invalid nil" }
      expected[settled] = nil
      assert.same(expected, found)
      assert.equal(expected[uuid(2, "0404")] and 4 or 3, code)
    end)

    it("looks up with --verify what an earlier run left as a promise", function()
      local arguments = { "--journal", journal, "--format", "ndjson", uuid(1, "0202"),
        uuid(2, "0201") }
      assert.equal(4, (stop(arguments)))
      table.insert(arguments, 1, "--verify=60")
      local _, out = stop(arguments)
      assert.equal(2, #decode(out))
      for _, item in ipairs(decode(out)) do
        assert.is_true(item.verified)
      end
      local verified = select(2, cli.read(journal):gsub('"verified":true', ""))
      assert.equal(2, verified)
    end)

    it("is refused with other ids, without a request", function()
      stop({ "--journal", journal, uuid(1) })
      local before = requests()
      local code, _, err = stop({ "--journal", journal, uuid(2) })
      assert.equal(2, code)
      assert.matches("belongs to another run", err)
      assert.equal(before, requests())
    end)
  end)

  describe("an interruption", function()
    -- Signals that come from the call on that `count` names.
    local function after(count)
      local calls = 0
      local function nothing() end
      return { catch = nothing, hold = nothing, farewell = nothing, signal = function()
        calls = calls + 1
        return calls > count and 2 or nil
      end }
    end

    it("ends with 130, and each id without a journal has its item", function()
      local argv = { "--format", "ndjson", "--rate", "1", "--batch-size", "1" }
      for i = 1, 20 do
        argv[#argv + 1] = uuid(i)
      end
      local code, out, err = stop(argv, { signals = after(5) })
      assert.equal(130, code)
      local items = decode(out)
      assert.equal(20, #items)
      local last = items[#items]
      assert.same({ "skipped", "interrupted" }, { last.outcome, last.reason })
      assert.matches("\n[^\n]*interrupted; 1%d ids are not settled %(interrupted%); no journal was "
        .. "kept[^\n]*%-%-journal[^\n]*\n$", err)
    end)

    it("says how to go on with a journal, and then goes on", function()
      local list = {}
      for i = 1, 60 do
        list[i] = uuid(i)
      end
      local argv = { "-", "--journal", journal, "--format", "ndjson", "--rate", "2",
        "--batch-size", "2", "-q" }
      local code, out, err = stop(argv, { stdin = table.concat(list, "\n"), signals = after(5) })
      assert.equal(130, code)
      assert.matches("^stopmsg stop: stopping: %d in flight, waiting up to 2 s; Ctrl%-C again to "
        .. "quit\n"
        .. "stopmsg stop: interrupted; %d+ ids were not reached; run the same command "
        .. "again to go on from [^\n]*\n$", err)
      local seen = {}
      for _, item in ipairs(decode(out)) do
        seen[item.id] = item.outcome == "stopped"
      end
      argv[7] = "1000"
      code, out = stop(argv, { stdin = table.concat(list, "\n") })
      assert.equal(0, code)
      for _, item in ipairs(decode(out)) do
        assert.is_falsy(seen[item.id])
        seen[item.id] = item.outcome == "stopped"
      end
      for _, id in ipairs(list) do
        assert.is_true(seen[id])
      end
    end)
  end)

  it("goes on where its results cannot be written, says so once, and ends with 1", function()
    local argv = { "-o", "/dev/full", "--format", "ndjson", "--rate", "100", "--batch-size", "1",
      "--journal", journal }
    for i = 1, 50 do
      argv[#argv + 1] = uuid(i)
    end
    local before = requests()
    local code, _, err = stop(argv)
    assert.equal(1, code)
    assert.equal(1, select(2, err:gsub("the results cannot be written: No space left on device\n",
      "")))
    assert.matches("50 stopped", err)
    assert.equal(50, requests() - before)
  end)

  it("tells how many messages of a dispatch had left: in results, journal and report", function()
    local code, out, err = stop({ "--dispatch", "--yes", "--verify=60", "--journal", journal,
      "--format", "ndjson", "501", "502" }, { provider = "idigital" })
    assert.message(err).equal(0, code)
    local lefts = {}
    for i, item in ipairs(decode(out)) do
      lefts[i] = item.left
    end
    assert.same({ 40, 40 }, lefts)
    assert.matches('"left":40', cli.read(journal), 1, true)
    local told = select(2, cli.run({ "report", journal, "--format", "json" }))
    assert.equal(80, assert(json.decode(told)).left)
    local told_people = select(2, cli.run({ "report", journal }))
    assert.matches("sent before the stop: 80 messages", told_people, 1, true)
  end)

  it("verifies what is not proven", function()
    local code, out = stop({ "--verify=60", "--format", "ndjson", uuid(1), uuid(2, "0201") })
    for _, item in ipairs(decode(out)) do
      assert.is_true(item.verified)
    end
    assert.equal(0, code)
  end)

  it("names no reason that a lookup has settled", function()
    local code, out, err = stop({ "--verify=60", "--format", "json", uuid(1), uuid(2, "0000") })
    assert.message(err).equal(0, code)
    local document = assert(json.decode(out))
    assert.same({ {}, true }, { document.reasons, document.ok })
    assert.is_nil(err:find("reasons:", 1, true))
  end)
end)
