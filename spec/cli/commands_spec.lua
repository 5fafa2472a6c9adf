-- status, check and providers; exit codes.

local cli = require("spec.support.cli")
local exit = require("stopmsg.cli.exit")
local json = require("stopmsg.json")
local reports = require("stopmsg.report")
local server = require("spec.support.server")
local schema = require("stopmsg.provider.schema")
local stopmsg = require("stopmsg")

local ENV = { STOPMSG_TOKEN = "sandbox" }
local UUID = "00000000-0000-4000-8000-00000001aaaa"

describe("stopmsg", function()
  local sandbox

  setup(function()
    sandbox = server.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  local function run(...)
    return cli.run({ ... }, { env = ENV })
  end

  it("fails where a write fails, though the flush after it does not", function()
    local out = cli.sink()
    function out.write()
      return nil, "No space left on device", 28
    end
    local code, _, err = cli.run({ "providers" }, { stdout = out })
    assert.equal(1, code)
    assert.matches("the results cannot be written: No space left on device", err)
  end)

  for name, arguments in pairs({ status = { UUID }, find = {}, stop = { UUID } }) do
    it("says what it waits for: " .. name, function()
      local argv = { name, "-p", "revicom", "--base-url", "http://127.0.0.1:1", "--patience",
        "300ms", "--progress", "bar", arguments[1] }
      local code, _, err = cli.run(argv, { env = ENV })
      assert.equal(name == "find" and 4 or 5, code)
      assert.matches("waiting for the provider: couldn't connect to server", err)
    end)
  end

  describe("status", function()
    it("gives the state of each id", function()
      local code, out = run("status", "-p", "revicom", "--base-url", sandbox.url, "--format",
        "ndjson", UUID)
      local item = json.decode(out)
      assert.equal(0, code)
      assert.same({ UUID, "open" }, { item.id, item.outcome })
      assert.string(item.state)
    end)

    it("takes dispatches for what a provider of dispatches is asked about", function()
      local code, out = run("status", "-p", "idigital", "--base-url", sandbox.url, "4711")
      assert.equal(0, code)
      assert.truthy(out:find("4711", 1, true))
    end)

    it("has an item for each of many ids, good or bad", function()
      local list = {}
      for i = 1, 4321 do
        list[i] = i % 1000 == 0 and "bad" .. i or ("00000000-0000-4000-8000-%08xaaaa"):format(i)
      end
      local code, out = cli.run({ "status", "-p", "revicom", "--base-url", sandbox.url,
        "--format", "csv", "-q", "-" }, { env = ENV, stdin = table.concat(list, "\n") })
      assert.equal(3, code)
      assert.equal(4322, select(2, out:gsub("\n", "")))
    end)

    it("says which option is missing", function()
      local code, _, err = run("status", "-p", "pushwoosh", "--base-url", sandbox.url, "1")
      assert.equal(2, code)
      assert.truthy(err:find("--application", 1, true))
      assert.truthy(err:find("application code", 1, true))
    end)

    it("skips the rest after the deadline", function()
      local list = {}
      for i = 1, 5000 do
        list[i] = ("00000000-0000-4000-8000-%08xaaaa"):format(i)
      end
      local code, out = cli.run({ "status", "-p", "revicom", "--base-url", sandbox.url,
        "--deadline", "0.001", "--format", "ndjson", "-q", "-" },
        { env = ENV, stdin = table.concat(list, "\n") })
      assert.is_true(code == 4 or code == 5)
      assert.equal(5000, select(2, out:gsub("\n", "")))
    end)
  end)

  describe("check", function()
    it("says that the credentials are accepted", function()
      local code, out = run("check", "-p", "revicom", "--base-url", sandbox.url)
      assert.same({ 0, "revicom: the credentials are accepted\n" }, { code, out })
    end)

    it("ends with 2 where there is no such call, and with 5 without a connection", function()
      assert.equal(2, (run("check", "-p", "pushwoosh", "--base-url", sandbox.url)))
      local code, out, err = run("check", "-p", "revicom", "--base-url", "http://127.0.0.1:1",
        "--max-attempts", "1")
      assert.same({ 5, "" }, { code, out })
      assert.matches("\nstopmsg check: revicom: connect: ", err)
    end)
  end)

  describe("providers", function()
    it("names all", function()
      local code, out = run("providers")
      assert.equal(0, code)
      for _, name in ipairs(stopmsg.providers()) do
        assert.truthy(out:find(name, 1, true))
      end
    end)

    it("tells of each what it can do, and where that is written", function()
      for _, name in ipairs(stopmsg.providers()) do
        local code, out = run("providers", name)
        local definition = stopmsg.definition(name)
        assert.equal(0, code)
        assert.truthy(out:find(definition.docs, 1, true))
        for operation in pairs(schema.operations) do
          local given = definition[operation]
          assert.truthy(not given or out:find("\n  " .. operation, 1, true))
          assert.truthy(not given or out:find(given.request, 1, true))
        end
        for setting, given in pairs(definition.settings or {}) do
          assert.truthy(out:find(setting .. "=", 1, true))
          assert.truthy(out:find(given.about, 1, true))
        end
      end
      assert.equal(2, (run("providers", "acme")))
    end)
  end)

  it("has help with examples first, for itself and for each command", function()
    for _, argv in ipairs({ { "--help" }, { "stop", "-h" }, { "status", "-h" }, { "check", "-h" },
      { "providers", "-h" } }) do
      local code, out = cli.run(argv)
      assert.equal(0, code)
      assert.matches("^Examples:\n  stopmsg ", out)
    end
  end)

  it("fills the paragraphs of its help", function()
    for _, name in ipairs({ "stop", "find", "report", "feed", "work", "job", "collect" }) do
      local _, out = cli.run({ name, "--help" })
      local paragraphs, before = out:match("\nOptions:\n.-\n\n(.*)$"), nil
      for line in paragraphs:gmatch("([^\n]*)\n") do
        local word = line:match("^%S+")
        assert.is_true(#line < 80, line)
        assert.is_true(not before or not word or #before + 1 + #word >= 80, line)
        before = line:find("^%S") and line or nil
      end
    end
  end)

  it("names the formats that it has", function()
    local _, out = cli.run({ "job", "--help" })
    assert.truthy(out:find("text or json", 1, true))
    for _, format in ipairs({ "ndjson", "csv" }) do
      assert.is_nil(out:find(format, 1, true))
      assert.equal(2, (cli.run({ "job", "j", "--format", format })))
    end
  end)

  it("names the option that was meant", function()
    local code, _, err = run("stop", "--jurnal", "x")
    assert.equal(2, code)
    assert.truthy(err:find("--journal", 1, true))
  end)

  for line, words in pairs({
    ["-p revicom stop UUID"] = "options come after the command: stopmsg stop -p …",
    ["--format json report j"] = "options come after the command: stopmsg report --format …",
    ["--nonsense"] = "(see stopmsg --help)",
    ["stop --nonsense"] = "(see stopmsg stop --help)",
    ["stop -p revicom UUID -"] = "give ids as arguments or on standard input, not both",
    ["status -p revicom - UUID"] = "give ids as arguments or on standard input, not both",
    ["stop -p revicom -i EMPTY"] = "--input: the file name is empty",
    ["stop -p revicom UUID -o EMPTY"] = "--output: the file name is empty",
    ["find -p revicom --token-file EMPTY"] = "--token-file: the file name is empty",
    ["report EMPTY"] = "JOURNAL: the file name is empty",
    ["stop -p revicom UUID --journal EMPTY"] = "--journal: the file name is empty",
    ["stop -p revicom UUID --journal -"] = "--journal -: a journal is a file",
    ["stop -p revicom UUID --verify=0"] = "--verify: expected seconds, a number from 0.001",
    ["stop -p revicom UUID --verify=9999999h"] = "--verify: expected seconds, a number from 0.001",
    ["stop -p revicom UUID --max 0"] = "--max: '0' is not a whole number of at least 1",
    ["stop -p revicom UUID --max 1.5"] = "--max: '1.5' is not a whole number of at least 1",
    ["status -p pushwoosh --application a --set application=b UUID"] =
      "--application and --set application are given with different values",
    ["status -p clickatell --xml --set format=json UUID"] =
      "--xml and --set format are given with different values",
  }) do
    it("refuses before anything is sent: " .. line, function()
      local argv = {}
      for word in line:gmatch("%S+") do
        argv[#argv + 1] = word == "UUID" and UUID or word ~= "EMPTY" and word or ""
      end
      local before = #sandbox:log()
      local code, out, err = cli.run(argv, { env = { STOPMSG_TOKEN = "sandbox",
        STOPMSG_BASE_URL = sandbox.url }, stdin = UUID .. "\n" })
      assert.message(err).equal(2, code)
      assert.equal("", out)
      assert.message(err).truthy(err:find(words, 1, true))
      assert.equal(before, #sandbox:log())
    end)
  end
end)

describe("stopmsg.cli.exit", function()
  local function counts(words)
    local all = reports.new().counts
    for _, word in ipairs(words) do
      all[word] = 1
    end
    return all
  end

  local rows = {
    { 0, { "stopped" } },
    { 3, { "stopped", "too_late" } }, { 3, { "not_stoppable" } }, { 3, { "not_found" } },
    { 3, { "invalid" } },
    { 5, { "failed", "too_late" } }, { 5, { "skipped" } },
    { 4, { "unknown", "failed" } }, { 4, { "accepted", "invalid" } },
    { 3, { "recalled" } }, { 3, { "stopped", "denied" } },
    { 129, { "failed" }, { signal = 1 } }, { 130, { "unknown" }, { signal = 2 } },
    { 143, { "stopped" }, { signal = 15 } },
    { 6, { "denied", "unknown" }, { credentials = true, signal = 2 } },
    { 4, { "stopped" }, { unproven = true } }, { 4, { "failed" }, { unproven = true } },
  }
  for _, row in ipairs(rows) do
    local how = {}
    for name, value in pairs(row[3] or {}) do
      how[#how + 1] = (" and %s %s"):format(name, tostring(value))
    end
    table.sort(how)
    it(("is %d for %s%s"):format(row[1], table.concat(row[2], ", "), table.concat(how)), function()
      assert.equal(row[1], exit.of(counts(row[2]), row[3]))
    end)
  end
end)
