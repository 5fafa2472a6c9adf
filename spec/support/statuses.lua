-- Sandboxes, clients and ids for the specs of status, verify and check.

local assert = require("luassert")
local stopmsg = require("stopmsg")

local statuses = { TOKEN = "sandbox", APPLICATION = "AAAAA-BBBBB" }

function statuses.uuid(n, fate)
  return ("%08x-0000-4000-8000-%08x%s"):format(n, n, fate or "aaaa")
end

function statuses.code(n, fate)
  return ("1A2B-3C4D5E6F-%04X%s"):format(n, fate or "9C0D")
end

function statuses.hex(n, fate)
  return ("%028x%s"):format(n, fate or "aaaa")
end

-- "outcome state verified", for each item.
function statuses.lines(report)
  local list = {}
  for i, item in ipairs(report) do
    list[i] = ("%s %s %s"):format(item.outcome, tostring(item.state), tostring(item.verified))
  end
  return list
end

function statuses.new(sandbox, provider, more)
  local options = { provider = provider, token = statuses.TOKEN, base_url = sandbox.url }
  local name = type(provider) == "table" and provider.name or provider
  options.application = name == "pushwoosh" and statuses.APPLICATION or nil
  for field, value in pairs(more or {}) do
    options[field] = value or nil
  end
  return stopmsg.new(options)
end

-- The requests that a sandbox got while `call` ran.
function statuses.requests_of(sandbox, call)
  local before = #sandbox:log()
  call()
  local list, all = {}, sandbox:log()
  for i = before + 1, #all do
    list[#list + 1] = all[i]
  end
  return list
end

-- The message of an error that has to be raised, and to point at the spec.
function statuses.raised(call)
  local ok, message = pcall(call)
  assert.is_false(ok)
  assert.is_string(message)
  local where, words = message:match("^(%S+:%d+): (.*)$")
  assert.message(message).is_truthy((where or ""):find("_spec.lua", 1, true))
  return words
end

return statuses
