-- stopmsg providers

local exit = require("stopmsg.cli.exit")
local providers = require("stopmsg.provider")
local schema = require("stopmsg.provider.schema")
local settings = require("stopmsg.provider.settings")
local text = require("stopmsg.text")
local token = require("stopmsg.cli.token")

local command = {
  name = "providers",
  summary = "list the providers, and what each can do",
  examples = [[
Examples:
  stopmsg providers
  stopmsg providers revicom
  stopmsg providers --check ./acme.lua
]],
}

local OPERATIONS = schema.operation_names

function command.configure(parser)
  parser:argument("provider", "Show this provider in detail."):args("?"):argname("NAME")
  parser:option("--check", "Check the definition in this file for mistakes and gaps.")
    :argname("FILE")
end

local function requests(operation)
  if operation.limit == 1 then
    return "one a request"
  elseif operation.least > 1 then
    return ("%d to %d a request"):format(operation.least, operation.limit)
  end
  return ("%d a request"):format(operation.limit)
end

local function sorted_keys(list)
  local names = {}
  for name in pairs(list) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function show_settings(provider, write)
  for i, name in ipairs(sorted_keys(provider.settings)) do
    local setting = provider.settings[name]
    local how = (setting.optional and " (optional)")
      or (setting.default and (" (%s)"):format(setting.default)) or ""
    write(i == 1 and "settings" or "", ("%s=…%s  %s"):format(name, how,
      settings.expected(setting)))
  end
end

local function show_operation(provider, name, operation, out)
  local function write(label, value)
    out:write(("    %-8s %s\n"):format(label, value))
  end
  out:write(("\n  %s%s\n"):format(name,
    operation.undocumented and " (documented by the sibling brand only)" or ""))
  write("request", ("%s %s"):format(operation.method, operation.path))
  if operation.single then
    write("for one", ("%s %s"):format(operation.single.method, operation.single.path))
  end
  if operation.is_list then
    write("filters", table.concat(sorted_keys(operation.where), ", "))
  elseif not operation.has_no_ids then
    write("ids", ("%s, %s"):format(operation.id.about, requests(operation)))
  end
  local needs = {}
  for _, setting in ipairs(operation.needs) do
    if not provider.settings[setting].default then
      needs[#needs + 1] = "--set " .. setting .. "=…"
    end
  end
  if #needs > 0 then
    write("needs", table.concat(needs, " "))
  end
  if operation.all then
    write("stops", operation.all .. ", so it needs --all")
  end
  if operation.inferred then
    write("beware", operation.inferred)
  end
  write("page", operation.docs or provider.docs or "-")
end

local function show(provider, out)
  local function write(label, value)
    out:write(("    %-8s %s\n"):format(label, value))
  end
  out:write(provider.name, "\n")
  out:write("    ", provider.about or "-", "\n")
  write("address", provider.url)
  write("token", ("%s, or STOPMSG_TOKEN"):format(token.variable(provider.name)))
  show_settings(provider, write)
  write("pages", provider.docs or "-")
  for _, name in ipairs(OPERATIONS) do
    if provider.operations[name] then
      show_operation(provider, name, provider.operations[name], out)
    end
  end
end

local function list(out)
  local width = 0
  for _, name in ipairs(providers.names()) do
    width = math.max(width, #name)
  end
  local indent = (" "):rep(width + 2)
  for _, name in ipairs(providers.names()) do
    local provider = providers.load(name)
    local calls = {}
    for _, call in ipairs(OPERATIONS) do
      local operation = provider.operations[call]
      if operation and not operation.undocumented then
        calls[#calls + 1] = call .. (operation.limit > 1 and (" (%d)"):format(operation.limit)
          or "")
      end
    end
    out:write(("%s%s%s\n%s%s\n%s%s\n"):format(name, indent:sub(#name + 1), provider.about,
      indent, table.concat(calls, ", "), indent, provider.docs))
  end
  out:write("\nIn brackets: ids in one request. stopmsg providers NAME tells more.\n")
end

-- Optional fields that a definition should have.
local function lacks(provider)
  local missing = {}
  local function add(is_missing, message)
    if is_missing then
      missing[#missing + 1] = message
    end
  end
  local operations = provider.operations
  add(not provider.docs, "`docs`, the URL of the vendor's documentation")
  add(not provider.about, "`about`, a sentence that says what it stops")
  add(not operations.stop and not operations.stop_dispatch,
    "`stop`: without it nothing can be stopped")
  add(not operations.status and not operations.status_dispatch,
    "`status`: without it `accepted` and `unknown` stay so and --verify is refused")
  add(not operations.check, "`check`: without it the first stop is the first test of the token")
  add(not operations.find and not operations.find_dispatch,
    "`find`: without it you need to know the ids")
  for _, name in ipairs(OPERATIONS) do
    local operation = operations[name]
    if operation and not operation.is_list then
      add(not operation.error and next(operation.is_bare) == nil,
        ("%s: `error`, the form of errors: without it no 4xx settles a message"):format(name))
    end
  end
  return missing
end

-- code = check_file(path, host)
local function check_file(path, host)
  local definition, message = providers.read(path)
  if not definition then
    host:say(message)
    return exit.usage
  end
  local checked, provider = pcall(providers.check, definition)
  if not checked then
    host:say(tostring(provider))
    return exit.usage
  end
  for _, warning in ipairs(provider.warnings) do
    host:say("warning: " .. warning)
  end
  show(provider, host.stdout)
  local missing = lacks(provider)
  host.stdout:write("\n", #missing == 0 and "nothing is missing\n" or "what it lacks:\n")
  for _, one in ipairs(missing) do
    host.stdout:write("  ", one, "\n")
  end
  return exit.ok
end

function command.run(args, host)
  local name = args.provider
  if args.check then
    return check_file(args.check, host)
  elseif not name then
    list(host.stdout)
    return exit.ok
  elseif not providers.is_built_in(name) then
    host:say(providers.unknown(text.printable(name)))
    return exit.usage
  end
  show(providers.load(name), host.stdout)
  return exit.ok
end

return command
