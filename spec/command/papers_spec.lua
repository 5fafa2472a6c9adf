-- The man page and the completions say of the command what the command says of itself.

local argparse = require("argparse")
local command = require("spec.support.command")
local files = require("spec.support.files")
local server = require("spec.support.server")
local sorted = require("spec.support.sorted")
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

-- The commands, and the options that the parser knows of each: a sorted list, and the set of those
-- that take a value.
local function parsed()
  local options, with_value = {}, {}
  for file in output_of("ls", "lua/stopmsg/cli"):gmatch("([%w_]+)%.lua\n") do
    local module = require("stopmsg.cli." .. file)
    if type(module) == "table" and module.configure and module.summary then
      local parser = argparse(module.name)
      module.configure(parser)
      local names = {}
      for _, option in ipairs(parser._options) do
        for _, name in ipairs(option._aliases) do
          names[name] = true
          with_value[name] = option._maxargs > 0 or nil
        end
      end
      options[module.name] = sorted.keys(names)
    end
  end
  return options, with_value
end

local OPTIONS, WITH_VALUE = parsed()

local FILES = {
  ["-i"] = true, ["--input"] = true, ["-o"] = true, ["--output"] = true, ["--journal"] = true,
  ["--token-file"] = true, ["--ca-file"] = true, ["--cert-file"] = true, ["--key-file"] = true,
  ["--log"] = true, ["--check"] = true, ["-p"] = true, ["--provider"] = true,
}

describe("the man page", function()
  local page = files.read("docs/stopmsg.1")

  it("is right by mandoc and by man", function()
    assert.equal("", output_of("mandoc", "-T", "lint", "-W", "warning", "docs/stopmsg.1"))
  end)

  it("names every command, and no other", function()
    local named = {}
    for name in page:match("The commands are:(.-)\n%.El"):gmatch("\n%.It Cm (%S+)") do
      named[name] = true
    end
    assert.same(sorted.keys(OPTIONS), sorted.keys(named))
  end)

  it("names every option where it names the commands that take it, and no other", function()
    local named = {}
    for name in pairs(OPTIONS) do
      named[name] = { ["-h"] = true, ["--help"] = true }
    end
    for head, list in page:match("\n%.Sh OPTIONS(.-)\n%.Sh "):gmatch("(.-)\n%.Bl(.-)\n%.El") do
      for item in list:gmatch("\n%.It ([^\n]+)") do
        for option in item:gmatch("%f[%w-]%-?[%w-]+") do
          local is_option = item:find("Fl " .. option, 1, true)
            or item:find(", " .. option, 1, true)
          if is_option then
            for of in head:match("Of%f[%s].*$"):gmatch("%f[%w](%l+)%f[%W]") do
              if named[of] then
                named[of]["-" .. option] = true
              end
            end
          end
        end
      end
    end
    for name, options in pairs(OPTIONS) do
      local wanted = { ["-h"] = true, ["--help"] = true }
      for _, option in ipairs(options) do
        wanted[option] = true
      end
      assert.same(sorted.keys(wanted), sorted.keys(named[name]), name)
    end
  end)

  it("names every outcome, format and exit code", function()
    local text = output_of("mandoc", "-T", "ascii", "docs/stopmsg.1"):gsub(".\8", "")
    local words = { "ndjson", "csv", "143", "130", "NO_COLOR", "STOPMSG_TOKEN", "--version",
      "STOPMSG_PROVIDER_TOKEN", "STOPMSG_PROVIDER_NAME" }
    for word in pairs(stopmsg.outcomes) do
      words[#words + 1] = word
    end
    for _, word in ipairs(words) do
      assert.is_truthy(text:find(word, 1, true), word)
    end
  end)
end)

describe("the exit codes", function()
  it("are the same everywhere, in the order in which they are tried", function()
    local help = output_of(server.interpreter(), "bin/stopmsg", "stop", "--help")
    local page = output_of("mandoc", "-T", "ascii", "docs/stopmsg.1"):gsub(".\8", "")
    local papers = {
      help = help:match("\nExit codes(.*)$"),
      page = page:match("\nEXIT STATUS\n(.-)\n[A-Z]"),
      reference = files.read("docs/reference.md"):match("| exit code |(.-)\n\n"),
    }
    for name, text in pairs(papers) do
      local codes = {}
      for code in text:gmatch("\n[ |]*(%d+)[ ,]") do
        codes[#codes + 1] = code
      end
      assert.equal("1 2 6 130 4 5 3 0", table.concat(codes, " "), name)
    end
  end)
end)

local BASH = ("stopmsg() { '%s' bin/stopmsg \"$@\"; }\n"):format(server.interpreter()) .. [=[
source completions/stopmsg.bash
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
local ZSH = ("stopmsg() { '%s' bin/stopmsg \"$@\" }; "):format(server.interpreter())
  .. "fpath=($PWD/completions $fpath); autoload compinit; compinit -u -D; unsetopt beep; LISTMAX=1000; "
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
  local result = runner:run(arguments, { argv = { "bash" } })
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
    env = { PS1 = "zsh> " },
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
    local offered

    setup(function()
      local lines = {
        "stopmsg ", "stopmsg stop -p ", "stopmsg stop -q --format ", "stopmsg stop --progress ",
        "stopmsg providers ",
      }
      for of in pairs(OPTIONS) do
        lines[#lines + 1] = ("stopmsg %s -"):format(of)
      end
      for of, options in pairs(OPTIONS) do
        for _, option in ipairs(options) do
          if WITH_VALUE[option] then
            lines[#lines + 1] = ("stopmsg %s %s READ"):format(of, option)
          end
        end
      end
      local runner = command.start()
      local offers = complete(runner, lines)
      runner:stop()
      offered = {}
      for i, line in ipairs(lines) do
        offered[line] = assert(offers[i], line)
      end
    end)

    local function offers(line, word)
      return offered[line]:find("%f[%w]" .. word .. "%f[%W]") ~= nil
    end

    it("offers the commands", function()
      for of in pairs(OPTIONS) do
        assert.is_true(offers("stopmsg ", of), of)
      end
    end)

    it("offers every option of every command, and no other", function()
      for of, options in pairs(OPTIONS) do
        local found = {}
        for option in offered[("stopmsg %s -"):format(of)]:gmatch("%f[%w-]%-%-?%w[%w-]*") do
          found[option] = true
        end
        local wanted = { ["-h"] = true, ["--help"] = true }
        for _, option in ipairs(options) do
          wanted[option] = true
        end
        assert.same(sorted.keys(wanted), sorted.keys(found), of)
      end
    end)

    it("offers providers, formats and forms of progress", function()
      for _, provider in ipairs(stopmsg.providers()) do
        assert.is_true(offers("stopmsg stop -p ", provider))
        assert.is_true(offers("stopmsg providers ", provider))
      end
      for _, format in ipairs({ "text", "ndjson", "json", "csv" }) do
        assert.is_true(offers("stopmsg stop -q --format ", format))
      end
      for _, form in ipairs({ "auto", "bar", "plain", "none" }) do
        assert.is_true(offers("stopmsg stop --progress ", form))
      end
    end)

    it("offers files where a file is asked for, and only there", function()
      for of, options in pairs(OPTIONS) do
        for _, option in ipairs(options) do
          if WITH_VALUE[option] then
            local is_file = FILES[option] or false
            assert.equal(is_file, offers(("stopmsg %s %s READ"):format(of, option), "README.md"),
              option)
          end
        end
      end
    end)
  end)
end
