-- The examples do what they say, and README shows them as they are.

local answers = require("spec.support.answers")
local providers = require("stopmsg.providers")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local function contents(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

describe("examples", function()
  describe("own_provider.lua", function()
    local definition = dofile("examples/own_provider.lua")

    it("is at most 30 lines, and stands in README as it is", function()
      local text = contents("examples/own_provider.lua")
      local _, count = text:gsub("\n", "\n")
      assert.is_true(count <= 30)
      assert.is_truthy(contents("README.md"):find(text:match("return {.*"), 1, true))
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
      assert.equal("the id is not of the right form; expected an id like msg_1a2b",
        report[2].message)
    end)
  end)

  it("stop.lua prints what became of each line of a file", function()
    local sandbox = server.start()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write("2a28d557-22a1-4be6-8908-1481723043dd\n811c27e3-3bc4-406a-9fcd-44435a820403\n")
    file:close()
    local run = io.popen(("STOPMSG_TOKEN=sandbox STOPMSG_BASE_URL=%s %s examples/stop.lua %s")
      :format(sandbox.url, server.interpreter(), path))
    local said = run:read("*a")
    run:close()
    sandbox:stop()
    os.remove(path)
    assert.equal("2a28d557-22a1-4be6-8908-1481723043dd\tstopped\t200\n"
      .. "811c27e3-3bc4-406a-9fcd-44435a820403\ttoo_late\t403\n", said)
  end)

  it("demo.sh shows outcomes of all four providers and ends its sandbox", function()
    local run = io.popen(("LUA=%s sh examples/demo.sh 2>&1"):format(server.interpreter()))
    local said = run:read("*a")
    run:close()
    for _, line in ipairs({
      "2a28d557%-22a1%-4be6%-8908%-1481723043dd +stopped +200",
      "10000000125 +stopped +200",
      "C3F8%-C3863ED4%-334AD4F1 +stopped +200",
      "360586640fe9846954897dffe6c13dfc +stopped +006",
      "5 ids: 1 stopped",
    }) do
      assert.is_truthy(said:find(line))
    end
  end)
end)
