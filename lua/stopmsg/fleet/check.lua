-- Checks, before anything is sent, whether a Redis can keep a shared rate or a job.

local core = require("stopmsg.core")
local fault = require("stopmsg.fleet.fault")
local script = require("stopmsg.fleet.script")
local text = require("stopmsg.text")

local check = {}

-- Oldest major version supported: older ones replicate scripts in another way.
local OLDEST = 7

-- Seconds for the whole check.
local PATIENCE = 5

-- Steps the link until done() or its first error. True, or nil, message, is_final.
local function wait(link, till, done)
  while not done() do
    link:step()
    if link.fault then
      return nil, link.fault, link.is_final
    elseif core.now() >= till then
      return nil, link:trouble() or link.name .. " does not answer", false
    elseif not done() then
      link.connection:wait(math.min(link:due(), till - core.now()))
    end
  end
  return true
end

-- Sends one command or script. value, err
-- nil, nil, message, is_final if there was no reply.
local function ask(link, till, send)
  local is_over, value, err = false, nil, nil
  send(function(given, wrong, is_lost)
    is_over = not is_lost
    value, err = given, wrong
  end)
  local done, message, is_final = wait(link, till, function()
    return is_over
  end)
  if not done then
    return nil, nil, message, is_final
  end
  return value, err
end

local function info(link, till, section)
  local value, err, message, is_final = ask(link, till, function(on_reply)
    link:command({ "INFO", section }, on_reply)
  end)
  -- Some managed servers refuse INFO; their version is then unknown.
  return type(value) == "string" and value or "", message, is_final, err
end

-- Returns INFO on the server, "" if refused
-- nil, message, is_final. what: its purpose, for messages.
local function greet(link, till, what)
  local ready, message, is_final = wait(link, till, function()
    return link:is_ready()
  end)
  if not ready then
    return nil, message, is_final
  end
  local about, err
  about, message, is_final, err = info(link, till, "server")
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
local function policy_of(link, till)
  local policy = info(link, till, "memory"):match("maxmemory_policy:([%w-]+)")
  return policy and policy ~= "noeviction" and text.clean(policy) or nil
end

-- Seconds after which an append-only file with one fsync per second is on disk.
local LASTING = 2

-- warnings, lasting = check.server(link, seconds)
-- nil, message, is_final: checks whether the server can keep a job. lasting: seconds until a write
-- is on disk; nil without an append-only file.
function check.server(link, seconds)
  local till = core.now() + seconds
  local about, message, is_final
  repeat
    about, message, is_final = greet(link, till, "a job")
    if not about and not is_final and core.now() < till then
      link.connection:wait(math.max(0, math.min(link:due(), till - core.now())))
    end
  until about or is_final or core.now() >= till
  if not about then
    return nil, message, is_final
  end
  local warnings = {}
  local policy = policy_of(link, till)
  if about == "" then
    warnings[1] = ("%s refuses INFO, so nobody can tell whether it lost anything: every id counts "
      .. "as perhaps sent, and \"too late\" becomes unknown; allow this user +info"):format(
      link.name)
  elseif policy and policy:find("^allkeys") then
    warnings[1] = ("%s drops keys when its memory is full (maxmemory-policy %s): the job may be "
      .. "lost; noeviction keeps it"):format(link.name, policy)
  end
  local log = info(link, till, "persistence"):match("aof_enabled:(%d)")
  return warnings, log ~= "0" and LASTING or nil
end

-- warnings = check.all(link, key, rate)
-- nil, message, is_final: checks a shared rate without taking slots. is_final: waiting does not
-- help.
function check.all(link, key, rate)
  local till = core.now() + PATIENCE
  local about, message, is_final = greet(link, till, "a shared rate")
  if not about then
    return nil, message, is_final
  end
  local value, err
  value, err, message, is_final = ask(link, till, function(on_reply)
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
  local policy = policy_of(link, till)
  return { policy and ("%s drops keys when its memory is full (maxmemory-policy %s): the shared "
    .. "rate may be exceeded then; noeviction keeps it"):format(link.name, policy) }
end

return check
