-- What a call of a client does once its arguments are checked: runs over ids, lookups, lists.

local abilities = require("stopmsg.client.abilities")
local core = require("stopmsg.core")
local find = require("stopmsg.find")
local hooks = require("stopmsg.run.hooks")
local one = require("stopmsg.run.one")
local options = require("stopmsg.options")
local pages = require("stopmsg.run.pages")
local replies = require("stopmsg.run.replies")
local reports = require("stopmsg.report")
local run = require("stopmsg.run.loop")
local sessions = require("stopmsg.session")
local source = require("stopmsg.run.source")
local text = require("stopmsg.text")
local verify = require("stopmsg.run.verify")
local waiting = require("stopmsg.wait")
local wire = require("stopmsg.provider.wire")

local runs = {
  SINGLES_IN_FLIGHT = 16, -- default number of requests in flight
}

-- The same for batches.
local BATCHES_IN_FLIGHT = 4

-- Number of report fields that are not items.
local REPORT_FIELDS = 16

-- From this many ids on, and if others share the thread, the list of items is filled page by page.
local MANY_PLACES = 1024

-- Opens connections at first use, since a client may be made long before its process forks.
function runs.open(self)
  if self._is_closed then
    error(run.CLOSED, 0)
  end
  if not self._session or not self._session:is_mine() then
    local made = sessions.new(self._provider, self._options, self._way, self._secret,
      self._ask_token)
    -- The token function may have waited meanwhile.
    local is_second = self._session and self._session:is_mine()
    if self._is_closed or is_second then
      made.engine:close() -- the token may be the same
    else
      self._session = made
    end
    return runs.open(self)
  end
  return self._session
end

-- Ids per request of an operation.
local function ids_a_request(self, operation)
  return math.min(self._options.batch_size or operation.limit, operation.limit)
end

-- Seconds for a call over `total` ids: the deadline given, else enough for twice the time that the
-- rate takes. Unlimited if the total is unknown.
function runs.seconds_for(self, operation, call, total)
  local seconds = call.deadline or self._options.deadline
  if seconds or not total then
    return seconds or math.huge
  end
  local documented = operation.rate or self._provider.rate
  local rate = self._options.rate or (documented and documented.rate)
  if type(rate) ~= "number" then
    return options.deadline
  end
  local requests = math.ceil(total / ids_a_request(self, operation))
  return math.max(options.deadline, 2 * requests / rate)
end

-- The fields of a task that hold for all calls of an operation; see run/loop.lua.
local function frame_of(self, session, operation)
  local o, frame = self._options, session.frames[operation]
  if not frame then
    local number = session:prepare(operation)
    local single_number = operation.single and session:prepare(operation.single)
    frame = {
      operation = operation,
      number = number,
      verdicts = session.verdicts[number],
      pacer = session:pacer_of(operation),
      single_number = single_number,
      single_verdicts = session.verdicts[single_number],
      has_usual = session.verdicts[number][1] ~= nil and not (operation.has_uuid or operation.sign
        or operation.signing),
      limit = ids_a_request(self, operation),
      concurrency = o.concurrency
        or (operation.limit > 1 and BATCHES_IN_FLIGHT or runs.SINGLES_IN_FLIGHT),
      timeout = o.timeout,
      max_attempts = o.max_attempts,
      format = session:format_of(operation),
      provider = self._provider.name,
    }
    frame.__index = frame
    session.frames[operation] = frame
  end
  return frame
end

-- An empty report for a call, with room for so many items.
local function new_summary(self, operation, count)
  local summary = reports.new(core.table(count, REPORT_FIELDS))
  summary.kind, summary.is_lookup = operation.kind, operation.is_lookup
  if self._warnings then
    -- Report what is wrong with the definition only once.
    for _, warning in ipairs(self._warnings) do
      summary.warnings[#summary.warnings + 1] = text.clean(warning)
    end
    self._warnings = nil
  end
  return summary
end

-- Starts a run for `task`, which has the fields source, deadline and summary, and those that only
-- some calls have. asked: see run/loop.lua.
local function start(self, session, operation, call, task, asked)
  -- Not a copy: in a finalizer LuaJIT sometimes never ends a loop with pairs that is hot elsewhere.
  setmetatable(task, frame_of(self, session, operation))
  task.patience = call.patience or self._options.patience
  task.on_item = call.on_item
  task.is_interrupted = hooks.question(call.is_interrupted, task.summary, session.redact)
  return run.new(session, task, asked)
end

-- next_item, report, running = runs.stream(self, operation, fill, call, sink, heard, at_end): a
-- stream of the items of a source's ids, which are only counted. sink, heard, at_end: see
-- run/loop.lua; with heard, the source looks at lists.
function runs.stream(self, operation, fill, call, sink, heard, at_end)
  local deadline = core.now() + runs.seconds_for(self, operation, call)
  local session = runs.open(self)
  local summary = new_summary(self, operation, 0)
  local running = start(self, session, operation, call, {
    source = fill,
    deadline = deadline,
    summary = summary,
    is_slow = heard ~= nil,
    heard = heard,
    sink = sink,
    at_end = at_end,
    client = self, -- not to be collected, and closed, before its stream
  })
  self._streams[running] = true
  return running:iterator(), summary, running
end

-- Ends all streams of a client that is closed: asking for that at each item would cost more than
-- the rest of it. Not by pairs, for the reason above.
function runs.shut(self)
  local running = next(self._streams)
  while running do
    running:shut()
    running = next(self._streams, running)
  end
end

-- Returns one item per id of `list`, in order. heard: see run/loop.lua.
function runs.collect(self, operation, list, count, call, heard)
  local started = core.now()
  local deadline = started + runs.seconds_for(self, operation, call, count)
  local session = runs.open(self)
  local result, move, is_settled, asked
  if session.breathe and count > MANY_PLACES then
    result, move = pages.new()
  end
  local summary = new_summary(self, operation, result and 0 or count)
  -- The core reads the list as it is, where nothing stands between.
  local ids = getmetatable(list) and source.list(list, count) or list
  if count == 1 and ids == list and not (call.on_item or call.is_interrupted) then
    is_settled, asked = one.settle(session, frame_of(self, session, operation), list, summary,
      started, deadline)
  end
  if is_settled then
    if heard then
      heard.has_form = true
    end
  else
    start(self, session, operation, call, {
      source = asked and { asked.id } or ids, -- others may have changed the list meanwhile
      deadline = deadline,
      summary = summary,
      result = result or summary,
      total = count,
      heard = heard,
    }, asked):finish()
  end
  if move then
    move(summary, self._way.breathe)
  end
  return summary
end

-- Looks up what `result` leaves open, with the status operation, for up to `given.timeout`. heard:
-- what the responses were of the call that this is a part of.
function runs.verify_all(self, operation, result, given, heard)
  local session = runs.open(self)
  local started = session.clock()
  local is_interrupted = hooks.question(given.is_interrupted, result, session.redact)
  verify.run(result, {
    timeout = given.timeout,
    interval = given.interval,
    clock = session.clock,
    breathe = session.breathe,
    is_interrupted = is_interrupted,
    wait = function(seconds)
      waiting.pause(session, seconds, is_interrupted)
    end,
    lookup = function(list, seconds)
      return runs.collect(self, operation, list, #list, {
        deadline = seconds,
        is_interrupted = is_interrupted,
      }, heard)
    end,
  })
  replies.judge(heard, result)
  result:recount(session.breathe)
  result.elapsed = result.elapsed + session.clock() - started
end

-- Makes the reader of a filtered list, for a call with `report`. heard: see run/loop.lua.
local function lister_of(self, filter, call, report, heard)
  local session, o = runs.open(self), self._options
  local is_interrupted = hooks.question(call.is_interrupted, report, session.redact)
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
        is_interrupted = is_interrupted,
      }, heard)
    end,
  })
end

-- next_item = runs.list(self, filter, call, report): iterates over what a filtered list has.
function runs.list(self, filter, call, report)
  local heard = {}
  local next_item = find.items(lister_of(self, filter, call, report, heard), report)
  return function()
    local item = next_item()
    if not item then
      replies.judge(heard, report)
    end
    return item
  end
end

-- next_item, report = runs.hunt(self, filter, kind, call, with): stops what is found. with: seen,
-- first, found, see find.source.
function runs.hunt(self, filter, kind, call, with)
  local running, report, source_of, seen, next_item
  local operation, heard = abilities.operation(self, "stop", kind, call.all), {}
  next_item, report, running = runs.stream(self, operation, function(chunk, want)
    return source_of(chunk, want)
  end, call, with.sink, heard, function()
    seen:close()
    replies.judge(heard, report)
  end)
  source_of, seen = find.source(lister_of(self, filter, call, report, heard), {
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
  return next_item, report
end

return runs
