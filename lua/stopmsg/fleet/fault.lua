-- What the error replies of Redis mean, in words for people. Their own text is shown only where it
-- cannot repeat a password.

local text = require("stopmsg.text")

local fault = {}

-- First words of errors that pass by themselves.
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

-- The same of those that stay: what to do.
local LASTING = {
  NOAUTH = "wants a password",
  WRONGPASS = "refused the user or the password",
  READONLY = "is a replica that takes no writes: name the primary",
  WRONGTYPE = "has something else under the name of %s",
  NOGROUP = "has lost a part of %s",
  CROSSSLOT = "is part of a cluster, and refused the key",
  NOTIME = "does not let scripts ask for the TIME, which a shared rate needs",
}

-- What is kept in Redis, and the commands that its scripts run.
local SCRIPTED = {
  ["the rate"] = "a shared rate needs (TIME, HGETALL, HSET, HDEL, PEXPIRE)",
  ["the job"] = "a job needs (those on hashes, streams and strings, and DEL)",
}

-- message, is_final = fault.of(reply, what): of an error reply to a command. The message goes on
-- after what names the Redis; is_final says that waiting does not mend it. what: "the rate" (by
-- default) or "the job".
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

-- The same of an error that answers no command: why a server hangs up.
function fault.of_unasked(reply)
  local word = reply:match("^%u[%u%d]*") or ""
  if PASSING[word] or LASTING[word] then
    return fault.of(word)
  elseif reply:find("max number of clients", 1, true) then
    return fault.of("ERR max number of clients")
  end
  return "answered what was not asked", true
end

-- redact(message): a message without the password, which a server may repeat at any time.
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

-- The same of the reply to AUTH or SELECT: some servers repeat the words of the command.
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
