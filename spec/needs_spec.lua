-- What is told where something that stopmsg needs is missing or does not fit. Each case is an
-- interpreter of its own that finds only what the case lets it find.

local files = require("spec.support.files")
local libc = require("spec.support.libc")
local needs = require("stopmsg.needs")
local server = require("spec.support.server")

local VERSION = _VERSION:match("%d+%.%d+")

local function run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1; echo \"status $?\""))
  local output = pipe:read("*a")
  pipe:close()
  local text, status = output:match("^(.-)status (%d+)\n$")
  return text, tonumber(status)
end

-- Where a module in C is found.
local function path_of(name)
  for template in package.cpath:gmatch("[^;]+") do
    local path = template:gsub("%?", name)
    local file = io.open(path)
    if file then
      file:close()
      return path
    end
  end
  error("no " .. name)
end

describe("stopmsg.needs", function()
  local dir, there

  setup(function()
    there = run("pwd"):match("[^\n]+")
    dir = run("mktemp -d"):match("[^\n]+")
  end)

  teardown(function()
    run("rm -rf " .. dir)
  end)

  local count = 0
  local function folder()
    count = count + 1
    local path = ("%s/%d"):format(dir, count)
    assert.equal("", (run("mkdir -p " .. path .. "/stopmsg")))
    return path
  end

  -- A folder with these modules in C, and with our own two where `core` is true.
  local function modules(names, core)
    local path = folder()
    for _, name in ipairs(names) do
      assert.equal("", (run(("ln -s %s %s/%s.so"):format(path_of(name), path, name))))
    end
    if core then
      for _, name in ipairs({ "core", "command" }) do
        local real = path_of("stopmsg/" .. name)
        real = real:sub(1, 1) == "/" and real or there .. "/" .. real
        assert.equal("", (run(("ln -s %s %s/stopmsg/%s.so"):format(real, path, name))))
      end
    end
    return path
  end

  -- Runs a program of ours with `cpath` as the only folder of modules in C.
  local function start(cpath, arguments, before)
    local newer = VERSION:gsub("%.", "_")
    return run(("env -u LUA_PATH_%s -u LUA_CPATH_%s LUA_PATH='lua/?.lua;lua/?/init.lua' "
      .. "LUA_CPATH='%s/?.so' %s %s %s"):format(newer, newer, cpath, before or "",
      server.interpreter(), arguments))
  end

  local REQUIRE = [[-e 'local ok, why = pcall(require, "stopmsg"); io.write(ok and "fine" or why)']]

  -- One line, for people: neither a traceback nor the list of all places searched.
  local function assert_line(expected, said)
    assert.message(said).truthy(said:find(expected, 1, true))
    assert.message(said).is_nil(said:gsub("\n$", ""):find("\n"))
    assert.message(said).is_nil(said:find("traceback"))
  end

  it("is content where all is there", function()
    assert.equal("fine", (start(modules({ "cjson" }, true), REQUIRE)))
  end)

  describe("without lua-cjson", function()
    local MISSING = ("needs lua-cjson for Lua %s (Debian: lua-cjson, LuaRocks: lua-cjson)")
      :format(VERSION)

    it("makes require say so", function()
      assert_line("stopmsg " .. MISSING, (start(modules({}, true), REQUIRE)))
    end)

    it("makes the command say so", function()
      local said, code = start(modules({}, true), "bin/stopmsg providers")
      assert_line("stopmsg: " .. MISSING, said)
      assert.equal(1, code)
    end)

    it("tells what is wrong with one that is there and cannot be loaded", function()
      local path = modules({}, true)
      files.write(path .. "/cjson.so", "broken")
      local said = start(path, REQUIRE)
      assert_line(MISSING .. ": ", said)
      assert.truthy(said:find("cjson.so", 1, true))
    end)
  end)

  it("makes the command say where its own files are not found", function()
    local said, code = run(("cd / && env -i %s %s/bin/stopmsg"):format(
      run("command -v " .. server.interpreter()):match("[^\n]+"), there))
    assert_line(("stopmsg: its own files are not installed for Lua %s: "):format(VERSION), said)
    assert.equal(1, code)
  end)

  it("tells what to install where argparse is missing", function()
    local said, code = start(modules({ "cjson" }, true), "bin/stopmsg providers")
    assert_line(("stopmsg: needs argparse for Lua %s (Debian: lua-argparse, LuaRocks: argparse)")
      :format(VERSION), said)
    assert.equal(1, code)
  end)

  it("tells what to install where luv is missing", function()
    local said = start(modules({ "cjson" }, true),
      [[-e 'print(require("stopmsg.sandbox.server").run({}))']])
    assert_line(("needs luv for Lua %s (Debian: lua-luv, LuaRocks: luv)"):format(VERSION), said)
  end)

  it("tells what to install where LuaExpat is missing", function()
    local said = start(modules({ "cjson" }, true), [[-e '
      local options = { provider = "clickatell", token = "t", format = "xml" }
      local ok, why = pcall(require("stopmsg").new, options)
      io.write(tostring(why))']])
    assert_line(("needs LuaExpat for Lua %s (Debian: lua-expat, LuaRocks: luaexpat)")
      :format(VERSION), said)
  end)

  describe("for the C core", function()
    local function compile(path, name, source, flags)
      files.write(path .. "/" .. name .. ".c", source)
      assert.equal("", (run(("gcc -shared -fPIC -o %s/%s %s/%s.c %s"):format(path, name, path, name,
        flags or ""))))
    end

    -- A core.so that the dynamic linker refuses: it calls what is nowhere, or a library that was
    -- taken away after it was linked, or replaced by one with symbols of another version.
    local function core(source, library)
      local path = folder()
      if not library then
        compile(path, "stopmsg/core.so", source)
        return path
      end
      local function compile_library(version)
        files.write(path .. "/map", version .. " { *; };\n")
        compile(path, library.soname, "int sm_there(void) { return 0; }",
          ("-Wl,-soname,%s,--version-script=%s/map"):format(library.soname, path))
      end
      compile_library(library.version or "ANY")
      compile(path, "stopmsg/core.so", source,
        ("-Wl,--no-as-needed,-rpath,%s %s/%s"):format(path, path, library.soname))
      if library.version then
        compile_library("OTHER")
      else
        os.remove(path .. "/" .. library.soname)
      end
      return path
    end

    local THERE = "int sm_there(void); int sm_use(void) { return sm_there(); }"
    -- Without `musl` it says the same there, with false nothing: its symbols have no versions.
    local cases = {
      { "its libcurl is not there", "stopmsg needs libcurl (Debian: libcurl4): libcurl.so.4",
        THERE, { soname = "libcurl.so.40" }, musl = "stopmsg needs libcurl: Error loading" },
      { "the libcurl of GnuTLS is not there", "needs libcurl (Debian: libcurl3-gnutls): ",
        THERE, { soname = "libcurl-gnutls.so.40" }, musl = "stopmsg needs libcurl: " },
      { "libcurl is of another kind", "was built with another build of libcurl",
        THERE, { soname = "libsmcurl.so", version = "CURL_OPENSSL_4" }, musl = false },
      { "libcurl is too old", "was built with a newer libcurl",
        "void curl_easy_none(void); void *sm_use = (void *)curl_easy_none;" },
      { "libcurl wants another OpenSSL", "contains another version of OpenSSL",
        THERE, { soname = "libsmssl.so", version = "OPENSSL_9.9.9" }, musl = false },
      { "OpenSSL lacks what libcurl calls", "contains another version of OpenSSL",
        "void SSL_none(void); void *sm_use = (void *)SSL_none;" },
      { "it was built for another Lua", "was built for another Lua",
        "void lua_none(void); void *sm_use = (void *)lua_none;" },
      { "the linker says what nobody foresaw", "cannot load its C core: ",
        "void sm_none(void); void *sm_use = (void *)sm_none;" },
    }
    for _, case in ipairs(cases) do
      local expected = case[2]
      if libc.is_musl and case.musl ~= nil then
        expected = case.musl
      end
      if expected then
        it("tells what to do where " .. case[1], function()
          local said = start(core(case[3], case[4]), REQUIRE)
          assert_line(expected, said)
        end)
      end
    end

    it("knows what other linkers say", function()
      local function about(said)
        package.loaded["stopmsg.core"] = nil
        package.preload["stopmsg.core"] = function()
          error("error loading module 'stopmsg.core' from file 'core.so':\n\t" .. said, 0)
        end
        local core_there, message = needs.find("stopmsg.core")
        assert.is_nil(core_there)
        return message
      end
      local loaded = package.loaded["stopmsg.core"]
      finally(function()
        package.preload["stopmsg.core"], package.loaded["stopmsg.core"] = nil, loaded
      end)
      local GONE = "Error loading shared library libcurl.so.4: No such file (needed by core.so)"
      assert.equal("needs libcurl: " .. GONE, about(GONE))
      assert.matches("^needs libcurl: ", about("Library not loaded: /opt/lib/libcurl.4.dylib"))
      local LACKS = "Error relocating core.so: %s: symbol not found"
      assert.matches("^was built with a newer libcurl", about(LACKS:format("curl_easy_none")))
      assert.matches("contains another version of OpenSSL", about(LACKS:format("SSL_none")))
      assert.matches("^was built for another Lua", about(LACKS:format("luaL_none")))
      assert.matches("^cannot load its C core", about(LACKS:format("sm_none")))
    end)

    it("makes the command say it, too", function()
      local said, code = start(core(cases[1][3], cases[1][4]), "bin/stopmsg providers")
      assert_line("stopmsg: needs libcurl", said)
      assert.equal(1, code)
    end)

    it("tells how to build one where there is none", function()
      assert_line(("stopmsg has no C core for Lua %s: "):format(VERSION),
        (start(modules({ "cjson" }), REQUIRE)))
    end)

    it("tells so where the command's own is missing, which the library does without", function()
      local path = modules({ "cjson" }, true)
      assert.equal("", (run(("rm %s/stopmsg/command.so"):format(path))))
      assert.equal("fine", (start(path, REQUIRE)))
      local said, code = start(path, "bin/stopmsg providers")
      assert_line(("stopmsg: has no C module of the command for Lua %s: "):format(VERSION), said)
      assert.equal(1, code)
    end)

    -- What an OpenSSL that is linked into the program does to libcurl's.
    describe("with an OpenSSL that libcurl was not linked with", function()
      local function try(number, version)
        local path = modules({ "cjson" }, true)
        compile(path, "other.so", ([[
          unsigned long OpenSSL_version_num(void) { return 0x%xL; }
          const char *OpenSSL_version(int what) { (void)what; return "%s"; }
        ]]):format(number, version))
        return (start(path, REQUIRE, ('LD_PRELOAD="$LD_PRELOAD %s/other.so"'):format(path)))
      end

      -- Nil where libcurl uses none.
      local function linked()
        local said = try(0x1010117f, "1.1.1w")
        local major, minor = said:match(
          "linked with OpenSSL (%d+)%.(%d+) and runs with OpenSSL/1%.1%.1w$")
        if major then
          assert_line("contains another version of OpenSSL", said)
          return tonumber(major), tonumber(minor)
        end
        assert.equal("fine", said)
        assert.is_nil(run("ldd " .. path_of("stopmsg/core")):find("libcurl.so.4 ", 1, true))
      end

      it("refuses another version, and takes another patch of the same one", function()
        local major, minor = linked()
        if major then
          local packed = major * 2 ^ 28 + minor * 2 ^ 20
          local newer = ("%d.%d.1"):format(major, minor + 1)
          assert_line("runs with OpenSSL/" .. newer, try(packed + 2 ^ 20, newer))
          assert.equal("fine", (try(packed + 0xf0, ("%d.%d.15"):format(major, minor))))
        end
      end)
    end)
  end)

  it("gives what is found", function()
    assert.equal(require("cjson"), needs.find("cjson"))
    assert.equal(require("cjson"), needs.load("cjson"))
  end)
end)
