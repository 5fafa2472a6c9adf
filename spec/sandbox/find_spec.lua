-- Lists of what can still be stopped, from the sandbox: the entries are where the definitions look
-- for them, and what was stopped is no longer listed.

local clients = require("stopmsg.client")
local json = require("stopmsg.json")
local mime = require("mime")
local path = require("stopmsg.meaning.path")
local providers = require("stopmsg.provider")
local reading = require("stopmsg.meaning.reading")
local recorded = require("stopmsg.sandbox.recorded")
local sandbox = require("stopmsg.sandbox")

-- The request of an operation as the sandbox takes it.
local function request_of(client, operation, all, ids)
  local shown = clients.preview(client, operation, ids)
  local headers = {}
  for _, line in ipairs(shown.headers) do
    local name, value = line:match("^([^:]+): (.*)$")
    headers[name:lower()] = value:gsub("%[token%]", "sandbox")
  end
  local basic = providers.definition(all.name).auth
  if basic then
    local text = basic.basic:gsub("{token}", "sandbox"):gsub("{([%w_]+)}", function(setting)
      return all.settings[setting] or all.settings.account
    end)
    headers.authorization = "Basic " .. mime.b64(text)
  end
  local function with_token(text)
    return (text:gsub("%[token%]", "sandbox"))
  end
  local target, query = with_token(shown.target):match("^([^?]*)%??(.*)$")
  return { method = shown.method, path = target, query = query, headers = headers,
    body = with_token(shown.body or "") }
end

-- The ids that an answer lists as open, as the definition's find reads them.
local function listed(operation, answer)
  local document, ids = assert(json.decode(answer.body)), {}
  local r = operation.reading
  for _, entry in ipairs(path.value(document, r.each)) do
    local parts = {}
    for i, one in ipairs(r.id) do
      local found = path.first(entry, one.paths)
      local text = tostring(type(found) == "number" and json.integer(found) or found)
      parts[i] = one.match and text:match(one.match) or text
    end
    local verdict = { outcome = "open" }
    if r.state then
      local state = path.first(entry, r.state)
      verdict.outcome = r.means[type(state) == "string" and state:lower() or tostring(state)].word
    elseif r.entries then
      verdict = select(2, reading.read(r.entries, operation, entry, {}))
    end
    if verdict.outcome == "open" then
      ids[#ids + 1] = table.concat(parts, (operation.finds.between or {})[1])
    end
  end
  table.sort(ids)
  return ids
end

describe("the sandbox lists what can still be stopped at", function()
  for _, name in ipairs(providers.names()) do
    local all = recorded.find(name)
    if all and providers.load(name).operations.find then
      it(name, function()
        all.name = name
        local client = clients.new({ provider = name, token = "canary-7", settings = all.settings,
          base_url = "http://127.0.0.1:1/" .. name }, "new")
        local operations = providers.load(name).operations
        local served = sandbox.new()
        local first = all.id:format(1)
        local wanted = { first, all.id:format(2), all.id:format(3) }
        local question = request_of(client, operations.find, all, {})
        assert.same(wanted, listed(operations.find, served:answer(question)))
        local stopped = served:answer(request_of(client, operations.stop, all, { first }))
        assert.is_true(stopped.status < 300)
        table.remove(wanted, 1)
        assert.same(wanted, listed(operations.find, served:answer(question)))
        client:close()
      end)
    end
  end
end)
