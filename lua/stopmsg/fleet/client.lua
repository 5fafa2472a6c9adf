-- Calls Redis clients of the user and interprets their results.

local compat = require("stopmsg.compat")
local link = require("stopmsg.fleet.link")
local script = require("stopmsg.fleet.script")
local text = require("stopmsg.text")

local client = {}

-- Returns a client's method without triggering __index functions: lua-resty-redis creates a method
-- for every name.
local function method(redis, name)
  local holder = redis
  if type(redis) == "table" and rawget(redis, name) ~= nil then
    return rawget(redis, name)
  end
  for _ = 1, 4 do
    local meta = getmetatable(holder)
    holder = type(meta) == "table" and rawget(meta, "__index")
    if type(holder) ~= "table" then
      return type(redis) == "userdata" and redis[name] or nil
    elseif rawget(holder, name) ~= nil then
      return rawget(holder, name)
    end
  end
end

-- value, err = command(redis, words): runs a command with client:call("EVALSHA", …), or with
-- client:evalsha(…) as in lua-resty-redis.
local function command(redis, words)
  local name = words[1]
  local call = method(redis, "call")
  local called, value, err
  if call then
    called, value, err = compat.try_hook(call, redis, compat.unpack(words))
  else
    called, value, err = compat.try_hook(redis[name:lower()], redis, compat.unpack(words, 2))
  end
  if not called then
    return nil, tostring(value)
  elseif type(value) == "table" and value.err then
    return nil, tostring(value.err)
  elseif not value then
    return nil, tostring(err or "no answer")
  end
  return value
end

-- value, err = client.script(redis, key, arguments): runs the script of shared rates.
function client.script(redis, key, arguments)
  local value, err = command(redis, link.script_words(script, true, key, arguments))
  if link.lacks_script(err) then
    value, err = command(redis, link.script_words(script, false, key, arguments))
  end
  return value, err
end

-- Returns whether an error text is a reply of Redis, not a failure to reach it.
function client.is_reply(err)
  return err:find("%f[%u]%u%u[%u%d]+ ") ~= nil
end

-- Passes a result to on_reply, as a caller of keeper.lua does.
function client.answer(on_reply, value, err)
  local is_lost = err ~= nil and not client.is_reply(err)
  on_reply(value, is_lost and "Redis: " .. text.clean(err) or err, is_lost)
end

return client
