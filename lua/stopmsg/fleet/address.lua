-- Parses the address of a Redis: redis://[user@]host[:port][/database], or rediss:// for TLS.
-- Messages never repeat it, since it may contain a password.

local address = {}

local PORT = 6379

local FORM = "redis://host:port or rediss://host:port (TLS)"

local function decoded(text)
  return (text:gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

-- host, port
-- nil. An IPv6 host keeps its brackets.
local function host_and_port(text)
  local host, rest = text:match("^(%[[%x:.]+%])(.*)$")
  if not host then
    host, rest = text:match("^([%w%-_.]+)(.*)$")
  end
  if not host then
    return nil
  end
  local port = rest == "" and PORT or tonumber(rest:match("^:(%d+)$"))
  if not port or port < 1 or port > 65535 then
    return nil
  end
  return host, port
end

-- parsed = address.parse(url): { host, port, user or nil, database, is_tls }
-- nil, message. The caller puts the name of the address before the message.
function address.parse(url)
  local scheme, rest = tostring(url):match("^(%a+)://([^%s%c]*)$")
  scheme = scheme and scheme:lower()
  if scheme ~= "redis" and scheme ~= "rediss" then
    return nil, "is not of the form " .. FORM
  end
  local authority, path = rest:match("^([^/?#]*)(.*)$")
  local user, place = authority:match("^(.*)@([^@]*)$")
  if user and user:find(":", 1, true) then
    return nil, "holds a password: give it apart from the address, and only the user's name here"
  end
  local host, port = host_and_port(place or authority)
  local database = path == "" and "0" or path:match("^/(%d*)$")
  if not host or not database or user == "" then
    return nil, "is not of the form " .. FORM .. "; before the host may stand a user and @, "
      .. "after the port / and the number of a database"
  end
  return {
    host = host,
    port = math.floor(port),
    user = user and decoded(user),
    database = database == "" and "0" or database,
    is_tls = scheme == "rediss",
  }
end

-- Returns "host:port" for messages.
function address.show(parsed)
  return ("%s:%d"):format(parsed.host, parsed.port)
end

return address
