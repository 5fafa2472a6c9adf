-- A process without a descriptor to spare. It stops one id three times: with none left, with one,
-- and with enough.

local server = require("spec.support.server")

local ID = ("0123456789abcdef"):rep(2)

local SCRIPT = [[
local stopmsg = require("stopmsg")
local client = stopmsg.new({ provider = "clickatell", token = "k", base_url = arg[1],
  patience = 3 }) -- longer than any pause before it tries again
local files = {}
local file = io.open("/dev/null")
while file do
  files[#files + 1] = file
  file = io.open("/dev/null")
end
local function stop()
  local report = client:stop(("0123456789abcdef"):rep(2))
  local item = report[1]
  print(#report, item.outcome, item.reason, report.requests, item.message)
end
stop()
files[#files]:close()
stop()
for i = 1, #files - 1 do
  files[i]:close()
end
stop()
for item in client:each({ ("fedcba9876543210"):rep(2) }) do
  print(1, item.outcome, item.reason, item.attempts, item.message)
end
]]

-- A client each with none, one, two, ... descriptors.
local EACH = [[
local stopmsg = require("stopmsg")
stopmsg.stop({ provider = "clickatell", token = "k", base_url = arg[1] },
  ("0123456789abcdef"):rep(2))
local files = {}
local file = io.open("/dev/null")
while file do
  files[#files + 1] = file
  file = io.open("/dev/null")
end
for _ = 0, 12 do
  local report = stopmsg.stop({ provider = "clickatell", token = "k", base_url = arg[1],
    patience = 0 }, ("0123456789abcdef"):rep(2))
  print(report[1].outcome, report[1].reason)
  table.remove(files):close()
end
]]

describe("a process without descriptors", function()
  local echo

  setup(function()
    echo = server.echo(('{"data":{"messageStatus":"006","apiMessageId":"%s"}}'):format(ID))
  end)

  teardown(function()
    echo:stop()
  end)

  -- What a script prints in a process of its own with 64 descriptors.
  local function run(script)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(script)
    file:close()
    local pipe = assert(io.popen(("ulimit -n 64 && %s %s %s 2>&1"):format(server.interpreter(),
      path, echo.first_line)))
    local lines = {}
    for line in pipe:lines() do
      lines[#lines + 1] = line
    end
    pipe:close()
    os.remove(path)
    return lines
  end

  it("is told that its ids failed, and goes on when it has some again", function()
    local lines = run(SCRIPT)
    assert.equal("1\tfailed\tconnect\t0\tToo many open files", lines[1])
    -- Which of two descriptors is the one that is missing differs from one libcurl to the next.
    assert.matches("^1\tfailed\tconnect\t0\t", lines[2])
    assert.matches("^1\tstopped\tnil\t1", lines[3])
    assert.matches("^1\tunknown\tbad_response", lines[4])
    assert.equal(4, #lines)
  end)

  it("gets an outcome from each client, however many are left", function()
    local lines = run(EACH)
    assert.equal(13, #lines, table.concat(lines, "\n"))
    assert.equal("failed\tconnect", lines[1])
    for _, line in ipairs(lines) do
      assert.is_truthy(line == "failed\tconnect" or line == "stopped\tnil", line)
    end
    assert.equal("stopped\tnil", lines[13])
  end)
end)
