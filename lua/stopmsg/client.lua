-- A client: options made into connections, and the calls that users make on it.

local core = require("stopmsg.core")
local options = require("stopmsg.options")
local pacer = require("stopmsg.pacer")
local providers = require("stopmsg.providers")
local report = require("stopmsg.report")
local run = require("stopmsg.run")
local text = require("stopmsg.text")
local version = require("stopmsg.version")
local waiting = require("stopmsg.waiting")

local client = {}

-- Requests in flight where the user names no number.
local BATCHES_IN_FLIGHT, SINGLES_IN_FLIGHT = 4, 16

---@class stopmsg.Client
local Client = {}
Client.__index = Client
Client.__name = "stopmsg.client"

-- Raises at the caller of the public function, in Lua's own words.
local function wrong_argument(position, name, message, level)
  error(("bad argument #%d to '%s' (%s)"):format(position, name, message), (level or 1) + 2)
end

-- { ["host:port"] = "address" } as libcurl wants it.
local function resolve_list(resolve)
  local list = {}
  for place, address in pairs(resolve or {}) do
    list[#list + 1] = place .. ":" .. address
  end
  table.sort(list)
  return list
end

local function is_batch(operation)
  return operation.limit > 1
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
  local limit = 0
  for _, operation in pairs(provider.operations) do
    limit = math.max(limit, operation.limit)
  end
  if checked.batch_size and checked.batch_size > limit then
    return ("option 'batch_size': %s takes at most %d id(s) in a request, got %d"):format(
      provider.name, limit, checked.batch_size)
  end
  local base_url = checked.base_url or provider.base_url
  local usable, message = core.check_base(base_url, checked.allow_http)
  if not usable then
    return ("option 'base_url': %s %s"):format(text.quote(base_url), message)
  end
end

-- Many small requests gain from HTTP/2, a few large ones do not.
local function default_http_version(provider)
  for _, operation in pairs(provider.operations) do
    if is_batch(operation) and not operation.undocumented then
      return "1.1"
    end
  end
  return "2"
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
  checked.http_version = checked.http_version or default_http_version(provider)
  self._wait = checked.sleep and waiting.scheduler(checked.sleep) or waiting.thread()
  self._pacer = pacer.new(checked.rate, checked.burst)
  return self
end

-- secret, or nil and what is wrong with what the token function gave.
local function ask_token(self)
  local token = self._ask_token()
  if type(token) ~= "string" then
    return nil, "has to return a string, got a " .. type(token)
  end
  local secret, fault = core.secret(token)
  if not secret then
    return nil, "returned a token that " .. fault
  end
  return secret
end

-- Tells all operations of the engine the token that is now in use.
local function authorize(pool, secret)
  pool.secret = secret
  for _, number in pairs(pool.numbers) do
    pool.engine:authorize(number, secret)
  end
end

-- Asks the token function once more. False where that gave no token that can be used.
local function renew(self, pool)
  local called, secret = pcall(ask_token, self)
  if not called or not secret then
    return false
  end
  authorize(pool, secret)
  pool.generation = pool.generation + 1
  return true
end

local function engine_options(self)
  local o = self._options
  local proxy = o.proxy
  -- The environment's proxy would read a plain request, and a server must not be steered by
  -- the environment of whoever started it.
  if not proxy and (o.base_url:find("^[Hh][Tt][Tt][Pp]:") or rawget(_G, "ngx")) then
    proxy = ""
  end
  return {
    slots = o.concurrency or SINGLES_IN_FLIGHT,
    connect_timeout = o.connect_timeout,
    max_response = o.max_response,
    http2 = o.http_version == "2",
    insecure = not o.verify_tls,
    ca_file = o.ca_file,
    ca_path = o.ca_path,
    proxy = proxy,
    user_agent = o.user_agent or "stopmsg/" .. version,
    resolve = resolve_list(o.resolve),
  }
end

-- The connections, made at first use: a client may be made long before, in a process that forks.
local function open(self)
  local pool = self._pool
  if pool and pool.pid == core.pid() then
    return pool
  end
  local secret = self._secret
  if not secret then
    local fault
    secret, fault = ask_token(self)
    if not secret then
      error("the token function " .. fault, 0)
    end
  end
  local engine, message = core.engine(engine_options(self))
  if not engine then
    error("libcurl: " .. message, 0)
  end
  pool = {
    engine = engine,
    pid = core.pid(),
    clock = core.now,
    wait = self._wait,
    pacer = self._pacer,
    flights = {},
    numbers = {}, -- operation -> its number in the engine
    generation = 1,
    secret = secret,
    emit = self._options.on_event,
    is_closed = false,
  }
  pool.redact = function(s)
    return pool.secret:redact(s)
  end
  if self._ask_token then
    pool.renew = function()
      return renew(self, pool)
    end
  end
  self._pool = pool
  return pool
end

-- All header lines of an operation but the token's.
local function header_lines(self, operation)
  local lines = {}
  local format = self._provider.formats[self._options.format]
  local lists = { self._provider.headers, format.headers or {}, operation.headers or {} }
  for _, list in ipairs(lists) do
    for _, line in ipairs(list) do
      lines[#lines + 1] = line
    end
  end
  -- libcurl would ask for "100 Continue" before large bodies, and call every POST a form.
  lines[#lines + 1] = "Expect:"
  lines[#lines + 1] = operation.body and "Content-Type: " .. operation.body.type or "Content-Type:"
  return lines
end

-- The operation's number in the engine; prepared when it is first used.
local function prepare(self, pool, operation)
  local number = pool.numbers[operation.name]
  if not number then
    number = pool.engine:prepare({
      method = operation.method,
      base = self._options.base_url,
      allow_http = self._options.allow_http,
      url = operation.url_form,
      body = operation.body_form,
      headers = header_lines(self, operation),
      auth = self._provider.auth,
    })
    pool.engine:authorize(number, pool.secret)
    pool.numbers[operation.name] = number
  end
  return number
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
  return operation
end

-- A run of `operation` over `source`.
local function start(self, operation, source, call, keeps)
  local pool = open(self)
  local o = self._options
  local summary = report.new()
  return run.new(pool, {
    operation = operation,
    number = prepare(self, pool, operation),
    source = source,
    limit = math.min(o.batch_size or operation.limit, operation.limit),
    concurrency = o.concurrency
      or (is_batch(operation) and BATCHES_IN_FLIGHT or SINGLES_IN_FLIGHT),
    timeout = o.timeout,
    deadline = core.now() + (call.deadline or o.deadline),
    max_attempts = o.max_attempts,
    format = o.format,
    provider = self._provider.name,
    summary = summary,
    on_item = call.on_item,
    keeps = keeps,
  }), summary
end

-- The number of places in a list, holes included. nil and why, for what is no list.
local function length_of(list)
  local count, last = 0, 0
  for key in pairs(list) do
    if type(key) ~= "number" or key < 1 or key % 1 ~= 0 then
      return nil, ("a list of ids expected, this table has the key %s"):format(text.quote(key))
    end
    count = count + 1
    last = math.max(last, key)
  end
  if last > 2 * count + 16 then
    return nil, ("a list of ids expected, this table has %d of %.0f places filled"):format(count,
      last)
  end
  return last
end

local function list_source(list, count)
  local i = 0
  return function()
    i = i + 1
    if i > count then
      return false
    end
    return true, list[i]
  end
end

-- Lines of an open file, without the carriage returns of other systems; blank ones are no ids.
local function file_source(file)
  return function()
    local line
    repeat
      line = file:read("*l")
      line = line and line:gsub("%s+$", "")
    until line ~= ""
    return line ~= nil, line
  end
end

local function iterator_source(iterator)
  return function()
    local id = iterator()
    return id ~= nil, id
  end
end

local function check_call(given, name, level)
  local call, message = options.call(given)
  if not call then
    wrong_argument(2, name, message, level + 1)
  end
  return call
end

local function operation_name(call, default)
  return call.kind == "dispatch" and "stop_dispatch" or call.kind == "message" and "stop" or default
end

-- Everything that is given gets its item, in the order given.
local function stop_all(self, name, given, call_options)
  local call = check_call(call_options, name, 2)
  local operation = operation_of(self, operation_name(call, name), 3)
  local list = given
  if type(given) ~= "table" then
    if type(given) ~= "string" and type(given) ~= "number" then
      wrong_argument(1, name, "an id or a list of ids expected, got " .. type(given), 2)
    end
    list = { given }
  end
  local count, message = length_of(list)
  if count == 0 then
    message = "an empty list: give at least one id"
  end
  if message then
    wrong_argument(1, name, message, 2)
  end

  local running, result = start(self, operation, list_source(list, count), call, true)
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

---Stops messages. Every id gets exactly one item, in the order given; a repeated id is sent once.
---Raises on wrong use only: what the network and the provider do is in the items.
---@param message_ids string|(string|integer)[] one id or a list
---@param call_options? stopmsg.CallOptions
---@return stopmsg.Report
function Client:stop(message_ids, call_options)
  local result = stop_all(self, "stop", message_ids, call_options)
  return result
end

---Stops whole dispatches (mailings), by their ids.
---@param dispatch_ids string|integer|(string|integer)[] one id or a list
---@param call_options? stopmsg.CallOptions
---@return stopmsg.Report
function Client:stop_dispatch(dispatch_ids, call_options)
  local result = stop_all(self, "stop_dispatch", dispatch_ids, call_options)
  return result
end

---Stops what a source gives, in bounded memory: `for item in client:each(io.lines("ids.txt"))`.
---Items come in the order in which they settle. An id that comes again is sent once as long as the
---first is not settled. A file's lines lose white space at their end, and blank ones are no ids.
---@param source (string|integer)[]|fun(): (string|integer|nil)|file* list, iterator or open file
---@param call_options? stopmsg.CallOptions
---@return fun(): stopmsg.Item?, integer? iterator gives an item and the place of its id
---@return stopmsg.Report summary counts so far, without the items
function Client:each(source, call_options)
  local call = check_call(call_options, "each", 1)
  local operation = operation_of(self, operation_name(call, "stop"), 2)
  local take
  if type(source) == "function" then
    take = iterator_source(source)
  elseif io.type(source) == "file" then
    take = file_source(source)
  elseif type(source) == "table" then
    local count, message = length_of(source)
    if not count then
      wrong_argument(1, "each", message, 1)
    end
    take = list_source(source, count)
  else
    wrong_argument(1, "each", "a list, an iterator function or an open file expected, got "
      .. (io.type(source) or type(source)), 1)
  end
  local running, summary = start(self, operation, take, call, false)
  return function()
    return running:next()
  end, summary
end

---Closes the connections and wipes the token. May be called again; anything else then raises.
function Client:close()
  local pool = self._pool
  self._is_closed = true
  self._pool = nil
  if pool then
    pool.is_closed = true
    pool.engine:close()
    pool.secret:close()
  end
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
