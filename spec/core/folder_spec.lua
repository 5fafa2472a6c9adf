local core = require("stopmsg.core")
local uv = require("luv")

-- Descriptors that this process has open.
local function open_descriptors()
  local count, listing = 0, assert(uv.fs_scandir("/proc/self/fd"))
  while uv.fs_scandir_next(listing) do
    count = count + 1
  end
  return count
end

describe("stopmsg.core.names", function()
  it("names the files in a folder", function()
    local names = {}
    for _, name in ipairs(core.names("lua/stopmsg/provider")) do
      names[name] = true
    end
    assert.is_true(names["revicom.lua"])
    assert.is_true(names["init.lua"])
  end)

  it("is empty where there is no such folder", function()
    assert.same({}, core.names("lua/stopmsg/nowhere"))
  end)

  it("leaves no descriptor to the collector", function()
    collectgarbage()
    collectgarbage("stop")
    finally(function()
      collectgarbage("restart")
    end)
    local before = open_descriptors()
    core.names("lua/stopmsg/provider")
    assert.equal(before, open_descriptors())
  end)
end)
