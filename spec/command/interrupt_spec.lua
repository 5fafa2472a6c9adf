-- Ctrl-C once and twice, SIGTERM: how soon the command ends, and what it leaves.

local command = require("spec.support.command")
local files = require("spec.support.files")
local json = require("stopmsg.json")
local server = require("spec.support.server")

local function uuid(n)
  return ("2a28d557-22a1-4be6-8908-%08x8000"):format(n)
end

local COUNT = 40

describe("a run that is interrupted", function()
  local runner, folder, input

  setup(function()
    runner = command.start()
    folder = files.folder()
    input = folder .. "/ids"
    local file = assert(io.open(input, "w"))
    for n = 1, COUNT do
      file:write(uuid(n), "\n")
    end
    file:close()
  end)

  teardown(function()
    runner:stop()
    files.remove(folder)
  end)

  local function stop(sandbox, arguments, options)
    local all = {
      "stop", "-p", "revicom", "--base-url", sandbox.url, "-i", input, "--format", "ndjson",
      "--concurrency", "3",
    }
    if arguments[3] ~= "--batch-size" then
      all[#all + 1], all[#all + 2] = "--batch-size", "2"
    end
    for _, argument in ipairs(arguments) do
      all[#all + 1] = argument
    end
    options = options or {}
    options.env = { STOPMSG_TOKEN = "sandbox" }
    return runner:run(all, options)
  end

  -- The last item of every id, and the set of those whose last record is an intent.
  local function read(path)
    local last, open = {}, {}
    for line in io.lines(path) do
      local record = assert(json.decode(line))
      if record.outcome then
        last[record.id] = record
        open[record.id] = nil
      elseif record.intent then
        for n = record.intent[1], record.intent[2] do
          open[uuid(n)] = true
        end
      end
    end
    return last, open
  end

  local function outcomes(last)
    local counts = {}
    for _, item in pairs(last) do
      counts[item.outcome] = (counts[item.outcome] or 0) + 1
    end
    return counts
  end

  it("waits two seconds for what is in flight, and says how to go on", function()
    -- It takes requests and carries them out, and its answers do not come in this life.
    local mute = server.start({ delay = 60 })
    local journal = folder .. "/journal"
    local result = stop(mute, { "--journal", journal },
      { terminal = { "stdout", "stderr" }, steps = { { wait = 0.3, type = "\3" } } })
    mute:stop()
    assert.equal(130, result.code)
    assert.is_true(result.after >= 1.5 and result.after <= 2.5, tostring(result.after))
    local screen = table.concat(command.screen(result.terminal), "\n")
    assert.matches("stopping: 3 in flight, up to 2 s; Ctrl%-C again to leave now", screen)
    assert.matches("\n[^\n]*interrupted; 6 ids are unknown[^\n]*%-%-verify", screen)

    -- Three requests of two ids were in flight.
    local last = read(journal)
    assert.equal(6, outcomes(last).unknown)
    for _, item in pairs(last) do
      assert.equal("interrupted", item.reason)
    end
  end)

  it("takes the answers that come meanwhile, and goes on with the others later", function()
    local slow = server.start({ delay = 0.5 })
    local journal = folder .. "/slow"
    local result = stop(slow, { "--journal", journal },
      { terminal = { "stderr" }, steps = { { wait = 0.3, type = "\3" } } })
    assert.equal(130, result.code)
    assert.is_true(result.after < 0.8, tostring(result.after))
    assert.equal(6, outcomes((read(journal))).stopped)

    result = stop(slow, { "--journal", journal, "--batch-size", "100" })
    assert.message(result.stderr).equal(0, result.code)
    assert.matches("40 ids: 40 stopped", result.stderr)
    local last = read(journal)
    for n = 1, COUNT do
      assert.equal("stopped", last[uuid(n)].outcome)
      assert.is_nil(last[uuid(n)].ambiguous)
    end
    slow:stop()
    local sent = 0
    for _, record in ipairs(slow:log()) do
      sent = sent + record.ids
    end
    assert.equal(COUNT, sent)
  end)

  it("by SIGTERM ends at once where nothing is in flight, and gives every id its item", function()
    local sandbox = server.start()
    local result = stop(sandbox, { "--rate", "1" },
      { steps = { { wait = 0.3, signal = "SIGTERM" } } })
    sandbox:stop()
    assert.equal(143, result.code)
    assert.is_true(result.after < 0.4, tostring(result.after))
    assert.matches("%-%-journal", result.stderr)
    local counts = {}
    for line in result.stdout:gmatch("[^\n]+") do
      local item = assert(json.decode(line))
      counts[item.outcome] = (counts[item.outcome] or 0) + 1
    end
    assert.same({ stopped = 2, skipped = COUNT - 2 }, counts)
  end)

  it("by SIGHUP ends like by the others", function()
    local sandbox = server.start()
    local journal = folder .. "/hangup"
    local result = stop(sandbox, { "--rate", "1", "--journal", journal },
      { steps = { { wait = '"outcome"', signal = "SIGHUP" } } })
    sandbox:stop()
    assert.message(result.stderr).equal(129, result.code)
    assert.matches("stopping: %d in flight", result.stderr)
    assert.matches("interrupted; [^\n]*\n$", result.stderr)
    for line in io.lines(journal) do
      assert.is_table(json.decode(line))
    end
  end)

  it("by a signal that was ignored when it started goes on", function()
    -- A script has SIGINT ignored by what it puts into the background.
    for _, way in ipairs({ { "", "INT" }, { "trap '' TERM;", "TERM" },
      { "trap '' HUP;", "HUP" } }) do
      local slow = server.start({ delay = 0.05 })
      local results = folder .. "/ignored" .. way[2]
      local arguments = { "-c", ([[%s
        %s bin/stopmsg stop -p revicom --base-url %s -i %s --format ndjson --batch-size 2 \
          --concurrency 1 -o %s & pid=$!
        until grep -qs outcome %s; do sleep 0.01; done
        kill -%s $pid
        wait $pid; code=$?
        cat %s
        exit $code]]):format(way[1], server.interpreter(), slow.url, input, results, results,
        way[2], results) }
      local result = runner:run(arguments,
        { argv = { "sh" }, env = { STOPMSG_TOKEN = "sandbox" } })
      slow:stop()
      assert.message(result.stderr).equal(0, result.code)
      assert.is_nil(result.stderr:find("stopping", 1, true))
      assert.equal(COUNT, select(2, result.stdout:gsub("\n", "")))
    end
  end)

  it("in its first moments says a line, or nothing, and never a traceback", function()
    for moment = 0, 15 do
      local argv = { "stop", "-p", "revicom", "--base-url", "http://127.0.0.1:1", "-" }
      local result = runner:run(argv, {
        terminal = { "stdin", "stderr" },
        steps = { { wait = moment * 0.003, type = "\3" } },
        env = { STOPMSG_TOKEN = "sandbox" },
      })
      assert.message(result.terminal).equal(130, result.code)
      assert.is_nil(result.terminal:find("traceback", 1, true), result.terminal)
      assert.is_nil(result.terminal:find(".lua:", 1, true), result.terminal)
    end
    local result = runner:run({ "-c", ("exec %s bin/stopmsg stop -p revicom -"):format(
      server.interpreter()) }, { argv = { "sh" }, terminal = { "stdin" },
      steps = { { wait = 1, type = "\3" } }, env = { STOPMSG_TOKEN = "sandbox" } })
    assert.equal(130, result.code)
    assert.matches("interrupted; nothing was sent\n$", result.stderr)
  end)

  local ways = {
    { "Ctrl-C", { wait = 0.3, type = "\3" }, { wait = 0.1, type = "\3" }, 130 },
    { "SIGTERM", { wait = 0.3, signal = "SIGTERM" }, { wait = 0.1, signal = "SIGTERM" }, 143 },
  }
  for _, way in ipairs(ways) do
    it("twice by " .. way[1] .. " leaves at once, and goes on later", function()
      local mute = server.start({ delay = 60 })
      local journal = folder .. "/twice" .. way[4]
      local result = stop(mute, { "--journal", journal },
        { terminal = { "stderr" }, steps = { way[2], way[3] } })
      mute:stop()
      assert.equal(way[4], result.code)
      assert.matches("left at once; the journal is valid", result.terminal)
      assert.is_true(result.after < 0.2, tostring(result.after))
      -- Nothing of the bar is left on the terminal.
      assert.is_nil(table.concat(command.screen(result.terminal), "\n"):find("%", 1, true))
      local _, open = read(journal)

      local sandbox = server.start({ port = mute.port })
      result = stop(sandbox, { "--journal", journal })
      sandbox:stop()
      assert.message(result.stderr).equal(0, result.code)
      local last, left = read(journal)
      assert.is_nil(next(left))
      for n = 1, COUNT do
        assert.equal("stopped", last[uuid(n)].outcome)
        assert.equal(open[uuid(n)], last[uuid(n)].ambiguous)
      end
      for id in pairs(open) do
        assert.is_true(last[id].ambiguous)
      end
      assert.is_truthy(next(open))
    end)
  end
end)
