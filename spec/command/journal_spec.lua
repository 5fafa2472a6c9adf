-- The journal as others meet it: who may use it, what is refused, and a short form of the torture
-- (`make torture` is the long one).

local command = require("spec.support.command")
local native = require("stopmsg.command")
local files = require("spec.support.files")
local python = require("spec.support.python")
local server = require("spec.support.server")

local function uuid(n)
  return ("2a28d557-22a1-4be6-8908-%08x8000"):format(n)
end

describe("the journal", function()
  local runner, sandbox, folder

  setup(function()
    runner = command.start()
    sandbox = server.start({ log_bodies = true })
    folder = files.folder()
  end)

  teardown(function()
    runner:stop()
    sandbox:stop()
    files.remove(folder)
  end)

  local IDS = {}
  for n = 1, 6 do
    IDS[n] = uuid(n)
  end

  local function stop(journal, ids, more, other)
    other = other or {}
    local all = { "stop", "-p", other.provider or "revicom", "--base-url", other.url or sandbox.url,
      "--journal", journal }
    local said = table.concat(more or {}, " ")
    for _, option in ipairs({ { "--format", "ndjson" }, { "--batch-size", "2" } }) do
      if not said:find(option[1], 1, true) and not said:find("--dispatch", 1, true) then
        all[#all + 1], all[#all + 2] = option[1], option[2]
      end
    end
    for _, list in ipairs({ more or {}, ids }) do
      for _, argument in ipairs(list) do
        all[#all + 1] = argument
      end
    end
    return runner:run(all, { env = { STOPMSG_TOKEN = "sandbox" } })
  end

  local function refuses(result, path, text, pattern)
    assert.equal(2, result.code)
    assert.equal("", result.stdout)
    assert.matches("^stopmsg stop: [^\n]*" .. path:gsub("%p", "%%%0") .. "[^\n]+\n$", result.stderr)
    assert.matches(pattern, result.stderr)
    assert.equal(text, files.read(path))
  end

  it("is its owner's alone, has a line for each id, and ends what it was of", function()
    local path = folder .. "/first"
    assert.equal(0, stop(path, IDS).code)
    local stat = io.popen("stat -c %a " .. path)
    assert.equal("600\n", stat:read("*a"))
    stat:close()
    local _, count = files.read(path):gsub('"id":"[^"]*","outcome":"stopped"', "")
    assert.equal(6, count)

    -- Once more: nothing is left to do, and what is said is of the whole input.
    local before, text = #sandbox:log(), files.read(path)
    local again = stop(path, IDS)
    assert.equal(0, again.code)
    assert.equal("", again.stdout)
    assert.matches("6 ids: 6 stopped", again.stderr)
    assert.equal(before, #sandbox:log())
    assert.equal(text, files.read(path))
  end)

  it("of another input, provider, operation or address is refused and left as it is", function()
    local path = folder .. "/other"
    assert.equal(0, stop(path, IDS).code)
    local before, text = #sandbox:log(), files.read(path)
    refuses(stop(path, { uuid(1) }), path, text, "its input was different")
    refuses(stop(path, { uuid(2), uuid(1), uuid(3), uuid(4), uuid(5), uuid(6) }), path, text,
      "its input was different")
    refuses(stop(path, IDS, { "--undocumented" }, { provider = "idigital" }), path, text,
      "provider is revicom, not idigital")
    refuses(stop(path, { "1" }, { "--dispatch", "--undocumented", "--yes" }), path, text,
      "operation is stop, not stop_dispatch")
    refuses(stop(path, IDS, {}, { url = "http://127.0.0.1:1" }), path, text, "a different address")
    assert.equal(before, #sandbox:log())
  end)

  it("that another run holds is refused", function()
    local path = folder .. "/held"
    assert.equal(0, stop(path, IDS).code)
    local before, text = #sandbox:log(), files.read(path)
    local held = assert(native.log(path))
    refuses(stop(path, IDS), path, text, "another run holds it")
    held:close()
    assert.equal(0, stop(path, IDS).code)
    assert.equal(before, #sandbox:log())
  end)

  it("with a damaged line in its midst is refused, and the line is named", function()
    local path = folder .. "/damaged"
    assert.equal(0, stop(path, IDS).code)
    local before = #sandbox:log()
    for _, line in ipairs({ "nonsense", "", '{"n":7,"id":"x","outcome":"stopped"}',
      '{"n":1,"id":"x","outcome":"halted"}', '{"intent":[1,70]}', ("\0"):rep(50) }) do
      local text = files.read(path):gsub("\n", "\n" .. line .. "\n", 1)
      refuses(stop(files.write(folder .. "/damaged2", text), IDS), folder .. "/damaged2", text,
        "damaged: line 2 ")
    end
    assert.equal(before, #sandbox:log())
  end)

  it("goes on behind what a power cut made of its end", function()
    local path = folder .. "/power"
    assert.equal(0, stop(path, IDS).code)
    local before = #sandbox:log()
    local kept, lost = files.read(path):match('^(.*\n){"n":%d+,"id":"([^"]*)"')
    for _, tail in ipairs({ "", '{"n":', ("\0"):rep(4096), ("x"):rep(200000) }) do
      local result = stop(files.write(folder .. "/power2", kept .. tail), IDS)
      assert.message(result.stderr).equal(0, result.code)
      assert.equal(lost, result.stdout:match('^{"id":"([^"]*)","outcome":"stopped"[^\n]*\n$'))
      assert.matches('"ambiguous":true', result.stdout)
    end
    assert.equal(before + 4, #sandbox:log())
  end)

  it("lets a run with a better token go on where a refused one ended", function()
    local path = folder .. "/refused"
    local arguments = {
      "stop", "-p", "revicom", "--base-url", sandbox.url, "--batch-size", "2", "--journal", path,
    }
    for _, id in ipairs(IDS) do
      arguments[#arguments + 1] = id
    end
    assert.equal(6, runner:run(arguments, { env = { STOPMSG_TOKEN = command.CANARY } }).code)
    assert.is_nil(files.read(path):find(command.CANARY, 1, true))
    local result = runner:run(arguments, { env = { STOPMSG_TOKEN = "sandbox" } })
    assert.equal(0, result.code)
    assert.is_nil(result.stdout:find("ambiguous", 1, true))
  end)

  it("is not taken for the file of results, nor is the input, under whatever name", function()
    local path = folder .. "/named"
    local ids = files.write(folder .. "/named.ids", table.concat(IDS, "\n"))
    assert.equal(0, stop(path, {}, { "-i", ids }).code)
    assert(os.execute(("ln -s %s %s/link && ln %s %s/second"):format(path, folder, ids, folder)))
    local before, text, input = #sandbox:log(), files.read(path), files.read(ids)
    for _, name in ipairs({ "named", "./named", "link", "named.ids", "second" }) do
      local result = stop(path, {}, { "-i", ids, "-o", folder .. "/" .. name })
      assert.equal(2, result.code)
      assert.matches("^stopmsg stop: [^\n]+\n$", result.stderr)
      assert.equal(text, files.read(path))
      assert.equal(input, files.read(ids))
    end
    assert.equal(before, #sandbox:log())
  end)

  it("has the results of a continued run added to those of the first", function()
    for _, format in ipairs({ "ndjson", "csv" }) do
      local path, results = folder .. "/c." .. format, folder .. "/results." .. format
      local more = { "--format", format, "-o", results }
      -- A fate that the sandbox knows once: refused at first, taken then.
      local ids = { uuid(1), ("2a28d557-22a1-4be6-8908-0000%s0429"):format(
        format == "csv" and "0001" or "0002"), uuid(3), "nonsense" }
      more[#more + 1] = "--max-attempts"
      more[#more + 1] = "1"
      assert.equal(5, stop(path, ids, more).code)
      local first = files.read(results)
      assert.equal(3, stop(path, ids, more).code)
      local both = files.read(results)
      assert.equal(first, both:sub(1, #first))
      local added = both:sub(#first + 1)
      assert.matches(ids[2], added, 1, true)
      assert.is_truthy(added:find("stopped", 1, true))
      assert.is_nil(added:find("outcome,reason", 1, true))
      assert.is_nil(added:find(ids[3], 1, true))
    end
  end)

  it("lets --verify look up what an earlier run was only promised", function()
    local path = folder .. "/promised"
    local promised = "2a28d557-22a1-4be6-8908-000000010201"
    assert.equal(4, stop(path, { promised, uuid(2) }).code)
    local result = stop(path, { promised, uuid(2) }, { "--verify=60" })
    assert.message(result.stderr).equal(0, result.code)
    assert.matches("2 ids: 2 stopped", result.stderr)
    assert.matches('"id":"' .. promised:gsub("%-", "%%-") .. '","outcome":"stopped"',
      files.read(path))
    -- And the journal knows from then on.
    local before = #sandbox:log()
    assert.equal(0, stop(path, { promised, uuid(2) }).code)
    assert.equal(before, #sandbox:log())
  end)

  it("that the disk has no room for is the machine's fault, and nothing is sent", function()
    local path, before = folder .. "/roomless", #sandbox:log()
    local result = runner:run({ "-c", ("ulimit -f 0; exec %s bin/stopmsg stop "
      .. "-p revicom --base-url %s --journal %s %s"):format(server.interpreter(), sandbox.url, path,
      uuid(1)) }, { argv = { "sh" }, env = { STOPMSG_TOKEN = "sandbox" } })
    assert.equal(1, result.code)
    assert.matches("^stopmsg stop: the journal " .. path:gsub("%p", "%%%0")
      .. " cannot be written: File too large; free some space and run the same command again, or "
      .. "continue without %-%-journal\n$", result.stderr)
    assert.equal(before, #sandbox:log())
  end)

  describe("is right after", function()
    local function torture(...)
      local arguments = { "spec/torture/journal.py", ... }
      local result = runner:run(arguments, { argv = { python } })
      assert.message(result.stdout .. result.stderr).equal(0, result.code)
    end

    it("SIGKILL at any moment", function()
      torture("kill", "--times", "12", "--ids", "4000", "--batch", "50", "--seed", "1")
    end)

    it("SIGKILL at any moment, one id a request", function()
      torture("kill", "--times", "6", "--ids", "600", "--provider", "clickatell", "--seed", "1")
    end)

    it("a full disk at any moment", function()
      torture("full", "--times", "6", "--ids", "2000", "--batch", "50", "--room", "60000",
        "--seed", "1")
    end)

    it("a cut at any byte", function()
      torture("torn", "--times", "36", "--ids", "8", "--batch", "3", "--seed", "1")
    end)
  end)
end)
