-- `NAME spec/run.lua [FILE or FOLDER]...` runs the specs on the Lua called NAME; without arguments,
-- all. `make spec` also sets LUA_PATH and LUA_CPATH, for the interpreters that specs start.

if os.getenv("STOPMSG_GC_STRESS") == "1" then
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", 1000)
end

require("busted.runner")({ standalone = false })
