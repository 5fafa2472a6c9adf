-- What is shipped: the version, and `make install`.

local files = require("spec.support.files")
local packages = require("spec.support.packages")
local server = require("spec.support.server")

local CLEAN, VERSION, interpreter = packages.CLEAN, packages.VERSION, server.interpreter
local run, succeed, lines = packages.run, packages.succeed, packages.lines

describe("packaging", function()
  local dir

  setup(function()
    dir = succeed("mktemp -d"):match("[^\n]+")
  end)

  teardown(function()
    succeed("rm -rf " .. dir)
  end)

  local function make(target, variables)
    return succeed(CLEAN .. ("make %s LUA=%s DESTDIR= %s"):format(target, interpreter(), variables))
  end

  it("has the version of the changelog's top entry", function()
    local version = require("stopmsg.version")
    local top = files.read("CHANGELOG.md"):match("\n## %[([^%]]+)%]")
    if version:match("%-dev$") then
      assert.equal("Unreleased", top)
    else
      assert.equal(version, top)
    end
  end)

  it("has that version as a Debian package, too", function()
    local version = require("stopmsg.version"):gsub("%-dev$", "~dev")
    assert.equal(version, files.read("debian/changelog"):match("^stopmsg %(([^)]+)%)"))
  end)

  describe("make install", function()
    local stage

    setup(function()
      stage = dir .. "/stage"
      make("install", "DESTDIR=" .. stage .. " PREFIX=/opt/x")
    end)

    it("puts every file where Lua looks for it", function()
      local expected = {
        "./opt/x/bin/stopmsg",
        ("./opt/x/lib/lua/%s/stopmsg/command.so"):format(VERSION),
        ("./opt/x/lib/lua/%s/stopmsg/core.so"):format(VERSION),
        "./opt/x/share/bash-completion/completions/stopmsg",
        "./opt/x/share/fish/vendor_completions.d/stopmsg.fish",
        "./opt/x/share/man/man1/stopmsg.1",
        "./opt/x/share/zsh/site-functions/_stopmsg",
      }
      for _, path in ipairs(packages.lua_files()) do
        expected[#expected + 1] = ("./opt/x/share/lua/%s/%s"):format(VERSION, path)
      end
      table.sort(expected)
      assert.same(expected, lines(succeed("cd " .. stage .. " && find . -type f")))
    end)

    it("names the interpreter in the command's first line", function()
      local first = files.read(stage .. "/opt/x/bin/stopmsg"):match("[^\n]+")
      assert.equal(interpreter(), first:match("[^ !]+$"))
    end)

    it("gives a command that runs where it is staged", function()
      packages.works(stage, "/opt/x")
    end)

    for where, variables in pairs({
      ["a prefix, where its command runs from any folder"] = "PREFIX=%s",
      ["a staging directory"] = "DESTDIR=%s PREFIX=/",
    }) do
      it("is undone by make uninstall in " .. where, function()
        local root = succeed("mktemp -d -p " .. dir):match("[^\n]+")
        make("install", variables:format(root))
        if variables == "PREFIX=%s" then
          packages.works("", root)
        end
        local other = ("%s/share/lua/%s/other.lua"):format(root, VERSION)
        succeed("touch " .. other)
        make("uninstall", variables:format(root))
        assert.same({ other }, lines(succeed("find " .. root .. " ! -type d")))
        assert.equal("", succeed("find " .. root .. " -name '*stopmsg*'"))
      end)
    end
  end)

  describe("make", function()
    it("names the package of a missing Lua header, and nothing else", function()
      local output, status =
        run(CLEAN .. ("make LUA=%s LUA_INCDIR=/nowhere CPPFLAGS=-nostdinc"):format(interpreter()))
      assert.not_equal(0, status)
      assert.matches("^no headers of [^\n]*%-dev [^\n]*make setup[^\n]*\nmake: [^\n]*\n$", output)
    end)

    it("says so where there is no such Lua", function()
      local output, status = run(CLEAN .. "make LUA=lua-of-another-name")
      assert.not_equal(0, status)
      assert.matches("no Lua called lua%-of%-another%-name: ", output)
    end)
  end)
end)
