-- The client: checks its options, and provides the calls that users make.

local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local find = require("stopmsg.find")
local fit = require("stopmsg.provider.fit")
local options = require("stopmsg.options")
local pages = require("stopmsg.run.pages")
local sessions = require("stopmsg.session")
local providers = require("stopmsg.provider")
local reports = require("stopmsg.report")
local run = require("stopmsg.run.loop")
local settings = require("stopmsg.provider.settings")
local signing = require("stopmsg.provider.signing")
local source = require("stopmsg.run.source")
local text = require("stopmsg.text")
local verify = require("stopmsg.run.verify")
local waiting = require("stopmsg.wait")
local wire = require("stopmsg.provider.wire")

local client = {}

-- Shorter tokens are not redacted from messages about wrong use: they would match ordinary words.
local SHORTEST_KEY = 8

-- Default number of requests in flight.
local BATCHES_IN_FLIGHT, SINGLES_IN_FLIGHT = 4, 16

-- What `check` returns for programs: the fields of an item that explain a failure.
local CheckError = {}
CheckError.__index = CheckError
CheckError.__name = "stopmsg.check_error"

function CheckError:__tostring()
  return self.message or self.reason or self.outcome
end

local function check_error(item)
  return setmetatable({
    outcome = item.outcome,
    reason = item.reason,
    code = item.code,
    http = item.http,
    message = item.message,
  }, CheckError)
end

---@class stopmsg.Client
local Client = {}
Client.__index = Client
Client.__name = "stopmsg.client"

-- Checks return what is wrong as text; public functions raise it at their caller.
local function wrong_argument(position, name, message)
  return ("bad argument #%d to '%s' (%s)"):format(position, name, message)
end

local function is_batch(operation)
  return operation.limit > 1
end

-- made = create(options, name) | nil, what is wrong
local function create(given, name)
  local checked, message = options.client(given)
  if not checked then
    return nil, wrong_argument(1, name, message)
  end
  local loaded, provider = compat.try(providers.load, checked.provider)
  if not loaded then
    return nil, wrong_argument(1, name, "option 'provider': " .. provider)
  end
  message = fit.check(checked, provider, options.settings)
  if message then
    return nil, wrong_argument(1, name, message)
  end

  local self = setmetatable({ _provider = provider, _options = checked }, Client)
  self._warnings = provider.warnings
  if type(checked.token) == "string" then
    -- From here on the token exists only in C memory.
    local secret, fault = core.secret(checked.token)
    if not secret then
      return nil, wrong_argument(1, name, "option 'token': the token " .. fault)
    end
    self._secret = secret
    self._hides = #checked.token >= SHORTEST_KEY
  else
    self._ask_token = checked.token
  end
  checked.token = nil
  -- libcurl's HTTP/2 helps many small requests, not a few large ones. Our own HTTP/1.1 costs less.
  local is_own = (checked.transport or core.transport) == "http1"
  checked.http_version = checked.http_version
    or ((is_own or fit.stop_limit(provider, false) > 1) and "1.1" or "2")
  checked.slots = checked.concurrency or SINGLES_IN_FLIGHT
  self._way = waiting.choose(checked.sleep)
  return self
end

-- Redacts the token from a message about wrong use: users sometimes pass it in the wrong option.
-- `given`: the client's options, or whatever was passed instead.
local function without_token(given, message)
  local token = type(given) == "table" and given.token
  local secret = type(token) == "string" and #token >= SHORTEST_KEY and core.secret(token)
  return secret and secret:redact(message) or message
end

-- made = client.new(options, name) | nil, what is wrong. `name`: the public function.
function client.new(given, name)
  local self, message = create(given, name)
  if not self then
    return nil, without_token(given, message)
  end
  return self
end

-- Opens connections at first use, since a client may be made long before its process forks.
local function open(self)
  if self._is_closed then
    error(run.CLOSED, 0)
  end
  if not self._session or not self._session:is_mine() then
    self._session = sessions.new(self._provider, self._options, self._way, self._secret,
      self._ask_token)
  end
  return self._session
end

-- The operation for a call and a kind: stop or stop_dispatch, status or status_dispatch.
local function operation_name(call, kind)
  return kind == "dispatch" and call .. "_dispatch" or call
end

-- Lists the provider's documented calls (or all, if allowed) for messages.
local function callable(self)
  local names, seen = {}, {}
  for key, operation in pairs(self._provider.operations) do
    local name = (key == "status_dispatch" and "status") or (key == "find_dispatch" and "find")
      or key
    local is_allowed = self._options.undocumented or not operation.undocumented
    if not seen[name] and is_allowed then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return table.concat(names, ", ")
end

-- Why no call is possible now, or nil.
local function obstacle(self)
  if self._is_closed then
    return run.CLOSED
  end
  return self._way.refusal and self._way.refusal()
end

-- operation = operation_of(self, call, kind, all) | nil, what is wrong, missing settings. all:
-- whether the caller accepts a stop that reaches beyond its ids.
local function operation_of(self, call, kind, all)
  if getmetatable(self) ~= Client then
    return nil, "calling a method on bad self: use client:" .. call .. "(…)"
  end
  local message = obstacle(self)
  if message then
    return nil, message
  end
  local provider = self._provider.name
  local name = operation_name(call, kind)
  local shown = (name == "status_dispatch" and "status for dispatches")
    or (name == "find_dispatch" and "find for dispatches") or name
  local operation = self._provider.operations[name]
  if not operation then
    return nil, ("%s has no %s; it has: %s"):format(provider, shown, callable(self))
  elseif operation.undocumented and not self._options.undocumented then
    return nil, ("%s documents %s; only its sibling brand documents %s: to try it, use "
      .. "undocumented = true"):format(provider, callable(self), shown)
  elseif operation.all and not (all or self._options.all) then
    return nil, ("a stop at %s stops %s: pass all = true if you mean that"):format(provider,
      operation.all)
  end
  local missing = settings.missing(self._provider, operation.needs, self._options.values)
  if #missing > 0 then
    return nil, ("%s: %s needs %s"):format(provider, shown, settings.name_all(self._provider,
      missing)), missing
  end
  return operation
end

client.operation = operation_of

-- Number of report fields that are not items.
local REPORT_FIELDS = 16

-- Ids per request of an operation.
local function ids_a_request(self, operation)
  return math.min(self._options.batch_size or operation.limit, operation.limit)
end

-- Seconds for a call over `total` ids: the deadline given, else enough for twice the time that the
-- rate takes. Unlimited if the total is unknown.
local function seconds_for(self, operation, call, total)
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
  local deadline = core.now() + seconds_for(self, operation, call, total)
  local session = open(self)
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
      or (is_batch(operation) and BATCHES_IN_FLIGHT or SINGLES_IN_FLIGHT),
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
    sink = sink and function(group, places, first, last, word, code, verified)
      local count = sink(group, places, first, last, word, code, verified)
      summary:count_alike(word, count)
      return count
    end,
    is_page = operation.is_page,
  }), summary, move
end

-- The provider's own address, ignoring base_url; nil if each customer has a separate host.
function client.own_address(self)
  local provider, values = self._provider, self._options.values
  local origin = wire.base(provider, values)
  return origin and provider.is_old and provider.url or origin
end

-- The address of an operation's requests, with all settings in it that are not the default. It
-- identifies the account, for callers that must recognize it.
function client.address(self, operation)
  local o = self._options
  local parts = { o.base_url or client.own_address(self) }
  local names = {}
  for name, value in pairs(o.values) do
    local setting = self._provider.settings[name]
    local is_default = setting.default ~= nil and settings.default(setting) == value
    if operation.seen[name] and not is_default then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    parts[#parts + 1] = name .. "=" .. o.values[name]
  end
  return table.concat(parts, " ")
end

-- Previews the request for `ids`, a checked list, without the token: { method, origin, target,
-- headers, body }. If several are needed, returns the first.
function client.preview(self, operation, ids)
  local session = open(self)
  local uuid = operation.has_uuid and "00000000-0000-4000-8000-000000000000" or ""
  local method, origin, target, headers, body = session.engine:preview(
    session:prepare(operation), ids, 1, #ids, uuid, operation.signing and signing.shown or nil)
  local lines, agent = {}, session:user_agent()
  for _, line in ipairs(headers) do
    if not line:find(":$") and line ~= "User-Agent: " .. agent then
      lines[#lines + 1] = line
    end
  end
  return { method = method, origin = origin, target = target, headers = lines, body = body,
    user_agent = agent }
end

-- The default kind of ids: what the provider documents a stop of.
local function default_kind(self)
  local stop = getmetatable(self) == Client and self._provider.operations.stop
  return stop and not stop.undocumented and "message" or "dispatch"
end

-- Returns one item per id of `list`, in order.
local function collect(self, operation, list, count, call)
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
local function verify_all(self, operation, result, given)
  local session = open(self)
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
      return collect(self, operation, list, #list, {
        deadline = seconds,
        is_interrupted = given.is_interrupted,
      })
    end,
  })
  result:recount(session.breathe)
  result.elapsed = result.elapsed + session.clock() - started
end

-- plan = plan_call(self, name, call, kind, given, call_options, offset) | nil, what is wrong
--
-- Checks everything before anything is sent. `name`: the public function; `call`: stop or status;
-- `offset`: the number of arguments before the ids.
local function plan_call(self, name, call, kind, given, call_options, offset)
  local checked, message = options.call(call_options)
  if checked and checked.kind and name == "stop_dispatch" and checked.kind ~= "dispatch" then
    checked, message = nil, "option 'kind': stop_dispatch only stops dispatches"
  end
  if not checked then
    return nil, wrong_argument(offset + 2, name, message)
  end
  local plan = { call = checked, operation = nil, status = nil, list = nil, count = nil }
  kind = checked.kind or kind
  plan.operation, message = operation_of(self, call, kind, checked.all)
  if plan.operation and checked.verify then
    plan.status, message = operation_of(self, "status", kind)
  end
  if not plan.operation or (checked.verify and not plan.status) then
    return nil, message
  end
  local is_one = type(given) == "table" and plan.operation.id.parts and given[1] == nil
    and next(given) ~= nil -- one id as a table of parts
  if type(given) == "string" or type(given) == "number" or is_one then
    given = { given }
  elseif type(given) ~= "table" then
    return nil, wrong_argument(offset + 1, name, "expected an id or a list of ids, got "
      .. type(given))
  end
  plan.list = given
  plan.count, message = source.length(given, self._way.breathe)
  if plan.count == 0 then
    message = "the list is empty; expected at least one id"
  end
  if message then
    return nil, wrong_argument(offset + 1, name, message)
  end
  return plan
end

-- Runs a plan. Every id gets its item, in the order given.
local function carry_out(self, plan)
  local deadline = core.now() + seconds_for(self, plan.operation, plan.call, plan.count)
  local result = collect(self, plan.operation, plan.list, plan.count, plan.call)
  local given = plan.call.verify
  local left = deadline - core.now()
  if given and left <= 0 then
    verify.tally(result, open(self).breathe)
  elseif given then
    verify_all(self, plan.status, result, {
      timeout = math.min(given.timeout, left),
      interval = given.interval,
      is_interrupted = given.is_interrupted or plan.call.is_interrupted,
    })
  end
  return result
end

-- report = client.stop_once(options, ids, call_options) | nil, what is wrong
function client.stop_once(given, ids, call_options)
  local self, message = client.new(given, "stop")
  if not self then
    return nil, message
  end
  local plan, result
  plan, message = plan_call(self, "stop", "stop", "message", ids, call_options, 1)
  if plan then
    result = carry_out(self, plan)
  end
  self:close()
  return result, message and without_token(given, message)
end

-- next_item, report, running: a stream of the items of a source's ids.
local function stream(self, operation, fill, call, sink)
  local running, report = start(self, operation, fill, call, nil, false, sink)
  return function()
    -- The closure also keeps the client from being collected.
    if self._is_closed then
      error(run.CLOSED, 2)
    end
    return running:next()
  end, report, running
end

-- Raises what is wrong, with the token redacted, at the caller of a public method.
local function refuse(self, message)
  local is_open = getmetatable(self) == Client and not self._is_closed
  error(is_open and self._hides and self._secret:redact(message) or message, 3)
end

---Stops messages. Every id gets exactly one item, in the order given; a repeated id is sent once.
---Raises only on wrong use: network and provider failures are reported per item.
---@param message_ids string|(string|integer)[] one id or a list
---@param call_options? stopmsg.CallOptions
---@return stopmsg.Report
function Client:stop(message_ids, call_options)
  local plan, wrong = plan_call(self, "stop", "stop", "message", message_ids, call_options, 0)
  if not plan then
    refuse(self, wrong)
  end
  return carry_out(self, plan)
end

---Stops whole dispatches (mailings), by their ids.
---@param dispatch_ids string|integer|(string|integer)[] one id or a list
---@param call_options? stopmsg.CallOptions
---@return stopmsg.Report
function Client:stop_dispatch(dispatch_ids, call_options)
  local plan, wrong = plan_call(self, "stop_dispatch", "stop", "dispatch", dispatch_ids,
    call_options, 0)
  if not plan then
    refuse(self, wrong)
  end
  return carry_out(self, plan)
end

---Stops the ids of a source in bounded memory: `for item in client:each(io.lines("ids.txt"))`.
---Items come in the order in which they settle. A repeated id is sent once, as long as the first is
---not settled. Trailing white space of a file's lines is removed, and blank lines are skipped.
---@param given (string|integer)[]|fun(): (string|integer|nil)|file* list, iterator or open file
---@param call_options? stopmsg.CallOptions
---@return fun(): stopmsg.Item?, integer? iterator returns an item and the place of its id
---@return stopmsg.Report summary counts so far, without the items
function Client:each(given, call_options)
  local call, wrong = options.call(call_options)
  if call and call.verify then
    call, wrong = nil, "option 'verify': each() does not keep the items to look up"
  end
  if not call then
    refuse(self, wrong_argument(2, "each", wrong))
  end
  local operation
  operation, wrong = operation_of(self, "stop", call.kind or "message", call.all)
  if not operation then
    refuse(self, wrong)
  end
  local take
  take, wrong = source.of(given, self._way.breathe)
  if not take then
    refuse(self, wrong_argument(1, "each", wrong))
  end
  local items, report = stream(self, operation, take, call)
  return items, report
end

-- In place of on_event, where that would be told of each request: alarm(event) is told of all but
-- requests, answers and items. traffic counts these: in_flight; and of answers count, ids, and
-- slowest (seconds). Either may be nil.
function client.listen(self, traffic, alarm)
  local o = self._options
  o.traffic, o.on_alarm = traffic, alarm
  if self._session then
    self._session.traffic, self._session.alarm = traffic, alarm
  end
end

-- next_item, report, running = client.stream(self, fill, stop_options, sink): each() over a source
-- as run/source.lua has it. Ids whose items would be alike go to the sink, see run/loop.lua.
-- running:ended() says why nothing more is sent.
function client.stream(self, fill, stop_options, sink)
  local call, wrong = options.call(stop_options)
  local operation
  if call then
    operation, wrong = operation_of(self, "stop", call.kind or "message", call.all)
  end
  if not operation then
    error(wrong, 2)
  end
  return stream(self, operation, fill, call, sink)
end

-- filter, kind | nil, what is wrong: the checked filter for the list of `kind`. `name`: the public
-- function.
local function filter_of(self, name, given, checked)
  local kind = checked.kind or default_kind(self)
  local operation, wrong = operation_of(self, "find", kind)
  if operation and name == "stop_where" then
    local stopping
    stopping, wrong = operation_of(self, "stop", kind, checked.all)
    operation = stopping and operation
  end
  if not operation then
    return nil, wrong
  end
  local filter
  filter, wrong = find.filter(operation, self._provider.name, given, find.now(), {
    needs_one = name == "stop_where",
    all = checked.all,
  })
  if not filter then
    return nil, wrong_argument(1, name, wrong)
  end
  return filter, kind
end

-- filter, kind = client.filter(self, kind, given, is_stop, all) | nil, what is wrong: for callers
-- that show the filter first. kind: "message", "dispatch", or nil for the provider's default.
function client.filter(self, kind, given, is_stop, all)
  return filter_of(self, is_stop and "stop_where" or "find", given, { kind = kind, all = all })
end

-- filter, kind, call | nil, what is wrong. `name`: the public function, whose options `given` are.
local function plan_find(self, name, filter, given)
  local call, wrong = options[name](given)
  if not call then
    return nil, wrong_argument(2, name, wrong)
  end
  local checked, kind = filter_of(self, name, filter, call)
  return checked, kind, call
end

-- Makes the reader of a filtered list, for a call with `report`.
local function lister_of(self, filter, call, report)
  local session, o = open(self), self._options
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
      return collect(self, paged, list, #list, {
        deadline = seconds,
        is_interrupted = call.is_interrupted,
      })
    end,
  })
end

---Lists what can still be stopped, in bounded memory:
---`for item in client:find({ dispatch = 17 })`. Each id is returned once. At the end,
---`report.is_complete` says whether the whole list was read; if not, `report.err` says why, and the
---items returned are still right.
---Raises only on wrong use, such as an unknown filter or an invalid time.
---@param filter? stopmsg.Where
---@param find_options? stopmsg.FindOptions
---@return fun(): stopmsg.Item? iterator returns items with the outcome `open`
---@return stopmsg.FindReport report
function Client:find(filter, find_options)
  local checked, kind, call = plan_find(self, "find", filter, find_options)
  if not checked then
    refuse(self, kind)
  end
  local report = reports.new()
  report.kind, report.is_lookup, report.is_complete = kind, true, false
  local started = core.now()
  local next_item = find.items(lister_of(self, checked, call, report), report)
  return function()
    if self._is_closed then
      error(run.CLOSED, 2)
    end
    local item = next_item()
    report.elapsed = core.now() - started
    return item
  end, report
end

-- next_item, report = hunt(self, filter, kind, call, with): stops what is found. with: seen, first,
-- found, see find.source.
local function hunt(self, filter, kind, call, with)
  local running, source_of, seen
  local operation = operation_of(self, "stop", kind, call.all)
  local stopping, report = start(self, operation, function(chunk, want)
    return source_of(chunk, want)
  end, call, nil, true, with.sink)
  running = stopping
  source_of, seen = find.source(lister_of(self, filter, call, report), {
    report = report,
    clock = open(self).clock,
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

-- next_item, report = client.hunt(self, filter, kind, stop_options, with): stop_where for callers
-- that also store what was found. `filter` comes from client.filter.
function client.hunt(self, filter, kind, stop_options, with)
  local call, wrong = options.stop_where(stop_options)
  if not call then
    error(wrong, 2)
  end
  return hunt(self, filter, kind, call, with)
end

---Finds what can still be stopped and stops it, look after look, until two complete looks in a row,
---`interval` seconds apart, find nothing new. Each id is stopped once. Items come as in `each`;
---iterate to the end. Then `report.is_complete` says whether the list was read to its end;
---`report.rounds` and `report.found` count looks and ids so far.
---Raises on wrong use, and without a filter unless `all = true`.
---@param filter? stopmsg.Where
---@param stop_options? stopmsg.StopWhereOptions
---@return fun(): stopmsg.Item? iterator returns an item per id found
---@return stopmsg.FindReport report counts so far, without the items
function Client:stop_where(filter, stop_options)
  local checked, kind, call = plan_find(self, "stop_where", filter, stop_options)
  if not checked then
    refuse(self, kind)
  end
  return hunt(self, checked, kind, call, {})
end

---Looks up messages: `state` is the provider's word, `outcome` is what it proves.
---@param ids string|integer|(string|integer)[] one id or a list
---@param call_options? stopmsg.CallOptions `kind` defaults to what the provider documents a stop of
---@return stopmsg.Report
function Client:status(ids, call_options)
  local kind = default_kind(self)
  local plan, wrong = plan_call(self, "status", "status", kind, ids, call_options, 0)
  if not plan then
    refuse(self, wrong)
  end
  return carry_out(self, plan)
end

---Looks up what a report promises or leaves open until it is settled, and updates its items: proven
---ones are `verified`. Items that the lookups do not prove stay as they are.
---@param report stopmsg.Report of `stop` or `stop_dispatch`
---@param verify_options? stopmsg.VerifyOptions
---@return stopmsg.Report report the same report
function Client:verify(report, verify_options)
  local given, wrong = options.verify(verify_options)
  if not given then
    refuse(self, wrong_argument(2, "verify", wrong))
  end
  if not reports.is(report) then
    refuse(self, wrong_argument(1, "verify", "expected a report, got " .. type(report)))
  end
  local operation
  operation, wrong = operation_of(self, "status", report.kind)
  if not operation then
    refuse(self, wrong)
  end
  verify_all(self, operation, report, given)
  return report
end

---Tests the credentials and the connection, and stops nothing. At Revicom this requests the
---balance, which any type of key may do: https://api.direct.revicom.ltd/extra/balance
---@return true? ok
---@return string? message "unsupported" if the provider documents no such call
---@return stopmsg.CheckError? err
function Client:check()
  local wrong = obstacle(self)
  if wrong then
    refuse(self, wrong)
  end
  local operation = self._provider.operations.check
  if not operation or (operation.undocumented and not self._options.undocumented) then
    return nil, "unsupported", check_error({ outcome = "unknown", reason = "unsupported" })
  end
  local item = collect(self, operation, { "check" }, 1, { patience = 0 })[1]
  if item.outcome == "accepted" then
    return true
  end
  local err = check_error(item)
  return nil, tostring(err), err
end

---Closes the connections and wipes the token. Can be called again; all other calls then raise.
function Client:close()
  self._is_closed = true
  if self._session then
    self._session:close()
  end
  self._session = nil
  if self._secret then
    self._secret:close()
  end
end

Client.__gc = Client.close
Client.__close = Client.close

function Client:__tostring()
  return ("stopmsg.client (%s%s)"):format(self._provider.name, self._is_closed and ", closed" or "")
end

return client
