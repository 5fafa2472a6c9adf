-- Whether a Redis can keep a shared rate, asked before anything is sent.

local core = require("stopmsg.core")
local fault = require("stopmsg.fleet.fault")
local script = require("stopmsg.fleet.script")
local text = require("stopmsg.text")

local check = {}

-- The oldest Redis: older ones write scripts to their replicas in another way.
local OLDEST = 7

-- Seconds for all of it.
local PATIENCE = 5

-- Steps the link until done() or its first trouble. True, or nil, message, is_final.
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

-- One command, or one script: value, err | nil, nil, message, is_final where there was no reply.
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
  local value, _, message, is_final = ask(link, till, function(on_reply)
    link:command({ "INFO", section }, on_reply)
  end)
  -- Some managed ones refuse it, and then nothing is known.
  return type(value) == "string" and value or "", message, is_final
end

-- warnings = check.all(link, key, rate) | nil, message, is_final: is_final says that waiting mends
-- nothing. Slots are not taken.
function check.all(link, key, rate)
  local till = core.now() + PATIENCE
  local ready, message, is_final = wait(link, till, function()
    return link:is_ready()
  end)
  if not ready then
    return nil, message, is_final
  end
  local about
  about, message, is_final = info(link, till, "server")
  if message then
    return nil, message, is_final
  end
  local version = about:match("redis_version:([%d.]+)")
  local major = version and tonumber(version:match("^%d+"))
  if major and major < OLDEST then
    return nil, ("%s is Redis %s: a shared rate needs %d.0 or newer"):format(link.name, version,
      OLDEST), true
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
  local warnings = {}
  local policy = info(link, till, "memory"):match("maxmemory_policy:([%w-]+)")
  if policy and policy ~= "noeviction" then
    warnings[1] = ("%s drops keys when its memory is full (maxmemory-policy %s): the shared rate "
      .. "may be exceeded then; noeviction keeps it"):format(link.name, text.clean(policy))
  end
  return warnings
end

return check
