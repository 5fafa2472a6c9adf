-- The run loop over an engine of the specs' own: calls with scripted answers under a clock that is
-- not real.

local assert = require("luassert")
local fake = require("spec.support.fake_engine")
local json = require("stopmsg.json")
local one = require("stopmsg.run.one")
local outage = require("stopmsg.outage")
local pacer = require("stopmsg.pacer")
local providers = require("stopmsg.provider")
local report = require("stopmsg.report")
local run = require("stopmsg.run.loop")
local source = require("stopmsg.run.source")

local runs = {}

local FORM = { pattern = "^%w+$", max = 16, fold = true, about = "letters and digits" }

local function fault(reply)
  local document = json.decode(reply.body)
  local err = type(document) == "table" and document.error
  if type(err) == "table" then
    return err.code, err.text
  end
  -- A refusal without a code is the provider's all the same.
  return reply.status >= 400 and not reply.body:find("<", 1, true) and reply.status or nil
end

-- The operation of a provider that takes up to `limit` ids a request and answers with items.
function runs.operation_of(limit, form)
  return providers.check({
    name = "acme",
    base_url = "https://acme.example",
    auth = {},
    fault = fault,
    operations = {
      stop = {
        method = "POST",
        path = "/stop",
        id = form or FORM,
        limit = limit,
        body = { type = "application/json", template = "[{id}]", between = ",", escape = "json" },
        items = { list = "items", id = "id", code = "code" },
        codes = { [200] = "stopped", [202] = "accepted", [403] = "too_late", [404] = "not_found",
          [409] = "not_stoppable" },
        refusals = { ["403/30"] = "credentials" },
      },
    },
  }).operations.stop
end

-- Answers, as the fake engine takes them.

runs.LOST = { fault = "lost", detail = "the connection was closed" }
runs.REFUSED = { fault = "connect", stage = "queued", detail = "connection refused" }
runs.NO_TLS = { fault = "tls", stage = "connected", detail = "certificate has expired" }

function runs.http(status, fields)
  local answer = { status = status }
  for name, value in pairs(fields or {}) do
    answer[name] = value
  end
  return answer
end

-- A refusal in the provider's form.
function runs.refusal(status, code, text)
  return runs.http(status, { body = ('{"error":{"code":%d,"text":"%s"}}'):format(code or 22,
    text or "bad id") })
end

-- Items with these codes (id -> code), 200 for the others.
function runs.items(codes, fields)
  return function(request)
    local list = {}
    for i, id in ipairs(request.ids) do
      list[i] = ('{"id":"%s","code":%d}'):format(id, codes and codes[id:lower()] or 200)
    end
    local answer = runs.http(200, fields)
    answer.body = '{"items":[' .. table.concat(list, ",") .. "]}"
    return answer
  end
end

runs.OK = runs.items()

-- A usual answer about one id, as the core tells it, and what its number means.
function runs.USUAL()
  return { status = 200, meaning = 1 }
end

local VERDICTS = { { outcome = "stopped", code = 200, is_usual = true, is_plain = true },
  { outcome = "too_late", code = 403, reason = "sent", is_usual = true } }

function runs.item(code)
  return function(request)
    return runs.items({ [request.ids[1]:lower()] = code })(request)
  end
end

function runs.given(answer, request)
  if type(answer) == "function" then
    return answer(request)
  end
  return answer
end

-- The first answer for the first attempt at an id, and so on; the last for all further ones.
function runs.in_turn(answers)
  return function(request)
    return runs.given(answers[math.min(request.attempt, #answers)], request)
  end
end

-- An answer for each id; requests of one id only.
function runs.by_id(answers, default)
  return function(request)
    return runs.given(answers[request.ids[1]] or default or runs.OK, request)
  end
end

function runs.longest()
  return 1
end

function runs.new_session(options)
  local clock = fake.clock()
  local session
  session = {
    engine = fake.new({
      clock = clock,
      slots = options.slots,
      fits = options.fits,
      answer = options.answer or runs.OK,
    }),
    clock = clock,
    wait = function(call, seconds)
      call:wait(seconds)
    end,
    pacer = pacer.new(options.rate, options.burst),
    outage = outage.new({ slots = options.slots or 1024, random = options.random or runs.longest }),
    generation = 1,
    renew = options.renew and function()
      return options.renew(session)
    end,
    redact = function(s)
      return (s:gsub("S3CRET", "***"))
    end,
    emit = options.emit,
    idle_calls = {},
    is_closed = false,
  }
  return session
end

-- A report of one call, and what run/one.lua tells of its only id.
function runs.settle(session, options)
  local summary, now = report.new(), session.clock()
  local operation = options.operation or runs.operation_of(1, options.form)
  session.engine:reads(1, operation)
  local frame = { operation = operation, number = 1, verdicts = VERDICTS, has_usual = true,
    timeout = options.timeout or 10, pacer = options.pacer }
  return summary, one.settle(session, frame, options.ids, summary, now,
    now + (options.deadline or 60))
end

function runs.new_run(session, options)
  local ids = options.ids or {}
  local limit = options.limit or 1
  local summary = options.summary or report.new()
  local operation = options.operation or runs.operation_of(limit, options.form)
  local result = options.keeps ~= false and {} or nil
  session.engine:reads(1, operation)
  local running = run.new(session, {
    operation = operation,
    number = 1,
    verdicts = VERDICTS,
    -- The list itself, as a client gives it, or one whose length nobody knows.
    source = options.source or result and ids or source.list(ids, options.count or #ids),
    limit = limit,
    concurrency = options.concurrency or 4,
    timeout = options.timeout or 10,
    deadline = session.clock() + (options.deadline or 60),
    patience = options.patience or 60,
    max_attempts = options.max_attempts or 4,
    random = options.random or runs.longest,
    format = "json",
    provider = "acme",
    summary = summary,
    on_item = options.on_item,
    result = result,
    total = result and not options.source and (options.count or #ids) or nil,
    is_interrupted = options.is_interrupted,
    sink = options.sink and function(...)
      return options.sink(summary, ...)
    end,
  }, options.asked)
  running.next = running:iterator()
  return running, summary, result
end

-- All items of a run, by place, and the places in the order in which they came.
function runs.drain(running)
  local list, order = {}, {}
  for item, place in running.next, running do
    assert(list[place] == nil, "two items for one place")
    list[place] = item
    order[#order + 1] = place
  end
  return list, order
end

-- Runs to the end. Gives what there is to look at.
function runs.stop(options)
  local session = options.session or runs.new_session(options)
  local running, summary = runs.new_run(session, options)
  local started = session.clock()
  local list, order = runs.drain(running)
  return {
    items = list,
    order = order,
    summary = summary,
    requests = session.engine.requests,
    engine = session.engine,
    session = session,
    started = started,
    elapsed = session.clock() - started,
  }
end

-- "id1" .. "id<count>"
function runs.names(count)
  local list = {}
  for i = 1, count do
    list[i] = "id" .. i
  end
  return list
end

-- Outcome -> how many items have it, with the reason where there is one.
function runs.tally(list, count)
  local found = {}
  for i = 1, count do
    local item = list[i]
    local key = item.reason and item.outcome .. " " .. item.reason or item.outcome
    found[key] = (found[key] or 0) + 1
  end
  return found
end

-- Seconds after the start at which each request was sent.
function runs.times(result)
  local list = {}
  for i, request in ipairs(result.requests) do
    list[i] = request.at - result.started
  end
  return list
end

function runs.assert_times(expected, result)
  local got = runs.times(result)
  assert.equal(#expected, #got)
  for i, time in ipairs(expected) do
    assert.near(time, got[i], 1e-4)
  end
end

return runs
