-- The man page and the completions that tools/papers.lua makes: right by mandoc, and by the shells.

local command = require("spec.support.command")
local files = require("spec.support.files")
local server = require("spec.support.server")
local stopmsg = require("stopmsg")

local function output_of(program, ...)
  local quoted = { program }
  for _, argument in ipairs({ ... }) do
    quoted[#quoted + 1] = "'" .. argument:gsub("'", "'\\''") .. "'"
  end
  local pipe = assert(io.popen(table.concat(quoted, " ") .. " 2>&1"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local folder

setup(function()
  folder = files.folder()
  for file, paper in pairs({ ["stopmsg.1"] = "man", ["stopmsg.bash"] = "bash",
    ["_stopmsg"] = "zsh", ["stopmsg.fish"] = "fish" }) do
    files.write(folder .. "/" .. file,
      output_of(server.interpreter(), "tools/papers.lua", paper))
  end
end)

teardown(function()
  files.remove(folder)
end)

describe("the man page", function()
  it("is right by mandoc, with nothing left to fill in", function()
    assert.equal("", output_of("mandoc", "-T", "lint", "-W", "warning", folder .. "/stopmsg.1"))
    assert.is_nil(files.read(folder .. "/stopmsg.1"):find("@%u+@"))
  end)

  it("has every command, option, outcome and exit code", function()
    local page = output_of("mandoc", "-T", "ascii", "-O", "width=200", folder .. "/stopmsg.1")
      :gsub(".\8", "")
    for _, words in ipairs({ "stopmsg sandbox [option ...]", "-p, --provider PROVIDER",
      "--verify[=SECONDS]", "--log-bodies", "Options of job and collect:",
      " not_stoppable ",
      " 130 ", "Interrupted (129 by SIGHUP, 143 by SIGTERM)", "STOPMSG_PROVIDER_NAME" }) do
      assert.matches(words, page, 1, true)
    end
  end)
end)

local BASH = [=[
source "$PAPERS/stopmsg.bash"
function=$(complete -p stopmsg | sed 's/.*-F \([^ ]*\) .*/\1/')
for line; do
  read -ra COMP_WORDS <<<"$line"
  [[ $line != *' ' ]] || COMP_WORDS+=('')
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  $function
  printf '%s\n' "${COMPREPLY[@]}" mark
done
]=]

-- In the midst of a word, so that the line that is typed is not what is waited for.
local ZSH = "fpath=($PAPERS $fpath); autoload compinit; compinit -u -D; unsetopt beep; "
  .. "LISTMAX=1000; "
  .. "tab() { zle complete-word; BUFFER+=' do''ne '; }; zle -N tab; bindkey '^I' tab; "
  .. "print rea''dy\n"
local KILL_LINE = "\21"

local shells = {}

-- What bash has to offer for the last word of each line: a list of texts.
function shells.bash(runner, lines)
  local arguments = { "-c", BASH, "bash" }
  for _, line in ipairs(lines) do
    arguments[#arguments + 1] = line
  end
  local result = runner:run(arguments, { argv = { "bash" }, env = { PAPERS = folder } })
  assert.equal("", result.stderr)
  local offers = {}
  for offer in result.stdout:gmatch("(.-)mark\n") do
    offers[#offers + 1] = offer
  end
  return offers
end

-- What zsh shows at a terminal when Tab is pressed after each of these lines.
function shells.zsh(runner, lines)
  local steps = { { wait = "zsh> ", type = ZSH } }
  for i, line in ipairs(lines) do
    steps[#steps + 1] = { wait = "(ready|mark)\r", times = i, type = line .. "\t" }
    steps[#steps + 1] = { wait = "done ", times = i, type = KILL_LINE .. "print mar''k\n" }
  end
  steps[#steps + 1] = { wait = "mark\r", times = #lines, type = "exit\n" }
  local result = runner:run({ "-f", "-i" }, {
    argv = { "zsh" },
    terminal = { "stdin", "stdout", "stderr" },
    size = { 200, 200 },
    env = { PS1 = "zsh> ", PAPERS = folder },
    steps = steps,
  })
  assert.message(result.terminal:sub(-300)).is_false(result.late)
  local offers = {}
  for offer in result.terminal:match("ready\r(.*)$"):gmatch("zsh> (.-)mark\r") do
    offers[#offers + 1] = offer:gsub("\27%[[%d?]*%a", "")
  end
  return offers
end

for name, complete in pairs(shells) do
  describe("completion in " .. name, function()
    local LINES = { "stopmsg ", "stopmsg stop --jour", "stopmsg stop -p ",
      "stopmsg stop -q --format ",
      "stopmsg report --format ", "stopmsg stop --progress ", "stopmsg stop -i READ",
      "stopmsg stop --verify READ", "stopmsg help " }
    local WANTED = {
      ["stopmsg "] = { "stop", "status", "report", "check", "providers", "sandbox", "help" },
      ["stopmsg stop --jour"] = { "--journal" },
      ["stopmsg stop -p "] = stopmsg.providers(),
      ["stopmsg stop -q --format "] = { "text", "ndjson", "json", "csv" },
      ["stopmsg report --format "] = { "html" },
      ["stopmsg stop --progress "] = { "auto", "bar", "plain", "none" },
      ["stopmsg stop -i READ"] = { "README.md" },
      ["stopmsg stop --verify READ"] = {},
      ["stopmsg help "] = name == "zsh" and { "stop", "sandbox" } or {},
    }

    it("offers what fits", function()
      local runner = command.start()
      local offers = complete(runner, LINES)
      runner:stop()
      for i, line in ipairs(LINES) do
        for _, word in ipairs(WANTED[line]) do
          local pattern = "%f[%w-]" .. word:gsub("%p", "%%%0") .. "%f[^%w-]"
          assert.matches(pattern, " " .. offers[i] .. " ", 1, false, line)
        end
      end
    end)
  end)
end

describe("completion in fish", function()
  it("has a line for each option of each command", function()
    local text = files.read(folder .. "/stopmsg.fish")
    for _, words in ipairs({ "command stop' -l journal -r", "command report' -l format -xa",
      "command sandbox' -l until-eof" }) do
      assert.matches(words, text, 1, true)
    end
  end)
end)
