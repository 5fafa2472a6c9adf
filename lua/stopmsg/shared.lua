-- Rate functions that share one rate between all processes that use its name, through Redis.

local address = require("stopmsg.fleet.address")
local callers = require("stopmsg.fleet.callers")
local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local fault = require("stopmsg.fleet.fault")
local keeper = require("stopmsg.fleet.keeper")
local nginx = require("stopmsg.wait.nginx")
local options = require("stopmsg.options")
local script = require("stopmsg.fleet.script")
local text = require("stopmsg.text")
local timer = require("stopmsg.fleet.timer")

---@type stopmsg.Shared
local shared = {}

-- Maximum length of a rate's name.
local LONGEST_NAME = 200

-- Milliseconds that a cosocket waits for Redis, and that an idle one is kept.
local COSOCKET_TIMEOUT, KEEPALIVE = 2000, 60000

-- First version of lua-resty-redis with TLS.
local RESTY_TLS = 0.28

-- Idle connections that nginx keeps per worker.
local POOL = 4

-- Why a name is invalid, or nil.
function shared.name_fault(name)
  if type(name) ~= "string" or #name > LONGEST_NAME or not name:find("^[%w._:@/+-]+$") then
    return ("a name of at most %d letters, digits and . _ : @ / + -"):format(LONGEST_NAME)
  end
end

local function is_string(value)
  return type(value) ~= "string" and "a string" or nil
end

local function is_boolean(value)
  return type(value) ~= "boolean" and "true or false" or nil
end

local function is_seconds(value)
  return (type(value) ~= "number" or not (value > 0 and value < 3600)) and "seconds, a number"
    or nil
end

local KNOWN = {
  name = shared.name_fault,
  rate = function(value)
    return (type(value) ~= "number" or not (value >= 1e-3 and value <= 1e6))
      and "requests per second, a number from 0.001 to 1000000" or nil
  end,
  redis = function(value)
    local kind = type(value)
    return kind ~= "string" and kind ~= "table" and kind ~= "userdata" and kind ~= "function"
      and "an address like redis://host:port, a client, or a function that returns one" or nil
  end,
  password = is_string,
  timeout = is_seconds,
  connect_timeout = is_seconds,
  ca_file = options.is_file,
  ca_path = options.is_directory,
  cert_file = options.is_file,
  key_file = options.is_file,
  verify_tls = is_boolean,
}

-- Options that do not apply to a user's client or a cosocket.
local FOR_ADDRESSES = { "password", "timeout", "connect_timeout", "ca_file", "ca_path", "cert_file",
  "key_file", "verify_tls" }

-- checked | nil, message
local function check(given)
  if type(given) ~= "table" then
    return nil, "expected a table of options, got " .. type(given)
  end
  for name, value in pairs(given) do
    if not KNOWN[name] then
      return nil, options.unknown(name, KNOWN)
    end
    local message = options.wrong(KNOWN[name], name, value)
    if message then
      return nil, message
    end
  end
  for _, name in ipairs({ "name", "rate", "redis" }) do
    if given[name] == nil then
      return nil, ("option '%s' is missing: %s"):format(name, KNOWN[name](nil))
    end
  end
  local checked = {}
  for name, value in pairs(given) do
    checked[name] = value
  end
  if type(given.redis) == "string" then
    local message
    checked.address, message = address.parse(given.redis)
    if not checked.address then
      return nil, "option 'redis' " .. message
    end
  else
    for _, name in ipairs(FOR_ADDRESSES) do
      if given[name] ~= nil then
        return nil, ("option '%s' only applies to an address, not to your own client"):format(name)
      end
    end
  end
  return checked
end

-- Loads lua-resty-redis under its name in OpenResty or Debian.
local function resty_redis()
  for _, name in ipairs({ "resty.redis", "nginx.redis" }) do
    local found, module = compat.try(require, name)
    if found then
      return module
    end
  end
end

-- Sends one command on a new connection. true | nil, message
local function greet(redis, name, ...)
  local said, message = redis[name](redis, ...)
  if said then
    return true
  end
  redis:close()
  return nil, (fault.of_greeting(name:upper(), tostring(message)))
end

-- connect, release: for timer.lua, over lua-resty-redis.
local function over_resty(checked)
  local resty = resty_redis()
  if not resty then
    error("inside nginx a shared rate needs lua-resty-redis (part of OpenResty; Debian: "
      .. "lua-nginx-redis), or a function that returns a client as 'redis'", 0)
  end
  local place = checked.address
  local version = tonumber(tostring(resty._VERSION):match("^%d+%.%d+"))
  if place.is_tls and not (version and version >= RESTY_TLS) then
    -- An older version would send the password in clear text.
    error("TLS to Redis needs lua-resty-redis 0.28 or newer, found "
      .. tostring(resty._VERSION), 0)
  end
  local milliseconds = checked.timeout and math.ceil(checked.timeout * 1000) or COSOCKET_TIMEOUT
  local pool = table.concat({ "stopmsg", place.host, place.port, place.user or "", place.database,
    place.is_tls and "tls" or "plain" }, " ")
  local function connect()
    local redis, message = resty:new()
    if not redis then
      return nil, message
    end
    redis:set_timeout(milliseconds)
    local connected
    connected, message = redis:connect(place.host, place.port, {
      ssl = place.is_tls,
      ssl_verify = place.is_tls and checked.verify_tls ~= false or nil,
      server_name = place.is_tls and place.host or nil,
      pool = pool,
      pool_size = POOL,
    })
    if not connected then
      return nil, ("at %s cannot be reached (%s)"):format(address.show(place), text.clean(message))
    end
    if redis:get_reused_times() ~= 0 then
      return redis
    end
    local done = true
    if checked.password and place.user then
      done, message = greet(redis, "auth", place.user, checked.password)
    elseif checked.password then
      done, message = greet(redis, "auth", checked.password)
    end
    if done and place.database ~= "0" then
      done, message = greet(redis, "select", place.database)
    end
    return done and redis, message
  end
  return connect, function(redis, is_usable)
    if is_usable then
      redis:set_keepalive(KEEPALIVE, POOL)
    else
      redis:close()
    end
  end
end

-- connect, release: for a user's client, or a function that returns one.
local function over_theirs(given)
  local connect = type(given) == "function" and given or function()
    return given
  end
  return connect, function(redis, is_usable)
    if type(given) == "function" and redis.set_keepalive then
      if is_usable then
        redis:set_keepalive(KEEPALIVE, POOL)
      else
        redis:close()
      end
    end
  end
end

-- made, caller = shared.keeper(options) | nil, message: what a rate function uses. For the command.
function shared.keeper(given)
  local checked, message = check(given)
  if not checked then
    return nil, message
  end
  local key = script.key(checked.name)
  local caller
  if nginx.is_here() then
    local connect, release
    if checked.address then
      connect, release = over_resty(checked)
    else
      connect, release = over_theirs(checked.redis)
    end
    caller = timer.new(connect, release, key)
  elseif checked.address then
    caller = callers.linked(checked, key)
  else
    caller = callers.direct((over_theirs(checked.redis)), key)
  end
  return keeper.new({
    rate = checked.rate,
    name = checked.address and "Redis at " .. address.show(checked.address) or "Redis",
    caller = caller,
    clock = core.now,
    password = checked.password,
  }), caller
end

---A rate function for `stopmsg.new`: all processes that use the same name, on any machine, share
---one rate. Redis 7.0 or newer counts.
---@param shared_options stopmsg.SharedOptions
---@return stopmsg.RateFunction
function shared.rate(shared_options)
  local called, made, message = compat.try(shared.keeper, shared_options)
  if not called or not made then
    error(("bad argument #1 to 'rate' (%s)"):format(called and message or tostring(made)), 2)
  end
  local pid, options_given = core.pid(), {}
  for name, value in pairs(shared_options) do
    options_given[name] = value
  end
  return function()
    if pid ~= core.pid() then
      -- After a fork, slots and connection belong to the parent.
      pid, made = core.pid(), shared.keeper(options_given)
    end
    return made:ask()
  end
end

return shared
