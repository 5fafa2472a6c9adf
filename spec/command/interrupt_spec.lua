-- Ctrl-C once and twice, SIGTERM: how the command ends, and what it leaves. spec/time has how soon.

local command = require("spec.support.command")
local faults = require("spec.support.faults")
local interrupts = require("spec.support.interrupts")
local json = require("stopmsg.json")
local sample = require("spec.support.sample")

local COUNT, IN_FLIGHT = interrupts.COUNT, interrupts.CONCURRENCY

local it = sample.its(it)

describe("a run that is interrupted", function()
  local place

  setup(function()
    place = interrupts.start()
  end)

  teardown(function()
    place:stop()
  end)

  it("gives up what is in flight in the end, and says how to go on", function()
    local arrived = place:hold()
    local journal = place.folder .. "/journal"
    local result = place:run({ "--journal", journal }, {
      terminal = { "stdout", "stderr" },
      steps = interrupts.steps(arrived, "Ctrl-C"),
    })
    assert.equal(130, result.code)
    local screen = table.concat(command.screen(result.terminal), "\n")
    assert.matches("stopping: 3 in flight, waiting up to 2 s; Ctrl%-C again to quit\n", screen)
    local line = screen:match("[^\n]*interrupted; .*"):gsub("\n +", " ")
    assert.matches(("interrupted; %d ids are not settled, 3 of them unknown %%(interrupted%%): "
      .. "run again with %%-%%-verify, "):format(COUNT), line)

    local last = place:journal(journal)
    assert.equal(IN_FLIGHT, interrupts.counts(last).unknown)
    for _, item in pairs(last) do
      assert.equal("interrupted", item.reason)
    end
  end)

  it("takes the answers that come meanwhile, and goes on with the others later", function()
    local arrived, go = place:hold()
    local journal = place.folder .. "/held"
    local result = place:run({ "--journal", journal },
      { terminal = { "stderr" }, steps = interrupts.steps(arrived, "Ctrl-C", go) })
    assert.equal(130, result.code)
    local log = place.server:take()
    assert.equal(IN_FLIGHT, #faults.only(log, "request"))
    local counts = interrupts.counts((place:journal(journal)))
    assert.equal(IN_FLIGHT, counts.stopped)
    assert.is_nil(counts.unknown)

    place:answer()
    result = place:run({ "--journal", journal })
    assert.message(result.stderr).equal(0, result.code)
    assert.matches(COUNT .. " ids: " .. COUNT .. " stopped", result.stderr)
    local last = place:journal(journal)
    for _, id in ipairs(place.ids) do
      assert.equal("stopped", last[id].outcome)
      assert.is_nil(last[id].ambiguous)
    end
    assert.equal(COUNT - IN_FLIGHT, #faults.only(place.server:take(), "request"))
  end)

  for name, arguments in pairs({ find = { "--dispatch" }, status = { "4711", "--dispatch" } }) do
    it("twice leaves at once, and does not say that nothing was sent: " .. name, function()
      local arrived = place:hold()
      local argv = { name, "-p", "idigital", "--base-url", place.server.url }
      for _, argument in ipairs(arguments) do
        argv[#argv + 1] = argument
      end
      local result = place.runner:run(argv, { env = { STOPMSG_TOKEN = "sandbox" }, steps = {
        { wait = "told", ["in"] = arrived, signal = "SIGTERM" },
        { wait = "", signal = "SIGTERM" } } })
      os.remove(arrived)
      assert.message(result.stderr).equal(143, result.code)
      assert.matches("\nstopmsg " .. name .. ": quit at once\n$", result.stderr)
    end)
  end

  it("by SIGTERM ends where nothing is in flight, and gives every id its item", function()
    place:answer()
    local result = place:run({ "--rate", "0.01" },
      { steps = { { wait = "stopped", signal = "SIGTERM" } } })
    assert.equal(143, result.code)
    assert.matches("%-%-journal", result.stderr)
    local items = {}
    for line in result.stdout:gmatch("[^\n]+") do
      items[#items + 1] = assert(json.decode(line))
    end
    assert.same({ stopped = 1, skipped = COUNT - 1 }, interrupts.counts(items))
  end)

  for _, way in ipairs({ { "Ctrl-C", 130 }, { "SIGTERM", 143 } }) do
    it("twice by " .. way[1] .. " leaves at once, and goes on later", function()
      local arrived = place:hold()
      local journal = place.folder .. "/twice" .. way[2]
      local result = place:run({ "--journal", journal },
        { terminal = { "stderr" }, steps = interrupts.steps(arrived, way[1], "again") })
      assert.is_false(result.late)
      assert.equal(way[2], result.code)
      -- Nothing of the bar is left on the terminal.
      assert.is_nil(table.concat(command.screen(result.terminal), "\n"):find("%", 1, true))
      -- It did not wait for what was in flight, to say that it is unknown.
      local last, open = place:journal(journal)
      assert.is_nil(next(last))
      assert.is_truthy(next(open))

      place:answer()
      result = place:run({ "--journal", journal })
      assert.message(result.stderr).equal(0, result.code)
      local left
      last, left = place:journal(journal)
      assert.is_nil(next(left))
      for _, id in ipairs(place.ids) do
        assert.equal("stopped", last[id].outcome)
        assert.equal(open[id], last[id].ambiguous)
      end
    end)
  end
end)
