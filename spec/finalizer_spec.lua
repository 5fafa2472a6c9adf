-- Finalizers that use a client run wherever the collector does: also in the middle of that client's
-- own calls, where they find answers of others.

local server = require("spec.support.server")

local PROGRAM = [[
  local stopmsg = require("stopmsg")
  local collector = require("spec.support.collector")
  local finalizer = require("spec.support.finalizer")
  local client = stopmsg.new({ provider = "revicom", token = "sandbox", base_url = "URL",
    batch_size = 1, concurrency = 12 })
  local ID = "2a28d557-22a1-4be6-8908-%08d8001"
  local COUNT = 500
  local others, is_inside = COUNT, false

  local function stop_another()
    others = others + 1
    local id = ID:format(others)
    local report = client:stop(id)
    assert(#report == 1 and report.ok and report[1].id == id, tostring(report))
  end

  local function finalize()
    if not is_inside then
      is_inside = true
      stop_another()
      is_inside = false
    end
  end

  collector.set("pause", 100) -- less is a whole cycle at each step of Lua 5.3
  collector.set("stepmul", 1000)
  local given, seen = 0, 0
  for item, place in client:each(function()
    given = given + 1
    return given <= COUNT and ID:format(given) or nil
  end) do
    seen = seen + 1
    io.write(".") -- it lives, however slowly
    io.flush()
    assert(item.id == ID:format(place) and item.outcome == "stopped", item.message)
    if seen % 3 == 0 then
      finalizer.arm(finalize)
      stop_another()
    end
  end
  is_inside = true
  print(seen, others > COUNT * 4 / 3 + 40)
]]

describe("a finalizer that uses a client", function()
  it("takes nothing from the calls that it interrupts", function()
    local sandbox = server.start()
    for _ = 1, 3 do
      local child = server.spawn({ server.interpreter(), "-e",
        (PROGRAM:gsub("URL", sandbox.url)) })
      child:end_input()
      assert.equal(("."):rep(500) .. "500\ttrue", child.first_line)
    end
    sandbox:stop()
  end)
end)
