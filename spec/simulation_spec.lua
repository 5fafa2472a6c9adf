-- Thousands of runs against a provider that fails at random, under a clock that is not real. The
-- provider knows what truly became of each message; no item may say more than that.
--
-- STOPMSG_SCHEDULES sets how many; a failure names the seed, and SEED repeats it.

local fake = require("spec.support.fake_engine")
local one = require("stopmsg.run.one")
local outages = require("stopmsg.outage")
local pacer = require("stopmsg.pacer")
local providers = require("stopmsg.provider")
local report = require("stopmsg.report")
local run = require("stopmsg.run.loop")
local sample = require("spec.support.sample")
local source = require("stopmsg.run.source")

local SCHEDULES = tonumber(os.getenv("STOPMSG_SCHEDULES")) or sample.OF > 1 and 4000 or 10000
local ONLY = tonumber(os.getenv("SEED"))

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
    token = 1, left = math.huge, foreign = {} }
  local says_again = random(2) == 1 -- whether a second stop is answered like the first
  for _, id in ipairs(ids) do
    local kind = random(10)
    world.leaves[id] = kind <= 2 and clock() + random() * 3 or math.huge
    world.missing[id] = kind == 3
    world.bad[id] = kind == 4 and trouble < 1
    world.foreign[id] = random(20) == 1 -- of another account: 401
  end
  -- A while in which nothing but one fate is met, what a gateway lets through, and how many
  -- requests a token is good for.
  local from = random(2) == 1 and random() * 5 or math.huge
  local till, away = from + random() * 10, random(9)
  local most = random(3) == 1 and random(4) or math.huge
  local uses = random(3) == 1 and random(9) or math.huge
  world.left = uses

  function world.renew()
    world.token, world.left = world.token + 1, uses
    return world.token
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
    function() return { status = 200, body = "<html>Log in</html>" } end,
    function() return { status = 403, body = "<html>Blocked</html>" } end,
  }

  local function refuses(request)
    for _, id in ipairs(request.ids) do
      if world.bad[id] then
        return { status = 400, body = '{"error":{"code":400001,"reason":"x"}}' }
      end
    end
    local is_old = request.secret and request.secret ~= world.token
    for _, id in ipairs(request.ids) do
      if is_old or world.left == 0 or world.foreign[id] then
        return { status = 401 }
      end
    end
    world.left = world.left - 1
  end

  function world.answer(request)
    local answer
    if request.at >= from and request.at < till then
      answer = fates[away](request)
    elseif random() < trouble then
      answer = fates[random(#fates)](request)
    elseif #request.ids > most then
      answer = { status = 413, body = "<html>Too large</html>" }
    else
      answer = refuses(request)
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

-- What the core's meanings are, in a schedule whose answers about one id are usual ones, and the
-- code of each.
local VERDICTS, MEANINGS = {}, { [200] = 1, [202] = 2, [403] = 3 }
for code, number in pairs(MEANINGS) do
  local words = { [200] = "stopped", [202] = "accepted", [403] = "too_late" }
  VERDICTS[number] = { outcome = words[code], code = code, is_usual = true, is_plain = true }
end

local function with_meaning(answer_of)
  return function(request)
    local answer = answer_of(request)
    local code = not answer.fault and not answer.status and answer.body
      and answer.body:match('^{"errors":false,"items":%[[^%]]*"code":(%d+)}%]}$')
    answer.meaning = code and #request.ids == 1 and MEANINGS[tonumber(code)] or nil
    return answer
  end
end

-- One client has all calls: what was left behind by one would show in another.
local session = {
  idle_runs = {},
  idle_calls = {},
  generation = 1,
  wait = function(call, seconds)
    call:wait(seconds)
  end,
  redact = function(s)
    return s
  end,
}

-- All items of a task, by place; nil and what is wrong.
local function items_of(task, ids)
  local asked, result = nil, task.result
  session.idle_calls = {} -- of another engine
  if task.has_usual then
    local is_settled
    is_settled, asked = one.settle(session, task, ids, task.summary, session.clock(), task.deadline)
    if is_settled then
      return task.summary
    end
  end
  local running = run.new(session, task, asked)
  if result then
    running:finish()
    return result
  end
  local items = {}
  for item, at in running:iterator() do
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
  for i = 1, random(4) == 1 and 1 or random(30) do
    local kind = random(12)
    if kind == 1 and i > 1 and result then
      ids[i] = ids[random(i - 1)] -- a stream may send it again
    else
      ids[i] = kind == 2 and "no uuid " .. i or uuid(i)
    end
  end
  local world = new_world(random, clock, ids, random(4) / 5)
  local engine = fake.new({ clock = clock, slots = random(6),
    answer = random(2) == 1 and with_meaning(world.answer) or world.answer })
  session.engine, session.clock, session.generation = engine, clock, 1
  session.renew = random(2) == 1 and function()
    session.generation = session.generation + 1
    engine:authorize(1, world.renew())
    return random(20) > 1
  end or nil
  session.pacer = pacer.new(random(4) == 1 and random(20) or nil)
  session.outage = outages.new({ slots = engine.slots, random = random })
  local deadline, max_attempts = random() * 20, random(5)
  local operation = providers.load("revicom").operations.stop
  engine:reads(1, operation)
  local limit = random(3) == 1 and 1 or random(8)
  local items, fault = items_of({
    operation = operation,
    number = 1,
    verdicts = VERDICTS,
    has_usual = result and #ids == 1 and limit == 1,
    source = result and ids or source.list(ids, #ids),
    limit = limit,
    concurrency = random(6),
    timeout = 0.5 + random() * 3,
    deadline = deadline,
    patience = ({ 0, 0.2, 2, 60, math.huge })[random(5)],
    max_attempts = max_attempts,
    random = random,
    format = "json",
    provider = "revicom",
    summary = report.new(),
    result = result,
    total = result and #ids,
  }, ids)
  if not items then
    return fault
  end
  local times = {} -- in a stream an id that comes again may be sent again
  for _, id in ipairs(ids) do
    times[id] = not result and (times[id] or 0) + 1 or 1
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
    elseif max_attempts == 1 and (world.sent[id] or 0) > times[id] then
      return ("sent %d times: %s"):format(world.sent[id], id)
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
end

-- A call over `count` requests while the provider meets `fate` from second 2 to 12, with figures:
-- the requests, the summary, and when after the outage the first and the hundredth one were sent.
local function outage(fate, count, limit)
  local clock = fake.clock(0)
  local times = {}
  local provider, name, concurrency = "idigital", "stop_dispatch", 16
  if limit > 1 then
    provider, name, concurrency = "revicom", "stop", 4
  end
  local operation = providers.load(provider).operations[name]
  local engine = fake.new({
    clock = clock,
    slots = 16,
    answer = function(request)
      local answer = { after = 0.05 }
      if request.at >= 2 and request.at < 12 then
        for field, value in pairs(fate) do
          answer[field] = value
        end
        return answer
      end
      if request.at >= 12 then
        times[#times + 1] = request.at - 12
      end
      if limit > 1 then
        local items = {}
        for i, id in ipairs(request.ids) do
          items[i] = ('{"messageUuid":"%s","code":200}'):format(id)
        end
        answer.body = '{"errors":false,"items":[' .. table.concat(items, ",") .. "]}"
        answer.after = 0.5
      end
      return answer
    end,
  })
  engine:reads(1, operation)
  local summary = report.new()
  local place = 0
  local running = run.new({
    engine = engine,
    clock = clock,
    wait = function(call, seconds)
      call:wait(seconds)
    end,
    pacer = pacer.new(),
    outage = outages.new({ slots = 16, random = generator(2) }),
    generation = 1,
    redact = tostring,
  }, {
    operation = operation,
    number = 1,
    source = source.iterator(function()
      place = place + 1
      return place <= count * limit and (limit > 1 and uuid(place) or place) or nil
    end),
    limit = limit,
    concurrency = concurrency,
    timeout = 10,
    deadline = math.huge,
    patience = 60,
    max_attempts = 4,
    random = generator(1),
    format = "json",
    provider = provider,
    summary = summary,
  })
  for _ in running:iterator() do -- luacheck: ignore
  end
  return #engine.requests, summary, times
end

describe("a simulated provider", function()
  it("is never believed more than it proves, in " .. SCHEDULES .. " random schedules", function()
    local takes, count = sample.start(), 0
    for seed = ONLY or 1, ONLY or SCHEDULES do
      if ONLY or takes() then
        local fault = schedule(seed)
        if fault then
          error("seed " .. seed .. ": " .. fault)
        end
        count = count + 1
      end
    end
    io.stdout:write("  random schedules: " .. sample.told(count) .. "\n")
  end)

  local some_it = sample.its(it)

  for name, fate in pairs({
    ["refuses connections"] = { after = 0.001, fault = "connect", stage = "queued" },
    ["resets connections"] = { after = 0.02, fault = "lost", stage = "sent" },
    ["answers 503"] = { status = 503 },
    ["answers nothing"] = { after = 1e6 },
    ["is hidden by a login page"] = { status = 200, body = "<html>Log in</html>" },
    ["answers 429"] = { status = 429 },
    ["answers 429 with Retry-After"] = { status = 429, retry_after = 2 },
  }) do
    for _, kind in ipairs({ { "5,000 ids one by one", 5000, 1 }, { "50 batches", 50, 100 } }) do
      some_it(("costs time, not ids, where it %s for 10 s: %s"):format(name, kind[1]), function()
        local requests, summary, times = outage(fate, kind[2], kind[3])
        local total, in_flight = kind[2] * kind[3], kind[3] > 1 and 4 or 16
        local hundredth = times[math.min(100, #times)]
        if os.getenv("STOPMSG_FIGURES") then
          print(("\n10 s in which it %s, %s: %d of %d stopped, %.3f requests an id (a batch), the "
            .. "first %.2f s after the return, the %dth %.2f s"):format(name, kind[1],
            summary.counts.stopped, total, requests / kind[2], times[1], math.min(100, #times),
            hundredth))
        end
        assert.equal(total, summary.total)
        assert.equal(total, summary.counts.stopped)
        assert.is_true(times[1] <= 2)
        if kind[3] == 1 then
          assert.is_true(hundredth <= 3)
          assert.is_true(requests / kind[2] <= 1.05)
        else
          assert.is_true(requests - kind[2] <= in_flight + 2 * 13)
        end
      end)
    end
  end
end)
