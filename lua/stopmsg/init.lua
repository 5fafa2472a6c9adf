-- Stops messages that are already at the provider, and reports for every id what became of it.

require("stopmsg.needs").load("stopmsg.core") -- first: the others depend on it

local client = require("stopmsg.client")
local outcome = require("stopmsg.meaning.outcome")
local providers = require("stopmsg.provider")
local version = require("stopmsg.version")

-- A copy, so that users cannot change the original.
local function outcomes()
  local copy = {}
  for word, info in pairs(outcome.all) do
    copy[word] = { about = info.about, settled = info.settled, stopped = info.stopped }
  end
  return copy
end

---@class stopmsg
---@field shared stopmsg.Shared
local stopmsg = {
  ---@type string
  _VERSION = version,
  ---What each outcome means, whether it is settled, and whether the message was stopped.
  ---@type table<stopmsg.Outcome, stopmsg.OutcomeInfo>
  outcomes = outcomes(),
}

---Makes a client. It opens and sends nothing before its first call.
---Raises on wrong or unknown options.
---@param options stopmsg.Options
---@return stopmsg.Client
function stopmsg.new(options)
  local made, wrong = client.new(options, "new")
  if not made then
    error(wrong, 2)
  end
  return made
end

---One shot: makes a client, stops messages, closes it.
---@param options stopmsg.Options
---@param ids string|(string|integer)[] one id or a list
---@param call_options? stopmsg.CallOptions
---@return stopmsg.Report
function stopmsg.stop(options, ids, call_options)
  local report, wrong = client.stop_once(options, ids, call_options)
  if not report then
    error(wrong, 2)
  end
  return report
end

---The names of the built-in providers, sorted.
---@return string[]
function stopmsg.providers()
  return providers.names()
end

---A copy of a built-in provider's definition, to change and pass as `provider`.
---@param name string
---@return stopmsg.Provider
function stopmsg.definition(name)
  local definition = providers.definition(name)
  if not definition then
    error(("bad argument #1 to 'definition' (%s)"):format(providers.unknown(name)), 2)
  end
  return definition
end

-- Loaded at first use: few need it.
return setmetatable(stopmsg, {
  __index = function(_, name)
    return name == "shared" and require("stopmsg.shared") or nil
  end,
})
