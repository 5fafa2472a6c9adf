-- The short form of `make torture-alloc`, by a sample. What is preloaded here takes the place of
-- malloc, which the sanitizers and valgrind need for themselves.

local server = require("spec.support.server")

local BUILD = os.getenv("BUILD_DIR") or "build"

-- On Lua 5.1 nothing is tried a second time after a collection.
local SETTINGS = server.interpreter():find("5%.1$")
  and { "revicom", "idigital", "pushwoosh", "clickatell", "clickatell-xml" } or { "revicom" }

-- text, succeeded
local function run(command)
  local file = assert(io.popen(command .. " 2>&1 && echo good", "r"))
  local text = file:read("*a")
  file:close()
  return text, text:find("good\n$") ~= nil
end

if not os.getenv("LD_PRELOAD") then
  describe("a stop without memory", function()
    local library

    setup(function()
      local folder = BUILD .. "/torture"
      local built = run(("make -s LUA=%s BUILD=%s %s/alloc.so && cd %s && pwd"):format(
        server.interpreter(), BUILD, folder, folder))
      library = assert(built:match("(/[^\n]*)\ngood\n$"), built) .. "/alloc.so"
    end)

    for _, setting in ipairs(SETTINGS) do
      for _, mode in ipairs({ "once", "sticky" }) do
        it(("neither crashes, leaks nor lies: %s, %s"):format(setting, mode), function()
          local text, succeeded = run(("LD_PRELOAD=%s %s spec/torture/alloc.lua %s %s %s 60 %d")
            :format(library, server.interpreter(), library, setting, mode, os.time()))
          assert.is_true(succeeded, text)
          assert.matches("60 tries, .* 0 wrong", text)
        end)
      end
    end
  end)
end
