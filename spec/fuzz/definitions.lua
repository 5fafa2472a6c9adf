-- Definitions that somebody is still writing: each is refused in words, or makes requests without a
-- placeholder that nothing fills and without the token; no answer makes it raise. Where its answers
-- say nothing, no outcome is claimed.
--
-- Input: the name of a built-in one on a line, then what is changed, a line each:
-- `path=value` with names divided by "/" (a number is one), and a value as below. Or "#" and bytes:
-- each two choose what is changed and a value, from what people write and mistake.

local answer = require("stopmsg.meaning.answer")
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

-- What may be changed, and what it may become.
local PLACES = {
  "stop/request", "stop/json", "stop/json/x", "stop/form", "stop/form/x", "stop/text",
  "stop/text/body", "stop/text/type", "stop/text/escape", "stop/limit", "stop/join",
  "stop/together", "stop/many", "stop/many/request", "stop/many/limit", "stop/many/200",
  "stop/many/200/each", "stop/many/200/id", "stop/200", "stop/200/code", "stop/200/state",
  "stop/200/means", "stop/200/means/1", "stop/200/each", "stop/200/id", "stop/200/others",
  "stop/200/more_than", "stop/200/has", "stop/200/every", "stop/200/exactly", "stop/200/form",
  "stop/200/texts", "stop/200/left", "stop/200/flag", "stop/200/next", "stop/200/1", "stop/200/2",
  "stop/204", "stop/2xx", "stop/404", "stop/refused", "stop/refused/1", "stop/texts",
  "stop/texts/a", "stop/decode", "stop/id", "stop/headers", "stop/headers/X", "stop/auth",
  "stop/auth/basic", "stop/rate", "stop/retry_after", "stop/retry_after/header",
  "stop/retry_after/path", "stop/sign", "stop/undocumented", "stop/inferred", "status",
  "status/request", "status/200", "check/request", "check/200", "find", "find/request",
  "find/each", "find/id", "find/next", "find/next/by", "find/next/as", "find/where/x",
  "find/where/x/query", "url", "name", "about", "docs", "headers", "headers/X-Key", "auth",
  "auth/basic", "id", "id/pattern", "id/max", "id/write", "id/a", "id/b", "id/number", "id/usual",
  "id/ignore_case", "error", "error/code", "error/form", "error/text", "error/status", "bare",
  "bare/1", "refused", "texts", "rate", "rate/1", "rate/per", "rate/burst", "retry_after",
  "answers", "answers/root", "answers/format", "token", "token/request", "token/value",
  "token/lasts", "token/form", "token/form/a", "token/auth/basic", "sign", "settings",
  "settings/a", "settings/a/about", "settings/account/about", "settings/a/pattern",
  "settings/a/one_of", "settings/a/one_of/x", "settings/a/default", "settings/a/optional",
  "settings/a/number", "operations", "base_url", "fault",
}
local VALUES = {
  "nil", "true", "false", "{}", "f", "0", "-1", "1", "2", "5", "1e9", "1e400", "[]", "[1,2]",
  "[2,100]", "[a,b]", "[{}]", "stopped", "accepted", "again", "halve", "credentials", "not_found",
  "open", "failed", "unknown", "POST /a/{id}", "POST /a", "GET /x?ids={ids}", "DELETE /{uuid}",
  "POST https://x.example/y", "PUT /{token}/{id}", "POST /{a}/{b}", "post /x", "{id}", "{ids}",
  "{token}", "{uuid}", "{account}", "{nope}", "{{", "}}", "{", "}", "{base_url}",
  "https://{account}.example", "https://a.example", "{base_url}/x", "^%d+$", "^a", "%", "^(", "[",
  "^.+$", "uuid", "digits", "text", "hex32", "a.b", "a[].b", "a[0]", ".", "a..b", "", "x", "json",
  "xml", "{format}", "integer", "status_prefix", "application/xml", "<a>{id}</a>", "{a}/{b}",
  "{a}{b}", ",", "channel", "id", "header", "rfc3339", "page", "query:page",
}

-- A good one to be changed.
local ACME = { "acme", "url=https://a.example", "headers/X-Key={token}", "id=text", "error/code=e",
  "error/form=string", "stop/request=POST /{id}", "stop/200/code=a", "stop/200/means/1=stopped" }

-- The lines that bytes stand for.
local function chosen(bytes)
  local names = providers.names()
  local name = names[(bytes:byte(1) or 0) % (#names + 1) + 1]
  local lines = {}
  for i, line in ipairs(name and { name } or ACME) do
    lines[i] = line
  end
  for i = 2, #bytes - 1, 2 do
    lines[#lines + 1] = ("%s=%s"):format(PLACES[bytes:byte(i) % #PLACES + 1],
      VALUES[bytes:byte(i + 1) % #VALUES + 1])
  end
  return table.concat(lines, "\n")
end

return function(data)
  data = data:sub(1, 1) == "#" and chosen(data:sub(2)) or data
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
