-- Translates error replies of Redis for people. Their own text is shown only if it cannot contain a
-- password.

local text = require("stopmsg.text")

local fault = {}

-- First words of temporary errors.
local PASSING = {
  LOADING = "is loading its data",
  BUSY = "is busy with a script",
  MASTERDOWN = "has lost its primary",
  CLUSTERDOWN = "is part of a cluster that is down",
  TRYAGAIN = "is part of a cluster that moves keys",
  OOM = "has no memory left (maxmemory)",
  MISCONF = "cannot save its data, and takes no more",
  NOREPLICAS = "has too few replicas, and takes no more",
}

-- First words of permanent errors, each with its message.
local LASTING = {
  NOAUTH = "wants a password",
  WRONGPASS = "refused the user or the password",
  READONLY = "is a replica that takes no writes: name the primary",
  WRONGTYPE = "has something else under the name of %s",
  NOGROUP = "has lost a part of %s: forget it, and start over with what stopmsg status shows "
    .. "as open",
  CROSSSLOT = "is part of a cluster, and refused the key",
  NOTIME = "does not let scripts ask for the TIME, which a shared rate needs",
}

-- Data kept in Redis, and the commands that its scripts run.
local SCRIPTED = {
  ["the rate"] = "a shared rate needs (TIME, HGETALL, HSET, HDEL, PEXPIRE)",
  ["the job"] = "a job needs (those on hashes, streams and strings, and DEL)",
}

-- message, is_final = fault.of(reply, what): explains an error reply to a command. The caller puts
-- the name of the Redis before the message. is_final: waiting does not help. what: "the rate"
-- (default) or "the job".
function fault.of(reply, what)
  what = what or "the rate"
  local word = reply:match("^%u[%u%d]*") or ""
  if PASSING[word] then
    return PASSING[word], false
  elseif LASTING[word] then
    return (LASTING[word]:gsub("%%s", what)), true
  elseif word == "MOVED" or word == "ASK" then
    return "is part of a cluster, and the key is on another node: name "
      .. text.clean(reply:match("(%S+)%s*$")), true
  elseif reply:find("max number of clients", 1, true) then
    return "has as many clients as it takes", false
  elseif reply:find("from script", 1, true) or reply:find("executing the script", 1, true)
    or reply:find("in script", 1, true) then
    return ("does not let scripts run a command that %s: %s"):format(SCRIPTED[what],
      text.clean(reply)), true
  elseif word == "NOPERM" or reply:find("permission", 1, true) then
    return "refused a command that is needed: " .. text.clean(reply), true
  end
  return "answered: " .. text.clean(reply), true
end

-- Explains an error that answers no command: the reason why a server hangs up.
function fault.of_unasked(reply)
  local word = reply:match("^%u[%u%d]*") or ""
  if PASSING[word] or LASTING[word] then
    return fault.of(word)
  elseif reply:find("max number of clients", 1, true) then
    return fault.of("ERR max number of clients")
  end
  return "answered what was not asked", true
end

-- redact(message): removes the password from a message. A server may repeat it at any time.
function fault.redactor(password)
  if not password or password == "" then
    return function(message)
      return message
    end
  end
  local pattern = password:gsub("%p", "%%%0")
  return function(message)
    return (message:gsub(pattern, "[password]"))
  end
end

-- Explains an error reply to AUTH or SELECT: some servers repeat the words of the command.
function fault.of_greeting(name, reply)
  local word = reply:match("^%u[%u%d]*") or ""
  if PASSING[word] or LASTING[word] then
    return fault.of(word)
  elseif reply:find("max number of clients", 1, true) then
    return fault.of(reply)
  elseif name == "AUTH" and reply:find("without any password", 1, true) then
    return "has no password for that user: give none", true
  end
  if word == "NOPERM" then
    return ("does not let this user %s"):format(name), true
  end
  return name == "AUTH" and "refused the password" or "has no database of that number", true
end

return fault
