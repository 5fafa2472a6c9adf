-- Which operation of the provider a call of a client uses, and why there is none.

local run = require("stopmsg.run.loop")
local settings = require("stopmsg.provider.settings")

local abilities = {}

-- Lists the provider's documented calls (or all, if allowed) for messages.
local function callable(self)
  local names, seen = {}, {}
  for key, operation in pairs(self._provider.operations) do
    local name = (key == "status_dispatch" and "status") or (key == "find_dispatch" and "find")
      or key
    local is_allowed = self._options.undocumented or not operation.undocumented
    if not seen[name] and is_allowed then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return table.concat(names, ", ")
end

-- Returns why no call is possible now, or nil.
function abilities.obstacle(self)
  if self._is_closed then
    return run.CLOSED
  end
  return self._way.refusal and self._way.refusal()
end

-- operation = abilities.operation(self, call, kind, all) | nil, what is wrong, missing settings.
-- all: whether the caller accepts a stop that reaches beyond its ids.
function abilities.operation(self, call, kind, all)
  local message = abilities.obstacle(self)
  if message then
    return nil, message
  end
  local provider = self._provider.name
  local name = kind == "dispatch" and call .. "_dispatch" or call
  local shown = (name == "status_dispatch" and "status for dispatches")
    or (name == "find_dispatch" and "find for dispatches") or name
  local operation = self._provider.operations[name]
  if not operation then
    return nil, ("%s has no %s; it has: %s"):format(provider, shown, callable(self))
  elseif operation.undocumented and not self._options.undocumented then
    return nil, ("%s documents %s; only its sibling brand documents %s: to try it, use "
      .. "undocumented = true"):format(provider, callable(self), shown)
  elseif operation.all and not (all or self._options.all) then
    return nil, ("a stop at %s stops %s: pass all = true if you mean that"):format(provider,
      operation.all)
  end
  local missing = settings.missing(self._provider, operation.needs, self._options.values)
  if #missing > 0 then
    return nil, ("%s: %s needs %s"):format(provider, shown, settings.name_all(self._provider,
      missing)), missing
  end
  return operation
end

return abilities
