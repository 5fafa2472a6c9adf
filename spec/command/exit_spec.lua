-- Every exit code of the command, provoked as it comes about; and the token, which is never seen.

local command = require("spec.support.command")
local files = require("spec.support.files")
local patience = require("spec.support.patience")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

local it = sample.its(it)

local GOOD = "2a28d557-22a1-4be6-8908-1481723043dd"

local function uuid(ending)
  return "2a28d557-22a1-4be6-8908-14817230" .. ending
end

describe("the command's exit code", function()
  local runner, sandbox

  setup(function()
    runner = command.start()
    sandbox = server.start()
  end)

  teardown(function()
    runner:stop()
    sandbox:stop()
  end)

  local function stop(ids, options)
    options = options or {}
    local arguments = { "stop", "-p", "revicom", "--base-url", options.url or sandbox.url }
    for _, list in ipairs({ options.arguments or {}, ids }) do
      for _, argument in ipairs(list) do
        arguments[#arguments + 1] = argument
      end
    end
    options.env = options.env or { STOPMSG_TOKEN = "sandbox" }
    return runner:run(arguments, options)
  end

  local cases = {
    { 0, "all are stopped", { GOOD } },
    { 2, "--verify stands before a number", nil, { "stop", "-p", "idigital", "--dispatch", "--yes",
      "--verify", "30", "10000000125" } },
    { 2, "an option stands twice", { GOOD }, { "-p", "idigital" } },
    { 3, "some are too late", { GOOD, uuid("0403") } },
    { 3, "some are not found", { uuid("0404") } },
    { 3, "some are invalid", { GOOD, "nonsense" } },
    { 4, "some are unknown, whatever else there is",
      { uuid("0418"), uuid("0403"), "nonsense", GOOD } },
    { 4, "some are accepted", { uuid("0202"), GOOD } },
    { 5, "some failed, and others are too late",
      { GOOD, uuid("0429"), uuid("0403") }, { "--max-attempts", "1", "--batch-size", "1" } },
    { 4, "some are unknown, and others failed",
      { uuid("0418"), "2a28d557-22a1-4be6-8908-148172310429" },
      { "--max-attempts", "1", "--batch-size", "1" } },
    { 2, "no command is given", nil, {} },
    { 2, "the provider is unknown", nil, { "stop", "-p", "revicon", GOOD } },
    { 2, "there is no provider", nil, { "stop", GOOD } },
    { 2, "an option is unknown", nil, { "stop", "-p", "revicom", "--tokn", "x", GOOD } },
    { 2, "a token is an argument", nil, { "stop", "-p", "revicom", "--token", "x", GOOD } },
    { 2, "there is no such format", { GOOD }, { "--format", "yaml" } },
    { 2, "the provider cannot do it", nil, { "stop", "-p", "pushwoosh", "--dispatch", "1" } },
    { 2, "there are more ids than --max allows", { GOOD, uuid("0001") }, { "--max", "1" } },
    { 2, "dispatches are to be stopped, and nobody can be asked", nil,
      { "stop", "-p", "idigital", "--dispatch", "--base-url", "http://127.0.0.1:1", "125" } },
    { 2, "plain http would leave the machine", nil,
      { "stop", "-p", "revicom", "--base-url", "http://192.0.2.1", GOOD } },
    { 2, "a number is none", { GOOD }, { "--rate", "fast" } },
    { 2, "a number is out of range", { GOOD }, { "--concurrency", "0" } },
  }
  local nothing_sent = { [2] = true }
  for _, case in ipairs(cases) do
    it(("is %d where %s"):format(case[1], case[2]), function()
      -- A fate that is met once is met again by another sandbox.
      local fresh = case[1] == 5 and server.start() or sandbox
      local before = #fresh:log()
      local result
      if case[3] then
        result = stop(case[3], { arguments = case[4], url = fresh.url })
      else
        result = runner:run(case[4], { env = { STOPMSG_TOKEN = "sandbox" } })
      end
      assert.message(result.stderr).equal(case[1], result.code)
      if nothing_sent[case[1]] then
        assert.equal(before, #fresh:log())
        assert.equal("", result.stdout)
        assert.matches("^stopmsg[^\n]+\n$", result.stderr)
      end
      if fresh ~= sandbox then
        fresh:stop()
      end
    end)
  end

  it("is 5 where the deadline came first", function()
    local result = patience.grow(0.2, function(seconds)
      local one = stop({ GOOD, uuid("0001") }, { arguments = { "--rate", "0.001", "--batch-size",
        "1", "--deadline", tostring(seconds) } })
      -- Else the first was still in flight, or not even sent.
      return one.code ~= 4 and one.stdout:find("1 skipped", 1, true) and one
    end)
    assert.message(result.stderr).equal(5, result.code)
  end)

  it("is 5 where the provider cannot be reached", function()
    local result = stop({ GOOD }, { url = "http://127.0.0.1:1", arguments = { "--patience", "0" } })
    assert.equal(5, result.code)
    assert.matches("failed", result.stdout)
  end)

  it("is 1 where argparse is missing", function()
    local result = runner:run({
      "-e", 'package.preload.argparse = function() error("gone") end',
      "bin/stopmsg", "check", "-p", "revicom",
    }, { argv = { server.interpreter() } })
    assert.equal(1, result.code)
    assert.matches("^stopmsg[^\n]*lua%-argparse[^\n]*\n$", result.stderr)
  end)

  it("is 1 where the results cannot be written", function()
    for _, format in ipairs({ "text", "ndjson", "json", "csv" }) do
      local result = stop({ GOOD },
        { arguments = { "--format", format }, stdout = { file = "/dev/full" } })
      assert.equal(1, result.code)
      -- A stop that takes some seconds writes, and says so, before it is over.
      local said = result.stderr:gsub(": still stopping, but ", ": ")
      assert.equal(1, select(2, said:gsub("\nstopmsg stop: the results cannot be written: "
        .. "No space left on device\n", "")))
      assert.matches("1 id: 1 stopped", result.stderr)
    end
  end)

  it("is 1 where help and lists cannot be written", function()
    for _, arguments in ipairs({ { "--help" }, { "stop", "--help" }, { "--version" },
      { "providers" }, { "stop", "-p", "revicom", "--dry-run", GOOD } }) do
      local result = runner:run(arguments, { stdout = { file = "/dev/full" } })
      assert.equal(1, result.code, table.concat(arguments, " "))
      assert.matches("No space left on device\n$", result.stderr)
    end
  end)

  it("is 6 where the credentials are refused, whatever else there is", function()
    local result = stop({ GOOD, "nonsense", uuid("0001") },
      { env = { STOPMSG_TOKEN = "no sandbox" }, arguments = { "--batch-size", "1" } })
    assert.equal(6, result.code)
    assert.matches("denied", result.stdout)
  end)

  it("is that of help and version, too", function()
    for _, option in ipairs({ "-h", "--help", "--version" }) do
      local result = runner:run({ option })
      assert.equal(0, result.code)
      assert.equal("", result.stderr)
      assert.not_equal("", result.stdout)
    end
  end)
end)

describe("the token", function()
  local runner, sandbox, folder

  setup(function()
    runner = command.start()
    sandbox = server.start()
    folder = files.folder()
    files.write(folder .. "/token", command.CANARY .. "\n")
  end)

  teardown(function()
    runner:stop()
    sandbox:stop()
    files.remove(folder)
  end)

  local function see(result, but_not)
    for _, name in ipairs({ "stdout", "stderr", "terminal", "cmdline", "environ" }) do
      if name ~= but_not then
        assert.is_nil(result[name]:find(command.CANARY, 1, true), name)
      end
    end
  end

  local from_file = { "--token-file", "FOLDER/token" }

  local runs = {
    { "refused", { "stop", "--base-url", "URL", GOOD } },
    { "refused, as ndjson", { "stop", "--base-url", "URL", "--format", "ndjson", GOOD } },
    { "refused, with a journal and a file of results", { "stop", "--base-url", "URL", "--journal",
      "FOLDER/journal", "-o", "FOLDER/results", "--format", "json", GOOD } },
    { "refused for a lookup", { "status", "--base-url", "URL", GOOD } },
    { "refused in a check", { "check", "--base-url", "URL" } },
    { "never sent", { "stop", "--base-url", "http://127.0.0.1:1", "--patience", "0", GOOD } },
    { "not needed", { "stop", "--dry-run", GOOD } },
    { "no use to a wrong option", { "stop", "--rate", "none", GOOD } },
  }
  for _, case in ipairs(runs) do
    it("is never seen where it is " .. case[1], function()
      local arguments = {}
      for _, argument in ipairs(case[2]) do
        arguments[#arguments + 1] = argument:gsub("URL", sandbox.url):gsub("FOLDER", folder)
      end
      table.insert(arguments, 2, "-p")
      table.insert(arguments, 3, "revicom")
      local by_variable = runner:run(arguments,
        { env = { STOPMSG_TOKEN = command.CANARY }, terminal = { "stderr" } })
      see(by_variable, "environ")

      for _, argument in ipairs(from_file) do
        table.insert(arguments, 4, (argument:gsub("FOLDER", folder)))
      end
      arguments[4], arguments[5] = arguments[5], arguments[4]
      local by_file = runner:run(arguments, { terminal = { "stdout", "stderr" } })
      see(by_file)
      assert.equal(by_variable.code, by_file.code)
      for _, name in ipairs({ "journal", "results" }) do
        if arguments[#arguments - 1] == "json" then
          assert.is_nil(files.read(folder .. "/" .. name):find(command.CANARY, 1, true))
          os.remove(folder .. "/" .. name)
        end
      end
    end)
  end

  it("is that of the file, then of the provider, then of all", function()
    local function code(arguments, env)
      local all = { "stop", "-p", "revicom", "--base-url", sandbox.url, GOOD }
      for _, argument in ipairs(arguments) do
        all[#all + 1] = argument
      end
      local result = runner:run(all, { env = env })
      return result.code
    end
    local file = { "--token-file", folder .. "/token" }
    assert.equal(6, code(file, { STOPMSG_REVICOM_TOKEN = "sandbox", STOPMSG_TOKEN = "sandbox" }))
    assert.equal(6, code({}, { STOPMSG_REVICOM_TOKEN = "wrong", STOPMSG_TOKEN = "sandbox" }))
    assert.equal(0, code({}, { STOPMSG_REVICOM_TOKEN = "sandbox", STOPMSG_TOKEN = "wrong" }))
    assert.equal(0, code({}, { STOPMSG_REVICOM_TOKEN = "", STOPMSG_TOKEN = "sandbox" }))
    assert.equal(2, code({}, { STOPMSG_IDIGITAL_TOKEN = "sandbox" }))
  end)

  it("is asked for by all its names where there is none", function()
    local result = runner:run({ "stop", "-p", "revicom", "--base-url", sandbox.url, GOOD })
    assert.equal(2, result.code)
    for _, name in ipairs({ "--token-file", "STOPMSG_REVICOM_TOKEN", "STOPMSG_TOKEN" }) do
      assert.is_truthy(result.stderr:find(name, 1, true))
    end
    assert.matches("^[^\n]+\n$", result.stderr)
  end)

  it("may stand in a file that is none, and nothing is sent", function()
    local before = #sandbox:log()
    for _, path in ipairs({ folder, folder .. "/none", folder .. "/token/x", "/dev/null" }) do
      local result = runner:run(
        { "stop", "-p", "revicom", "--base-url", sandbox.url, "--token-file", path, GOOD })
      assert.equal(2, result.code)
      assert.matches("^stopmsg[^\n]*" .. path:gsub("%p", "%%%0") .. "[^\n]+\n$", result.stderr)
    end
    assert.equal(before, #sandbox:log())
  end)
end)
