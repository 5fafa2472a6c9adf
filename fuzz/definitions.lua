-- Definitions that somebody is still writing: each is refused in words, or makes requests without a
-- placeholder that nothing fills and without the token; no answer makes it raise. Where its answers
-- say nothing, no outcome is claimed.
--
-- Input: the name of a built-in one on a line, then what is changed, a line each:
-- `path=value` with names divided by "/" (a number is one), and a value as below.

local answer = require("stopmsg.answer")
local clients = require("stopmsg.client")
local providers = require("stopmsg.provider")

local TOKEN = "canary-7f3a"

local WORDS = { ["true"] = true, ["false"] = false, ["{}"] = {} }

-- Answers that say nothing.
local EMPTY = { "", "{}", "[]", "null", "5", "<a/>", '{"x":null}', '{"error":"x"}' }

local function raising()
  error("of the definition's own")
end

local function value_of(text)
  if text == "nil" then
    return nil
  elseif text == "f" then
    return raising
  elseif WORDS[text] ~= nil then
    return type(WORDS[text]) == "table" and {} or WORDS[text]
  end
  local list = text:match("^%[(.*)%]$")
  if list then
    local values = {}
    for one in (list .. ","):gmatch("([^,]*),") do
      values[#values + 1] = value_of(one)
    end
    return values
  end
  return tonumber(text) or text
end

local function change(definition, path, text)
  local at, name = definition, nil
  for step in path:gmatch("[^/]+") do
    if name ~= nil then
      if type(at[name]) ~= "table" then
        at[name] = {}
      end
      at = at[name]
    end
    name = tonumber(step) or step
  end
  if name ~= nil and name == name then
    at[name] = value_of(text)
  end
end

local SETTING = "A1"

-- Settings that a definition's patterns take, where something simple is taken; false where not.
local function settings_of(compiled)
  local given = {}
  for name, setting in pairs(compiled.settings or {}) do
    if setting.one_of then
      given[name] = next(setting.one_of)
    elseif type(name) == "string" then
      given[name] = setting.number and "7" or SETTING
    end
  end
  return given
end

local IDS = { "11111111-2222-4333-8444-555555555551", "00000000000000000000000000000001", "1", "a",
  "SM0000000000000000000000000000000a", "C1/Q1", "A1B2C-D3E4F", "<1@x.y>" }

local function check_request(client, operation, id, may_have_braces)
  local made, shown = pcall(clients.preview, client, operation, { id, n = 1 })
  if not made then
    assert(type(shown) == "string" and not shown:find("attempt to", 1, true), shown)
    return
  end
  local text = table.concat({ shown.target, shown.body or "", table.concat(shown.headers, "\n") },
    "\n")
  assert(not text:find(TOKEN, 1, true), "the token is shown: " .. text)
  assert(may_have_braces or not text:find("{[%a_]+}"), "an unfilled placeholder: " .. text)
end

local function check_answers(operation, ids)
  for _, body in ipairs(EMPTY) do
    for _, status in ipairs({ 200, 204, 302, 400, 404, 500 }) do
      local format = body:find("<", 1, true) and "xml" or "json"
      local reply = { status = status, body = body, format = format }
      local action, verdict = answer.read(operation, reply, ids)
      assert(type(action) == "string" and type(verdict) == "table", "no verdict")
    end
  end
end

return function(data)
  local name, rest = data:match("^([^\n]*)\n?(.*)$")
  local definition = providers.is_built_in(name) and providers.definition(name) or { name = name }
  for path, text in rest:gmatch("([^=\n]+)=([^\n]*)") do
    change(definition, path, text)
  end
  local is_good, compiled = pcall(providers.check, definition)
  if not is_good then
    assert(type(compiled) == "string" and compiled:find("provider definition", 1, true), compiled)
    return
  end
  local made, client = pcall(clients.new, {
    provider = definition,
    token = TOKEN,
    settings = settings_of(compiled),
    base_url = "https://127.0.0.1:1",
    undocumented = true,
  }, "new")
  if not made or not client then
    return -- a setting of another form
  end
  local may_have_braces = rest:find("{{", 1, true) or rest:find("}}", 1, true)
  for _, operation in pairs(compiled.operations) do
    for _, id in ipairs(IDS) do
      if not operation.id or require("stopmsg.ids").check(operation.id, id) then
        check_request(client, client._provider.operations[operation.name], id, may_have_braces)
        if operation.id and not operation.items then
          check_answers(operation, { id })
        end
      end
    end
  end
  client:close()
end
