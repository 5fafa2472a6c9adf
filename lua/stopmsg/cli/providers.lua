-- stopmsg providers

local exit = require("stopmsg.cli.exit")
local providers = require("stopmsg.providers")
local text = require("stopmsg.text")
local token = require("stopmsg.cli.token")

local command = {
  name = "providers",
  summary = "what each provider can do",
  examples = [[
Examples:
  stopmsg providers
  stopmsg providers revicom
]],
}

local OPERATIONS = { "stop", "stop_dispatch", "status", "status_dispatch", "check" }

function command.configure(parser)
  parser:argument("provider", "Only this one, in detail."):args("?"):argname("NAME")
end

local function requests(operation)
  if operation.limit == 1 then
    return "one a request"
  end
  return ("%d a request"):format(operation.limit)
end

local function show(provider, out)
  out:write(("%s\n    %s\n    address  %s\n    token    %s, or STOPMSG_TOKEN\n    pages    %s\n")
    :format(provider.name, provider.about, provider.base_url, token.variable(provider.name),
    provider.docs))
  for _, name in ipairs(OPERATIONS) do
    local operation = provider.operations[name]
    if operation then
      out:write(("\n  %s%s\n    request  %s %s\n"):format(name,
        operation.undocumented and " (documented by the sibling brand only)" or "",
        operation.method, operation.path))
      if name ~= "check" then
        out:write(("    ids      %s, %s\n"):format(operation.id.about, requests(operation)))
      end
      if operation.needs then
        out:write(("    needs    --%s\n"):format(operation.needs))
      end
      if operation.inferred then
        out:write(("    beware   %s\n"):format(operation.inferred))
      end
      out:write(("    page     %s\n"):format(operation.docs or provider.docs))
    end
  end
end

local function list(out)
  for _, name in ipairs(providers.names) do
    local provider = providers.load(name)
    local calls = {}
    for _, call in ipairs(OPERATIONS) do
      local operation = provider.operations[call]
      if operation and not operation.undocumented then
        calls[#calls + 1] = call .. (operation.limit > 1 and (" (%d)"):format(operation.limit)
          or "")
      end
    end
    out:write(("%-11s %s\n            %s\n            %s\n"):format(name, provider.about,
      table.concat(calls, ", "), provider.docs))
  end
  out:write("\nIn brackets: ids in one request. stopmsg providers NAME tells more.\n")
end

function command.run(args, host)
  local name = args.provider
  if not name then
    list(host.stdout)
    return exit.ok
  elseif not providers.definition(name) then
    host:say(("no provider is called %s; there are %s"):format(text.quote(name),
      table.concat(providers.names, ", ")))
    return exit.usage
  end
  show(providers.load(name), host.stdout)
  return exit.ok
end

return command
