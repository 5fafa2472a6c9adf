-- Thousands of runs against a provider that fails at random, under a clock that is not real. The
-- provider knows what truly became of each message; no item may say more than that.
--
-- STOPMSG_SCHEDULES sets how many; a failure names the seed, which repeats it.

local fake = require("spec.support.fake_engine")
local pacer = require("stopmsg.pacer")
local providers = require("stopmsg.provider")
local report = require("stopmsg.report")
local run = require("stopmsg.run")
local source = require("stopmsg.source")

local SCHEDULES = tonumber(os.getenv("STOPMSG_SCHEDULES")) or 10000

-- The same numbers on every Lua: Park and Miller's generator.
local function generator(seed)
  local state = seed * 7919 % 2147483646 + 1
  return function(n)
    state = state * 16807 % 2147483647
    local real = state / 2147483647
    return n and math.floor(real * n) + 1 or real
  end
end

-- A provider with messages of its own. `trouble` is how likely a request goes wrong.
local function new_world(random, clock, ids, trouble)
  local world = { stopped = {}, leaves = {}, missing = {}, bad = {}, sent = {}, pauses = {},
    requests = 0 }
  local says_again = random(2) == 1 -- whether a second stop is answered like the first
  for _, id in ipairs(ids) do
    local kind = random(10)
    world.leaves[id] = kind <= 2 and clock() + random() * 3 or math.huge
    world.missing[id] = kind == 3
    world.bad[id] = kind == 4 and trouble < 1
  end

  -- What the provider does with one id; the code it would answer.
  local function execute(id, at)
    if world.missing[id] then
      return 404
    elseif world.stopped[id] then
      return says_again and 200 or 403
    elseif at >= world.leaves[id] then
      return 403
    end
    world.stopped[id] = true
    return random(8) == 1 and 202 or 200
  end

  local function execute_all(request)
    local items = {}
    for i, id in ipairs(request.ids) do
      items[i] = ('{"messageUuid":"%s","code":%d}'):format(id, execute(id, request.at))
    end
    return '{"errors":false,"items":[' .. table.concat(items, ",") .. "]}"
  end

  local fates = {
    function() return { fault = "connect", stage = "queued", status = 0 } end,
    function() return { fault = "tls", stage = "connected", status = 0 } end,
    function() return { fault = "lost", stage = "sent", status = 0 } end,
    function(request)
      execute_all(request)
      return { fault = "lost", stage = "status", status = 200, body = "{" }
    end,
    function(request)
      execute_all(request)
      return { after = 1e6 }
    end,
    function(request)
      if random(2) == 1 then
        execute_all(request)
      end
      return {
        status = 500 + ({ 0, 2, 3, 4 })[random(4)],
        retry_after = random(6) == 1 and 1 or nil,
      }
    end,
    function(request)
      local pause = random(3) < 3 and random(4) or nil
      if pause then
        world.pauses[#world.pauses + 1] = { request.at + 0.01, request.at + 0.01 + pause }
      end
      return { after = 0.01, status = 429, retry_after = pause }
    end,
  }

  function world.answer(request)
    world.requests = world.requests + 1
    local answer
    for _, id in ipairs(request.ids) do
      if world.bad[id] then
        answer = { status = 400 }
      end
    end
    if random() < trouble then
      answer = fates[random(#fates)](request)
    elseif random(400) == 1 then
      answer = { status = 401 }
    end
    answer = answer or { body = execute_all(request) }
    answer.after = answer.after or 0.01 + random() * 0.2
    answer.detail = answer.fault
    answer.reached = answer.stage ~= "complete" and answer.stage or "sent"
    local is_sent = answer.stage ~= "queued" and answer.stage ~= "connected"
    for _, id in ipairs(request.ids) do
      world.sent[id] = (world.sent[id] or 0) + (is_sent and 1 or 0)
    end
    return answer
  end
  return world
end

-- Certainly not stopped by us.
local NOT_STOPPED = { too_late = true, not_stoppable = true, not_found = true, denied = true,
  invalid = true, failed = true, skipped = true }

local function uuid(n)
  return ("%08x-0000-4000-8000-%012x"):format(n, n)
end

-- One client has all calls: what was left behind by one would show in another.
local pool = {
  idle_runs = {},
  generation = 1,
  wait = function(e, seconds)
    e:wait(seconds)
  end,
  redact = function(s)
    return s
  end,
}

-- All items of a run, by place; nil and what is wrong.
local function items_of(running, result)
  if result then
    running:finish()
    return result
  end
  local items = {}
  for item, at in running.next, running do
    if items[at] then
      return nil, "two items for " .. item.id
    end
    items[at] = item
  end
  return items
end

-- One random run. Returns what is wrong with it, nil when nothing is.
local function schedule(seed)
  local random = generator(seed)
  local clock = fake.clock(0)
  local ids = {}
  local result = random(2) == 1 and {} or nil
  for i = 1, random(30) do
    local kind = random(12)
    if kind == 1 and i > 1 and result then
      ids[i] = ids[random(i - 1)] -- a stream may send it again
    else
      ids[i] = kind == 2 and "no uuid " .. i or uuid(i)
    end
  end
  local world = new_world(random, clock, ids, random(4) / 5)
  local engine = fake.new({ clock = clock, slots = random(6), answer = world.answer })
  local retries = 0
  pool.engine, pool.clock, pool.flights = engine, clock, {}
  pool.pacer = pacer.new(random(4) == 1 and random(20) or nil)
  pool.emit = function(event)
    retries = retries + (event.type == "retry" and 1 or 0)
  end
  local deadline = random() * 20
  local operation = providers.load("revicom").operations.stop
  engine:reads(1, operation)
  local running = run.new(pool, {
    operation = operation,
    number = 1,
    source = source.list(ids, #ids),
    limit = random(8),
    concurrency = random(6),
    timeout = 0.5 + random() * 3,
    deadline = deadline,
    max_attempts = random(5),
    random = random,
    format = "json",
    provider = "revicom",
    summary = report.new(),
    result = result,
    total = result and #ids,
  })

  local items, fault = items_of(running, result)
  if not items then
    return fault
  end
  for i, id in ipairs(ids) do
    local item = items[i]
    if not item or item.id ~= id then
      return "no item for " .. id
    end
    local truth = world.stopped[id]
    if (item.outcome == "stopped" or item.outcome == "accepted") and not truth then
      return item.outcome .. ", but it was not stopped: " .. id
    elseif NOT_STOPPED[item.outcome] and truth then
      return item.outcome .. ", but it was stopped: " .. id
    elseif (item.attempts or 1) ~= (world.sent[id] or 0) then
      return ("%s attempts, but %s were sent: %s"):format(item.attempts or 1,
        world.sent[id] or 0, id)
    end
  end
  for _, request in ipairs(engine.requests) do
    if request.at >= deadline then
      return "an attempt after the deadline"
    end
    for _, pause in ipairs(world.pauses) do
      -- Others may have left between the 429 and the look at it.
      if request.at > pause[1] + 0.5 and request.at < pause[2] - 1e-3 and #ids == 1 then
        return "an attempt in a pause"
      end
    end
  end
  if clock() > deadline + 1e-3 and #engine.requests > 0 then
    return ("ended %.3f s after the deadline"):format(clock() - deadline)
  end
  if retries > math.max(10, 0.2 * world.requests) then
    return ("%d repeats for %d requests"):format(retries, world.requests)
  end
end

-- 5,000 ids one by one, 16 in flight, while the provider is away from second 2 to 12.
local function outage(fate)
  local clock = fake.clock(0)
  local during, last_failure, first_success = 0, nil, nil
  local tried = {}
  local engine = fake.new({
    clock = clock,
    slots = 16,
    answer = function(request)
      local is_away = request.at >= 2 and request.at < 12
      if is_away then
        during = during + 1
        tried[request.ids[1]] = true
        last_failure = request.at
        local answer = {}
        for name, value in pairs(fate) do
          answer[name] = value
        end
        return answer
      end
      if last_failure and not first_success then
        first_success = request.at
      end
      return { after = 0.05 }
    end,
  })
  local summary = report.new()
  local place = 0
  local running = run.new({
    engine = engine,
    clock = clock,
    wait = function(e, seconds)
      e:wait(seconds)
    end,
    pacer = pacer.new(),
    flights = {},
    generation = 1,
    redact = tostring,
  }, {
    operation = providers.load("idigital").operations.stop_dispatch,
    number = 1,
    source = source.iterator(function()
      place = place + 1
      return place <= 5000 and place or nil
    end),
    limit = 1,
    concurrency = 16,
    timeout = 10,
    deadline = 60,
    max_attempts = 4,
    random = generator(1),
    format = "json",
    provider = "idigital",
    summary = summary,
  })
  while running:next() do -- luacheck: ignore
  end
  local distinct = 0
  for _ in pairs(tried) do
    distinct = distinct + 1
  end
  return during / math.max(distinct, 1), first_success and first_success - 12, summary
end

describe("a simulated provider", function()
  it("is never believed more than it proves, in " .. SCHEDULES .. " random schedules", function()
    for seed = 1, SCHEDULES do
      local fault = schedule(seed)
      if fault then
        error("seed " .. seed .. ": " .. fault)
      end
    end
  end)

  for name, fate in pairs({
    ["that refuses connections"] = { after = 0.001, fault = "connect", stage = "queued" },
    ["that answers 503"] = { after = 0.05, status = 503 },
    ["that answers nothing"] = { after = 1e6 },
    ["that answers 429"] = { after = 0.05, status = 429, retry_after = 2 },
  }) do
    it("is not hit harder in an outage: one " .. name, function()
      local factor, recovered, summary = outage(fate)
      if os.getenv("STOPMSG_FIGURES") then
        local first = recovered and ("%.2f s after its end"):format(recovered) or "never after it"
        print(("\noutage of 10 s, a provider %s: %.2f requests an id, first request %s, %s")
          :format(name, factor, first, tostring(summary)))
      end
      assert.equal(5000, summary.total)
      -- The budget is 1.2, and what was saved up before; a 429 is outside of it, and paced.
      assert.is_true(factor <= 1.4 or fate.status == 429)
    end)
  end
end)
