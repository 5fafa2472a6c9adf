-- Base URLs and options: wrong ones are told, and the token is in no message; no base URL leaves
-- for another scheme or another host than it names.
--
-- Input: the base URL on a line, then options, a line each: `name=value`, or `name:value` for a
-- string.

local core = require("stopmsg.core")
local stopmsg = require("stopmsg")

local TOKEN = "canary-7f3a"

local VALUES = { ["true"] = true, ["false"] = false, huge = math.huge, ["function"] = print }

local function value_of(sign, text)
  if sign == ":" then
    return text
  end
  local value = VALUES[text]
  if value == nil then
    value = tonumber(text)
  end
  if value == nil and text:sub(1, 1) == "{" then
    value = {}
    local name, rest = text:match("^{(.-)=(.*)$")
    if name then
      value[tonumber(name) or name] = rest
    end
  end
  return value
end

-- Host of a URL, nil where it is not written like one. libcurl forgives a slash more or less.
local function host_of(url)
  local authority = url:match("^%a+:/+([^/?#]*)")
  return authority and authority:gsub(":%d*$", ""):lower()
end

local function check_url(url, allow_http)
  local usable, message = core.check_base(url, allow_http)
  if not usable then
    assert(type(message) == "string" and #message > 0, "no reason")
    return false
  end
  url = url:match("^[^%z]*")
  local scheme = url:match("^(%a+):") or ""
  local host = host_of(url)
  assert(not url:match("^%a*:?/*([^/?#]*)"):find("@", 1, true), "with a user name")
  assert(not url:find("[?#]."), "with a query or a fragment")
  assert(not url:find("[%c ]"), "with a control byte or a space")
  if scheme:lower() ~= "https" and not allow_http then
    assert(host and (host == "localhost" or host == "[::1]" or host:find("^127%.")
      or host:find("^0[xX]?7") or host:find("^%d+$") or host:find("^0x") or host:find("%%")
      or host:find("^%[")), "plain http to another host: " .. url)
  end
  return true
end

return function(data)
  local url, rest = data:match("^([^\n]*)\n?(.*)$")
  check_url(url, false)
  check_url(url, true)

  local options = { provider = "revicom", token = TOKEN, base_url = url }
  for line in rest:gmatch("[^\n]+") do
    local name, sign, value = line:match("^([^=:]*)([=:])(.*)$")
    if name and name ~= "token" then
      options[tonumber(name) or name] = value_of(sign, value)
    end
  end
  local called, client = pcall(stopmsg.new, options)
  if not called then
    assert(type(client) == "string", "raised, and not with a message")
    assert(not client:find(TOKEN, 1, true), "the token in a message")
    assert(client:find("bad argument", 1, true), client)
    assert(not client:sub(1, -2):find("\n"), "more than one line")
    return
  end
  assert(not tostring(client):find(TOKEN, 1, true), "the token in a text")
  client:close()
end
