-- A client: options made into connections, and the calls that users make on it.

local core = require("stopmsg.core")
local options = require("stopmsg.options")
local pools = require("stopmsg.pool")
local providers = require("stopmsg.providers")
local reports = require("stopmsg.report")
local run = require("stopmsg.run")
local source = require("stopmsg.source")
local verify = require("stopmsg.verify")

local client = {}

-- Requests in flight where the user names no number.
local BATCHES_IN_FLIGHT, SINGLES_IN_FLIGHT = 4, 16

-- What `check` gives to programs: the fields of an item that explain a failure.
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

-- Raises at the caller of the public function, in Lua's own words.
local function wrong_argument(position, name, message, level)
  error(("bad argument #%d to '%s' (%s)"):format(position, name, message), (level or 1) + 2)
end

local function is_batch(operation)
  return operation.limit > 1
end

-- The most ids that a stop of the provider takes in one request.
local function stop_limit(provider, with_undocumented)
  local limit = 1
  for _, name in ipairs({ "stop", "stop_dispatch" }) do
    local operation = provider.operations[name]
    if operation and (with_undocumented or not operation.undocumented) then
      limit = math.max(limit, operation.limit)
    end
  end
  return limit
end

-- What can only be checked with the provider at hand. nil, or what is wrong.
local function misfit(checked, provider)
  local format = provider.formats[checked.format]
  if not format then
    return ("option 'format': %s does not answer in %s"):format(provider.name, checked.format)
  end
  if format.needs then
    local found, message = pcall(require, format.needs)
    if not found then
      return "option 'format': " .. message
    end
  end
  local limit = stop_limit(provider, checked.undocumented)
  if checked.batch_size and checked.batch_size > limit then
    return ("option 'batch_size': %s takes at most %d id(s) in a request, got %d"):format(
      provider.name, limit, checked.batch_size)
  end
  local base_url = checked.base_url or provider.base_url
  local usable, message = core.check_base(base_url, checked.allow_http)
  if not usable then
    -- Without the URL itself: a token may have got into it.
    return "option 'base_url' " .. message
  end
end

-- client.new(options): see stopmsg.new. `level` is where errors point to.
function client.new(given, level)
  level = (level or 1) + 1
  local checked, message = options.client(given)
  if not checked then
    wrong_argument(1, "new", message, level)
  end
  local loaded, provider = pcall(providers.load, checked.provider)
  if not loaded then
    wrong_argument(1, "new", "option 'provider': " .. provider, level)
  end
  message = misfit(checked, provider)
  if message then
    wrong_argument(1, "new", message, level)
  end

  local self = setmetatable({ _provider = provider, _options = checked }, Client)
  if type(checked.token) == "string" then
    -- From here on the token is in C memory only.
    local secret, fault = core.secret(checked.token)
    if not secret then
      wrong_argument(1, "new", "option 'token': the token " .. fault, level)
    end
    self._secret = secret
  else
    self._ask_token = checked.token
  end
  checked.token = nil
  checked.base_url = checked.base_url or provider.base_url
  -- Many small requests gain from HTTP/2, a few large ones do not.
  checked.http_version = checked.http_version
    or (stop_limit(provider, false) > 1 and "1.1" or "2")
  checked.slots = checked.concurrency or SINGLES_IN_FLIGHT
  return self
end

-- The connections, made at first use: a client may be made long before, in a process that forks.
local function open(self)
  if not self._pool or not self._pool:is_mine() then
    self._pool = pools.new(self._provider, self._options, self._secret, self._ask_token)
  end
  return self._pool
end

-- The operations that may be called, as a list for messages.
local function callable(self)
  local names = {}
  for name, operation in pairs(self._provider.operations) do
    if self._options.undocumented or not operation.undocumented then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return table.concat(names, ", ")
end

-- The operation of that name; raises where the provider has none.
local function operation_of(self, name, level)
  if self._is_closed then
    error("attempt to use a closed client", level + 1)
  end
  local operation = self._provider.operations[name]
  if not operation then
    error(("%s has no %s; it has: %s"):format(self._provider.name, name, callable(self)), level + 1)
  end
  if operation.undocumented and not self._options.undocumented then
    error(("%s does not document %s, only its sibling brand does; with undocumented = true it is "
      .. "tried all the same; documented: %s"):format(self._provider.name, name, callable(self)),
      level + 1)
  end
  if operation.needs and not self._options[operation.needs] then
    error(("%s needs the option '%s' for %s"):format(self._provider.name, operation.needs, name),
      level + 1)
  end
  return operation
end

-- A run of `operation` over `source`.
local function start(self, operation, take, call, keeps)
  local deadline = core.now() + (call.deadline or self._options.deadline)
  local pool = open(self)
  local o = self._options
  local summary = reports.new()
  summary.kind = operation.name:find("_dispatch$") and "dispatch" or "message"
  return run.new(pool, {
    operation = operation,
    number = pool:prepare(operation),
    source = take,
    limit = math.min(o.batch_size or operation.limit, operation.limit),
    concurrency = o.concurrency
      or (is_batch(operation) and BATCHES_IN_FLIGHT or SINGLES_IN_FLIGHT),
    timeout = o.timeout,
    deadline = deadline,
    max_attempts = o.max_attempts,
    format = o.format,
    provider = self._provider.name,
    summary = summary,
    on_item = call.on_item,
    keeps = keeps,
  }), summary
end

local function check_call(given, name, level)
  local call, message = options.call(given)
  if not call then
    wrong_argument(2, name, message, level + 1)
  end
  return call
end

-- The operation that `kind` makes of a call: stop, or stop_dispatch; status, or status_dispatch.
local function operation_name(call, kind)
  return kind == "dispatch" and call .. "_dispatch" or call
end

-- What ids mean where nobody says it: what the provider documents a stop of.
local function default_kind(self)
  local stop = self._provider.operations.stop
  return stop and not stop.undocumented and "message" or "dispatch"
end

-- One item for each id of `list`, in its order.
local function collect(self, operation, list, count, call)
  local running, result = start(self, operation, source.list(list, count), call, true)
  -- Items settle in any order; filled from the start the list stays an array.
  for place = 1, count do
    result[place] = false
  end
  -- No generic `for`: on Lua 5.1 its iterator must not yield, and a scheduler's sleep does.
  local item, place = running:next()
  while item do
    result[place] = item
    item, place = running:next()
  end
  return result
end

local function verify_all(self, result, given, kind)
  local operation = operation_of(self, operation_name("status", kind), 4)
  local pool = open(self)
  local started = pool.clock()
  verify.run(result, {
    timeout = given.timeout,
    interval = given.interval,
    clock = pool.clock,
    wait = function(seconds)
      pool:pause(seconds)
    end,
    lookup = function(list, seconds)
      return collect(self, operation, list, #list, { deadline = seconds })
    end,
  })
  result:recount()
  result.elapsed = result.elapsed + pool.clock() - started
end

-- Everything that is given gets its item, in the order given. `name` is the public function,
-- `base` the operation without its kind.
local function call_all(self, name, base, kind, given, call_options)
  local call = check_call(call_options, name, 2)
  kind = call.kind or kind
  local operation = operation_of(self, operation_name(base, kind), 3)
  if call.verify then
    operation_of(self, operation_name("status", kind), 3)
  end
  local list = given
  if type(given) ~= "table" then
    if type(given) ~= "string" and type(given) ~= "number" then
      wrong_argument(1, name, "an id or a list of ids expected, got " .. type(given), 2)
    end
    list = { given }
  end
  local count, message = source.length(list)
  if count == 0 then
    message = "an empty list: give at least one id"
  end
  if message then
    wrong_argument(1, name, message, 2)
  end
  local result = collect(self, operation, list, count, call)
  if call.verify then
    verify_all(self, result, call.verify, kind)
  end
  return result
end

---Stops messages. Every id gets exactly one item, in the order given; a repeated id is sent once.
---Raises on wrong use only: what the network and the provider do is in the items.
---@param message_ids string|(string|integer)[] one id or a list
---@param call_options? stopmsg.CallOptions
---@return stopmsg.Report
function Client:stop(message_ids, call_options)
  local result = call_all(self, "stop", "stop", "message", message_ids, call_options)
  return result
end

---Stops whole dispatches (mailings), by their ids.
---@param dispatch_ids string|integer|(string|integer)[] one id or a list
---@param call_options? stopmsg.CallOptions
---@return stopmsg.Report
function Client:stop_dispatch(dispatch_ids, call_options)
  local result = call_all(self, "stop_dispatch", "stop", "dispatch", dispatch_ids, call_options)
  return result
end

---Stops what a source gives, in bounded memory: `for item in client:each(io.lines("ids.txt"))`.
---Items come in the order in which they settle. An id that comes again is sent once as long as the
---first is not settled. A file's lines lose white space at their end, and blank ones are no ids.
---@param given (string|integer)[]|fun(): (string|integer|nil)|file* list, iterator or open file
---@param call_options? stopmsg.CallOptions
---@return fun(): stopmsg.Item?, integer? iterator gives an item and the place of its id
---@return stopmsg.Report summary counts so far, without the items
function Client:each(given, call_options)
  local call = check_call(call_options, "each", 1)
  if call.verify then
    wrong_argument(2, "each", "option 'verify': a stream keeps no items to look up later", 1)
  end
  local operation = operation_of(self, operation_name("stop", call.kind or "message"), 2)
  local take
  if type(given) == "function" then
    take = source.iterator(given)
  elseif io.type(given) == "file" then
    take = source.file(given)
  elseif type(given) == "table" then
    local count, message = source.length(given)
    if not count then
      wrong_argument(1, "each", message, 1)
    end
    take = source.list(given, count)
  else
    wrong_argument(1, "each", "a list, an iterator function or an open file expected, got "
      .. (io.type(given) or type(given)), 1)
  end
  local running, summary = start(self, operation, take, call, false)
  return function()
    return running:next()
  end, summary
end

---Looks up messages: `state` is the provider's word, `outcome` what that proves.
---@param ids string|integer|(string|integer)[] one id or a list
---@param call_options? stopmsg.CallOptions `kind` defaults to what the provider documents a stop of
---@return stopmsg.Report
function Client:status(ids, call_options)
  local result = call_all(self, "status", "status", default_kind(self), ids, call_options)
  return result
end

---Looks up what a report promises or leaves open until it is settled, and changes its items: proven
---ones are `verified`. What the lookups do not prove stays as it is.
---@param report stopmsg.Report of `stop` or `stop_dispatch`
---@param verify_options? stopmsg.VerifyOptions
---@return stopmsg.Report report the one given
function Client:verify(report, verify_options)
  local given, message = options.verify(verify_options)
  if not given then
    wrong_argument(2, "verify", message, 1)
  end
  if not reports.is(report) then
    wrong_argument(1, "verify", "a report expected, got " .. type(report), 1)
  end
  verify_all(self, report, given, report.kind)
  return report
end

---Tries the credentials and the connection, and stops nothing. At Revicom this asks for the balance,
---which any type of key may do: https://api.direct.revicom.ltd/extra/balance
---@return true? ok
---@return string? message "unsupported" where the provider documents no such call
---@return stopmsg.CheckError? err
function Client:check()
  if self._is_closed then
    error("attempt to use a closed client", 2)
  end
  local operation = self._provider.operations.check
  if not operation or (operation.undocumented and not self._options.undocumented) then
    return nil, "unsupported", check_error({ outcome = "unknown", reason = "unsupported" })
  end
  local item = collect(self, operation, { "check" }, 1, {})[1]
  if item.outcome == "accepted" then
    return true
  end
  local err = check_error(item)
  return nil, tostring(err), err
end

---Closes the connections and wipes the token. May be called again; anything else then raises.
function Client:close()
  self._is_closed = true
  if self._pool then
    self._pool:close()
  end
  self._pool = nil
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
