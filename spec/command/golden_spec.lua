-- What the command shows, in each format, with and without a terminal on stdout and on stderr.
--
-- STOPMSG_GOLDEN=write writes the files that are compared with, to be read before they are kept.

local command = require("spec.support.command")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

local it = sample.its(it)

local IDS = "# Friday's campaign\n"
  .. "2a28d557-22a1-4be6-8908-1481723043dd\n"
  .. "2a28d557-22a1-4be6-8908-148172300403\n"
  .. "\n"
  .. "no uuid\27[2J\n"
  .. "2a28d557-22a1-4be6-8908-148172300202\n"
  .. "2a28d557-22a1-4be6-8908-148172300404\n"
  .. "2a28d557-22a1-4be6-8908-148172300418\n"
  .. "2a28d557-22a1-4be6-8908-1481723043dd\n"

local FORMATS = { "text", "ndjson", "json", "csv" }

local TERMINALS = {
  { name = "none", on = {} },
  { name = "stdout", on = { "stdout" } },
  { name = "stderr", on = { "stderr" } },
  { name = "both", on = { "stdout", "stderr" } },
}

-- Times and ports are different each time, and a run of some seconds says how far it is; control
-- characters are to be seen.
local function normalized(text)
  return (text:gsub("%d+%.%d+ s%)", "N s)"):gsub('"elapsed":%d+%.%d+', '"elapsed":N')
    :gsub("127%.0%.0%.1:%d+", "127.0.0.1:N"):gsub("stopmsg stop: %d+ of %d+ ids[,;][^\n]*\n", "")
    :gsub("\27", "<ESC>"))
end

-- All that was shown: on the terminal what its screen has at the end.
local function shown(result)
  local parts = { ("exit code %d\n"):format(result.code) }
  for _, name in ipairs({ "stdout", "stderr" }) do
    if result[name] ~= "" then
      parts[#parts + 1] = ("--- %s\n%s"):format(name, result[name])
    end
  end
  if result.terminal ~= "" then
    local lines = command.screen(result.terminal)
    parts[#parts + 1] = "--- terminal\n" .. table.concat(lines, "\n")
  end
  return normalized(table.concat(parts))
end

local function compare(name, text)
  local path = ("spec/command/golden/%s.txt"):format(name)
  if os.getenv("STOPMSG_GOLDEN") == "write" then
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
  end
  local file = assert(io.open(path))
  local golden = file:read("*a")
  file:close()
  assert.equal(golden, text)
end

describe("the command shows", function()
  local runner, sandbox

  setup(function()
    runner = command.start()
    sandbox = server.start()
  end)

  teardown(function()
    runner:stop()
    sandbox:stop()
  end)

  local function run(arguments, options)
    options.env = options.env or {}
    options.env.STOPMSG_TOKEN = options.env.STOPMSG_TOKEN or "sandbox"
    local all = { "stop", "-p", "revicom", "--base-url", options.url or sandbox.url }
    for _, argument in ipairs(arguments) do
      all[#all + 1] = argument
    end
    return runner:run(all, {
      stdin = options.stdin or IDS,
      terminal = options.terminal,
      env = options.env,
      steps = options.steps,
    })
  end

  for _, format in ipairs(FORMATS) do
    for _, terminal in ipairs(TERMINALS) do
      it(("%s with a terminal on %s"):format(format, terminal.name), function()
        local result = run({ "--format", format }, { terminal = terminal.on })
        compare(format .. "-" .. terminal.name, shown(result))
      end)
    end
  end

  describe("for a person at a terminal", function()
    local both = { "stdin", "stdout", "stderr" }
    local ids = {
      "2a28d557-22a1-4be6-8908-1481723043dd", "2a28d557-22a1-4be6-8908-148172300403",
      "2a28d557-22a1-4be6-8908-148172300404",
    }
    local runs = {
      ["dry-run"] = { "stop", "-p", "revicom", "--dry-run", "--batch-size", "2", "--rate", "0.5",
        ids[1], ids[2], ids[3] },
      ["dry-run-single"] = { "stop", "-p", "pushwoosh", "--dry-run", "C3F8-C3863ED4-334AD4F1" },
      status = { "status", "-p", "revicom", ids[1], ids[2], ids[3] },
      check = { "check", "-p", "revicom" },
      ["check-unsupported"] = { "check", "-p", "clickatell" },
      verify = { "stop", "-p", "revicom", "--verify=60", ids[1], ids[2],
        "2a28d557-22a1-4be6-8908-148172300202" },
      dispatch = { "stop", "-p", "idigital", "--dispatch", "--yes", "--concurrency", "1",
        "10000000125", "10000004031" },
      ["providers-revicom"] = { "providers", "revicom" },
      help = { "--help" },
    }
    for name, arguments in pairs(runs) do
      it(name, function()
        local all = {}
        for _, argument in ipairs(arguments) do
          all[#all + 1] = argument
        end
        if name ~= "help" and arguments[1] ~= "providers" then
          all[#all + 1] = "--base-url"
          all[#all + 1] = sandbox.url
        end
        local result = runner:run(all, { terminal = both, env = { STOPMSG_TOKEN = "sandbox" } })
        compare(name, shown(result))
      end)
    end
  end)

  it("no control character that an id brought", function()
    for _, format in ipairs(FORMATS) do
      local result = run({ "--format", format },
        { terminal = { "stdout", "stderr" }, env = { TERM = "dumb" } })
      assert.is_nil(result.terminal:find("\27", 1, true), format)
    end
  end)

  describe("how far it is", function()
    local slow

    -- Ten requests, two of them with trouble; the bar is drawn ten times a second.
    local ids = {}
    for n = 1, 20 do
      ids[n] = ("2a28d557-22a1-4be6-8908-%08x%s"):format(n, n % 8 == 0 and "0418" or "8000")
    end

    setup(function()
      slow = server.start({ delay = 0.05 })
    end)

    teardown(function()
      slow:stop()
    end)

    local function watch(arguments, options)
      local all = { "--batch-size", "2", "--concurrency", "1" }
      for _, argument in ipairs(arguments) do
        all[#all + 1] = argument
      end
      options.url = options.url or slow.url
      options.stdin = table.concat(ids, "\n") .. "\n"
      options.terminal = options.terminal or { "stderr" }
      return run(all, options)
    end

    it("by a bar with the outcomes so far, unknown always among them", function()
      local seen = watch({}, {}).terminal
      assert.matches("\r\27%[K +0%% %[%.+%] 0/20  [^\r]*0 stopped[^\r]*, 0 not stopped "
        .. "%(0 unknown%)", seen)
      assert.matches("\r\27%[K %d%d%% %[#+%.+%] %d+/20  %d+/s  0:0%d left  [^\r]*%d stopped"
        .. "[^\r]*, %d not stopped", seen)
      assert.matches("1[0-5]/20[^\r]*1 unknown", seen)
      for frame in seen:gmatch("\r\27%[K([^\r\n]*)") do
        assert.is_true(frame:find("^stopmsg") ~= nil or #frame:gsub("\27%[%d*m", "") < 80, frame)
      end
      assert.matches("\27%[%d+m", seen)
      -- Nothing of it is left.
      assert.is_nil(table.concat(command.screen(seen), "\n"):find("%", 1, true))
    end)

    it("without colours where NO_COLOR is set", function()
      local seen = watch({}, { env = { NO_COLOR = "1" } }).terminal
      assert.matches("[1-9]%d?/20  [^\r]*%d stopped", seen)
      assert.is_nil(seen:find("\27%[%d*m"))
    end)

    it("without moving the cursor where TERM is dumb", function()
      local seen = watch({}, { env = { TERM = "dumb" }, url = sandbox.url }).terminal
      assert.is_nil(seen:find("\27", 1, true))
      assert.is_nil(seen:find("\r[^\n]"))
    end)

    it("by a bar without a terminal, where that was asked for", function()
      local result = watch({ "--progress", "bar" }, { terminal = {}, url = sandbox.url })
      assert.matches("0/20", result.stderr)
    end)

    it("not at all where that was asked for, or -q", function()
      for _, arguments in ipairs({ { "--progress", "none" }, { "-q" } }) do
        local seen = watch(arguments, { url = sandbox.url }).terminal
        assert.is_nil(seen:find("/20", 1, true))
        assert.is_nil(seen:find("\27", 1, true))
      end
    end)
  end)
end)
