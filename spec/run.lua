-- `NAME spec/run.lua [FILE or FOLDER]...` runs the specs on the Lua called NAME; without arguments,
-- all. `make spec` also sets LUA_PATH and LUA_CPATH, for the interpreters that specs start.

-- How eager the collector is: `make spec GC=hard` or GC=generational.
local GC = os.getenv("STOPMSG_GC")

-- Instructions between two full collections.
local EVERY = 200000

if GC == "generational" and _VERSION >= "Lua 5.4" then
  collectgarbage("generational")
elseif GC == "hard" then
  local collector = require("spec.support.collector")
  collector.set("pause", 0)
  collector.set("stepmul", 1000)
  debug.sethook(function()
    collectgarbage()
  end, "", EVERY)
end

-- busted forgets what a spec file has loaded. Loaded again after its loop was collected, luv uses
-- that loop on.
require("luv")
require("spec.support.transport")

-- Each spec file loads what it needs anew, which busted forgot; but it is compiled once.
local compiled = {}
table.insert(package.searchers or package.loaders, 2, function(name) -- luacheck: ignore 143
  local path = name:gsub("%.", "/")
  for _, place in ipairs({ "lua/%s.lua", "lua/%s/init.lua", "%s.lua" }) do
    local file = place:format(path)
    compiled[name] = compiled[name] or loadfile(file)
    if compiled[name] then
      return compiled[name], file
    end
  end
end)

require("busted.runner")({ standalone = false })
