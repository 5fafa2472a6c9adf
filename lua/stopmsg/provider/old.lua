-- Translates definitions in the form of version 1, supported for one release, with a warning per
-- field that gives its new form. Pure.

local compile = require("stopmsg.provider.compile")
local json = require("stopmsg.json")
local meaning = require("stopmsg.provider.meaning")
local schema = require("stopmsg.provider.schema")
local template = require("stopmsg.provider.template")

local old = {}

-- Fields that exist only in the old form, and their replacement.
local NOW = {
  operations = "each operation is a field of the definition: definition.stop = { request = … }",
  base_url = "definition.url = \"https://…\"",
  formats = "a setting `format` with `one_of`, and answers = \"{format}\"",
  fault = "definition.error = { code = \"error.code\", text = \"error.text\", form = … }",
}

-- Returns whether a definition has the old form.
function old.is_old(definition)
  return type(definition) == "table" and rawget(definition, "operations") ~= nil
end

-- A definition that raises an error if a field of the old form is read.
function old.guard(definition)
  return setmetatable(definition, {
    __index = function(_, name)
      if NOW[name] then
        error(("`%s` was removed: use %s"):format(name, NOW[name]), 2)
      end
    end,
  })
end

local function is_name(key)
  return type(key) == "string" and key:find("^[%a_][%w_]*$") ~= nil
end

-- Formats a value as Lua source on one line.
local function written(value)
  if type(value) == "string" then
    return ("%q"):format(value)
  elseif type(value) ~= "table" then
    return tostring(json.integer(value))
  end
  local keys, parts = {}, {}
  for key in pairs(value) do
    if type(key) ~= "number" or key < 1 or key > #value then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  for i, member in ipairs(value) do
    parts[i] = written(member)
  end
  for _, key in ipairs(keys) do
    parts[#parts + 1] = (is_name(key) and key or "[" .. written(key) .. "]") .. " = "
      .. written(value[key])
  end
  return #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
end

old.written = written

local Reader = {}
Reader.__index = Reader

-- Adds the warning for a field.
function Reader:tell(place, now)
  self.warnings[#self.warnings + 1] = ("%s.%s has the old form, which the next release will not "
    .. "read; use %s"):format(self.name, place, now)
end

local function fail_unless(where, value, kind)
  if value ~= nil and type(value) ~= kind then
    schema.fail(where, ("expected a %s, got a %s"):format(kind, type(value)))
  end
end

-- Turns { "X-Version: 1" } into { ["X-Version"] = "1" }.
local function headers_of(where, lines)
  fail_unless(where, lines, "table")
  local headers
  for i, line in ipairs(lines or {}) do
    local name, value = nil, nil
    if type(line) == "string" then
      name, value = line:match("^([%w%-]+): ([^%c]+)$")
    end
    if not name then
      schema.fail(("%s[%d]"):format(where, i), "expected a header line like 'X-Version: 1'")
    end
    headers = headers or {}
    headers[name] = value:gsub("[{}]", "%0%0")
  end
  return headers
end

-- The header with the token.
local function add_auth(where, auth, headers)
  schema.check(where, auth, { header = "string", prefix = "string" })
  headers = headers or {}
  local header, prefix = auth.header or "Authorization", auth.prefix or ""
  if not header:find("^[%w%-]+$") or prefix:find("%c") then
    schema.fail(where, "expected a header name and a prefix without control characters")
  end
  headers[header] = prefix .. "{token}"
  return headers
end

-- Turns a JSON template into a table, if it is JSON once its placeholders are filled with texts.
local function json_of(body)
  local quoted = body.template:gsub("%[{id}%]", '"{ids}"'):gsub("{(%l[%w_]*)}", function(name)
    return '"{' .. name .. '}"'
  end):gsub('""{(%w+)}""', '"{%1}"')
  local decoded = json.decode(quoted)
  return type(decoded) == "table" and decoded or nil
end

-- Turns a template into json, form or text.
function Reader:body(where, given, made, is_many)
  schema.check(where, given, { type = "string", template = "string", between = "string",
    escape = "string" })
  if not given.template or not given.type then
    schema.fail(where, "needs `template` and `type`")
  elseif not schema.escapes[given.escape] then
    schema.fail(where .. ".escape", "expected one of json, percent, raw, xml")
  end
  local document = given.escape == "json" and given.type:find("json")
    and (given.between or ",") == "," and json_of(given)
  if document then
    made.json = document
    if given.type ~= "application/json" then
      made.headers = made.headers or {}
      made.headers["Content-Type"] = given.type
    end
    self:tell(where:sub(#self.name + 2), "json = " .. written(document))
    return
  end
  local quote = given.escape == "json" and '"' or ""
  local hole = is_many and "{ids}" or "{id}"
  local body = given.template:gsub("{(%l[%w_]*)}", "\1%1\2"):gsub("[{}]", "%0%0")
    :gsub("\1id\2", quote .. hole .. quote):gsub("\1", "{"):gsub("\2", "}")
  made.text = { type = given.type, body = body, escape = given.escape }
  if is_many then
    made.join = quote .. (given.between or "") .. quote
  end
  self:tell(where:sub(#self.name + 2), "text = " .. written(made.text))
end

-- Builds `request`, and the separator of ids in its path.
function Reader:request(where, given, made, is_many)
  if type(given.method) ~= "string" or not given.method:find("^%u+$") then
    schema.fail(where .. ".method", "expected an upper-case method, like 'POST'")
  elseif type(given.path) ~= "string" or not given.path:find("^/[\33-\126]*$") then
    schema.fail(where .. ".path", "expected a path that begins with '/'")
  end
  local path = given.path
  if is_many and path:find("{id}", 1, true) then
    local key = path:match("[?&]([^?&=]+)={id}")
    if key and given.between == "&" .. key .. "=" then
      path = path:gsub("{id}", "{ids}")
    elseif given.between then
      path = path:gsub("{id}", "{ids}")
      made.join = given.between
    end
  end
  made.request = given.method .. " " .. path
  self:tell(where:sub(#self.name + 2) .. ".path", ("request = %q"):format(made.request))
end

-- Builds [200] = … and the refusals by status.
function Reader:answers(where, given, made)
  local place = where:sub(#self.name + 2)
  if given.success then
    made[200] = given.exactly and { exactly = given.exactly, means = given.success }
      or given.success
    self:tell(place .. ".success", "[200] = " .. written(made[200]))
  elseif given.items then
    schema.check(where .. ".items", given.items, { list = "string", id = "string",
      code = "string" })
    for _, name in ipairs({ "list", "id", "code" }) do
      if not given.items[name] then
        schema.fail(where .. ".items", "needs `" .. name .. "`")
      end
    end
    if (given.codes == nil) == (given.states == nil) then
      schema.fail(where, "`items` needs `codes` or `states`")
    end
    local means = {}
    for code, word in pairs(given.codes or given.states) do
      local note = given.shared and given.shared[code]
      means[code] = note and { word, note = note } or word
    end
    made[200] = { each = given.items.list, id = given.items.id, means = means,
      [given.codes and "code" or "state"] = given.items.code }
    self:tell(place .. ".items", "[200] = " .. written(made[200]))
  end
  for key, word in pairs(given.refusals or {}) do
    if type(key) ~= "string" then
      schema.fail(where .. ".refusals", ("the key %s must be a string like '403/4030'"):format(
        tostring(key)))
    end
    local status = key:match("^%d%d%d$")
    if meaning.fixed[tonumber(key:match("^%d%d%d"))] then
      self:tell(("%s.refusals[%q]"):format(place, key), "nothing: that is never asked")
    elseif status then
      made[tonumber(status)] = word
      self:tell(("%s.refusals[%q]"):format(place, key), ("[%s] = %s"):format(status, written(word)))
    else
      made.refused = made.refused or {}
      made.refused[key:gsub("^%*/", "")] = word
      self:tell(("%s.refusals[%q]"):format(place, key), ("refused = { [%q] = %s }"):format(
        key:gsub("^%*/", ""), written(word)))
    end
  end
end

local FIELDS = {
  docs = "string", method = "any", path = "any", between = "string", id = "any", limit = "number",
  headers = "table", body = "table", success = "string", exactly = "string", items = "table",
  codes = "table", states = "table", shared = "table", left = "function", remark = "function",
  decode = "function", refusals = "table", bare = "table", undocumented = "boolean",
  inferred = "string", needs = "string", auth = "table",
}

-- Translates an id form, whose `fold` is now `ignore_case`.
local function id_of(given)
  if type(given) ~= "table" then
    return given
  end
  local made = {}
  for name, value in pairs(given) do
    made[name == "fold" and "ignore_case" or name] = value
  end
  if type(made.pattern) == "string" then
    made.pattern = made.pattern:find("^%^") and made.pattern or "^.*" .. made.pattern
    made.pattern = made.pattern:find("%$$") and made.pattern or made.pattern .. ".*$"
  end
  return made
end

function Reader:operation(name, given)
  local where = self.name .. ".operations." .. tostring(name)
  if not schema.operations[name] or schema.operations[name].is_list then
    schema.fail(where, "expected one of check, status, status_dispatch, stop, stop_dispatch")
  end
  schema.check(where, given, FIELDS)
  local is_many = (given.limit or 1) > 1
  local made = { docs = given.docs, undocumented = given.undocumented, inferred = given.inferred,
    decode = given.decode, bare = given.bare, limit = given.limit }
  if not schema.operations[name].has_no_ids then
    made.id = id_of(given.id)
  end
  made.headers = headers_of(where .. ".headers", given.headers)
  if given.auth then
    made.headers = add_auth(where .. ".auth", given.auth, made.headers)
  end
  self:request(where, given, made, is_many)
  if given.body then
    self:body(where .. ".body", given.body, made, is_many)
  end
  if given.needs then
    self.settings[given.needs] = { about = ("the option '%s'"):format(given.needs) }
    self:tell(("operations.%s.needs"):format(name), ("settings = { %s = { about = … } }"):format(
      given.needs))
  end
  self:answers(where, given, made)
  return made
end

local DEFINITION = {
  name = "string", about = "string", docs = "string", base_url = "string", auth = "table",
  headers = "table", formats = "table", error = "table", fault = "function", operations = "table",
}

-- Translates the choices of option `format` into a setting and a header.
function Reader:formats(given, headers)
  local words, of_name = {}, {}
  for name, wire in pairs(given) do
    schema.check(self.name .. ".formats." .. tostring(name), wire, { headers = "table",
      needs = "string", root = "string" })
    words[#words + 1] = name
    for header, value in pairs(headers_of(("%s.formats.%s.headers"):format(self.name, name),
      wire.headers) or {}) do
      of_name[header] = of_name[header] or {}
      of_name[header][name] = value
    end
  end
  table.sort(words)
  if #words == 1 then
    for header, values in pairs(of_name) do
      headers[header] = values[words[1]]
    end
    return words[1] ~= "json" and words[1] or nil
  end
  self.settings.format = { about = "the format of answers", one_of = words,
    default = given.json and "json" or words[1] }
  for header, values in pairs(of_name) do
    local before = (values[words[1]] or ""):match("^(.*)" .. words[1] .. "$")
    for _, word in ipairs(words) do
      if not before or values[word] ~= before .. word then
        schema.fail(self.name .. ".formats", ("the header %s does not end with the name of the "
          .. "format, and such formats are no longer read"):format(header))
      end
    end
    headers[header] = before .. "{format}"
  end
  return "{format}"
end

-- definition, warnings = old.translate(definition): the definition in the new form.
function old.translate(given)
  if type(given.name) ~= "string" or given.name == "" then
    error("a provider definition needs a `name`", 0)
  end
  schema.check(given.name, given, DEFINITION)
  for _, name in ipairs({ "base_url", "auth", "operations" }) do
    if not given[name] then
      schema.fail(given.name, "needs `" .. name .. "`")
    end
  end
  local self = setmetatable({ name = given.name, warnings = {}, settings = {} }, Reader)
  local name = given.name:lower():gsub("[^%l%d_]", "_"):gsub("^[^%l]", "p%0")
  local made = { name = name, about = given.about, docs = given.docs, url = given.base_url,
    error = given.error }
  self:tell("base_url", ("url = %q"):format(given.base_url))
  local headers = headers_of(given.name .. ".headers", given.headers) or {}
  made.headers = add_auth(given.name .. ".auth", given.auth, headers)
  if given.formats then
    made.answers = self:formats(given.formats, headers)
    if made.answers and given.formats.xml and given.formats.xml.root then
      made.answers = { format = made.answers, root = given.formats.xml.root }
    end
  end
  self:tell("auth", "headers = " .. written(made.headers))
  if given.fault then
    self:tell("fault", "error = { code = \"…\", text = \"…\", form = \"integer\" }")
  end
  for operation, one in pairs(given.operations) do
    made[operation] = self:operation(operation, one)
  end
  if next(self.settings) then
    made.settings = self.settings
  end
  table.sort(self.warnings)
  return made, self.warnings
end

-- provider = old.compile(definition): compiles the translation, with the functions that have no
-- place in the new form.
function old.compile(given)
  local made, warnings = old.translate(given)
  local provider = compile.provider(made, { fault = given.fault })
  provider.is_old, provider.warnings = true, warnings
  provider.name = given.name
  for name, operation in pairs(provider.operations) do
    operation.left, operation.remark = given.operations[name].left, given.operations[name].remark
  end
  return provider
end

old.parse = template.parse

return old
