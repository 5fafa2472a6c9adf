-- A provider of the user's own: the example is right, and its page shows it as it is.

local answers = require("spec.support.answers")
local examples = require("spec.support.examples")
local providers = require("stopmsg.provider")
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
