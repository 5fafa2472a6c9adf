-- The short form of `make torture-alloc`, by a sample. What is preloaded here takes the place of
-- malloc, which the sanitizers and valgrind need for themselves.

local built = require("spec.support.built")
local core = require("stopmsg.core")
local libc = require("spec.support.libc")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

-- Runs with bad sockets, and whether libcurl fails: that is C alone, so one Lua is enough.
local SOCKETS = server.interpreter():find("5%.4$") and 3 or 0

-- On Lua 5.1 nothing is tried a second time after a collection.
local SETTINGS = server.interpreter():find("5%.1$")
  and { "revicom", "idigital", "pushwoosh", "clickatell", "clickatell-xml" } or { "revicom" }

-- Stops of each setting and mode in which a request for memory fails.
local TRIES = #SETTINGS > 1 and 12 or 30

-- Of the core, one request for memory of how many.
local STEP = sample.OF > 1 and 6 or 1

local PARTS = #SETTINGS > 1 and { "direct", "again", "filled", "items", "notes", "inherited" }
  or { "inherited" }

-- text, succeeded
local function run(command)
  local file = assert(io.popen(command .. " 2>&1 && echo good", "r"))
  local text = file:read("*a")
  file:close()
  return text, text:find("good\n$") ~= nil
end

if not os.getenv("LD_PRELOAD") and SOCKETS > 0 then
  describe("sockets that give little at a time", function()
    for _, how in ipairs({ "io", "tls" }) do
      it("change no outcome: " .. how, function()
        local text, succeeded = run(("%s spec/torture/system.lua %s %s %d %d"):format(
          server.interpreter(), how, built("io"), SOCKETS, 1))
        assert.is_true(succeeded, text)
        assert.matches("3 runs of 9%d+ items with %d+ reads and %d+ writes disturbed, 0 wrong",
          text)
      end)
    end
  end)
end

if not os.getenv("LD_PRELOAD") and SOCKETS > 0 then
  describe("a libcurl that fails", function()
    for _, transport in ipairs({ "libcurl", core.transport }) do
      it("makes the core neither crash, lose nor lie: " .. transport, function()
        local library = built("libcurl")
        local text, succeeded = run(
          ("STOPMSG_TRANSPORT=%s LD_PRELOAD=%s %s spec/torture/libcurl.lua %s"):format(transport,
            library, server.interpreter(), library))
        assert.is_true(succeeded, text)
        assert.matches("^%d%d%d%d tries with a libcurl that fails, 0 wrong\n", text)
      end)
    end
  end)
end

describe("stops without end", function()
  it("leave neither memory nor descriptors behind", function()
    local text, succeeded = run(server.interpreter() .. " spec/torture/soak.lua 1000 300")
    assert.is_true(succeeded, text)
    assert.matches("(%d+) to %1 descriptors", text)
  end)
end)

-- The memory it takes away is that of glibc's malloc.
if not os.getenv("LD_PRELOAD") and not libc.is_musl then
  describe("a stop without memory", function()
    local library

    setup(function()
      library = built("alloc")
    end)

    for _, setting in ipairs(SETTINGS) do
      for _, mode in ipairs({ "once", "sticky" }) do
        it(("neither crashes, leaks nor lies: %s, %s"):format(setting, mode), function()
          local text, succeeded = run(("LD_PRELOAD=%s %s spec/torture/alloc.lua %s %s %s %d")
            :format(library, server.interpreter(), library, setting, mode, TRIES))
          assert.is_true(succeeded, text)
          assert.matches(TRIES .. " tries, .* 0 wrong", text)
        end)
      end
    end

    for _, part in ipairs(PARTS) do
      it("leaves the core as it was: " .. part, function()
        local text, succeeded = run(("LD_PRELOAD=%s %s spec/torture/alloc_core.lua %s %s %d")
          :format(library, server.interpreter(), library, part, STEP))
        assert.is_true(succeeded, text)
        assert.matches("^%d+ tries of the core, %d+ requests for memory failed, 0 wrong\n", text)
      end)
    end
  end)
end
