-- The options that say which provider is asked, how and how fast: the same for all commands.

local client = require("stopmsg.client")
local providers = require("stopmsg.providers")
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
  parser:option("-p --provider", table.concat(providers.names, ", ") .. "."):argname("PROVIDER")
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

-- provider = connection.provider(args): the checked definition | nil, message
function connection.provider(args)
  local name = args.provider
  if not name then
    return nil, "which provider? -p " .. table.concat(providers.names, "|")
  end
  if not providers.definition(name) then
    return nil, ("no provider is called %s; there are %s"):format(text.quote(name),
      table.concat(providers.names, ", "))
  end
  return providers.load(name)
end

-- In the library's messages, options have the library's names.
local function translate(message)
  message = message:match("^bad argument #%d to '[^']*' %((.*)%)$") or message
  message = message:gsub("option 'format'", "--xml")
  message = message:gsub("option '([%w_]+)'", function(name)
    return "--" .. name:gsub("_", "-")
  end)
  return (message:gsub("undocumented = true", "--undocumented"))
end

connection.translate = translate

-- made = connection.open(args, host): a client | nil, message. Where nothing will be sent it needs
-- no token.
function connection.open(args, host)
  local value, message = "none", nil
  if not args.dry_run then
    value, message = token.find(args.provider, args.token_file, host.getenv)
  end
  if not value then
    return nil, message
  end
  local made
  made, message = client.new({
    provider = args.provider,
    token = value,
    base_url = args.base_url,
    allow_http = args.allow_http,
    application = args.application,
    format = args.xml and "xml" or nil,
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
