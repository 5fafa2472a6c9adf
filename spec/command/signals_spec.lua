-- Signals that come before the run has begun, or that were ignored when the command was started.

local command = require("spec.support.command")
local files = require("spec.support.files")
local json = require("stopmsg.json")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

local COUNT = 40

local it = sample.its(it)

describe("a signal", function()
  local runner, folder, input, slow

  setup(function()
    runner = command.start()
    slow = server.start({ delay = 0.05 })
    folder = files.folder()
    local ids = {}
    for n = 1, COUNT do
      ids[n] = ("2a28d557-22a1-4be6-8908-%08x8000"):format(n)
    end
    input = files.write(folder .. "/ids", table.concat(ids, "\n") .. "\n")
  end)

  teardown(function()
    runner:stop()
    slow:stop()
    files.remove(folder)
  end)

  it("that says that the terminal is gone ends a run in good order", function()
    local journal = folder .. "/hangup"
    local result = runner:run({ "stop", "-p", "revicom", "--base-url", slow.url, "-i", input,
      "--format", "ndjson", "--batch-size", "2", "--rate", "0.01", "--journal", journal },
      { env = { STOPMSG_TOKEN = "sandbox" },
        steps = { { wait = '"outcome"', signal = "SIGHUP" } } })
    assert.message(result.stderr).equal(129, result.code)
    assert.matches("stopping: %d in flight", result.stderr)
    assert.matches("interrupted; [^\n]*\n$", result.stderr)
    for line in io.lines(journal) do
      assert.is_table(json.decode(line))
    end
  end)

  -- A script has SIGINT ignored by what it puts into the background.
  for name, before in pairs({ INT = "", TERM = "trap '' TERM;", HUP = "trap '' HUP;" }) do
    it("that was ignored at the start stays so: SIG" .. name, function()
      local results = folder .. "/ignored" .. name
      local script = ([[%s
        %s bin/stopmsg stop -p revicom --base-url %s -i %s --format ndjson --batch-size 2 \
          --concurrency 1 -o %s & pid=$!
        until grep -qs outcome %s; do sleep 0.01; done
        kill -%s $pid
        wait $pid; code=$?
        cat %s
        exit $code]]):format(before, server.interpreter(), slow.url, input, results, results,
        name, results)
      local result = runner:run({ "-c", script },
        { argv = { "sh" }, env = { STOPMSG_TOKEN = "sandbox" } })
      assert.message(result.stderr).equal(0, result.code)
      assert.is_nil(result.stderr:find("stopping", 1, true))
      assert.equal(COUNT, select(2, result.stdout:gsub("\n", "")))
    end)
  end

  it("at any of the first moments leaves a line or nothing, and no traceback", function()
    for moment = 1, 20 do
      local result = runner:run({ "--preserve-status", "-s", "INT", ("%.3f"):format(moment * 0.003),
        server.interpreter(), "bin/stopmsg", "stop", "-p", "revicom", "-" }, {
        argv = { "timeout" },
        terminal = { "stdin", "stderr" },
        env = { STOPMSG_TOKEN = "sandbox" },
      })
      assert.message(result.terminal).equal(130, result.code)
      assert.is_nil(result.terminal:find("traceback", 1, true), result.terminal)
      assert.is_nil(result.terminal:find(".lua:", 1, true), result.terminal)
    end
  end)

  it("before anything was sent says that", function()
    local result = runner:run({ "stop", "-p", "idigital", "--dispatch", "--base-url", slow.url,
      "10000000125" }, { terminal = { "stdin", "stderr" }, env = { STOPMSG_TOKEN = "sandbox" },
      steps = { { wait = "y/N", type = "\3" } } })
    assert.equal(130, result.code)
    assert.matches("stopmsg stop: interrupted; nothing was sent\r?\n$", result.terminal)
  end)

  it("at the question about what was found ends it at once, too", function()
    local result = runner:run({ "stop", "-p", "revicom", "--all", "--base-url", slow.url },
      { terminal = { "stdin", "stderr" }, env = { STOPMSG_TOKEN = "sandbox" },
      steps = { { wait = "y/N", type = "\3" } } })
    assert.equal(130, result.code)
    assert.matches("%? %[y/N%] .-stopmsg stop: interrupted; nothing was stopped\r?\n$",
      result.terminal)
  end)
end)
