-- A command whose standard streams are closed: the files that it opens must not take their places.

local command = require("spec.support.command")
local files = require("spec.support.files")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

local IDS = "2a28d557-22a1-4be6-8908-1481723043dd 2a28d557-22a1-4be6-8908-148172300403"

local it = sample.its(it)

describe("the command", function()
  local runner, sandbox, folder

  setup(function()
    runner = command.start()
    sandbox = server.start()
    folder = files.folder()
  end)

  teardown(function()
    runner:stop()
    sandbox:stop()
    files.remove(folder)
  end)

  local function stop(name, rest)
    local journal = folder .. "/" .. name
    local result = runner:run({ "-c", ("%s bin/stopmsg stop -p revicom --base-url %s "
      .. "--format ndjson --journal %s %s"):format(server.interpreter(), sandbox.url, journal,
      rest) }, { argv = { "sh" }, env = { STOPMSG_TOKEN = "sandbox" } })
    local file = io.open(journal)
    local text = file and file:read("*a")
    if file then
      file:close()
    end
    return result, text
  end

  local function is_journal(text)
    for line in text:gmatch("([^\n]*)\n") do
      assert.is_truthy(line:find('^{"journal":') or line:find('^{"intent":')
        or line:find('^{"n":%d+,"id":') or line:find('^{"%l+":{.*},"at":%d+}$'), line)
    end
  end

  it("with a closed stdout says so, and its journal is none the worse", function()
    local result, text = stop("stdout", IDS .. " >&-")
    assert.equal(1, result.code)
    assert.matches("results cannot be written: Bad file descriptor\n", result.stderr)
    is_journal(text)
  end)

  it("with a closed stderr does its work", function()
    local result, text = stop("stderr", IDS .. " nonsense 2>&-")
    assert.equal(3, result.code)
    assert.equal(3, select(2, result.stdout:gsub("\n", "\n")))
    is_journal(text)
  end)

  it("with a closed stdin says so, where it was to be read", function()
    local result = stop("stdin", "<&-")
    assert.equal(2, result.code)
    assert.matches("^stopmsg stop: standard input: [^\n]*\n$", result.stderr)
    local text
    result, text = stop("stdin2", IDS .. " <&-")
    assert.equal(3, result.code)
    is_journal(text)
  end)

  it("does not write over what it reads from standard input", function()
    local path = folder .. "/ids"
    files.write(path, IDS:gsub(" ", "\n") .. "\n")
    local before = #sandbox:log()
    local result = stop("redirected", ("-o %s <%s"):format(path, path))
    assert.equal(2, result.code)
    assert.matches("standard input already uses this file\n$", result.stderr)
    assert.equal(before, #sandbox:log())
    assert.equal(IDS:gsub(" ", "\n") .. "\n", files.read(path))
    assert.equal(3, stop("null", IDS .. " -o /dev/null </dev/null").code)
  end)

  describe("whose output nobody reads any more", function()
    local fifos = 0

    -- Runs it with a pipe that has no other end.
    local function unread(arguments)
      fifos = fifos + 1
      local path = folder .. "/fifo" .. fifos
      local result = runner:run({ "-c", ("mkfifo %s; exec 4<>%s 5>%s 4>&-; "
        .. "exec %s bin/stopmsg %s >&5"):format(path, path, path, server.interpreter(),
        arguments) }, { argv = { "sh" }, env = { STOPMSG_TOKEN = "sandbox" } })
      return result.code, result.stderr
    end

    for _, arguments in ipairs({ "--help", "--version", "help", "help stop", "stop --help",
      "providers", "providers revicom" }) do
      it("ends quietly, as other tools do: " .. arguments, function()
        assert.same({ 141, "" }, { unread(arguments) })
      end)
    end

    it("ends quietly where it only reads and lists", function()
      local base = " -p revicom --base-url " .. sandbox.url .. " "
      stop("read", IDS)
      assert.same({ 141, "" }, { unread("report " .. folder .. "/read") })
      assert.same({ 141, "" }, { unread("report --only stopped " .. folder .. "/read") })
      for _, arguments in ipairs({ "status" .. base .. IDS,
        "find" .. base .. "--format json" }) do
        local code, said = unread(arguments)
        assert.equal(141, code)
        assert.not_matches("written", said)
      end
    end)

    it("still says so of a stop", function()
      local code, said = unread("stop -p revicom --base-url " .. sandbox.url .. " " .. IDS)
      assert.equal(1, code)
      assert.matches("results cannot be written: Broken pipe\n", said)
    end)
  end)

  it("with all of them closed does its work", function()
    local path = folder .. "/results"
    local result, text = stop("all", IDS .. " -o " .. path .. " <&- >&- 2>&-")
    assert.equal(3, result.code)
    is_journal(text)
    local lines = 0
    for line in io.lines(path) do
      assert.matches('^{"id":"[^"]*","outcome":"[%w_]+","code":%d+}$', line)
      lines = lines + 1
    end
    assert.equal(2, lines)
  end)
end)
