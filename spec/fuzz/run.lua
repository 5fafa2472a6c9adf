-- Whole runs over a scripted engine: every id gets one item, in its place, and no word is stronger
-- than what the answers to its requests say together. A run that is used again says the same.
--
-- Input: a line of numbers (operation, ids, limit, concurrency, attempts), then a line a request:
-- c, t, l or s for a connection refused, a failed handshake, a lost answer or one cut off; else the
-- status, and for a 200 the codes of the items, for others what Retry-After says.

local evidence = require("spec.fuzz.evidence")
local fake = require("spec.support.fake_engine")
local outcome = require("stopmsg.meaning.outcome")
local outage = require("stopmsg.outage")
local pacer = require("stopmsg.pacer")
local providers = require("stopmsg.provider")
local report = require("stopmsg.report")
local run = require("stopmsg.run.loop")
local source = require("stopmsg.run.source")

local CASES = {
  { provider = "revicom", name = "stop" },
  { provider = "idigital", name = "stop_dispatch" },
  { provider = "pushwoosh", name = "stop" },
  { provider = "clickatell", name = "stop" },
}
for _, case in ipairs(CASES) do
  case.operation = providers.load(case.provider).operations[case.name]
end

local MAKE_ID = {
  revicom = "%08x-0000-4000-8000-000000000000",
  idigital = "%d",
  pushwoosh = "CODE-%d",
  clickatell = "%032x",
}

local FAULTS = {
  c = { fault = "connect", stage = "queued", status = 0 },
  t = { fault = "tls", stage = "connected", status = 0 },
  l = { fault = "lost", stage = "sent", status = 0 },
  s = { fault = "lost", stage = "status", status = 200, body = "{" },
}

-- The body that says these codes, one an id, the last one of all that follow.
local function body_of(case, ids, codes)
  local list = {}
  for code in codes:gmatch("%S+") do
    list[#list + 1] = code
  end
  if case.provider == "revicom" then
    local items = {}
    for i, id in ipairs(ids) do
      local code = list[i] or list[#list]
      items[#items + 1] = code and code ~= "-"
        and ('{"messageUuid":"%s","code":%s}'):format(id, code) or nil
    end
    return '{"items":[' .. table.concat(items, ",") .. "]}"
  elseif case.provider == "clickatell" then
    return ('{"data":{"apiMessageId":"%s","messageStatus":"%s"}}'):format(ids[1], list[1] or "")
  end
  return codes
end

-- The answer of one line, and what it leaves behind for the ids in `seen`.
local function answer_of(case, line, request, seen)
  local fault = FAULTS[line:sub(1, 1)]
  local status, rest = line:match("^([2-5]%d%d) ?(.*)$")
  local answer = fault or { status = tonumber(status) or 503 }
  if not fault and answer.status == 200 then
    answer = { status = 200, body = body_of(case, request.ids, rest) }
  elseif not fault and rest and tonumber(rest) and tonumber(rest) > 0 then
    answer.retry_after = tonumber(rest)
  end
  local again = { [0] = false, [500] = true, [502] = true, [503] = true, [504] = true }
  for _, id in ipairs(request.ids) do
    local one = seen[id]
    one.proof = one.proof or answer.status == 200 and not fault
      and evidence.is_stopped(case, "json", id, answer.body)
    one.last = line
    if answer.stage == "sent" or answer.stage == "status" or again[answer.status] then
      one.doubts = one.doubts + 1
    end
    one.requests = one.requests + 1
  end
  return answer
end

local function check(item, id, one)
  assert(item and item.id == id, "no item for " .. id)
  local info = assert(outcome.all[item.outcome], "no outcome")
  if item.outcome == "stopped" then
    assert(one.proof, "stopped, and no answer says so")
  elseif info.stopped == false then
    assert(one.doubts == 0, item.outcome .. " after an attempt that nobody saw the end of")
  end
  if item.outcome == "skipped" then
    assert(one.requests == 0 or not one.proof, "skipped, though it was sent")
  end
  assert(not one.proof or item.outcome == "stopped" or item.outcome == "unknown",
    "stopped, and not said")
end

-- All items of a run, by place: as the report of a call has them, or as a stream hands them out.
local function items_of(running, result, is_stream)
  if not is_stream then
    running:finish()
    return result
  end
  local places = {}
  for item, at in running:iterator() do
    assert(not places[at], "two items for one id")
    assert(result[at] == item, "another item in the result")
    places[at] = item
  end
  return places
end

-- What an item says, as a line.
local function shown(item)
  local parts = {}
  for _, field in ipairs({ "id", "outcome", "reason", "code", "http", "attempts", "message" }) do
    parts[#parts + 1] = tostring(item[field])
  end
  return table.concat(parts, " ")
end

-- The items of one call for `ids` on the connections of `session`, checked.
local function call(session, case, ids, lines, number, is_stream)
  local clock, seen, result = fake.clock(0), {}, {}
  for _, id in ipairs(ids) do
    seen[id] = { doubts = 0, requests = 0 }
  end
  session.clock, session.pacer = clock, pacer.new()
  session.outage = outage.new({ slots = number(4, 6), random = function()
    return 0.5
  end })
  session.engine = fake.new({
    clock = clock,
    slots = number(4, 6),
    answer = function(request)
      return answer_of(case, lines[(request.index - 1) % math.max(1, #lines) + 1] or "", request,
        seen)
    end,
  })
  session.engine:reads(1, case.operation)
  local running = run.new(session, {
    operation = case.operation,
    number = 1,
    source = source.list(ids, #ids),
    limit = math.min(case.operation.limit, number(3, 8)),
    concurrency = number(4, 6),
    timeout = 5,
    deadline = 30,
    patience = ({ 0, 5, 60 })[number(6, 3)],
    max_attempts = number(5, 5),
    random = function()
      return 0.5
    end,
    format = "json",
    provider = case.provider,
    summary = report.new(),
    result = result,
    total = #ids,
  })
  local items = items_of(running, result, is_stream)
  for i, id in ipairs(ids) do
    check(items[i], id, seen[id])
  end
  assert(clock() <= 30.1, "past the deadline")
  return items
end

return function(data)
  local first, script = data:match("^([%d ]*)\n(.*)$")
  if not first then
    return
  end
  local numbers = {}
  for digits in first:gmatch("%d+") do
    numbers[#numbers + 1] = tonumber(digits) % 64
  end
  local function number(i, most)
    return (numbers[i] or 0) % most + 1
  end
  local case = CASES[number(1, #CASES)]
  local lines = {}
  for line in script:gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
  local ids = {}
  for i = 1, number(2, 12) do
    ids[i] = MAKE_ID[case.provider]:format(i)
  end
  if number(2, 24) > 12 then
    ids[#ids + 1] = ids[1] -- once more
  end

  local session = {
    idle_runs = {},
    generation = 1,
    redact = tostring,
    wait = function(waiting, seconds)
      waiting:wait(seconds)
    end,
  }
  local before = call(session, case, ids, lines, number, false)
  -- The same again with the run that is over: it knows nothing of the first time.
  assert(#session.idle_runs == 1, "the run is not kept")
  local after = call(session, case, ids, lines, number, true)
  for i in ipairs(ids) do
    assert(shown(before[i]) == shown(after[i]), "the second time differs")
  end
end
