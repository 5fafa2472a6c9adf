-- The options that say which provider is asked, how and how fast: the same for all commands.

local client = require("stopmsg.client")
local providers = require("stopmsg.provider")
local text = require("stopmsg.text")
local token = require("stopmsg.cli.token")

local connection = {}

-- convert = number(name): argparse's way to check an option's value.
local function number(name)
  return function(value)
    local n = value:find("^[%d.]+$") and tonumber(value)
    if not n then
      return nil, ("--%s: %s is no number"):format(name, text.quote(value))
    end
    return n
  end
end

connection.number = number

function connection.configure(parser)
  parser:option("-p --provider", "A provider's name, or a file with a definition (./acme.lua).")
    :argname("PROVIDER")
  parser:option("--set", "A setting of the provider; may be given again."):argname("NAME=VALUE")
    :count("*")
  parser:option("--token-file", "File with the token in its first line."):argname("FILE")
  parser:option("--base-url", "Another address than the provider's."):argname("URL")
  parser:flag("--allow-http", "Allow plain http:// to other hosts than this one.")
  parser:option("--application", "Pushwoosh application code, for status lookups."):argname("CODE")
  parser:flag("--xml", "Clickatell: answers in XML.")
  parser:flag("--undocumented", "Allow what only the sibling brand documents.")
  parser:option("--ca-file", "Trusted certificates."):argname("FILE")
  parser:option("--proxy", "Proxy; '' for none."):argname("URL")
  parser:option("--timeout", "Seconds for one attempt (10)."):argname("SECONDS")
    :convert(number("timeout"))
  parser:option("--max-attempts", "Attempts for each request, the first included (4).")
    :argname("N"):convert(number("max-attempts"))
end

-- The options of commands that send many requests.
function connection.configure_pace(parser)
  parser:option("--concurrency", "Requests in flight (4 batches, 16 single ones)."):argname("N")
    :convert(number("concurrency"))
  parser:option("--rate", "Requests per second, at most."):argname("N"):convert(number("rate"))
  parser:option("--batch-size", "Ids per request (the provider's limit)."):argname("N")
    :convert(number("batch-size"))
  parser:option("--deadline", "Seconds for the whole run (none)."):argname("SECONDS")
    :convert(number("deadline"))
end

-- What -p names: a built-in provider, or the definition in a file.
-- name or definition | nil, message
local function named(args)
  local name = args.provider
  if not name then
    return nil, "which provider? -p " .. table.concat(providers.names(), "|")
  elseif name:find("[/.]") then
    return providers.read(name)
  elseif not providers.is_built_in(name) then
    return nil, providers.unknown(name)
  end
  return name
end

-- provider = connection.provider(args): the checked definition | nil, message. args.provider
-- becomes its name, args.definition what -p named.
function connection.provider(args)
  if args.checked then
    return args.checked
  end
  local given, message = named(args)
  if not given then
    return nil, message
  end
  local loaded, provider = pcall(providers.load, given)
  if not loaded then
    return nil, tostring(provider)
  end
  args.definition, args.provider, args.checked = given, provider.name, provider
  return provider
end

-- The settings: --set, else STOPMSG_<PROVIDER>_<NAME>. settings | nil, message
local function settings_of(args, provider, getenv)
  local given = {}
  for _, pair in ipairs(args.set or {}) do
    local name, value = pair:match("^([^=]+)=(.*)$")
    if not name then
      return nil, ("--set wants NAME=VALUE, not %s"):format(text.quote(pair))
    elseif given[name] and given[name] ~= value then
      return nil, ("--set %s stands twice, with different values"):format(name)
    end
    given[name] = value
  end
  for name in pairs(provider.settings) do
    local value = getenv(("STOPMSG_%s_%s"):format(provider.name:upper(), name:upper()))
    if given[name] == nil and value ~= nil and value ~= "" then
      given[name] = value
    end
  end
  return given
end

-- In the library's messages, options have the library's names.
local function translate(message)
  message = message:match("^bad argument #%d to '[^']*' %((.*)%)$") or message
  message = message:gsub("option 'format'", "--xml")
  message = message:gsub("option 'settings': ", "")
  message = message:gsub("the setting '([%w_]+)'", "--set %1=…")
  message = message:gsub("option '([%w_]+)'", function(name)
    return "--" .. name:gsub("_", "-")
  end)
  return (message:gsub("undocumented = true", "--undocumented"))
end

connection.translate = translate

-- made = connection.open(args, host): a client | nil, message. Where nothing will be sent it needs
-- no token.
function connection.open(args, host)
  local provider, message = connection.provider(args)
  if not provider then
    return nil, message
  end
  local given
  given, message = settings_of(args, provider, host.getenv)
  if not given then
    return nil, message
  end
  given.application = args.application or given.application
  given.format = args.xml and "xml" or given.format
  local value = "none"
  if not args.dry_run then
    value, message = token.find(args.provider, args.token_file, host.getenv)
  end
  if not value then
    return nil, message
  end
  local made
  made, message = client.new({
    provider = args.definition,
    settings = given,
    token = value,
    base_url = args.base_url,
    allow_http = args.allow_http,
    undocumented = args.undocumented,
    concurrency = args.concurrency,
    rate = args.rate,
    batch_size = args.batch_size,
    deadline = args.deadline or math.huge,
    timeout = args.timeout,
    max_attempts = args.max_attempts,
    ca_file = args.ca_file,
    proxy = args.proxy,
  }, "new")
  if not made then
    return nil, translate(message)
  end
  return made
end

-- results = connection.call(f, ...) | nil, message: wrong use of the library is wrong use of the
-- command, which says so before anything is sent.
function connection.call(f, ...)
  local called, first, second = pcall(f, ...)
  if called then
    return first, second
  end
  return nil, translate((tostring(first):gsub("^[^ ]+:%d+: ", "")))
end

return connection
