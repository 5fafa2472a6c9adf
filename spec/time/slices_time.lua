-- How much of the processor one step takes, of an answer that is all there. Target: 1.5 ms at most,
-- whatever is in it. The least of a few rounds counts: what else the machine does is not ours.

local core = require("stopmsg.core")
local faults = require("spec.support.faults")

local AMPLE, ROUNDS, LONGEST = 120, 5, 0.0015

local FIELDS = { list = "items", id = "id", code = "code", folds = true }

local function uuid(n)
  return ("%08x-0000-4000-8000-%012x"):format(n, n)
end

-- 10,000 ids, and entries about them, in an order that place_of gives.
local function answer(place_of)
  local ids, entries = {}, {}
  for i = 1, 10000 do
    ids[i] = uuid(i)
    entries[i] = ('{"id":"%s","code":%d}'):format(uuid(place_of(i)), 200 + i % 2)
  end
  return ids, '{"items":[' .. table.concat(entries, ",") .. "]}"
end

local CASES = {
  ["usual entries"] = { answer(function(i)
    return i
  end) },
  ["entries in another order"] = { answer(function(i)
    return i * 7919 % 10000 + 1
  end) },
  ["entries that are none"] = { { "a" }, '{"items":[' .. ("1,"):rep(300000) .. "1]}" },
  ["white space"] = { { "a" }, '{"items":[' .. (" "):rep(600000) .. "]}" },
}

describe("a step", function()
  local faulty

  setup(function()
    faulty = faults.start()
  end)

  teardown(function()
    faulty:stop()
  end)

  -- The longest step of a request, in seconds of the processor.
  local function longest(transport, ids, body)
    local engine = assert(core.engine({ slots = 1, max_response = 1e7, connect_timeout = AMPLE,
      proxy = "", user_agent = "spec", transport = transport }))
    local operation = engine:prepare({ method = "POST", url = { open = "/stop" }, items = FIELDS,
      headers = { "Expect:" }, base = faulty.url })
    faulty:set({ ["then"] = faults.answer(faults.http("200 OK", body), "stopped") })
    local call, most = engine:call(), 0
    assert(call:submit(operation, ids, 1, #ids, AMPLE))
    while not call:collect() do
      call:wait(AMPLE)
      local began = os.clock()
      assert(engine:step())
      most = math.max(most, os.clock() - began)
    end
    engine:close()
    return most
  end

  for title, case in pairs(CASES) do
    for _, transport in ipairs({ "http1", "libcurl" }) do
      it(("is short, of %s over %s"):format(title, transport), function()
        local least = math.huge
        for _ = 1, ROUNDS do
          least = math.min(least, longest(transport, case[1], case[2]))
        end
        io.stdout:write(("  the longest step of %s over %s: %.2f ms\n"):format(title, transport,
          least * 1000))
        assert.is_true(least < LONGEST, least)
      end)
    end
  end
end)
