-- What specs of packages share: commands, copies of this tree, and what was installed.

local assert = require("luassert")
local server = require("spec.support.server")

local packages = {}

-- A build of its own: nothing of the make, the paths or the sanitizer around the specs.
packages.CLEAN = "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u LD_PRELOAD -u LUA_PATH -u LUA_CPATH "
  .. "-u LUA_PATH_5_2 -u LUA_PATH_5_3 -u LUA_PATH_5_4 -u LUA_PATH_5_5 "
  .. "-u LUA_CPATH_5_2 -u LUA_CPATH_5_3 -u LUA_CPATH_5_4 -u LUA_CPATH_5_5 "

packages.VERSION = _VERSION:match("%d+%.%d+")

-- Output (stdout and stderr) and exit status of a command.
function packages.run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1; echo \"status $?\""))
  local output = pipe:read("*a")
  pipe:close()
  local text, status = output:match("^(.-)status (%d+)\n$")
  return text, tonumber(status)
end

-- Its output where it has to succeed.
function packages.succeed(command)
  local output, status = packages.run(command)
  assert.message(output).equal(0, status)
  return output
end

function packages.lines(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    list[#list + 1] = line
  end
  table.sort(list)
  return list
end

-- Makes a folder with what is needed to build, as in a clone.
function packages.copy(folder)
  packages.succeed(("mkdir %s && cp -r Makefile csrc lua bin docs tools stopmsg-scm-1.rockspec %s")
    :format(folder, folder))
end

function packages.files_in(folder)
  return packages.lines(packages.succeed(("cd %s && find ."):format(folder)))
end

-- Paths of the Lua files, as `require` would look for them.
function packages.lua_files()
  return packages.lines(packages.succeed("cd lua && find stopmsg -name '*.lua'"))
end

-- The command starts, and the module loads, from a folder that holds neither.
function packages.works(root, prefix)
  local away = "cd / && " .. packages.CLEAN
  assert.matches("sandbox", packages.succeed(away .. root .. prefix .. "/bin/stopmsg --help"))
  local lua, lib = "%s%s/share/lua/%s/", "%s%s/lib/lua/%s/?.so"
  lua, lib = lua:format(root, prefix, packages.VERSION), lib:format(root, prefix, packages.VERSION)
  -- lua-cjson comes from where it is installed, the core from nowhere else.
  local program = ([[
    package.path = "%s?.lua;%s?/init.lua"
    local others = package.cpath
    package.cpath = "%s"
    require("stopmsg.core")
    package.cpath = others
    print(#require("stopmsg").providers())]]):format(lua, lua, lib)
  assert.matches("^%d+\n$",
    packages.succeed(("%s %s -e '%s'"):format(away, server.interpreter(), program)))
end

return packages
