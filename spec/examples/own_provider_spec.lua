-- A provider of the user's own: the example is right, and its page shows it as it is.

local answers = require("spec.support.answers")
local examples = require("spec.support.examples")
local providers = require("stopmsg.provider")
local python = require("spec.support.python")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

describe("examples/own_provider.lua", function()
  local definition = dofile("examples/own_provider.lua")

  it("is at most 30 lines, and stands in docs/writing-a-provider.md as it is", function()
    local text = examples.contents("examples/own_provider.lua")
    local _, count = text:gsub("\n", "\n")
    assert.is_true(count <= 30)
    local page = examples.contents("docs/writing-a-provider.md")
    assert.is_truthy(page:find(text:match("return {.*"), 1, true))
  end)

  it("understands its provider's answers", function()
    local read = answers.reader(providers.check(definition).operations.stop)
    local _, verdicts = read(200, '{"results":[{"message":"msg_2","result":"SENT"},'
      .. '{"message":"msg_1","result":"CANCELLED"},{"message":"msg_3","result":"NEW"}]}',
      { "msg_1", "msg_2", "msg_3", "msg_4" })
    assert.equal("stopped", verdicts[1].outcome)
    assert.equal("too_late", verdicts[2].outcome)
    assert.equal("unknown", verdicts[3].outcome)
    assert.equal("missing_in_answer", verdicts[4].reason)
    local _, locked = read(409, '{"error":"LOCKED","text":"being changed"}', { "msg_1" })
    assert.equal("not_stoppable", locked.outcome)
    assert.equal("LOCKED", locked.code)
    local _, strange = read(409, '{"error":"Conflict","text":"being changed"}', { "msg_1" })
    assert.equal("failed", strange.outcome)
  end)

  it("stops messages through a client", function()
    local acme = server.spawn({ server.interpreter(), "spec/support/echo_server.lua",
      '{"results":[{"message":"msg_1a","result":"CANCELLED"}]}' })
    local report = stopmsg.stop({ provider = definition, token = "key",
      base_url = acme.first_line }, { "msg_1a", "1a" })
    acme:stop()
    assert.equal("stopped", report[1].outcome)
    assert.equal("CANCELLED", report[1].code)
    assert.equal("invalid", report[2].outcome)
    assert.equal("the id has the wrong format; expected an id like msg_1a2b",
      report[2].message)
  end)
end)

describe("examples/own_single.lua", function()
  local page = examples.contents("docs/writing-a-provider.md")

  it("stands in docs/writing-a-provider.md as it is", function()
    local text = examples.contents("examples/own_single.lua")
    assert.is_truthy(page:find(text:match("return {.*"), 1, true))
  end)

  -- What became of the id, with this answer of the stand-in.
  local function stopped(status, body)
    local bell = server.spawn({ python, "examples/stand_in.py", "0", status, body })
    local report = stopmsg.stop({ provider = dofile("examples/own_single.lua"), token = "key",
      base_url = bell.first_line, max_attempts = 1 }, { "10023" })
    bell:stop()
    return report[1]
  end

  it("is told by a stand-in what its page says", function()
    local good, gone = page:match("stand_in.py 8081 (%d+ '[^']+')"),
      page:match("tart it again with `(%d+ '[^']+')`")
    local item = stopped(good:match("^(%d+) '(.*)'$"))
    assert.same({ "stopped", "cancelled" }, { item.outcome, item.code })
    item = stopped(gone:match("^(%d+) '(.*)'$"))
    assert.same({ "too_late", "already_sent", "gone" }, { item.outcome, item.code, item.message })
    assert.equal("unknown", stopped("200", "<html>").outcome)
    assert.equal("unknown", stopped("200", '{"id":"10024","status":"cancelled"}').outcome)
    assert.equal("failed", stopped("400", '{"error":{"code":"bad","message":"no"}}').outcome)
  end)
end)
