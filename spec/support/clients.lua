-- Clients of any provider, for specs that walk over all of them.

local clients = {}

local providers = require("stopmsg.provider")
local stopmsg = require("stopmsg")

-- A client with these options, and with `all = true` where a stop of its provider needs that.
function clients.new(options)
  local operations = providers.load(options.provider).operations
  for _, name in ipairs({ "stop", "stop_dispatch" }) do
    options.all = options.all or (operations[name] and operations[name].all ~= nil)
  end
  return stopmsg.new(options)
end

return clients
