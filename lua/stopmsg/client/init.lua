-- The client: checks its options, and provides the calls that users make.

local abilities = require("stopmsg.client.abilities")
local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local find = require("stopmsg.find")
local fit = require("stopmsg.provider.fit")
local options = require("stopmsg.options")
local providers = require("stopmsg.provider")
local reports = require("stopmsg.report")
local replies = require("stopmsg.run.replies")
local requests = require("stopmsg.client.requests")
local run = require("stopmsg.run.loop")
local runs = require("stopmsg.client.runs")
local source = require("stopmsg.run.source")
local verify = require("stopmsg.run.verify")
local waiting = require("stopmsg.wait")

local client = {}

-- Shorter tokens are not redacted from messages about wrong use: they would match ordinary words.
local SHORTEST_KEY = 8

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

  local self = setmetatable({
    _provider = provider,
    _options = checked,
    _streams = setmetatable({}, { __mode = "k" }), -- the runs whose items somebody takes
  }, Client)
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
  checked.slots = checked.concurrency or runs.SINGLES_IN_FLIGHT
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

-- operation = client.operation(self, call, kind, all) | nil, what is wrong, missing settings: see
-- abilities.lua.
function client.operation(self, call, kind, all)
  if getmetatable(self) ~= Client then
    return nil, "calling a method on bad self: use client:" .. call .. "(…)"
  end
  return abilities.operation(self, call, kind, all)
end

client.own_address = requests.own_address
client.address = requests.address
client.preview = requests.preview

-- The default kind of ids: what the provider documents a stop of.
local function default_kind(self)
  local stop = getmetatable(self) == Client and self._provider.operations.stop
  return stop and not stop.undocumented and "message" or "dispatch"
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
  plan.operation, message = client.operation(self, call, kind, checked.all)
  if plan.operation and checked.verify then
    plan.status, message = client.operation(self, "status", kind)
  end
  if not plan.operation or (checked.verify and not plan.status) then
    return nil, message
  end
  local is_one = type(given) == "table" and plan.operation.id.parts and given[1] == nil
    and next(given) ~= nil -- one id as a table of parts
  if type(given) == "string" or type(given) == "number" or is_one then
    plan.list, plan.count = { given }, 1
    return plan
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
  local given = plan.call.verify
  if not given then
    return runs.collect(self, plan.operation, plan.list, plan.count, plan.call)
  end
  local deadline = core.now() + runs.seconds_for(self, plan.operation, plan.call, plan.count)
  local heard = {}
  local result = runs.collect(self, plan.operation, plan.list, plan.count, plan.call, heard)
  local left = deadline - core.now()
  if left <= 0 then
    verify.tally(result, runs.open(self).breathe)
    replies.judge(heard, result)
  else
    runs.verify_all(self, plan.status, result, {
      timeout = math.min(given.timeout, left),
      interval = given.interval,
      is_interrupted = given.is_interrupted or plan.call.is_interrupted,
    }, heard)
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
  operation, wrong = client.operation(self, "stop", call.kind or "message", call.all)
  if not operation then
    refuse(self, wrong)
  end
  local take
  take, wrong = source.of(given, self._way.breathe)
  if not take then
    refuse(self, wrong_argument(1, "each", wrong))
  end
  local items, report = runs.stream(self, operation, take, call)
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
    operation, wrong = client.operation(self, "stop", call.kind or "message", call.all)
  end
  if not operation then
    error(wrong, 2)
  end
  return runs.stream(self, operation, fill, call, sink)
end

-- filter, kind | nil, what is wrong: the checked filter for the list of `kind`. `name`: the public
-- function.
local function filter_of(self, name, given, checked)
  local kind = checked.kind or default_kind(self)
  local operation, wrong = client.operation(self, "find", kind)
  if operation and name == "stop_where" then
    local stopping
    stopping, wrong = client.operation(self, "stop", kind, checked.all)
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
  local next_item = runs.list(self, checked, call, report)
  return function()
    if self._is_closed then
      error(run.CLOSED, 2)
    end
    local item = next_item()
    report.elapsed = core.now() - started
    return item
  end, report
end

-- next_item, report = client.hunt(self, filter, kind, stop_options, with): stop_where for callers
-- that also store what was found. `filter` comes from client.filter.
function client.hunt(self, filter, kind, stop_options, with)
  local call, wrong = options.stop_where(stop_options)
  if not call then
    error(wrong, 2)
  end
  return runs.hunt(self, filter, kind, call, with)
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
  return runs.hunt(self, checked, kind, call, {})
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
  operation, wrong = client.operation(self, "status", report.kind)
  if not operation then
    refuse(self, wrong)
  end
  runs.verify_all(self, operation, report, given, {})
  return report
end

---Tests the credentials and the connection, and stops nothing. At Revicom this requests the
---balance, which any type of key may do: https://api.direct.revicom.ltd/extra/balance
---@return true? ok
---@return string? message "unsupported" if the provider documents no such call
---@return stopmsg.CheckError? err
function Client:check()
  local wrong = abilities.obstacle(self)
  if wrong then
    refuse(self, wrong)
  end
  local operation = self._provider.operations.check
  if not operation or (operation.undocumented and not self._options.undocumented) then
    return nil, "unsupported", check_error({ outcome = "unknown", reason = "unsupported" })
  end
  local item = runs.collect(self, operation, { "check" }, 1, { patience = 0 })[1]
  if item.outcome == "accepted" then
    return true
  end
  local err = check_error(item)
  return nil, tostring(err), err
end

---Closes the connections and wipes the token. Can be called again; all other calls then raise.
function Client:close()
  self._is_closed = true
  runs.shut(self)
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
