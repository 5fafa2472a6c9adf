-- Checks, before anything is sent, whether a Redis can keep a shared rate or a job.

local core = require("stopmsg.core")
local fault = require("stopmsg.fleet.fault")
local script = require("stopmsg.fleet.script")
local text = require("stopmsg.text")

local check = {}

-- Oldest major version supported: older ones replicate scripts in another way.
local OLDEST = 7

-- Steps the link until done() or its first error, which its time limits bring about. True, or nil,
-- message, is_final.
local function wait(link, done)
  while not done() do
    link:step()
    if link.fault then
      return nil, link.fault, link.is_final
    elseif not done() then
      link.connection:wait(link:due())
    end
  end
  return true
end

-- Sends one command or script. value, err
-- nil, nil, message, is_final if there was no reply.
local function ask(link, send)
  local is_over, value, err = false, nil, nil
  send(function(given, wrong, is_lost)
    is_over = not is_lost
    value, err = given, wrong
  end)
  local done, message, is_final = wait(link, function()
    return is_over
  end)
  if not done then
    return nil, nil, message, is_final
  end
  return value, err
end

local function info(link, section)
  local value, err, message, is_final = ask(link, function(on_reply)
    link:command({ "INFO", section }, on_reply)
  end)
  -- Some managed servers refuse INFO; their version is then unknown.
  return type(value) == "string" and value or "", message, is_final, err
end

-- Returns INFO on the server, "" if refused
-- nil, message, is_final. what: its purpose, for messages.
local function greet(link, what)
  local ready, message, is_final = wait(link, function()
    return link:is_ready()
  end)
  if not ready then
    return nil, message, is_final
  end
  local about, err
  about, message, is_final, err = info(link, "server")
  if message then
    return nil, message, is_final
  end
  local word = err and err:match("^%u+")
  if word == "NOAUTH" or word == "LOADING" then
    local words
    words, is_final = fault.of(err)
    return nil, link.name .. " " .. words, is_final
  end
  local version = about:match("redis_version:([%d.]+)")
  local major = version and tonumber(version:match("^%d+"))
  if major and major < OLDEST then
    return nil, ("%s is Redis %s: %s needs %d.0 or newer"):format(link.name, version, what,
      OLDEST), true
  end
  return about
end

-- Returns the policy that evicts keys when memory is full; nil if there is none.
local function policy_of(link)
  local policy = info(link, "memory"):match("maxmemory_policy:([%w-]+)")
  return policy and policy ~= "noeviction" and text.clean(policy) or nil
end

-- Seconds after which an append-only file with one fsync per second is on disk.
local LASTING = 2

-- warnings, lasting = check.server(link, seconds, on_wait)
-- nil, message, is_final: checks whether the server can keep a job. seconds: for one that is away;
-- 0 tries once. on_wait(message) is called while it is. lasting: seconds until a write is on disk;
-- nil without an append-only file.
function check.server(link, seconds, on_wait)
  local till = core.now() + seconds
  local about, message, is_final
  repeat
    about, message, is_final = greet(link, "a job")
    local is_over = about or is_final or core.now() >= till
    if not is_over then
      on_wait(message)
      link.connection:wait(math.max(0, math.min(link:due(), till - core.now())))
    end
  until is_over
  if not about then
    return nil, message, is_final
  end
  local warnings = {}
  local policy = policy_of(link)
  if about == "" then
    warnings[1] = ("%s refuses INFO, so nobody can tell whether it lost anything: every id counts "
      .. "as perhaps sent, and \"too late\" becomes unknown; allow this user +info"):format(
      link.name)
  elseif policy and policy:find("^allkeys") then
    warnings[1] = ("%s drops keys when its memory is full (maxmemory-policy %s): the job may be "
      .. "lost; noeviction keeps it"):format(link.name, policy)
  end
  local log = info(link, "persistence"):match("aof_enabled:(%d)")
  return warnings, log ~= "0" and LASTING or nil
end

-- warnings = check.all(link, key, rate)
-- nil, message, is_final: checks a shared rate without taking slots. is_final: waiting does not
-- help.
function check.all(link, key, rate)
  local about, message, is_final = greet(link, "a shared rate")
  if not about then
    return nil, message, is_final
  end
  local value, err
  value, err, message, is_final = ask(link, function(on_reply)
    link:script(script, key, script.arguments(rate, 0, 0), on_reply)
  end)
  if message then
    return nil, message, is_final
  elseif err then
    local words
    words, is_final = fault.of(err)
    return nil, link.name .. " " .. words, is_final
  elseif not script.read(value) then
    return nil, link.name .. " answers as no Redis does", true
  end
  local policy = policy_of(link)
  return { policy and ("%s drops keys when its memory is full (maxmemory-policy %s): the shared "
    .. "rate may be exceeded then; noeviction keeps it"):format(link.name, policy) }
end

return check
