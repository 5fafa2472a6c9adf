-- The providers: which there are, and how a definition is checked and made ready.
--
-- A definition is a table that says how each operation of a provider is asked for and what its
-- answers mean. It knows nothing of clients or connections. docs/writing-a-provider.md has
-- the fields; a broken definition raises here, by its name and field, before it is ever used.

local errors = require("stopmsg.providers.errors")
local ids = require("stopmsg.ids")
local json = require("stopmsg.json")
local outcome = require("stopmsg.outcome")
local text = require("stopmsg.text")

local providers = {}

providers.names = { "clickatell", "idigital", "pushwoosh", "revicom" }

-- The operations that there can be. A lookup changes nothing at the provider, so a lost answer to
-- one leaves no doubt behind.
local OPERATIONS = {
  stop = {},
  stop_dispatch = {},
  status = { is_lookup = true },
  status_dispatch = { is_lookup = true },
  check = { is_lookup = true, has_no_ids = true },
}

-- Words that a refusal may be, besides an outcome.
local ACTIONS = { credentials = true, again = true }

local DEFINITION_FIELDS = {
  name = "string",
  about = "string",
  docs = "string",
  base_url = "string",
  auth = "table",
  headers = "table",
  formats = "table",
  error = "table",
  fault = "function",
  operations = "table",
}

local OPERATION_FIELDS = {
  docs = "string",
  method = "string",
  path = "string",
  between = "string",
  id = "any",
  limit = "number",
  headers = "table",
  body = "table",
  success = "string",
  exactly = "string",
  items = "table",
  codes = "table",
  states = "table",
  shared = "table",
  left = "function",
  remark = "function",
  decode = "function",
  refusals = "table",
  bare = "table",
  undocumented = "boolean",
  inferred = "string",
  needs = "string",
  auth = "table",
}

local BODY_FIELDS = { type = "string", template = "string", between = "string", escape = "string" }
local ITEM_FIELDS = { list = "string", id = "string", code = "string" }
local AUTH_FIELDS = { header = "string", prefix = "string" }
local FORMAT_FIELDS = { headers = "table", needs = "string", root = "string" }
local ESCAPES = { json = true, percent = true, xml = true, raw = true }

-- The fields that each part of a definition may have.
providers.fields = {
  definition = DEFINITION_FIELDS,
  operation = OPERATION_FIELDS,
  body = BODY_FIELDS,
  items = ITEM_FIELDS,
  auth = AUTH_FIELDS,
  format = FORMAT_FIELDS,
  operations = OPERATIONS,
  escapes = ESCAPES,
  actions = ACTIONS,
  error = errors.fields,
  error_forms = errors.forms,
}

-- Every function below takes `where`, the dotted name of what it looks at, and raises with it.
local function fail(where, message)
  error("provider definition " .. where .. ": " .. message, 0)
end

-- Only known fields, each of its type.
local function check_fields(where, value, fields)
  for name, field in pairs(value) do
    local wanted = fields[name]
    if not wanted then
      fail(where, "no field is called " .. text.quote(name))
    end
    if wanted ~= "any" and type(field) ~= wanted then
      fail(where .. "." .. tostring(name), ("a %s, not a %s"):format(wanted, type(field)))
    end
  end
end

local function check_headers(where, headers)
  for i, line in ipairs(headers or {}) do
    if type(line) ~= "string" or not line:find("^[%w%-]+: [^%c]+$") then
      fail(where .. "[" .. i .. "]", "a header line like 'X-Version: 1'")
    end
  end
end

-- A template is cut at its one `{id}`. Without one the text is sent as it is.
local function form(where, template, between, escape)
  local from, to = template:find("{id}", 1, true)
  if not from then
    return { open = template }
  end
  if template:find("{id}", to + 1, true) then
    fail(where, "holds {id} twice")
  end
  return {
    open = template:sub(1, from - 1),
    between = between,
    close = template:sub(to + 1),
    escape = escape,
  }
end

local function body_form(where, body)
  if not body then
    return nil
  end
  check_fields(where, body, BODY_FIELDS)
  if not body.template or not body.type then
    fail(where, "needs `template` and `type`")
  end
  if not ESCAPES[body.escape] then
    fail(where .. ".escape", "one of json, percent, raw, xml")
  end
  return form(where .. ".template", body.template, body.between, body.escape)
end

-- What says whether a message was stopped: exactly one of three ways.
local function check_meaning(where, operation)
  local ways = (operation.success and 1 or 0) + (operation.items and 1 or 0)
    + (operation.decode and 1 or 0)
  if ways ~= 1 then
    fail(where, "needs exactly one of `success`, `items` and `decode`")
  end
  if operation.success and not outcome.all[operation.success] then
    fail(where .. ".success", text.quote(operation.success) .. " is no outcome")
  end
  if operation.exactly and not operation.success then
    fail(where .. ".exactly", "says what the body of `success` is, which is not there")
  end
  if operation.items then
    check_fields(where .. ".items", operation.items, ITEM_FIELDS)
    for name in pairs(ITEM_FIELDS) do
      if not operation.items[name] then
        fail(where .. ".items", "needs `" .. name .. "`")
      end
    end
    if (operation.codes == nil) == (operation.states == nil) then
      fail(where, "`items` needs `codes` or `states`")
    end
  end
  for state, word in pairs(operation.states or {}) do
    if not outcome.all[word] then
      fail(where .. ".states[" .. text.quote(state) .. "]", text.quote(word) .. " is no outcome")
    end
  end
  for code, word in pairs(operation.codes or {}) do
    if not outcome.all[word] then
      fail(where .. ".codes[" .. tostring(code) .. "]", text.quote(word) .. " is no outcome")
    end
  end
  for key, word in pairs(operation.refusals or {}) do
    if type(key) ~= "string" then
      fail(where .. ".refusals", ("the key %s has to be a string, like '403/4030'"):format(
        tostring(key)))
    end
    if not outcome.all[word] and not ACTIONS[word] then
      fail(where .. ".refusals[" .. text.quote(key) .. "]",
        text.quote(word) .. " is no outcome, nor 'credentials' or 'again'")
    end
  end
end

-- The header up to the token, as in "Authorization: Basic ".
local function auth_line(where, auth)
  check_fields(where, auth, AUTH_FIELDS)
  local header = auth.header or "Authorization"
  local prefix = auth.prefix or ""
  if not header:find("^[%w%-]+$") or prefix:find("%c") then
    fail(where, "a header name, and a prefix without control characters")
  end
  return header .. ": " .. prefix
end

-- words = words_of(codes): code -> the outcome that it surely means, false for all others. Codes
-- are the same where they are written alike: "200" and 200, but not "006" and 6. Asked for each
-- item of large batches, so what was found once is kept.
local function words_of(codes)
  local of_text = {}
  for code, word in pairs(codes) do
    of_text[tostring(json.integer(code))] = word
  end
  return setmetatable({}, {
    __index = function(words, code)
      local written = code ~= nil and tostring(json.integer(code))
      -- An answer that says "2xx" means nothing by it.
      local word = written and written ~= "2xx" and of_text[written]
      if not word and written and written:find("^2%d%d$") then
        word = of_text["2xx"]
      end
      if not word or word == "unknown" then
        return false
      end
      words[code] = word
      return word
    end,
  })
end

-- status -> true: those under which the provider sends no body.
local function bare_of(where, statuses)
  local is_bare = {}
  for i, status in ipairs(statuses or {}) do
    if type(status) ~= "number" or status % 1 ~= 0 or status < 400 or status > 499 then
      fail(where .. "[" .. i .. "]", "an HTTP status from 400 to 499")
    end
    is_bare[status] = true
  end
  return is_bare
end

-- The form of the provider's errors; nil where the definition has none.
local function error_of(where, given)
  if not given then
    return nil
  end
  local compiled, message, field = errors.compile(given)
  if not compiled then
    fail(where .. (field and "." .. field or ""), message)
  end
  return compiled
end

-- One operation, with what the engine and the run need beside the definition's own fields.
local function operation_of(definition, name)
  local given = definition.operations[name]
  local where = definition.name .. ".operations." .. tostring(name)
  local kind = OPERATIONS[name]
  if not kind then
    fail(where, "an operation is one of check, status, status_dispatch, stop, stop_dispatch")
  end
  if type(given) ~= "table" then
    fail(where, "not a table")
  end
  check_fields(where, given, OPERATION_FIELDS)
  if not given.method or not given.method:find("^%u+$") then
    fail(where .. ".method", "a method in capitals, like 'POST'")
  end
  if not given.path or not given.path:find("^/[\33-\126]*$") then
    fail(where .. ".path", "a path that begins with '/'")
  end
  local id_form, message = ids.form(kind.has_no_ids and "text" or given.id)
  if not id_form then
    fail(where .. ".id", message)
  end
  check_headers(where .. ".headers", given.headers)
  check_meaning(where, given)

  local operation = {}
  for field, value in pairs(given) do
    operation[field] = value
  end
  operation.name = name
  operation.id = id_form
  operation.limit = given.limit or 1
  operation.is_lookup = kind.is_lookup
  operation.error = error_of(definition.name .. ".error", definition.error)
  operation.fault = definition.fault
  operation.is_bare = bare_of(where .. ".bare", given.bare)
  operation.root = definition.formats and definition.formats.xml and definition.formats.xml.root
  operation.words = given.codes and words_of(given.codes)
  operation.auth = given.auth and auth_line(where .. ".auth", given.auth)
  operation.url_form = form(where .. ".path", given.path, given.between, "percent")
  operation.body_form = body_form(where .. ".body", given.body)
  local in_body = operation.body_form and operation.body_form.escape
  if not kind.has_no_ids and not operation.url_form.escape and not in_body then
    fail(where, "neither `path` nor `body.template` holds {id}")
  end
  if operation.limit < 1 or operation.limit % 1 ~= 0 then
    fail(where .. ".limit", "a whole number of ids, at least 1")
  end
  if operation.limit > 1 and not (in_body and given.body.between or given.between) then
    fail(where, "needs `between`, the text between two ids")
  end
  return operation
end

-- provider = providers.check(definition): a checked copy that is ready for use.
function providers.check(definition)
  if type(definition) ~= "table" then
    error("a provider definition is a table, not a " .. type(definition), 0)
  end
  if type(definition.name) ~= "string" or definition.name == "" then
    error("a provider definition needs a `name`", 0)
  end
  local where = definition.name
  check_fields(where, definition, DEFINITION_FIELDS)
  for _, name in ipairs({ "base_url", "auth", "operations" }) do
    if not definition[name] then
      fail(where, "needs `" .. name .. "`")
    end
  end
  check_headers(where .. ".headers", definition.headers)
  for name, wire in pairs(definition.formats or {}) do
    local place = where .. ".formats." .. tostring(name)
    if type(wire) ~= "table" then
      fail(place, "not a table")
    end
    check_fields(place, wire, FORMAT_FIELDS)
    check_headers(place .. ".headers", wire.headers)
  end

  local provider = {
    name = definition.name,
    about = definition.about,
    docs = definition.docs,
    base_url = definition.base_url,
    auth = auth_line(where .. ".auth", definition.auth),
    headers = definition.headers or {},
    formats = definition.formats or { json = { headers = {} } },
    operations = {},
  }
  for name in pairs(definition.operations) do
    provider.operations[name] = operation_of(definition, name)
  end
  if next(provider.operations) == nil then
    fail(where, "needs at least one operation")
  end
  return provider
end

local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  local fresh = {}
  for key, field in pairs(value) do
    fresh[key] = copy(field)
  end
  return fresh
end

local function is_built_in(name)
  for _, known in ipairs(providers.names) do
    if known == name then
      return true
    end
  end
  return false
end

-- definition = providers.definition(name): one's own copy of a built-in definition, to be changed;
-- nil where there is none of that name.
function providers.definition(name)
  return is_built_in(name) and copy(require("stopmsg.providers." .. name)) or nil
end

-- provider = providers.load(name or definition); raises when there is none, or it is broken.
function providers.load(given)
  if type(given) == "table" then
    return providers.check(given)
  end
  if is_built_in(given) then
    return providers.check(require("stopmsg.providers." .. given))
  end
  error(("no provider is called %s; there are %s, or give a definition table"):format(
    text.quote(given), table.concat(providers.names, ", ")), 0)
end

return providers
