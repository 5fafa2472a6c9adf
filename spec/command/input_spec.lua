-- Bad input: one clear line on stderr, the right exit code, nothing lost and nothing sent.

local command = require("spec.support.command")
local files = require("spec.support.files")
local json = require("stopmsg.json")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

local it = sample.its(it)

local function uuid(n)
  return ("2a28d557-22a1-4be6-8908-%08x8000"):format(n)
end

local function uuids(count)
  local list = {}
  for n = 1, count do
    list[n] = uuid(n)
  end
  return table.concat(list, "\n") .. "\n"
end

-- More than --yes is needed for, and more results than a pipe holds.
local MANY = 20000

local function decode_lines(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    list[#list + 1] = assert(json.decode(line))
  end
  return list
end

describe("the command", function()
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

  local function stop(arguments, options)
    options = options or {}
    local all = { "stop", "-p", "revicom", "--base-url", sandbox.url, "--format", "ndjson" }
    for _, argument in ipairs(arguments) do
      all[#all + 1] = argument
    end
    options.env = options.env or { STOPMSG_TOKEN = "sandbox" }
    return runner:run(all, options)
  end

  -- The ids that reached the sandbox from the n-th request on.
  local function sent(from)
    local ids = {}
    for i, record in ipairs(sandbox:log()) do
      if i > from then
        for _, id in ipairs(json.decode(record.body).uuids) do
          ids[#ids + 1] = id
        end
      end
    end
    return ids
  end

  local function refuses(arguments, options, pattern)
    local before = #sandbox:log()
    local result = stop(arguments, options)
    assert.message(result.stderr).equal(2, result.code)
    assert.equal("", result.stdout)
    assert.equal(before, #sandbox:log())
    assert.matches("^stopmsg stop: [^\n]+\n$", result.stderr)
    assert.matches(pattern, result.stderr)
  end

  describe("refuses", function()
    it("a directory", function()
      refuses({ "-i", folder }, nil, folder .. ": Is a directory")
    end)

    it("a file that is missing, or cannot be one", function()
      refuses({ "-i", folder .. "/none" }, nil, "none: No such file or directory")
      local path = files.write(folder .. "/plain", "")
      refuses({ "-i", path .. "/below" }, nil, "below: Not a directory")
    end)

    it("binary rubbish", function()
      local path = files.write(folder .. "/rubbish",
        "\127ELF\2\1\1\0\0\0" .. ("\0\255\1"):rep(100000))
      refuses({ "-i", path }, nil, "rubbish: not a text file")
    end)

    it("empty input, and nothing but comments", function()
      refuses({ "-i", "/dev/null" }, nil, "no ids")
      refuses({}, { stdin = "" }, "no ids")
      refuses({ "-i", files.write(folder .. "/comments", "# a\n\n  # b\n\t\n") }, nil, "no ids")
    end)

    it("a journal to report that can be read only once", function()
      local result = runner:run({ "report", "/dev/stdin" }, { stdin = '{"journal":"stopmsg"}\n' })
      assert.equal(2, result.code)
      assert.equal("stopmsg report: /dev/stdin: is not a regular file; it is read twice\n",
        result.stderr)
    end)

    it("a terminal in place of ids", function()
      refuses({}, { terminal = { "stdin" } }, "no ids")
    end)

    it("a column that is not there", function()
      refuses({ "-i", files.write(folder .. "/a.csv", "name,id\nx,y\n"), "--field", "uuid" }, nil,
        "no column named 'uuid'; columns: 'name', 'id'")
    end)

    it("a file of results that cannot be made", function()
      refuses({ "-o", folder, uuid(1) }, nil, "Is a directory")
      refuses({ "-o", folder .. "/none/x", uuid(1) }, nil, "No such file or directory")
    end)

    it("a journal that is a directory, or somebody else's file", function()
      refuses({ "--journal", folder, uuid(1) }, nil, "Is a directory")
      local path = files.write(folder .. "/letter", "Dear all,\n")
      refuses({ "--journal", path, uuid(1) }, nil, "is not a journal")
      assert.equal("Dear all,\n", files.read(path))
      path = files.write(folder .. "/note", "Dear all")
      refuses({ "--journal", path, uuid(1) }, nil, "is not a journal")
      assert.equal("Dear all", files.read(path))
      refuses({ "--journal", "/dev/full", uuid(1) }, nil, "not a regular file")
      path = folder .. "/fifo"
      os.execute("mkfifo " .. path)
      refuses({ "--journal", path, uuid(1) }, nil, "fifo: not a regular file")
      local result = stop({ "--journal", path, "--all", "--yes" })
      assert.equal(2, result.code)
      assert.matches("fifo: not a regular file\n", result.stderr)
    end)

    it("more than 10,000 ids that nobody confirmed", function()
      refuses({}, { stdin = uuids(10001) }, "10,001 messages: [^\n]*%-%-yes")
    end)
  end)

  describe("with a line that holds no id", function()
    it("names it by its number, sends the rest, and reports all", function()
      local before = #sandbox:log()
      local text = "# head\n" .. uuid(1) .. "\nnonsense\n\n" .. uuid(2) .. "\n" .. uuid(3) .. "x\n"
      local result = stop({}, { stdin = text })
      assert.equal(3, result.code)
      assert.matches("line 3: 'nonsense'", result.stderr)
      assert.matches("line 6: '" .. uuid(3):gsub("%-", "%%-") .. "x'", result.stderr)
      local by_id = {}
      for _, item in ipairs(decode_lines(result.stdout)) do
        by_id[item.id] = item.outcome
      end
      assert.same({ [uuid(1)] = "stopped", nonsense = "invalid", [uuid(2)] = "stopped",
        [uuid(3) .. "x"] = "invalid" }, by_id)
      assert.same({ uuid(1), uuid(2) }, sent(before))
    end)

    it("sends nothing where none is valid", function()
      local before = #sandbox:log()
      local result = stop({}, { stdin = "a\nb\n" })
      assert.equal(2, result.code)
      assert.equal("", result.stdout)
      assert.matches("line 1: 'a'", result.stderr)
      assert.equal(before, #sandbox:log())
    end)

    it("names the first of many, and counts the others", function()
      local result = stop({}, { stdin = ("bad\n"):rep(5000) .. uuid(1) .. "\n" })
      assert.equal(3, result.code)
      local _, count = result.stderr:gsub("\n", "\n")
      assert.is_true(count < 30)
      assert.matches("4,?980 more", result.stderr)
      assert.equal(5001, #decode_lines(result.stdout))
    end)

    it("of ten million bytes neither holds nor sends it", function()
      local path = files.write(folder .. "/long",
        uuid(1) .. "\n" .. ("x"):rep(10000000) .. "\n" .. uuid(2) .. "\nnonsense\n")
      local before = #sandbox:log()
      local result = stop({ "-i", path })
      assert.equal(3, result.code)
      assert.matches("line 2: [^\n]*longer than %d+ bytes\n", result.stderr)
      assert.matches("line 4: 'nonsense'", result.stderr)
      assert.is_true(#result.stderr < 1000)
      assert.same({ uuid(1), uuid(2) }, sent(before))
      assert.equal(4, #decode_lines(result.stdout))
    end)
  end)

  it("reads files of other systems", function()
    local before = #sandbox:log()
    local text = "\239\187\191# head\r\n" .. uuid(1) .. "\r\n\r\n  " .. uuid(2):upper()
      .. "\t# late\r\n" .. uuid(3)
    assert.equal(0, stop({ "-i", files.write(folder .. "/dos", text) }).code)
    assert.same({ uuid(1), uuid(2), uuid(3) }, (function(ids)
      for i, id in ipairs(ids) do
        ids[i] = id:lower()
      end
      return ids
    end)(sent(before)))
  end)

  it("sends what occurs again once, and reports each", function()
    local before = #sandbox:log()
    local result = stop({}, { stdin = uuid(1) .. "\n" .. uuid(2) .. "\n" .. uuid(1) .. "\n" })
    assert.equal(0, result.code)
    assert.same({ uuid(1), uuid(2) }, sent(before))
    assert.equal(3, #decode_lines(result.stdout))
  end)

  it("reads CSV with quotes and line feeds within them", function()
    local before = #sandbox:log()
    local text = 'when,"the ""id""",note\r\n'
      .. 'now,"' .. uuid(1) .. '","first line\r\nsecond line, with ""quotes"""\r\n'
      .. "later," .. uuid(2) .. ",\r\n"
      .. "never,,nothing\r\n"
      .. 'odd,"' .. uuid(3) .. '"x,\r\n'
      .. "last," .. uuid(4)
    local result = stop({ "--field", 'the "id"' }, { stdin = text })
    assert.equal(3, result.code)
    assert.same({ uuid(1), uuid(2) }, sent(before))
    assert.matches("line 5: [^\n]*no id", result.stderr)
    assert.matches("line 6: ", result.stderr)
    assert.matches("line 7: [^\n]*2 fields, but the header has 3", result.stderr)
    assert.equal(5, #decode_lines(result.stdout))
  end)

  it("reads NDJSON, and names lines without the field", function()
    local before = #sandbox:log()
    local text = ('{"uuid":"%s","n":1}\n{"n":2}\n\nnonsense\n{"uuid":null}\n{"uuid":"%s"}'):format(
      uuid(1), uuid(2))
    local result = stop({ "--field", "uuid" }, { stdin = text })
    assert.equal(3, result.code)
    assert.same({ uuid(1), uuid(2) }, sent(before))
    for _, line in ipairs({ 2, 4, 5 }) do
      assert.matches(("line %d: "):format(line), result.stderr)
    end
    assert.equal(5, #decode_lines(result.stdout))
  end)

  describe("whose results nobody takes", function()
    it("goes on to its end, says so once, and exits with 1", function()
      local before = #sandbox:log()
      local result = stop({ "--yes" }, { stdin = uuids(MANY), stdout = { lines = 1 } })
      assert.equal(1, result.code)
      assert.equal(1, select(2, result.stderr:gsub("results cannot be written: Broken pipe\n",
        "")))
      assert.matches(("%d ids: %d stopped"):format(MANY, MANY), result.stderr)
      assert.equal(MANY, #sent(before))
    end)

    it("has all of it in its journal", function()
      local path = files.write(folder .. "/many", uuids(MANY))
      local journal = folder .. "/many.journal"
      local arguments = { "--yes", "-i", path, "--journal", journal }
      assert.equal(1, stop(arguments, { stdout = { lines = 1 } }).code)
      local before = #sandbox:log()
      local result = stop(arguments)
      assert.message(result.stderr).equal(0, result.code)
      assert.equal(before, #sandbox:log())
      local seen, count = {}, 0
      for line in io.lines(journal) do
        local id = line:match('"id":"([^"]*)","outcome":"stopped"')
        if id and not seen[id] then
          seen[id], count = true, count + 1
        end
      end
      assert.equal(MANY, count)
    end)
  end)

  describe("whose disk is full", function()
    it("ends with a line and exit code 1", function()
      local result = stop({ "-o", "/dev/full", uuid(1) })
      assert.equal(1, result.code)
      assert.matches("results cannot be written: No space left on device\n", result.stderr)
    end)
  end)

  describe("asks at the terminal", function()
    local many = { "--progress", "none", "-q" }

    it("before many ids, and sends nothing without a yes", function()
      local before = #sandbox:log()
      for _, answer in ipairs({ "n\n", "\n", "\4", "yesterday\n" }) do
        local result = stop(many, {
          stdin = uuids(10001),
          terminal = { "stderr" },
          steps = { { wait = "y/N", type = answer } },
        })
        assert.equal(2, result.code)
        assert.matches("Stop 10,001 messages at revicom %(http://[^ ]*%)%? %[y/N%]",
          result.terminal)
        assert.matches("not confirmed; nothing was sent", result.terminal)
      end
      assert.equal(before, #sandbox:log())
    end)

    it("before many ids, and sends them after a yes", function()
      local result = stop(many, {
        stdin = uuids(10001),
        terminal = { "stderr" },
        steps = { { wait = "y/N", type = "y\n" } },
      })
      assert.equal(0, result.code)
    end)

    it("nothing with --yes", function()
      local result = stop({ "--yes", "-q" }, { stdin = uuids(10001), terminal = { "stderr" } })
      assert.equal(0, result.code)
      assert.matches("^stopmsg stop: sending to [^\n]*\n  [^\n]*address of revicom\n$",
        (result.terminal:gsub("\r", "")))
    end)
  end)
end)
