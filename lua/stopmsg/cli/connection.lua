-- Options for the provider, the connection and the rate, shared by all commands.

local client = require("stopmsg.client")
local core = require("stopmsg.core")
local duration = require("stopmsg.cli.duration")
local providers = require("stopmsg.provider")
local text = require("stopmsg.text")
local token = require("stopmsg.cli.token")

local connection = {}

-- convert = number(name): an argparse converter.
local function number(name)
  return function(value)
    local n = value:find("^[%d.]+$") and tonumber(value)
    if not n then
      return nil, ("--%s: %s is not a number"):format(name, text.quote(value))
    end
    return n
  end
end

connection.number = number

-- convert = count(name): the same for whole numbers of at least 1.
function connection.count(name)
  return function(value)
    local n = value:find("^%d+$") and tonumber(value)
    if not n or n < 1 then
      return nil, ("--%s: %s is not a whole number of at least 1"):format(name, text.quote(value))
    end
    return n
  end
end

-- convert = seconds(name, check): the same for durations such as 90, 500ms, 5m. check(seconds) says
-- what is expected in place of a wrong one; it may be nil.
function connection.seconds(name, check)
  return function(value)
    local seconds = duration.parse(value)
    local expected = seconds and check and check(seconds)
    if not seconds then
      return nil, ("--%s: %s is not a duration; write seconds, or 500ms, 30s, 5m, 1h"):format(name,
        text.quote(value))
    elseif expected then
      return nil, ("--%s: expected %s, got %s"):format(name, expected, value)
    end
    return seconds
  end
end

-- The options that say who is asked, and at which address.
function connection.configure_provider(parser)
  parser:option("-p --provider", "Name of a provider, or a file with a definition (./acme.lua).")
    :argname("PROVIDER")
  parser:option("--set", "Set a setting of the provider (repeatable)."):argname("NAME=VALUE")
    :count("*")
  parser:option("--base-url", "Use this address instead of the provider's."):argname("URL")
  parser:flag("--allow-http", "Allow plain http:// to other machines.")
  parser:option("--application", "Short for --set application=CODE."):argname("CODE")
  parser:flag("--xml", "Short for --set format=xml.")
  parser:flag("--undocumented", "Allow operations that only the sibling brand documents.")
end

function connection.configure_ca(parser)
  parser:option("--ca-file", "Trust the CA certificates in this file."):argname("FILE")
end

function connection.configure(parser)
  connection.configure_provider(parser)
  parser:option("--token-file", "Read the token from the first line of this file."):argname("FILE")
  connection.configure_ca(parser)
  parser:option("--cert-file", "Client certificate, for servers that ask for one."):argname("FILE")
  parser:option("--key-file", "Private key of the client certificate."):argname("FILE")
  parser:option("--proxy", "Use this proxy; '' for none."):argname("URL")
  parser:option("--timeout", "Timeout of one attempt (10)."):argname("SECONDS")
    :convert(connection.seconds("timeout"))
  parser:option("--max-attempts", "Attempts per request, including the first (4).")
    :argname("N"):convert(number("max-attempts"))
end

-- Options of commands that send many requests.
function connection.configure_pace(parser)
  parser:option("--concurrency", "Requests in flight (4 for batches, 16 for single ids).")
    :argname("N"):convert(number("concurrency"))
  parser:option("--rate", "Maximum requests per second."):argname("N"):convert(number("rate"))
  parser:option("--batch-size", "Ids per request (default: the provider's limit)."):argname("N")
    :convert(number("batch-size"))
  parser:option("--deadline", "Deadline of the whole run (none)."):argname("SECONDS")
    :convert(connection.seconds("deadline"))
  parser:option("--patience", "How long to wait during a provider outage (60).")
    :argname("SECONDS"):convert(connection.seconds("patience"))
end

-- Sets args.base_url and where it came from.
local function find_address(args, provider, host)
  args.base_url_from = args.base_url and "--base-url" or nil
  for _, name in ipairs({ token.variable(provider, "BASE_URL"), "STOPMSG_BASE_URL" }) do
    local value = host.getenv(name)
    if not args.base_url and value and value ~= "" then
      args.base_url, args.base_url_from = value, name
    end
  end
end

-- Resolves -p: a built-in provider, or the definition in a file. name or definition | nil, message
local function named(args)
  local name = args.provider
  if not name then
    return nil, "no provider given: use -p NAME; `stopmsg providers` lists the names"
  elseif name:find("[/.]") then
    args.definition_file = name
    return providers.read(name)
  elseif not providers.is_built_in(name) then
    return nil, providers.unknown(name)
  end
  return name
end

-- provider = connection.provider(args, host): the checked definition | nil, message. Sets
-- args.provider to its name and args.definition to what -p named.
function connection.provider(args, host)
  local given, message = named(args)
  if not given then
    return nil, message
  end
  local loaded, provider = pcall(providers.load, given)
  if not loaded then
    return nil, tostring(provider)
  end
  args.definition, args.provider = given, provider.name
  find_address(args, provider.name, host)
  return provider
end

-- Reads settings from --set, else STOPMSG_<PROVIDER>_<NAME>. settings | nil, message
local function settings_of(args, provider, getenv)
  local given = {}
  for _, pair in ipairs(args.set or {}) do
    local name, value = pair:match("^([^=]+)=(.*)$")
    if not name then
      return nil, ("--set expects NAME=VALUE, got %s"):format(text.quote(pair))
    elseif given[name] and given[name] ~= value then
      return nil, ("--set %s is given twice, with different values"):format(name)
    end
    given[name] = value
  end
  local is_given = {}
  for name in pairs(given) do
    is_given[name] = true
  end
  for name in pairs(provider.settings) do
    local value = getenv(token.variable(provider.name, name:upper()))
    if given[name] == nil and value ~= nil and value ~= "" then
      given[name] = value
    end
  end
  for name, short in pairs({ application = args.application, format = args.xml and "xml" }) do
    if short and given[name] and is_given[name] and given[name] ~= short then
      return nil, ("--%s and --set %s are given with different values"):format(
        name == "format" and "xml" or name, name)
    end
    given[name] = short or given[name]
  end
  return given
end

-- Replaces the library's option names in a message with the command's.
local function translate(message)
  message = message:match("^bad argument #%d to '[^']*' %((.*)%)$") or message
  message = message:gsub("option 'format'", "--xml")
  message = message:gsub("option 'settings': ", "")
  message = message:gsub("the setting '([%w_]+)'", function(name)
    return name == "application" and "--application" or "--set " .. name .. "=…"
  end)
  local function as_option(name)
    return "--" .. name:gsub("_", "-")
  end
  message = message:gsub("option '([%w_]+)'", as_option):gsub("needs '([%w_]+)'", function(name)
    return "needs " .. as_option(name)
  end)
  message = message:gsub(", a number (from [%d.]+ to [%d.]+), or a function, got",
    ", a number %1, got"):gsub(", or math%.huge, got", ", got")
  return (message:gsub("undocumented = true", "--undocumented"):gsub("allow_http = true",
    "--allow-http"))
end

connection.translate = translate

-- Redacts the token from an address.
local function shown_address(url, value)
  local secret = url and type(value) == "string" and core.secret(value)
  return secret and secret:redact(url) or url
end

-- Reports, before the first request, an address that is not the provider's own.
function connection.tell_address(args, host)
  if args.is_elsewhere then
    host:say(("sending to %s (from %s), which is not the address of %s"):format(args.shown_url,
      args.base_url_from, args.provider))
  end
end

-- made = connection.open(args, host, provider, on_event, looks): a client | nil, message. A dry run
-- needs no token, unless `looks` says that it reads a list. Sets args.token_from, where the token
-- came from, args.shown_url, the address for display, args.is_elsewhere, whether that is not the
-- provider's, and args.settings, the settings given.
function connection.open(args, host, provider, on_event, looks)
  local settings, wrong = settings_of(args, provider, host.getenv)
  if not settings then
    return nil, wrong
  end
  args.settings = settings
  local value, from, first = "none", nil, nil
  if not args.dry_run or looks then
    value, from, first = token.find(args.provider, args.token_file, host.getenv)
  end
  if not value then
    return nil, from
  end
  args.token_from = from
  local made, message = client.new({
    provider = args.definition,
    settings = settings,
    token = value,
    base_url = args.base_url,
    allow_http = args.allow_http,
    undocumented = args.undocumented,
    all = args.all,
    concurrency = args.concurrency,
    rate = args.rate_function or args.rate,
    batch_size = args.batch_size,
    deadline = args.deadline or math.huge,
    patience = args.patience,
    timeout = args.timeout,
    max_attempts = args.max_attempts,
    ca_file = args.ca_file,
    cert_file = args.cert_file,
    key_file = args.key_file,
    proxy = args.proxy,
    on_event = on_event,
  }, "new")
  if not made then
    message = translate(message)
    if args.base_url_from and args.base_url_from ~= "--base-url" then
      message = message:gsub("%-%-base%-url", args.base_url_from, 1)
    end
    return nil, message
  end
  local own, used = client.own_address(made)
  args.is_elsewhere = own ~= nil and own ~= used
  args.shown_url = shown_address(args.base_url or own, first)
  return made
end

-- message = connection.refused(args): says that the provider refused the token, and where it came
-- from.
function connection.refused(args)
  return ("%s refused the token, which came from %s"):format(args.provider, args.token_from)
end

return connection
