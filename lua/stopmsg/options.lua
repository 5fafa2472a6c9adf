-- Checks user options before anything is opened or sent.

local text = require("stopmsg.text")

local options = {}

local MIB = 1024 * 1024

-- The code of reading a directory as if it were a file.
local EISDIR = 21

-- libcurl's kinds of proxies.
local PROXIES = { http = true, https = true, socks4 = true, socks4a = true, socks5 = true,
  socks5h = true }

-- Defaults of `stopmsg.new`. Options not listed depend on the provider or are off.
options.defaults = {
  patience = 60, -- seconds to wait during an outage
  timeout = 10, -- seconds per attempt
  connect_timeout = 3,
  max_attempts = 4,
  verify_tls = true,
  max_response = 16 * MIB,
  allow_http = false,
  undocumented = false,
  all = false,
}

-- Each check returns nil if the value is valid, else what was expected.

local function is_text(value)
  if type(value) ~= "string" or value == "" then
    return "a non-empty string"
  elseif value:find("%c") then
    return "a string without control characters"
  end
end

-- expected, fault, first, reason, code = look_into(path): what is wrong with a path; else what
-- reading its first byte gave.
local function look_into(path)
  local expected = is_text(path)
  if expected then
    return expected
  end
  local file, fault = io.open(path, "rb")
  if not file then
    return nil, fault
  end
  local first, reason, code = file:read(1)
  file:close()
  return nil, nil, first, reason, code
end

-- A readable file. libcurl would report it late and without its name.
local function is_file(value)
  local expected, fault, first, reason = look_into(value)
  if expected or fault or first then
    return expected, fault
  end
  return nil, value .. ": " .. (reason or "is empty")
end

-- libcurl reads a directory without a word where there is none.
local function is_directory(value)
  local expected, fault, _, _, code = look_into(value)
  if expected or fault or code == EISDIR then
    return expected, fault
  end
  return nil, value .. ": not a directory"
end

options.is_file, options.is_directory = is_file, is_directory

local function is_port(digits)
  local port = tonumber(digits)
  return port ~= nil and port >= 1 and port <= 65535
end

local function is_ipv4(value)
  local parts = { value:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$") }
  for _, part in ipairs(parts) do
    if tonumber(part) > 255 then
      return false
    end
  end
  return #parts == 4
end

-- libcurl would report it for each request.
local function is_proxy(value)
  local expected = 'a proxy such as "http://host:3128" or "socks5h://host:1080", or "" for none'
  if value == "" then
    return nil
  elseif is_text(value) or value:find("%s") then
    return expected
  end
  local scheme = value:match("^(.-)://")
  local port = value:match(":(%d+)/?$")
  if scheme and not PROXIES[scheme:lower()] or value:find("^[^:]*://$")
    or port and not is_port(port) then
    return expected
  end
end

local function is_boolean(value)
  return type(value) ~= "boolean" and "true or false" or nil
end

local function is_function(value)
  return type(value) ~= "function" and "a function" or nil
end

local function is_number(least, most, what)
  return function(value)
    if type(value) ~= "number" or value ~= value or value < least or value > most then
      return what
    end
  end
end

local function is_whole(least, most, what)
  local check = is_number(least, most, what)
  return function(value)
    return check(value) or (value % 1 ~= 0 and what or nil)
  end
end

local function is_one_of(...)
  local allowed = { ... }
  return function(value)
    for _, word in ipairs(allowed) do
      if value == word then
        return nil
      end
    end
    return '"' .. table.concat(allowed, '" or "') .. '"'
  end
end

-- { ["host:port"] = "address" }
local function is_resolve(value)
  local expected = 'a table like { ["host:443"] = "127.0.0.1" }'
  if type(value) ~= "table" then
    return expected
  end
  for place, address in pairs(value) do
    if type(place) ~= "string" or not is_port(place:match("^[^%s%c:]+:(%d+)$"))
      or type(address) ~= "string"
      or not (is_ipv4(address) or address:find("^%[?%x*:%x*:[%x.:]*%]?$")) then
      return expected
    end
  end
end

local function is_token(value)
  if type(value) ~= "string" and type(value) ~= "function" then
    return "the key as the provider issued it, or a function that returns it"
  end
end

local function is_provider(value)
  if type(value) ~= "string" and type(value) ~= "table" then
    return "a provider's name or a definition table"
  end
end

local is_rate_number = is_number(1e-3, 1e6,
  "requests per second, a number from 0.001 to 1000000, or a function")

local function is_rate(value)
  return type(value) ~= "function" and is_rate_number(value) or nil
end

local YEAR = 86400 * 365
local is_seconds = is_number(1e-3, YEAR, "seconds, a number from 0.001 to a year")
options.is_seconds = is_seconds -- for options of the command, too
local is_pause = is_number(0, YEAR, "seconds, a number from 0 to a year, or math.huge")
local is_time = is_number(1e-3, YEAR, "seconds, a number from 0.001 to a year, or math.huge")

-- `math.huge` means no deadline.
local function is_deadline(value)
  return value ~= math.huge and is_time(value) or nil
end

-- Settings that are also options.
options.settings = { "application", "format" }

-- 0 means no waiting, `math.huge` no limit.
local function is_patience(value)
  return value ~= math.huge and is_pause(value) or nil
end

-- Default seconds for one call.
options.deadline = 60

local CLIENT = {
  provider = is_provider,
  token = is_token,
  base_url = is_text,
  application = is_text, -- short for the setting of that name, like `format`
  format = is_one_of("json", "xml"),
  settings = function(value)
    return type(value) ~= "table" and "a table like { account = \"…\" }" or nil
  end,
  concurrency = is_whole(1, 1024, "requests in flight, a whole number from 1 to 1024"),
  rate = is_rate,
  burst = is_number(1, 1e6, "requests, a number from 1 to 1000000"),
  batch_size = is_whole(1, 1e6, "ids per request, a whole number from 1 to 1000000"),
  deadline = is_deadline,
  patience = is_patience,
  timeout = is_seconds,
  connect_timeout = is_seconds,
  max_attempts = is_whole(1, 100, "attempts, a whole number from 1 to 100"),
  http_version = is_one_of("1.1", "2"),
  transport = is_one_of("http1", "libcurl"),
  ca_file = is_file,
  ca_path = is_directory,
  cert_file = is_file,
  key_file = is_file,
  proxy = is_proxy, -- "" switches the environment's proxy off
  user_agent = is_text,
  resolve = is_resolve,
  verify_tls = is_boolean,
  max_response = is_whole(1, 1024 * MIB, "bytes, a whole number from 1 to 1 GiB"),
  sleep = is_function,
  on_event = is_function,
  undocumented = is_boolean,
  all = is_boolean,
  allow_http = is_boolean,
}

local CALL = {
  deadline = is_deadline,
  on_item = is_function,
  is_interrupted = is_function,
  kind = is_one_of("message", "dispatch"),
  all = is_boolean,
  verify = function(value)
    if type(value) ~= "boolean" and type(value) ~= "table" then
      return "true, false or { timeout = …, interval = … }"
    end
  end,
}

-- Options of `find` and `stop_where`.
local FIND = {
  deadline = is_deadline,
  is_interrupted = is_function,
  kind = CALL.kind,
  all = is_boolean,
}

local STOP_WHERE = {
  deadline = is_deadline,
  on_item = is_function,
  is_interrupted = is_function,
  kind = CALL.kind,
  all = is_boolean,
  interval = is_seconds,
}

local VERIFY = {
  timeout = is_seconds,
  interval = is_seconds,
  is_interrupted = is_function,
}

options.verify_defaults = {
  timeout = 30, -- seconds for items to settle
  interval = 1, -- seconds until the first lookup; later ones wait longer
}

options.stop_where_defaults = {
  interval = 5, -- seconds between looks that found nothing
}

-- Valid names for each kind of table.
options.known = { client = CLIENT, call = CALL, verify = VERIFY, find = FIND,
  stop_where = STOP_WHERE }

-- message = options.unknown(name, known): names the unknown option and the nearest valid one.
function options.unknown(name, known)
  if type(name) ~= "string" then
    return ("option names must be strings, %s is a %s"):format(tostring(name), type(name))
  end
  return ("unknown option %s; did you mean '%s'?"):format(text.quote(name),
    text.nearest(name, known))
end

-- message = options.wrong(is_wrong, name, value): what a check finds wrong with an option, or nil.
function options.wrong(is_wrong, name, value)
  local expected, fault = is_wrong(value)
  if fault then
    return ("option '%s': %s"):format(name, text.clean(fault))
  elseif expected then
    -- Show only numbers where one is expected: any other value may be a misplaced token.
    local is_range = type(value) == "number" and expected:find("number", 1, true)
    local got = is_range and tostring(value) or value == "" and "an empty string"
      or "a " .. type(value)
    return ("option '%s': expected %s, got %s"):format(name, expected, got)
  end
end

-- checked = check(given, known, defaults) | nil, message
local function check(given, known, defaults)
  local checked = {}
  for name, value in pairs(defaults) do
    checked[name] = value
  end
  for name, value in pairs(given) do
    local is_wrong = known[name]
    if not is_wrong then
      return nil, options.unknown(name, known)
    end
    local message = options.wrong(is_wrong, name, value)
    if message then
      return nil, message
    end
    checked[name] = value
  end
  return checked
end

-- checked = options.client(given) | nil, message
function options.client(given)
  if type(given) ~= "table" then
    return nil, "expected a table of options, got " .. type(given)
  end
  local checked, message = check(given, CLIENT, options.defaults)
  if not checked then
    return nil, message
  end
  for _, name in ipairs({ "provider", "token" }) do
    if checked[name] == nil then
      return nil, ("option '%s' is missing: %s"):format(name, CLIENT[name](nil))
    end
  end
  if checked.key_file and not checked.cert_file then
    return nil, "option 'key_file' needs 'cert_file'"
  end
  if checked.burst and type(checked.rate) ~= "number" then
    return nil, "option 'burst' needs 'rate' as a number"
  end
  return checked
end

local function optional(given, known, defaults)
  if given == nil then
    given = {}
  end
  if type(given) ~= "table" then
    return nil, "expected a table of options, got " .. type(given)
  end
  return check(given, known, defaults)
end

-- checked = options.verify(given) | nil, message
function options.verify(given)
  return optional(given, VERIFY, options.verify_defaults)
end

-- checked = options.find(given) | nil, message
function options.find(given)
  return optional(given, FIND, {})
end

-- checked = options.stop_where(given) | nil, message
function options.stop_where(given)
  return optional(given, STOP_WHERE, options.stop_where_defaults)
end

local NONE = {}

-- checked = options.call(given) | nil, message. `verify` becomes checked options, or nil.
function options.call(given)
  if given == nil then
    return NONE
  end
  local checked, message = optional(given, CALL, {})
  if checked and checked.verify then
    checked.verify, message = options.verify(checked.verify ~= true and checked.verify or nil)
    if not checked.verify then
      return nil, "option 'verify': " .. message
    end
  end
  return checked, message
end

return options
