-- --shared NAME: one rate for all processes that use NAME, kept by Redis at STOPMSG_REDIS.

local check = require("stopmsg.fleet.check")
local script = require("stopmsg.fleet.script")
local shared = require("stopmsg.shared")
local text = require("stopmsg.text")

local sharing = {}

-- Variables for the address of Redis and its password.
local ADDRESS, PASSWORD = "STOPMSG_REDIS", "STOPMSG_REDIS_PASSWORD"
sharing.ADDRESS, sharing.PASSWORD = ADDRESS, PASSWORD

-- The last words of a run that ended for lack of Redis.
sharing.ADVICE = "run again without --shared, with a --rate of your own"

function sharing.configure(parser)
  parser:option("--shared", "One --rate for all that use NAME, kept by the Redis in STOPMSG_REDIS.")
    :argname("NAME")
end

-- Replaces the library's option names in a message with the command's.
local function translate(message)
  return (message:gsub("give it apart from the address", "put it into " .. PASSWORD)
    :gsub("option 'redis'", ADDRESS):gsub("option 'name'", "--shared")
    :gsub("option 'rate'", "--rate"):gsub("option 'ca_file'", "--ca-file"))
end

local Sharing = {}
Sharing.__index = Sharing

-- made = sharing.open(args, host) | nil, message; false if the rate is not shared. Opens nothing
-- yet.
function sharing.open(args, host)
  local name = args.shared
  if not name then
    return false
  end
  local url, password = host.getenv(ADDRESS), host.getenv(PASSWORD)
  if not args.rate then
    return nil, "--shared needs --rate N"
  elseif shared.name_fault(name) then
    return nil, ("--shared %s: expected %s"):format(text.quote(name), shared.name_fault(name))
  elseif not url or url == "" then
    return nil, ("--shared needs Redis: set %s=redis://host:port"):format(ADDRESS)
  end
  local made, caller = shared.keeper({
    name = name,
    rate = args.rate,
    redis = url,
    password = password ~= "" and password or nil,
    ca_file = args.ca_file,
  })
  if not made then
    return nil, translate(caller)
  end
  return setmetatable({
    name = name,
    rate = function()
      return made:ask()
    end,
    _keeper = made,
    _args = args,
    _link = caller.link,
    _has_password = password ~= nil and password ~= "",
  }, Sharing)
end

-- Asks Redis whether it can keep the rate. true | nil, message for problems that waiting does not
-- solve. If Redis is unreachable, the run itself waits.
function Sharing:check(host)
  local warnings, message, is_final = check.all(self._link, script.key(self.name), self._args.rate)
  if not warnings and is_final then
    if message:find("wants a password", 1, true) and not self._has_password then
      message = ("%s: set %s"):format(message, PASSWORD)
    elseif message:find("refused the", 1, true) and self._has_password then
      message = ("%s (the one in %s)"):format(message, PASSWORD)
    end
    return nil, "--shared: " .. message
  end
  for _, warning in ipairs(warnings or {}) do
    host:say("warning: " .. warning)
  end
  return true
end

return sharing
