-- What a call of a client does once its arguments are checked: runs over ids, lookups, lists.

local abilities = require("stopmsg.client.abilities")
local core = require("stopmsg.core")
local find = require("stopmsg.find")
local options = require("stopmsg.options")
local pages = require("stopmsg.run.pages")
local reports = require("stopmsg.report")
local run = require("stopmsg.run.loop")
local sessions = require("stopmsg.session")
local source = require("stopmsg.run.source")
local text = require("stopmsg.text")
local verify = require("stopmsg.run.verify")
local wire = require("stopmsg.provider.wire")

local runs = {
  SINGLES_IN_FLIGHT = 16, -- default number of requests in flight
}

-- The same for batches.
local BATCHES_IN_FLIGHT = 4

-- Opens connections at first use, since a client may be made long before its process forks.
function runs.open(self)
  if self._is_closed then
    error(run.CLOSED, 0)
  end
  if not self._session or not self._session:is_mine() then
    self._session = sessions.new(self._provider, self._options, self._way, self._secret,
      self._ask_token)
  end
  return self._session
end

-- Number of report fields that are not items.
local REPORT_FIELDS = 16

-- Ids per request of an operation.
local function ids_a_request(self, operation)
  return math.min(self._options.batch_size or operation.limit, operation.limit)
end

-- Seconds for a call over `total` ids: the deadline given, else enough for twice the time that the
-- rate takes. Unlimited if the total is unknown.
function runs.seconds_for(self, operation, call, total)
  local seconds, rate = call.deadline or self._options.deadline, self._options.rate
  if not rate then
    local documented = operation.rate or self._provider.rate
    rate = documented and documented.rate
  end
  if seconds or not total then
    return seconds or math.huge
  end
  local requests = math.ceil(total / ids_a_request(self, operation))
  return math.max(options.deadline, type(rate) == "number" and 2 * requests / rate or 0)
end

-- From this many ids on, and if others share the thread, the list of items is filled page by page.
local MANY_PLACES = 1024

-- run, report, move = start(self, operation, ids, call, total, is_slow, sink): a run over the ids
-- of a source, or a list. The `total` items go into the report, or are put there by
-- move(report, breathe) if that is returned. Without a total they are only counted. is_slow, sink:
-- see run/loop.lua.
local function start(self, operation, ids, call, total, is_slow, sink)
  local deadline = core.now() + runs.seconds_for(self, operation, call, total)
  local session = runs.open(self)
  local o = self._options
  local result, move
  if total and session.breathe and total > MANY_PLACES then
    result, move = pages.new()
  end
  local list = core.table(not result and total or 0, REPORT_FIELDS)
  local summary = reports.new(list)
  summary.kind = operation.name:find("_dispatch$") and "dispatch" or "message"
  summary.is_lookup = operation.is_lookup
  -- Report what is wrong with the definition only once.
  for _, warning in ipairs(self._warnings or {}) do
    summary.warnings[#summary.warnings + 1] = text.clean(warning)
  end
  self._warnings = nil
  local number = session:prepare(operation)
  local single_number = operation.single and session:prepare(operation.single)
  return run.new(session, {
    operation = operation,
    number = number,
    verdicts = session.verdicts[number],
    pacer = session:pacer_of(operation),
    single_number = single_number,
    single_verdicts = session.verdicts[single_number],
    source = ids,
    limit = ids_a_request(self, operation),
    concurrency = o.concurrency
      or (operation.limit > 1 and BATCHES_IN_FLIGHT or runs.SINGLES_IN_FLIGHT),
    timeout = o.timeout,
    deadline = deadline,
    patience = call.patience or o.patience,
    max_attempts = o.max_attempts,
    format = session:format_of(operation),
    provider = self._provider.name,
    summary = summary,
    on_item = call.on_item,
    result = result or (total and summary),
    total = total,
    is_interrupted = call.is_interrupted,
    is_slow = is_slow,
    sink = sink,
    is_page = operation.is_page,
  }), summary, move
end

-- Returns one item per id of `list`, in order.
function runs.collect(self, operation, list, count, call)
  -- The core reads the list as it is, where nothing stands between.
  local ids = getmetatable(list) and source.list(list, count) or list
  local running, result, move = start(self, operation, ids, call, count)
  running:finish()
  if move then
    move(result, self._way.breathe)
  end
  return result
end

-- Looks up what `result` leaves open, with the status operation, for up to `given.timeout`.
function runs.verify_all(self, operation, result, given)
  local session = runs.open(self)
  local started = session.clock()
  verify.run(result, {
    timeout = given.timeout,
    interval = given.interval,
    clock = session.clock,
    breathe = session.breathe,
    is_interrupted = given.is_interrupted,
    wait = function(seconds)
      run.pause(session, seconds, given.is_interrupted)
    end,
    lookup = function(list, seconds)
      return runs.collect(self, operation, list, #list, {
        deadline = seconds,
        is_interrupted = given.is_interrupted,
      })
    end,
  })
  result:recount(session.breathe)
  result.elapsed = result.elapsed + session.clock() - started
end

-- next_item, report, running: a stream of the items of a source's ids.
function runs.stream(self, operation, fill, call, sink)
  local running, report = start(self, operation, fill, call, nil, false, sink)
  return function()
    -- The closure also keeps the client from being collected.
    if self._is_closed then
      error(run.CLOSED, 2)
    end
    return running:next()
  end, report, running
end

-- Makes the reader of a filtered list, for a call with `report`.
function runs.lister(self, filter, call, report)
  local session, o = runs.open(self), self._options
  local operation = filter.operation
  self._paged = self._paged or {}
  self._paged[operation] = self._paged[operation] or find.paged(operation)
  local paged = self._paged[operation]
  return find.new({
    provider = self._provider,
    operation = operation,
    paged = paged,
    values = o.values,
    base_url = o.base_url,
    address = o.address,
    own_address = wire.base(self._provider, o.values),
    filter = filter,
    report = report,
    clock = session.clock,
    deadline = session.clock() + (call.deadline or o.deadline or math.huge),
    redact = session.redact,
    collect = function(list, seconds)
      return runs.collect(self, paged, list, #list, {
        deadline = seconds,
        is_interrupted = call.is_interrupted,
      })
    end,
  })
end

-- next_item, report = runs.hunt(self, filter, kind, call, with): stops what is found. with: seen,
-- first, found, see find.source.
function runs.hunt(self, filter, kind, call, with)
  local running, source_of, seen
  local operation = abilities.operation(self, "stop", kind, call.all)
  local stopping, report = start(self, operation, function(chunk, want)
    return source_of(chunk, want)
  end, call, nil, true, with.sink)
  running = stopping
  source_of, seen = find.source(runs.lister(self, filter, call, report), {
    report = report,
    clock = runs.open(self).clock,
    interval = call.interval,
    seen = with.seen,
    first = with.first,
    found = with.found,
    ended = function()
      return running:ended()
    end,
  })
  return function()
    if self._is_closed then
      error(run.CLOSED, 2)
    end
    local item, place = running:next()
    if not item then
      seen:close()
    end
    return item, place
  end, report
end

return runs
