-- What a signal does to a process that catches it. How the command uses this is in spec/command.

local server = require("spec.support.server")

-- Ends a child that runs `code` and then waits, by the signal: its exit code.
local function ended_by(signal, code)
  local child = server.spawn({ server.interpreter(), "-e", [[
    local process = require("stopmsg.command").process
    process.catch()
    ]] .. code .. [[
    print("ready")
    io.stdout:flush()
    io.read()
  ]] })
  child:kill(signal)
  server.wait(function() return child.code end)
  child:stop()
  return child.code
end

describe("stopmsg.command.process", function()
  it("leaves at once by a signal that nobody holds", function()
    assert.equal(130, ended_by("sigint", ""))
    assert.equal(143, ended_by("sigterm", "process.hold(true) process.hold(false)"))
  end)

  it("leaves by the second one, whether there is a farewell or not", function()
    local code = "process.hold(true) process.farewell(%q)\n"
      .. "os.execute('kill -TERM ' .. require('stopmsg.core').pid())\n"
      .. "assert(process.signal() == 15)\n"
    for _, farewell in ipairs({ "", "\r" }) do
      assert.equal(130, ended_by("sigint", code:format(farewell)))
    end
  end)
end)
