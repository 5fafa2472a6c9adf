-- The connections of a client: one engine with its prepared operations and the token in use.
-- All runs of the client share it; run/loop.lua says which of its fields a run uses.

local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local fetch = require("stopmsg.fetch")
local nginx = require("stopmsg.wait.nginx")
local outages = require("stopmsg.outage")
local pacer = require("stopmsg.pacer")
local signing = require("stopmsg.provider.signing")
local usual = require("stopmsg.provider.usual")
local version = require("stopmsg.version")
local waiting = require("stopmsg.wait")
local wire = require("stopmsg.provider.wire")

local session = {}

-- Tokens whose repetitions are hidden: those before were refused, or ended, long ago.
local MOST_SECRETS = 16

-- Where what is signed gets its time and its random numbers from.
local SOURCES = {
  now = function()
    return os.time()
  end,
  uuid = function()
    return core.uuid()
  end,
  pack = function(text)
    return core.base64(core.deflate(text))
  end,
}

-- Seconds for which others wait while a call renews the token, which may have been ended in the
-- middle, as by nginx; and between two looks.
local RENEWAL, LOOK_EVERY = 2, 0.02

-- Methods by which libcurl sends a form, unless it is told otherwise.
local UPLOADS = { POST = true, PUT = true, PATCH = true }

local Session = {}
Session.__index = Session

-- { ["host:port"] = "address" } as libcurl wants it.
local function resolve_list(resolve)
  local list = {}
  for place, address in pairs(resolve or {}) do
    list[#list + 1] = place .. ":" .. address
  end
  table.sort(list)
  return list
end

local function user_agent_of(o)
  return o.user_agent or "stopmsg/" .. version
end

-- What libcurl would ask the environment for at each request.
local function names_proxy()
  for _, name in ipairs({ "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }) do
    if (os.getenv(name) or "") ~= "" then
      return true
    end
  end
  return false
end

-- The proxy as libcurl is told it: "" for none, nil for the environment's.
local function proxy_of(o, is_plain)
  -- The environment's proxy would read a plain request, and a server must not be steered by
  -- the environment of whoever started it.
  if not o.proxy and (is_plain or nginx.is_here() or not names_proxy()) then
    return ""
  end
  return o.proxy
end

local function engine_options(o)
  local is_plain = o.address:find("^[Hh][Tt][Tt][Pp]:") ~= nil
  local proxy = proxy_of(o, is_plain)
  return {
    slots = o.slots,
    connect_timeout = o.connect_timeout,
    max_response = o.max_response,
    -- libcurl speaks it over TLS alone.
    http2 = o.http_version == "2" and not is_plain,
    insecure = not o.verify_tls,
    ca_file = o.ca_file,
    ca_path = o.ca_path,
    cert_file = o.cert_file,
    key_file = o.key_file,
    proxy = proxy,
    -- Else it is a header line, which costs libcurl less; but a proxy is told it, too.
    user_agent = proxy ~= "" and user_agent_of(o) or nil,
    resolve = resolve_list(o.resolve),
    transport = o.transport or core.transport,
  }
end

-- secret = ask(token function) | nil, what is wrong with what it gave
local function ask(token_function)
  local token = token_function()
  if type(token) ~= "string" then
    return nil, "must return a string, got a " .. type(token)
  end
  local secret, fault = core.secret(token)
  if not secret then
    return nil, "returned a token that " .. fault
  end
  return secret
end

-- Every way in which the token is written goes into none of our texts.
local function hide(self, secret)
  local provider, values = self._provider, self._options.values
  local function hide_of(operation)
    local before, after = wire.basic(operation, provider, values)
    if before then
      secret:hide(before, after)
    end
  end
  for _, operation in pairs(provider.operations) do
    hide_of(operation)
    if operation.single then
      hide_of(operation.single)
    end
  end
  if provider.token then
    hide_of(provider.token)
  end
  return secret
end

-- Opens connections for a provider. `options` are those of a client, checked, with `values` (of
-- settings), `address` (of its requests), http_version and slots filled in. The token is a
-- `secret`, or comes from a function. `way` is how calls wait: waiting.choose. Raises where the
-- function gives no token.
function session.new(provider, options, way, secret, token_function)
  local fault
  if not secret then
    secret, fault = ask(token_function)
    if not secret then
      error("the token function " .. fault, 0)
    end
  end
  local told = engine_options(options)
  local engine, message = core.engine(told)
  if not engine then
    error("libcurl: " .. message, 0)
  end
  local outage = outages.new({ slots = options.slots })
  local opened = way.open(engine, options.slots, outage)
  local self = setmetatable({
    engine = engine,
    clock = core.now,
    wait = opened.wait,
    breathe = opened.breathe,
    step = opened.step,
    sent = opened.sent,
    pacer = pacer.new(options.rate or (provider.rate and provider.rate.rate),
      options.burst or (not options.rate and provider.rate and provider.rate.burst) or nil),
    timeout = options.timeout,
    outage = outage,
    frames = {}, -- operation -> what all its tasks have in common
    idle_runs = {},
    idle_calls = {},
    generation = 1,
    emit = options.on_event,
    alarm = options.on_alarm, -- the same, but for requests, answers and items
    traffic = options.traffic, -- how many requests are in flight, and what came of others
    sources = SOURCES,
    is_closed = false,
    _closed = opened.closed,
    _pid = core.pid(),
    _secrets = { secret }, -- the newest last; answers may still hold the others
    _token_function = token_function,
    _source = secret, -- with which tokens that end are fetched
    _renews_till = -math.huge, -- a call renews the token for all until then
    _renewals = 0, -- that came to their end, with a token or without
    verdicts = {}, -- number of an operation -> what the core's meanings are
    _numbers = {}, -- operation -> its number in the engine
    _has_agent_line = told.user_agent == nil,
    _provider = provider,
    _options = options,
  }, Session)
  hide(self, secret)
  self.redact = function(s)
    for _, used in ipairs(self._secrets) do
      s = used:redact(s)
    end
    return s
  end
  if provider.token then
    self.fetch = fetch.new(self, provider.token)
    self.renew = function(deadline)
      return self:_in_turn(self._fetch_again, deadline)
    end
  elseif token_function then
    self.renew = function(deadline)
      return self:_in_turn(self._renew, deadline)
    end
  end
  return self
end

-- A pacer for an operation that has a documented rate of its own; nil for others, and where the
-- user gave a rate.
function Session:pacer_of(operation)
  if not operation.rate or self._options.rate then
    return nil
  end
  return pacer.new(operation.rate.rate, operation.rate.burst)
end

-- Whether this process opened it: a child that was forked must leave it alone.
function Session:is_mine()
  return self._pid == core.pid()
end

-- secret = ask_again(token function) | nil, what is wrong with it
local function ask_again(token_function)
  local called, secret, fault = compat.try_question(ask, token_function)
  if called then
    return secret, fault
  end
  return nil, "raised an error: " .. compat.words_of(secret)
end

-- Renews the token by renew(self, deadline), which may wait, for all calls that share this thread:
-- a provider may end a token when it issues the next.
function Session:_in_turn(renew, deadline)
  local generation, renewals = self.generation, self._renewals
  local function is_news()
    return self.generation ~= generation or self._renewals ~= renewals
  end
  while self.breathe and not is_news() and self.clock() < math.min(self._renews_till, deadline) do
    waiting.pause(self, LOOK_EVERY)
  end
  if is_news() then
    return self.generation ~= generation
  end
  self._renews_till = self.clock() + RENEWAL
  local is_renewed, fault = renew(self, math.min(self.clock() + self.timeout, deadline))
  self._renews_till = -math.huge
  self._renewals = self._renewals + 1
  return is_renewed, fault
end

-- Asks the token function once more. false, what is wrong: it gave no token that can be used.
function Session:_renew()
  local secret, fault = ask_again(self._token_function)
  if not secret then
    return false, fault
  end
  self:adopt(secret)
  return true
end

-- Lets go of the oldest token that no answer repeats any more.
local function forget_oldest(self)
  local first = self._secrets[1] == self._source and self.fetch and 2 or 1
  table.remove(self._secrets, first):close()
end

-- From now on this is the token.
function Session:adopt(secret)
  self._secrets[#self._secrets + 1] = hide(self, secret)
  if #self._secrets > MOST_SECRETS then
    forget_oldest(self)
  end
  for operation, number in pairs(self._numbers) do
    if operation ~= self._provider.token then
      self.engine:authorize(number, secret)
    end
  end
  self.generation = self.generation + 1
end

-- true | nil, verdict, fault, wrong: as fetch:get(deadline), but a secret that is refused is asked
-- for again where a function gives it. wrong: what is wrong with what that gave.
function Session:fetch_token(deadline)
  local got, verdict, fault = self.fetch:get(deadline)
  if got or fault or not self._token_function then
    return got, verdict, fault
  end
  local secret, wrong = ask_again(self._token_function)
  if not secret then
    return nil, verdict, nil, wrong
  end
  self._source = hide(self, secret)
  table.insert(self._secrets, 1, secret)
  self.engine:authorize(self._numbers[self._provider.token], secret)
  return self.fetch:get(deadline)
end

-- A token that was fetched is refused: another one. If there is none now, but the secret was not
-- refused, the next request fetches it, and waits for that as in an outage.
function Session:_fetch_again(deadline)
  self.fetch:drop()
  local got, _, fault, wrong = self:fetch_token(deadline)
  if fault then
    self.generation = self.generation + 1
  end
  return got or fault ~= nil, wrong
end

-- What the operation's answers are written in.
function Session:format_of(operation)
  local answers = operation.answers
  return answers.setting and self._options.values[answers.setting] or answers.format
end

-- Whether a definition says itself who asks.
local function names_agent(operation)
  for name in pairs(operation.headers) do
    if name:lower() == "user-agent" then
      return true
    end
  end
  return false
end

-- The operation's number in the engine; prepared when it is first used.
function Session:prepare(operation)
  local number = self._numbers[operation]
  if not number then
    local o = self._options
    local made = wire.of(self._provider, operation, o.values, o.base_url)
    made.allow_http = o.allow_http
    made.pause = operation.pause and operation.pause.header
    made.items = operation.items and {
      list = operation.items.list,
      id = operation.items.id,
      code = operation.items.code,
      folds = operation.id.fold and not operation.id.usual,
    }
    local verdicts
    made.usual, verdicts = usual.of(operation, self:format_of(operation))
    -- libcurl would ask for "100 Continue" before large bodies, and call every POST a form.
    if made.body then
      made.headers[#made.headers + 1] = "Expect:"
    elseif UPLOADS[made.method] then
      made.headers[#made.headers + 1] = "Content-Type:"
    end
    if self._has_agent_line and not names_agent(operation) then
      made.headers[#made.headers + 1] = "User-Agent: " .. self:user_agent()
    end
    number = self.engine:prepare(made)
    self.verdicts[number] = verdicts
    if operation == self._provider.token then
      self.engine:authorize(number, self._source)
    elseif not self.fetch or #self._secrets > 1 then
      self.engine:authorize(number, self._secrets[#self._secrets])
    end
    self._numbers[operation] = number
  end
  return number
end

-- What one attempt of a signed request is filled with. A path in front of the provider's own, as of
-- a proxy that takes it away, is not signed.
function Session:made(operation, number, batch)
  local o = self._options
  local secret = operation == self._provider.token and self._source
    or self._secrets[#self._secrets]
  local before = o.base_url and o.base_url:match("^%a+://[^/]*(/.-)/*$") or ""
  return signing.make(operation, secret, o.values, self.sources, function(made)
    local method, _, target, _, body = self.engine:preview(number, batch.ids, 1, batch.count,
      batch.uuid, made)
    return method, target:sub(#before + 1), body or ""
  end)
end

function Session:user_agent()
  return user_agent_of(self._options)
end

function Session:close()
  self.is_closed = true
  self.engine:close()
  if self._closed then
    self._closed()
  end
  for _, secret in ipairs(self._secrets) do
    secret:close()
  end
end

return session
