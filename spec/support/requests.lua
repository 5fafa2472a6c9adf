-- The request that a definition makes, as the core would send it.

local clients = require("stopmsg.client")

local requests = {}

-- request = requests.of(provider, name, ids, options): { line, headers (sorted), body }; the token
-- is shown as [token].
function requests.of(provider, name, ids, options)
  local all = { provider = provider, token = "canary-4d1f77", undocumented = true }
  for option, value in pairs(options or {}) do
    all[option] = value
  end
  local made, message = clients.new(all, "new")
  if not made then
    error(message, 0)
  end
  local operation = made._provider.operations[name]
  local shown = clients.preview(made, operation, ids)
  made:close()
  table.sort(shown.headers)
  return {
    line = ("%s %s%s"):format(shown.method, shown.origin, shown.target),
    headers = shown.headers,
    body = shown.body,
  }
end

return requests
