-- The examples do what their first lines say, at the sandbox.

local examples = require("spec.support.examples")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

local it = sample.its(it)

local STOPPED = "2a28d557-22a1-4be6-8908-1481723043dd"
local TOO_LATE = "811c27e3-3bc4-406a-9fcd-44435a820403"
local UNSURE = "063464ec-a34f-4558-90c5-984395010202"
local ALWAYS_503 = "cc46e6b6-2d77-4457-aa81-c17a02770503"

-- How often a word stands in a text.
local function count(word, text)
  return select(2, text:gsub(word:gsub("%-", "%%-"), ""))
end

local function count_lines(text)
  return count("\n", text)
end

describe("examples", function()
  local sandbox, place

  setup(function()
    sandbox = server.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  before_each(function()
    place = examples.open({}, sandbox)
  end)

  after_each(function()
    place:stop()
  end)

  it("are at most 60 lines each, and in their README", function()
    local readme = examples.contents("examples/README.md")
    local list = io.popen("ls examples/*.lua examples/*.sh")
    for path in list:lines() do
      assert.message(path).is_true(count_lines(examples.contents(path)) <= 60)
      assert.message(path).is_truthy(readme:find(("(%s)"):format(path:match("[^/]+$")), 1, true))
    end
    list:close()
  end)

  it("say how they are used where they are given nothing, and ask nobody", function()
    local before = #sandbox:log()
    local names = { "$lua $examples/stop.lua", "$lua $examples/stop_campaign.lua",
      "$lua $examples/stop_where.lua",
      "$lua $examples/under_luv.lua", "sh $examples/cron.sh", "sh $examples/stop_csv.sh",
      "env -u STOPMSG_BASE_URL $lua $examples/demo.lua" }
    for _, name in ipairs(names) do
      local code, out, err = place:run(name .. " </dev/null")
      assert.message(name .. err).equal(2, code)
      assert.equal("", out)
      assert.matches("^usage: [^\n]+\n$", err)
    end
    assert.equal(before, #sandbox:log())
  end)

  it("stop.lua prints what became of each line of a file", function()
    place:write("ids.txt", STOPPED .. "\n" .. TOO_LATE .. "\n")
    local code, out, err = place:run("$lua $examples/stop.lua ids.txt")
    assert.equal("", err)
    assert.equal(STOPPED .. "\tstopped\t200\n" .. TOO_LATE .. "\ttoo_late\t403\n", out)
    assert.equal(0, code)
  end)

  describe("stop_csv.sh", function()
    local RUN = "sh $examples/stop_csv.sh export.csv %s -p pushwoosh"
    local EXPORT = "name,message_code,note\n"
      .. "a,C3F8-C3863ED4-334AD4F1,\"one, two\"\n"
      .. "b,C3F8-C3863ED4-334A0404,\n"

    it("writes what became of each beside the export, and shows what was not stopped", function()
      place:write("export.csv", EXPORT)
      local code, out = place:run(RUN:format("message_code"))
      assert.matches("^C3F8%-C3863ED4%-334A0404,not_found,,5,404,[^\n]*\n$", out)
      assert.equal(3, code)
      local results = place:read("export.stopped.csv")
      assert.equal(3, count_lines(results))
      assert.matches("\nC3F8%-C3863ED4%-334AD4F1,stopped,,200,", results)
    end)

    it("exits as the command does where the column is not there", function()
      place:write("export.csv", EXPORT)
      local code, out, err = place:run(RUN:format("code"))
      assert.equal(2, code)
      assert.equal("", out)
      assert.is_truthy(err:find("code", 1, true))
    end)
  end)

  it("stop_campaign.lua stops a dispatch and the messages beside it, and proves both", function()
    place:write("messages.txt", STOPPED .. "\n" .. UNSURE .. "\n")
    local code, out, err = place:run("$lua $examples/stop_campaign.lua 10000000125 messages.txt")
    assert.equal("10000000125\tstopped\tproven\tstopped\n"
      .. STOPPED .. "\tstopped\tproven\tunsent\n"
      .. UNSURE .. "\ttoo_late\tproven\tsent\n", out)
    assert.matches("\n2 ids: 1 stopped, 1 too_late %(", err)
    assert.equal(1, code)
  end)

  it("stop_where.lua stops what is left of a dispatch, and looks again", function()
    local own = server.start({ log = false })
    finally(function()
      own:stop()
    end)
    local code, out, err = place:run(
      ("STOPMSG_BASE_URL=%s $lua $examples/stop_where.lua 17"):format(own.url))
    assert.equal(3, count("\tstopped\n", out))
    assert.matches("^3 message%(s%) can be stopped now\nlook %d+: 3 found, ", err)
    assert.matches("\n3 ids: 3 stopped %(", err)
    assert.equal(0, code)
  end)

  it("under_luv.lua stops messages while a timer goes on", function()
    -- An answer that is there at once would leave nothing to wait for in the loop.
    local slow = server.start({ delay = 0.2 })
    finally(function()
      slow:stop()
    end)
    local code, out, err = place:run(
      ("STOPMSG_BASE_URL=%s $lua $examples/under_luv.lua %s %s"):format(slow.url, STOPPED,
        TOO_LATE))
    assert.matches("^the timer went on meanwhile: [1-9]%d* times\n$", err)
    assert.equal(STOPPED .. "\tstopped\t200\n" .. TOO_LATE .. "\ttoo_late\t403\n", out)
    assert.equal(0, code)
  end)

  -- Debian has copas for these alone, and since 13 not always with the modules that it requires.
  if (_VERSION == "Lua 5.1" or _VERSION == "Lua 5.2") and pcall(require, "copas") then
    it("under_copas.lua stops messages at two providers at once", function()
      local code, out, err = place:run(
        ("$lua $examples/under_copas.lua %s C3F8-C3863ED4-334A0404"):format(STOPPED))
      assert.equal("", err)
      assert.is_truthy(out:find("revicom\tstopped\t200\n", 1, true))
      assert.is_truthy(out:find("pushwoosh\tnot_found\t5\n", 1, true))
      assert.equal(2, count_lines(out))
      assert.equal(0, code)
    end)
  end

  describe("cron.sh", function()
    -- Where to ask comes from STOPMSG_BASE_URL, as the README has it.
    local RUN = "sh $examples/cron.sh spool -p revicom --max-attempts 1"

    it("moves a list that is done, with its journal and results", function()
      place:write("spool/a.txt", STOPPED .. "\n" .. TOO_LATE .. "\n")
      local code, out, err = place:run(RUN)
      assert.equal("", out)
      assert.matches("^stopmsg stop: sending to [^\n]*\n$", err)
      assert.equal(0, code)
      assert.equal(STOPPED .. "\n" .. TOO_LATE .. "\n", place:read("spool/done/a.txt"))
      assert.equal(2, count_lines(place:read("spool/done/a.ndjson")))
      assert.not_equal(0, (place:run("ls spool/a.*")))
    end)

    it("goes on with a list that is not, and sends no id again that settled", function()
      place:write("spool/a.txt", STOPPED .. "\n" .. ALWAYS_503 .. "\n")
      local options = " --batch-size 1"
      for _ = 1, 2 do
        local code, _, err = place:run(RUN .. options)
        assert.equal(0, code)
        assert.is_truthy(err:find("spool/a.txt: exit code 4, tried again", 1, true))
      end
      local results = place:read("spool/a.ndjson")
      assert.equal(1, count(STOPPED, results))
      assert.equal(2, count(ALWAYS_503, results))
    end)

    it("ends where the token is refused", function()
      place:write("spool/a.txt", STOPPED .. "\n")
      local code, _, err = place:run(RUN, "canary-5f1b9e7d-never-seen")
      assert.equal(6, code)
      assert.is_truthy(err:find("spool/a.txt: exit code 6", 1, true))
      assert.is_nil(err:find("canary-5f1b9e7d", 1, true))
    end)
  end)

  it("demo.sh shows outcomes of all four providers and ends its sandbox", function()
    local code, out = place:run(("cd %s && LUA=$lua sh examples/demo.sh"):format(place.root))
    for _, line in ipairs({
      "2a28d557%-22a1%-4be6%-8908%-1481723043dd +stopped +200",
      "10000000125 +stopped +200",
      "C3F8%-C3863ED4%-334AD4F1 +stopped +200",
      "360586640fe9846954897dffe6c13dfc +stopped +006",
      "5 ids: 1 stopped",
    }) do
      assert.is_truthy(out:find(line))
    end
    assert.equal(0, code)
  end)
end)
