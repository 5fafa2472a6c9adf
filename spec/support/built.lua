-- path = built(name): spec/torture/<name>.c as a library for this Lua.

local server = require("spec.support.server")

local BUILD = os.getenv("BUILD_DIR") or "build"

return function(name)
  local folder = BUILD .. "/torture"
  local pipe = assert(io.popen(("make -s LUA=%s BUILD=%s %s/%s.so 2>&1 && cd %s && pwd"):format(
    server.interpreter(), BUILD, folder, name, folder), "r"))
  local text = pipe:read("*a")
  pipe:close()
  return assert(text:match("(/[^\n]*)\n$"), text) .. "/" .. name .. ".so"
end
