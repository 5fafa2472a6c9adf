-- What is shipped: the rockspec, the version, `make install` and `luarocks make`.

local files = require("spec.support.files")

-- A build of its own: nothing of the make, the paths or the sanitizer around the specs.
local CLEAN = "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u LD_PRELOAD -u LUA_PATH -u LUA_CPATH "
  .. "-u LUA_PATH_5_2 -u LUA_PATH_5_3 -u LUA_PATH_5_4 -u LUA_PATH_5_5 "
  .. "-u LUA_CPATH_5_2 -u LUA_CPATH_5_3 -u LUA_CPATH_5_4 -u LUA_CPATH_5_5 "

-- Whether it builds, not how fast the outcome is.
local QUICK = "CFLAGS=-O0 "

local VERSION = _VERSION:match("%d+%.%d+")

local function interpreter()
  local i = 0
  while arg[i - 1] do
    i = i - 1
  end
  return arg[i]
end

-- Output (stdout and stderr) and exit status of a command.
local function run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1; echo \"status $?\""))
  local output = pipe:read("*a")
  pipe:close()
  local text, status = output:match("^(.-)status (%d+)\n$")
  return text, tonumber(status)
end

-- Its output where it has to succeed.
local function succeed(command)
  local output, status = run(command)
  assert.message(output).equal(0, status)
  return output
end

local function lines(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    list[#list + 1] = line
  end
  table.sort(list)
  return list
end

describe("packaging", function()
  local dir

  setup(function()
    dir = succeed("mktemp -d"):match("[^\n]+")
  end)

  teardown(function()
    succeed("rm -rf " .. dir)
  end)

  -- What is needed to build, as in a clone, in a folder of its own.
  local function copy(name)
    local folder = dir .. "/" .. name
    succeed(("mkdir %s && cp -r Makefile csrc lua bin docs tools stopmsg-scm-1.rockspec %s")
      :format(folder, folder))
    return folder
  end

  local function files_in(folder)
    return lines(succeed(("cd %s && find ."):format(folder)))
  end

  local function make(target, variables)
    return succeed(CLEAN .. ("make %s LUA=%s DESTDIR= %s"):format(target, interpreter(), variables))
  end

  -- Paths of the Lua files, as `require` would look for them.
  local function lua_files()
    return lines(succeed("cd lua && find stopmsg -name '*.lua'"))
  end

  -- The command starts, and the module loads, from a folder that holds neither.
  local function works(root, prefix)
    local away = "cd / && " .. CLEAN
    assert.matches("sandbox", succeed(away .. root .. prefix .. "/bin/stopmsg --help"))
    local lua, lib = "%s%s/share/lua/%s/", "%s%s/lib/lua/%s/?.so"
    lua, lib = lua:format(root, prefix, VERSION), lib:format(root, prefix, VERSION)
    -- lua-cjson comes from where it is installed, the core from nowhere else.
    local program = ([[
      package.path = "%s?.lua;%s?/init.lua"
      local others = package.cpath
      package.cpath = "%s"
      require("stopmsg.core")
      package.cpath = others
      print(#require("stopmsg").providers())]]):format(lua, lua, lib)
    assert.matches("^%d+\n$", succeed(("%s %s -e '%s'"):format(away, interpreter(), program)))
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
    it("puts every file where Lua looks for it", function()
      local stage = dir .. "/stage"
      make("install", "DESTDIR=" .. stage .. " PREFIX=/opt/x")

      local expected = {
        "./opt/x/bin/stopmsg",
        ("./opt/x/lib/lua/%s/stopmsg/core.so"):format(VERSION),
        "./opt/x/share/bash-completion/completions/stopmsg",
        "./opt/x/share/fish/vendor_completions.d/stopmsg.fish",
        "./opt/x/share/man/man1/stopmsg.1",
        "./opt/x/share/zsh/site-functions/_stopmsg",
      }
      for _, path in ipairs(lua_files()) do
        expected[#expected + 1] = ("./opt/x/share/lua/%s/%s"):format(VERSION, path)
      end
      table.sort(expected)
      assert.same(expected, lines(succeed("cd " .. stage .. " && find . -type f")))
    end)

    it("names the interpreter in the command's first line", function()
      local stage = dir .. "/named"
      make("install", "DESTDIR=" .. stage .. " PREFIX=/opt/x")
      local first = files.read(stage .. "/opt/x/bin/stopmsg"):match("[^\n]+")
      assert.equal(interpreter(), first:match("[^ !]+$"))
    end)

    it("gives a command that runs from any folder", function()
      local prefix = dir .. "/prefix"
      make("install", "PREFIX=" .. prefix)
      works("", prefix)
    end)

    it("gives a command that runs where it is staged", function()
      local stage = dir .. "/unmoved"
      make("install", "DESTDIR=" .. stage .. " PREFIX=/opt/x")
      works(stage, "/opt/x")
    end)

    for where, variables in pairs({
      ["a prefix"] = "PREFIX=%s",
      ["a staging directory"] = "DESTDIR=%s PREFIX=/",
    }) do
      it("is undone by make uninstall in " .. where, function()
        local root = succeed("mktemp -d -p " .. dir):match("[^\n]+")
        make("install", variables:format(root))
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

    it("builds for a Lua that is just called lua, and knows its package, too", function()
      local lua = dir .. "/lua"
      succeed(('ln -s "$(command -v %s)" %s'):format(interpreter(), lua))
      succeed(CLEAN .. ("make LUA=%s BUILD=%s/build "):format(lua, dir) .. QUICK)
      local open = 'package.loadlib("%s/build/stopmsg/core.so", "luaopen_stopmsg_core")()'
      succeed(("%s %s -e '%s'"):format(CLEAN, lua, open:format(dir)))
      local output, status =
        run(CLEAN .. ("make LUA=%s LUA_INCDIR=/nowhere CPPFLAGS=-nostdinc"):format(lua))
      assert.not_equal(0, status)
      assert.matches("^no headers of lua: install liblua" .. VERSION:gsub("%p", "%%%0")
        .. "[-%d]*%-dev %(Debian%) or lua%-devel %(Fedora%)", output)
    end)

    it("says so where there is no such Lua", function()
      local output, status = run(CLEAN .. "make LUA=lua-of-another-name")
      assert.not_equal(0, status)
      assert.matches("no Lua called lua%-of%-another%-name: ", output)
    end)

    -- What an other system than Linux has not.
    it("builds without epoll and fdatasync, and syncs", function()
      local build = dir .. "/other"
      succeed(CLEAN .. ("make LUA=%s BUILD=%s CPPFLAGS='-DSM_NO_EPOLL -DF_FULLFSYNC=-1' "):format(
        interpreter(), build) .. QUICK)
      assert.equal("", run(("nm -u %s/stopmsg/core.so | grep -E 'epoll|fdatasync'"):format(build)))
      succeed(CLEAN .. ([[%s -e '
        local path = os.tmpname()
        local core = package.loadlib("%s/stopmsg/core.so", "luaopen_stopmsg_core")()
        local log = core.log(path)
        assert(log:append("x") and log:sync())
        os.remove(path)']]):format(interpreter(), build))
    end)

    it("test says first that it needs root where packages are missing, and how long it takes",
      function()
        local stubs = dir .. "/stubs"
        succeed("mkdir " .. stubs)
        for name, text in pairs({
          ["dpkg-query"] = "exit 1", ["apt-cache"] = "exit 0", sudo = "exit 1", id = "echo 1000",
        }) do
          files.write(stubs .. "/" .. name, "#!/bin/sh\n" .. text .. "\n")
        end
        succeed("chmod 755 " .. stubs .. "/*")
        local output, status = run(("%s PATH=%s:$PATH make test </dev/null"):format(CLEAN, stubs))
        assert.not_equal(0, status)
        assert.matches("^make test: about %d+ minutes [^\n]*root or sudo[^\n]*apt%-get[^\n]* gcc"
          .. "[^\n]*\nmissing packages:[^\n]* gcc", output)
      end)

    it("clean leaves the sources alone, whatever was built here", function()
      local folder = copy("cleaned")
      local before = files_in(folder)
      succeed(("cd %s && mkdir -p build/x stopmsg && touch build/x/core.so stopmsg/core.so "
        .. "csrc/core.o stopmsg-scm-1.linux-x86_64.rock"):format(folder))
      succeed(("%s make -C %s clean"):format(CLEAN, folder))
      assert.same(before, files_in(folder))
    end)
  end)

  describe("luarocks", function()
    local config, rocks

    -- What it needs to know of a Lua it does not know by name, and that lua-cjson is there.
    setup(function()
      local text = 'rocks_provided = { ["lua-cjson"] = "2.1.0-1" }\n'
        .. 'variables = { CFLAGS = "-O0 -fPIC" }\n'
      if interpreter():match("luajit") then
        local include = succeed("pkg-config --variable=includedir luajit"):match("[^\n]+")
        text = text .. ('lua_interpreter = "luajit"\nvariables.LUA_INCDIR = "%s"\n'):format(
          include)
      end
      config = dir .. "/config.lua"
      local file = assert(io.open(config, "w"))
      file:write(text)
      file:close()
      rocks = ("%s LUAROCKS_CONFIG=%s luarocks --lua-version=%s "):format(CLEAN, config, VERSION)
    end)

    -- All that belongs there, for the Lua that was asked for.
    local function check_tree(tree)
      local found = lines(succeed(("cd %s/share/lua/%s && find . -type f"):format(tree, VERSION)))
      local expected = {}
      for i, path in ipairs(lua_files()) do
        expected[i] = "./" .. path
      end
      assert.same(expected, found)
      local launcher = files.read(tree .. "/bin/stopmsg")
      assert.message(launcher).truthy(launcher:find(interpreter() .. "'", 1, true))
      works("", tree)
    end

    it("finds nothing wrong with the rockspec", function()
      succeed(rocks .. "lint stopmsg-scm-1.rockspec")
    end)

    it("makes the rock, installs it, and packs one that can be installed elsewhere", function()
      local source, made, unpacked = copy("source"), dir .. "/made", dir .. "/unpacked"
      local before = files_in(source)
      succeed(("cd %s && %s --tree %s make"):format(source, rocks, made))
      check_tree(made)
      -- Above all no stopmsg/core.so, which other Luas would find.
      assert.same(before, files_in(source))

      succeed(("cd %s && %s --tree %s pack stopmsg"):format(dir, rocks, made))
      succeed(("rm -rf %s %s"):format(source, made))
      succeed(("cd / && %s --tree %s install %s/stopmsg-scm-1.*.rock"):format(rocks, unpacked, dir))
      check_tree(unpacked)

      succeed(("cd / && %s --tree %s remove stopmsg"):format(rocks, unpacked))
      assert.equal("", succeed(("find %s -name 'stopmsg*'"):format(unpacked)))
    end)
  end)
end)
