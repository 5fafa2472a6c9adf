-- The short form of `make torture-alloc`, by a sample. What is preloaded here takes the place of
-- malloc, which the sanitizers and valgrind need for themselves.

local libc = require("spec.support.libc")
local server = require("spec.support.server")

local BUILD = os.getenv("BUILD_DIR") or "build"

-- Runs with bad sockets; enough where the others decide alike.
local SOCKETS = server.interpreter():find("5%.4$") and 3 or 0

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

-- path of a library made for this Lua
local function build(name)
  local folder = BUILD .. "/torture"
  local text = run(("make -s LUA=%s BUILD=%s %s/%s.so && cd %s && pwd"):format(
    server.interpreter(), BUILD, folder, name, folder))
  return assert(text:match("(/[^\n]*)\ngood\n$"), text) .. "/" .. name .. ".so"
end

if not os.getenv("LD_PRELOAD") and SOCKETS > 0 then
  describe("sockets that give little at a time", function()
    for _, how in ipairs({ "io", "tls" }) do
      it("change no outcome: " .. how, function()
        local text, succeeded = run(("%s spec/torture/system.lua %s %s %d %d"):format(
          server.interpreter(), how, build("io"), SOCKETS, os.time() % 1000000))
        assert.is_true(succeeded, text)
        assert.matches("3 runs of 9%d+ items with %d+ reads and %d+ writes disturbed, 0 wrong",
          text)
      end)
    end
  end)
end

describe("stops without end", function()
  it("leave neither memory nor descriptors behind", function()
    local text, succeeded = run(server.interpreter() .. " spec/torture/soak.lua 1")
    assert.is_true(succeeded, text)
    assert.matches("(%d+) to %1 descriptors", text)
  end)
end)

-- The memory it takes away is that of glibc's malloc.
if not os.getenv("LD_PRELOAD") and not libc.is_musl then
  describe("a stop without memory", function()
    local library

    setup(function()
      library = build("alloc")
    end)

    for _, setting in ipairs(SETTINGS) do
      for _, mode in ipairs({ "once", "sticky" }) do
        it(("neither crashes, leaks nor lies: %s, %s"):format(setting, mode), function()
          local text, succeeded = run(("LD_PRELOAD=%s %s spec/torture/alloc.lua %s %s %s 40 %d")
            :format(library, server.interpreter(), library, setting, mode, os.time()))
          assert.is_true(succeeded, text)
          assert.matches("40 tries, .* 0 wrong", text)
        end)
      end
    end
  end)
end
