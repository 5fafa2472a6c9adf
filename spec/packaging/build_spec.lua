-- Builds for others: another name of Lua, another system, LuaRocks; and `make test` where packages
-- are missing.

local files = require("spec.support.files")
local packages = require("spec.support.packages")
local server = require("spec.support.server")

local CLEAN, VERSION, interpreter = packages.CLEAN, packages.VERSION, server.interpreter
local run, succeed, lines = packages.run, packages.succeed, packages.lines

-- Whether it builds, not how fast the outcome is.
local QUICK = "CFLAGS=-O0 "

describe("packaging", function()
  local dir

  setup(function()
    dir = succeed("mktemp -d"):match("[^\n]+")
  end)

  teardown(function()
    succeed("rm -rf " .. dir)
  end)

  describe("make", function()
    -- What an other system than Linux has not; and a Lua whose name says less.
    it("builds for a Lua just called lua, without epoll and fdatasync, and syncs", function()
      local lua, build = dir .. "/lua", dir .. "/build"
      succeed(('ln -s "$(command -v %s)" %s'):format(interpreter(), lua))
      succeed(CLEAN .. ("make LUA=%s BUILD=%s CPPFLAGS='-DSM_NO_EPOLL -DF_FULLFSYNC=-1' "):format(
        lua, build) .. QUICK)
      assert.equal("", run(("nm -u %s/stopmsg/*.so | grep -E 'epoll|fdatasync'"):format(build)))
      succeed(CLEAN .. ([[%s -e '
        local function load(name)
          return package.loadlib("%s/stopmsg/" .. name .. ".so", "luaopen_stopmsg_" .. name)()
        end
        load("core")
        local path = os.tmpname()
        local log = load("command").log(path)
        assert(log:append("x") and log:sync())
        os.remove(path)']]):format(lua, build))
    end)

    it("knows the package of a Lua that is just called lua", function()
      local output, status =
        run(CLEAN .. ("make LUA=%s/lua LUA_INCDIR=/nowhere CPPFLAGS=-nostdinc"):format(dir))
      assert.not_equal(0, status)
      assert.matches("^no headers of lua: install liblua" .. VERSION:gsub("%p", "%%%0")
        .. "[-%d]*%-dev %(Debian%) or lua%-devel %(Fedora%)", output)
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
      local folder = dir .. "/cleaned"
      packages.copy(folder)
      local before = packages.files_in(folder)
      succeed(("cd %s && mkdir -p build/x stopmsg && touch build/x/core.so stopmsg/core.so "
        .. "csrc/core.o stopmsg-scm-1.linux-x86_64.rock"):format(folder))
      succeed(("%s make -C %s clean"):format(CLEAN, folder))
      assert.same(before, packages.files_in(folder))
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
        local program = succeed("command -v luajit"):match("[^\n]+")
        -- LuaRocks 3.10 and newer look at variables.LUA.
        text = text .. ('lua_interpreter = "luajit"\nvariables.LUA = "%s"\n'):format(program)
          .. ('variables.LUA_INCDIR = "%s"\n'):format(include)
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
      for i, path in ipairs(packages.lua_files()) do
        expected[i] = "./" .. path
      end
      assert.same(expected, found)
      local launcher = files.read(tree .. "/bin/stopmsg")
      assert.message(launcher).truthy(launcher:find(interpreter() .. "'", 1, true))
      packages.works("", tree)
    end

    it("finds nothing wrong with the rockspec", function()
      succeed(rocks .. "lint stopmsg-scm-1.rockspec")
    end)

    it("makes the rock, installs it, and packs one that can be installed elsewhere", function()
      local source, made, unpacked = dir .. "/source", dir .. "/made", dir .. "/unpacked"
      packages.copy(source)
      local before = packages.files_in(source)
      succeed(("cd %s && %s --tree %s make"):format(source, rocks, made))
      check_tree(made)
      -- Above all no stopmsg/core.so, which other Luas would find.
      assert.same(before, packages.files_in(source))

      succeed(("cd %s && %s --tree %s pack stopmsg"):format(dir, rocks, made))
      succeed(("rm -rf %s %s"):format(source, made))
      succeed(("cd / && %s --tree %s install %s/stopmsg-scm-1.*.rock"):format(rocks, unpacked, dir))
      check_tree(unpacked)

      succeed(("cd / && %s --tree %s remove stopmsg"):format(rocks, unpacked))
      assert.equal("", succeed(("find %s -name 'stopmsg*'"):format(unpacked)))
    end)
  end)
end)
