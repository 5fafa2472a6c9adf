-- Checks those client options that depend on the provider.

local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local settings = require("stopmsg.provider.settings")
local wire = require("stopmsg.provider.wire")

local fit = {}

-- Maximum number of ids in one stop request of the provider.
function fit.stop_limit(provider, with_undocumented)
  local limit = 1
  for _, name in ipairs({ "stop", "stop_dispatch" }) do
    local operation = provider.operations[name]
    if operation and (with_undocumented or not operation.undocumented) then
      limit = math.max(limit, operation.limit)
    end
  end
  return limit
end

-- Collects the settings given in `settings` or as options of the same name. settings | nil, message
local function settings_given(checked, provider, names)
  local given = {}
  for name, value in pairs(checked.settings or {}) do
    given[name] = value
  end
  for _, name in ipairs(names) do
    local value = checked[name]
    if value ~= nil and not provider.settings[name] then
      if name == "format" and value ~= "json" then
        return nil, ("option 'format': %s does not support %s"):format(provider.name, value)
      end
      value = nil -- every client has these two options
    end
    if value ~= nil and given[name] ~= nil and given[name] ~= value then
      return nil, ("option '%s' contradicts the setting of the same name"):format(name)
    elseif value ~= nil then
      given[name] = value
    end
  end
  return given
end

-- message = fit.check(checked, provider, names): returns what is wrong with a client's options, or
-- nil. Sets `values`, the settings, and `address`, the base URL. names: settings that are also
-- options.
function fit.check(checked, provider, names)
  local given, message = settings_given(checked, provider, names)
  if not given then
    return message
  end
  checked.values, message = settings.check(provider, given)
  if not checked.values then
    return "option 'settings': " .. message
  end
  local missing = settings.missing(provider, provider.required, checked.values)
  if #missing > 0 then
    return ("option 'settings': %s needs %s"):format(provider.name,
      settings.name_all(provider, missing))
  end
  if checked.values.format == "xml" then
    local found
    found, message = compat.try(require, "stopmsg.xml")
    if not found then
      return "option 'format': " .. message
    end
  end
  local limit = fit.stop_limit(provider, checked.undocumented)
  if checked.batch_size and checked.batch_size > limit then
    return ("option 'batch_size': %s takes at most %d id(s) per request, got %d"):format(
      provider.name, limit, checked.batch_size)
  end
  local base_url = checked.base_url or wire.base(provider, checked.values)
  if not base_url then
    return ("option 'base_url' is missing: %s gives each customer a separate host"):format(
      provider.name)
  end
  checked.address, message = core.check_base(base_url, checked.allow_http)
  if not checked.address then
    -- Omit the URL: it may contain a token.
    return (checked.base_url and "option 'base_url' "
      or ("option 'provider': provider definition %s.url "):format(provider.name)) .. message
  end
end

return fit
