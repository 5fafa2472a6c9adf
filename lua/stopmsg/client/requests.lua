-- Where the requests of a client go, and what they look like.

local core = require("stopmsg.core")
local runs = require("stopmsg.client.runs")
local settings = require("stopmsg.provider.settings")
local signing = require("stopmsg.provider.signing")
local wire = require("stopmsg.provider.wire")

local requests = {}

-- The provider's own address, ignoring base_url; nil if each customer has a separate host. And the
-- one in use. Both are as core.check_base() gives them, the same for each spelling.
function requests.own_address(self)
  local provider, o = self._provider, self._options
  local origin = wire.base(provider, o.values)
  local own = origin and core.check_base(provider.is_old and provider.url or origin, true) or origin
  return own, o.base_url and o.address or own
end

-- The address of an operation's requests, with all settings in it that are not the default. It
-- identifies the account, for callers that must recognize it.
function requests.address(self, operation)
  local o = self._options
  local parts = { (select(2, requests.own_address(self))) }
  local names = {}
  for name, value in pairs(o.values) do
    local setting = self._provider.settings[name]
    local is_default = setting.default ~= nil and settings.default(setting) == value
    if operation.seen[name] and not is_default then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    parts[#parts + 1] = name .. "=" .. o.values[name]
  end
  return table.concat(parts, " ")
end

-- Previews the request for `ids`, a checked list, without the token: { method, origin, target,
-- headers, body }. If several are needed, returns the first.
function requests.preview(self, operation, ids)
  local session = runs.open(self)
  local uuid = operation.has_uuid and "00000000-0000-4000-8000-000000000000" or ""
  local method, origin, target, headers, body = session.engine:preview(
    session:prepare(operation), ids, 1, #ids, uuid, operation.signing and signing.shown or nil)
  local lines, agent = {}, session:user_agent()
  for _, line in ipairs(headers) do
    if not line:find(":$") and line ~= "User-Agent: " .. agent then
      lines[#lines + 1] = line
    end
  end
  return { method = method, origin = origin, target = target, headers = lines, body = body,
    user_agent = agent }
end

return requests
