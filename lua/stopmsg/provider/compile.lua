-- Checks and compiles a definition into a provider with operations. Pure.
--
-- Every mistake that can be found without asking the provider is reported here, with its place and
-- the nearest valid name. Nothing is silently ignored.

local fields = require("stopmsg.provider.fields")
local ids = require("stopmsg.ids")
local lists = require("stopmsg.provider.lists")
local meaning = require("stopmsg.provider.meaning")
local outcome = require("stopmsg.meaning.outcome")
local path = require("stopmsg.meaning.path")
local schema = require("stopmsg.provider.schema")
local shape = require("stopmsg.provider.shape")
local signing = require("stopmsg.provider.signing")
local text = require("stopmsg.text")

local compile = {}

local fail = schema.fail

-- Allowed words for the state of a list entry: outcomes, and "again" for a temporary state.
local LISTED = { again = true }
for word in pairs(outcome.all) do
  LISTED[word] = true
end

-- Methods that get no response body: nothing would say what became of an id.
local IS_BODILESS = { HEAD = true, CONNECT = true }

-- Placeholders for one id or a list of ids.
local IS_ID = { id = true, ids = true }

-- Levels of a JSON body. A table that contains itself has more.
local DEEPEST = 64

-- The same for all texts in a JSON value.
local function visit_json(where, value, see, depth)
  depth = depth or 0
  if depth > DEEPEST then
    fail(where:match("^(.-%.json)"), ("has more than %d levels"):format(DEEPEST))
  elseif type(value) == "string" then
    fields.visit_text(where, value, "json", see)
  elseif type(value) == "table" then
    for key, member in pairs(value) do
      local place = ("%s.%s"):format(where, tostring(key))
      if type(key) ~= "string" and (value[1] == nil or type(key) ~= "number") then
        fail(place, "expected a list, or an object with string keys")
      elseif type(key) == "string" and value[1] ~= nil then
        fail(place, "a list cannot have named fields")
      end
      visit_json(place, member, see, depth + 1)
    end
  elseif type(value) == "number" and (value ~= value or math.abs(value) == math.huge) then
    fail(where, "expected a JSON value, got " .. tostring(value))
  elseif type(value) ~= "number" and type(value) ~= "boolean" then
    fail(where, "expected a JSON value, got a " .. type(value))
  end
end

local Compiler = {}
Compiler.__index = Compiler

-- Returns a function that checks each placeholder of an operation and raises if it is unknown.
function Compiler:see(operation, filters)
  local settings, seen = self.settings, operation.seen
  local form = operation.id
  return function(name, where, kind)
    local part = form and form.place_of and form.place_of[name]
    if schema.made[name] and not operation.is_signed then
      fail(where, ("{%s} is only available where `sign` is a table"):format(name))
    elseif name == "base_url" then
      fail(where, "{base_url} can only be used at the start of `url`")
    elseif kind == "host" and (schema.placeholders[name] or schema.made[name] or part) then
      fail(where, ("{%s} cannot be used in the host"):format(name))
    elseif IS_ID[name] and operation.has_no_ids then
      fail(where, ("{%s}: this operation takes no ids"):format(name))
    elseif not (schema.placeholders[name] or schema.made[name] or part or settings[name]
      or (filters and filters[name])) then
      local known = {}
      for _, names in ipairs({ schema.placeholders, form and form.place_of or {}, settings,
        filters or {} }) do
        for other in pairs(names) do
          known[other] = true
        end
      end
      fail(where, ("unknown placeholder {%s}: not a setting, nor a part of the id; "
        .. "did you mean {%s}?"):format(name, text.nearest(name, known)))
    end
    seen[name] = seen[name] or {}
    seen[name][kind] = where
    if name == "ids" or (part and operation.limit > 1 and operation.together ~= name) then
      local half = (kind == "path" or kind == "query") and "address" or "body"
      if operation.lists[half] then
        fail(where, ("{%s} is the second list of ids in the %s; only one is possible"):format(name,
          half))
      end
      operation.lists[half] = true
    end
    local setting = settings[name]
    if setting then
      self.is_used[name] = true
      if setting.optional and (kind == "path" or kind == "host" or kind == "basic") then
        fail(where, ("{%s} is optional, but this place cannot be left empty"):format(name))
      elseif setting.optional and kind == "text" then
        fail(where, ("{%s} is optional, but a text needs all of its placeholders"):format(name))
      elseif kind == "host" and not setting.one_of then
        setting.is_label = true
      end
    end
  end
end

-- Visits the placeholders of a request and checks its fields. `where` names the operation.
function Compiler:request(operation, given, where, filters)
  local see = self:see(operation, filters)
  local method, target = (given.request or ""):match("^(%u+) (/[^%c #]*)$")
  if operation.address then
    method, target = (given.request or ""):match("^(%u+) (https?://[^%c #]+)$")
  end
  if not method then
    fail(where .. ".request", operation.address
      and "expected a method and a URL, like 'POST https://auth.example.com/token'"
      or "expected a method and a path, like 'POST /messages/{id}/cancel'")
  end
  if IS_BODILESS[method] then
    fail(where .. ".request", method .. " gets no response body to read")
  end
  operation.method = method
  if operation.address then
    operation.address = fields.address(where .. ".request", target:match("^[^?]*"))
    operation.path = target:match("%?.*$") or ""
  else
    operation.path = target
  end
  local address = operation.address or self.address
  fields.visit_text(where .. ".request", operation.path:match("^[^?]*"), "path", see)
  fields.visit_text(where .. ".request", operation.path:match("%?(.*)$") or "", "query", see)
  local place_of_url = operation.address and where .. ".request" or self.where .. ".url"
  if address.origin then
    fields.visit_text(place_of_url, address.origin, "host", see)
  end
  fields.visit_text(place_of_url, address.path, "path", see)
  for name, value in pairs(operation.headers) do
    fields.visit_text(("%s.headers[%s]"):format(where, text.quote(name)), value, "header", see)
  end
  local kind = fields.body(where, given)
  if kind == "json" then
    visit_json(where .. ".json", given.json, see)
    operation.json = given.json
  elseif kind == "form" then
    for name, value in pairs(given.form) do
      local place = ("%s.form[%s]"):format(where, text.quote(tostring(name)))
      if type(name) ~= "string" or (type(value) ~= "string" and type(value) ~= "number") then
        fail(place, "expected a string key and a string or number")
      end
      fields.visit_text(place, tostring(value), "form", see)
    end
    operation.form = given.form
  elseif kind == "text" then
    operation.text = fields.text(where .. ".text", given.text)
    fields.visit_text(where .. ".text.body", operation.text.body, "text", see)
  end
  local auth = given.auth or (given.headers == nil or not given.headers.Authorization)
    and self.definition.auth or nil
  if auth then
    local place = (given.auth and where or self.where) .. ".auth"
    schema.check(place, auth, schema.fields.auth)
    if not auth.basic then
      fail(place, "needs `basic`, as in { basic = \"{account}:{token}\" }; put other headers in "
        .. "`headers`")
    end
    local _, tokens = auth.basic:gsub("{token}", "")
    if tokens ~= 1 then
      fail(place .. ".basic", "must contain {token} once")
    end
    fields.visit_text(place .. ".basic", auth.basic, "basic", see)
    for name in pairs(operation.seen) do
      if operation.seen[name].basic and name ~= "token" and not self.settings[name] then
        fail(place .. ".basic", ("{%s} cannot be used here"):format(name))
      end
    end
    operation.basic = auth.basic
    for name in pairs(operation.headers) do
      if name:lower() == "authorization" then
        fail(place, "cannot be combined with an Authorization header")
      end
    end
  end
end

-- Returns whether a response is a list, which is searched for an id by all its parts.
local function has_list(given)
  for status, means in pairs(given) do
    if type(status) == "number" and type(means) == "table" then
      local first = type(means[1]) == "table" and means[1] or means
      if first.each then
        return true
      end
    end
  end
  return false
end

-- Checks how a request contains its ids.
local function check_ids(operation, where, given)
  local seen, form = operation.seen, operation.id
  local is_list, is_used = seen.ids ~= nil, seen.id ~= nil or seen.ids ~= nil
  local unused
  for name, place in pairs(form.place_of or {}) do
    if seen[name] then
      is_list = is_list or (operation.limit > 1 and operation.together ~= name)
    else
      unused = unused or form.parts[place].name
    end
  end
  local may_miss = operation.is_lookup and has_list(given)
  if not is_used and form.parts and unused and not may_miss then
    fail(where, ("the request lacks {%s}, a part of its id"):format(unused))
  elseif not is_used and not form.parts and not may_miss then
    fail(where, "the request contains neither {id} nor {ids}")
  end
  if operation.limit > 1 then
    if seen.id then
      local _, place = next(seen.id)
      fail(place, "{id} is a single id, but the request has many: use {ids}")
    elseif not is_list then
      fail(where, "has a `limit` but no list of ids: use {ids}")
    end
  end
  for kind, place in pairs(seen.ids or {}) do
    if kind == "header" then
      fail(place, "{ids} cannot be used in a header")
    elseif not operation.join and (kind == "path" or kind == "text") then
      fail(place, "{ids} is a list: set `join` to its separator")
    end
  end
  if operation.join and not is_list then
    fail(where .. ".join", "is the separator of a list of ids, but there is no list")
  end
  if given.together and not (form.place_of and form.place_of[given.together]) then
    fail(where .. ".together", text.quote(given.together) .. " is not a part of the id")
  elseif given.together and operation.limit == 1 then
    fail(where .. ".together", "only applies to requests with several ids")
  end
  for name in pairs(form.place_of or {}) do
    if operation.limit > 1 and seen[name] and operation.together ~= name then
      for kind, place in pairs(seen[name]) do
        if not operation.join and (kind == "path" or kind == "header" or kind == "text") then
          fail(place, ("{%s} differs between the ids of a request: set `together = \"%s\"`, or set "
            .. "`join` to the separator"):format(name, name))
        end
      end
    end
  end
end

-- Builds what all kinds of operations share.
function Compiler:begin(name, given, where)
  local kind = schema.operations[name]
  local definition = self.definition
  local sign = given.sign == nil and definition.sign or given.sign
  local operation = {
    name = name,
    kind = name:find("_dispatch$") and "dispatch" or "message", -- of its ids
    docs = given.docs or definition.docs,
    undocumented = given.undocumented or false,
    all = given.all,
    inferred = given.inferred,
    is_lookup = kind.is_lookup,
    has_no_ids = kind.has_no_ids,
    is_old = self.is_old,
    seen = {},
    lists = {}, -- parts of a request that contain a list of ids
    decode = given.decode,
    sign = type(sign) == "function" and sign or nil,
    is_signed = type(sign) == "table",
    join = given.join,
    together = given.together,
    headers = fields.merge_headers(where, definition, given),
    error = fields.error(where .. ".error", given.error) or self.error,
    texts = nil,
    rate = fields.rate(where .. ".rate", given.rate),
    pause = fields.pause(where .. ".retry_after", given.retry_after) or self.pause,
    answers = given.answers and fields.answers(where .. ".answers", given.answers) or self.answers,
  }
  operation.format = operation.answers.setting and "json" or operation.answers.format
  operation.root = operation.answers.root
  if given.all and (kind.is_lookup or not given.all:find("%S")) then
    fail(where .. ".all", "only applies to a stop; it must say what else is stopped")
  end
  operation.limit, operation.least = fields.limits(where .. ".limit", given.limit)
  if kind.has_no_ids then
    operation.id = not kind.is_list and ids.forms.text or nil -- for the one question
    for _, field in ipairs({ "id", "limit", "join", "together", "many" }) do
      if given[field] ~= nil and not kind.is_list then
        fail(where .. "." .. field, "does not apply: this operation takes no ids")
      end
    end
  else
    local own = given.id ~= nil and given.id or definition.id
    if own == nil then
      fail(where, "needs `id`, the form of an id, here or in the definition")
    end
    operation.id = shape.of(given.id ~= nil and where .. ".id" or self.where .. ".id", own)
    for part in pairs(operation.id.place_of or {}) do
      if not part:find(fields.NAME) then
        fail(where .. ".id." .. part, "a name consists of lower-case letters, digits and _")
      elseif schema.placeholders[part] or schema.made[part] or self.settings[part] then
        fail(where .. ".id." .. part, ("{%s} is already taken"):format(part))
      end
    end
  end
  return operation
end

-- Lists the settings that an operation requires.
function Compiler:needs(operation)
  local needs = {}
  for name in pairs(operation.seen) do
    local setting = self.settings[name]
    if setting and not setting.optional then
      needs[#needs + 1] = name
    end
  end
  local only = operation.answers.setting
  if only then
    local setting = self.settings[only]
    if not setting or not setting.one_of then
      fail(self.where .. ".answers", ("{%s} is not a setting with `one_of`"):format(only))
    end
    self.is_used[only] = true
  end
  table.sort(needs)
  return needs
end

-- Merges the definition's texts or refusals with those of an operation.
local function merge(own, shared)
  if not shared then
    return own
  end
  local merged = {}
  for key, value in pairs(shared) do
    merged[key] = value
  end
  for key, value in pairs(own or {}) do
    merged[key] = value
  end
  return merged
end

local function has_success(operation)
  for status in pairs(operation.readings) do
    if status < 300 then
      return true
    end
  end
  return false
end

function Compiler:meanings(operation, given, where)
  meaning.statuses(where, given, operation)
  if given.decode and next(operation.readings) then
    fail(where .. ".decode", "cannot be combined with statuses")
  elseif not given.decode and not has_success(operation) then
    fail(where, "has no success: add one, as in [200] = …")
  end
  local definition = self.definition
  local refused = merge(given.refused, definition.refused)
  operation.refused = refused and meaning.refused(where .. ".refused", refused)
  local texts = merge(given.texts, definition.texts)
  operation.texts = texts and meaning.texts(where .. ".texts", texts)
  if self.is_old then
    operation.fault = self.fault
  elseif operation.refused and not operation.error then
    fail(where .. ".refused", "needs `error`: the path and the form of an error code")
  elseif operation.texts and not (operation.error and operation.error:has_text()) then
    fail(where .. ".texts", "needs `error` with `text`, the path of an error's text")
  end
  operation.is_bare = given.bare and meaning.bare(where .. ".bare", given.bare, operation)
    or definition.bare and meaning.bare(self.where .. ".bare", definition.bare) or {}
  for status, reading in pairs(operation.readings) do
    if status >= 400 and reading.is_empty and not operation.error
      and not operation.is_bare[status] and not self.is_old then
      fail(("%s[%d]"):format(where, status), "can never match: describe the provider's errors with "
        .. "`error`, or list this status in `bare` if it has no body")
    end
  end
end

-- Compiles a `sign` table, once the request is known.
function Compiler:sign(operation, given, where)
  local place = (given.sign ~= nil and where or self.where) .. ".sign"
  local sign = given.sign == nil and self.definition.sign or given.sign
  if not sign or operation.sign then
    return
  elseif not operation.is_signed then
    fail(place, "expected a function or a table, got a " .. type(sign))
  end
  operation.signing = signing.compile(place, sign, self:see(operation))
  for pair in (operation.path:match("%?(.*)$") or ""):gmatch("[^&]+") do
    operation.signature_name = pair:match("^([^=]*)={signature}$") or operation.signature_name
  end
end

local function check_token(operation, where)
  if operation.signing then
    if not operation.seen.signature then
      fail(where, "never sends the signature: use {signature} in a header, the "
        .. "query or the body")
    end
  elseif not operation.seen.token and not operation.sign then
    fail(where, "never sends the token: use {token} in a header, the URL or the body, or "
      .. "in auth = { basic = … }")
  end
  operation.has_uuid = operation.seen.uuid ~= nil
end

-- Compiles `find` or `find_dispatch`.
function Compiler:list(name, given, where)
  local operation = self:begin(name, given, where)
  operation.is_list = true
  local ids_of = name == "find" and "stop" or "stop_dispatch"
  local stopping = self.definition[ids_of]
  if type(stopping) ~= "table" then
    fail(where, ("finds what %s stops, but there is no `%s`"):format(ids_of, ids_of))
  end
  local own = stopping.id ~= nil and stopping.id or self.definition.id
  if own == nil then
    fail(where, "needs `id`, the form of the ids that it finds")
  end
  operation.finds = shape.of(self.where .. ".id", own)
  local filters = {}
  for filter, one in pairs(given.where or {}) do
    local place = ("%s.where.%s"):format(where, tostring(filter))
    if type(filter) ~= "string" or not filter:find(fields.NAME) then
      fail(place, "a name consists of lower-case letters, digits and _")
    elseif schema.placeholders[filter] or schema.made[filter] or self.settings[filter] then
      fail(place, ("{%s} is already taken"):format(filter))
    end
    filters[filter] = lists.filter(place, one, filter)
  end
  operation.where = filters
  self:request(operation, given, where, filters)
  for filter, one in pairs(filters) do
    local kinds = operation.seen[filter] or {}
    one.is_asked = one.place ~= nil or operation.seen[filter] ~= nil
    if (kinds.path or kinds.text or kinds.header) and not (one.required or one.default) then
      fail(("%s.where.%s"):format(where, filter), "is used where a value is required: "
        .. "set `required` or a `default`")
    elseif not one.is_asked and not one.entry then
      fail(("%s.where.%s"):format(where, filter), "needs `query`, `form` or `json` to be "
        .. "sent, or `entry`, the field that shows it")
    end
    local body = operation.form and "form" or "json"
    if one.place and one.place ~= "query" and one.place ~= body then
      fail(("%s.where.%s.%s"):format(where, filter, one.place), "does not match the body's type")
    end
  end
  self:sign(operation, given, where)
  check_token(operation, where)
  operation.needs = self:needs(operation)
  if not given.each or given.id == nil then
    fail(where, "needs `each`, the path of the list, and `id`, the path of an entry's id")
  end
  local reading = { each = path.parse(given.each) }
  if not reading.each then
    fail(where .. ".each", select(2, path.parse(given.each)))
  end
  reading.id = lists.id(where .. ".id", given.id, operation.finds)
  if given.state ~= nil then
    reading.state = meaning.paths(where .. ".state", given.state)
    if type(given.means) ~= "table" then
      fail(where .. ".means", "expected a table from words at `state` to 'open' and other outcomes")
    end
    reading.means = meaning.map(where .. ".means", given.means, LISTED, string.lower)
    if given.entries then
      fail(where .. ".entries", "cannot be combined with `state`")
    end
  elseif given.means ~= nil then
    fail(where .. ".means", "needs `state`, the path of its words")
  elseif given.entries then
    reading.entries = meaning.entries(where .. ".entries", given.entries, operation)
  end
  operation.reading = reading
  operation.unit = given.unit or (ids_of == "stop_dispatch" and "dispatch" or "message")
  if not schema.units[operation.unit] then
    fail(where .. ".unit", "expected one of batch, bulk, campaign, dispatch, message, schedule")
  end
  operation.next = given.next and lists.next(where .. ".next", given.next)
  operation.most = given.most
  if given.most and given.next then
    fail(where .. ".most", "applies to a list without pages; with pages, put it in `next`")
  end
  if operation.next and operation.next.place and operation.next.place ~= "query"
    and operation.next.place ~= (operation.form and "form" or "json") then
    fail(where .. ".next.as", "does not match the body's type")
  elseif operation.next and operation.next.by == "url"
    and (operation.seen.token or {}).query then
    fail(where .. ".next.by", "the provider's next URL would contain the token")
  end
  operation.asks = lists.form(operation.address or self.address, operation)
  meaning.statuses(where, given, operation)
  operation.is_bare = {}
  local refused = merge(given.refused, self.definition.refused)
  operation.refused = refused and operation.error
    and meaning.refused(where .. ".refused", refused) or nil
  return operation
end

local function is_status(name)
  return type(name) == "number"
end

-- Compiles an operation with ids, or `check`.
function Compiler:operation(name, given, where, is_many)
  schema.check(where, given, schema.fields.operation, is_status)
  local operation = self:begin(name, given, where)
  self:request(operation, given, where)
  self:sign(operation, given, where)
  check_token(operation, where)
  operation.needs = self:needs(operation)
  if not operation.has_no_ids then
    check_ids(operation, where, given)
  end
  self:meanings(operation, given, where)
  if operation.least > 1 and not is_many then
    fail(where .. ".limit", "with a minimum, a request for the rest is needed: put the single form "
      .. "here and this one in `many`")
  end
  if not given.many then
    return operation
  end
  if is_many then
    fail(where .. ".many", "cannot be nested")
  elseif operation.limit > 1 then
    fail(where .. ".limit", "belongs in `many`; beside it is the request for one id")
  end
  local inherited = { id = given.id, docs = given.docs, undocumented = given.undocumented,
    all = given.all, inferred = given.inferred, error = given.error }
  for field, value in pairs(given.many) do
    inherited[field] = value
  end
  local many = self:operation(name, inherited, where .. ".many", true)
  if many.limit < 2 then
    fail(where .. ".many", "needs `limit`, the number of ids per request")
  end
  many.single = operation
  for _, setting in ipairs(operation.needs) do
    many.needs[#many.needs + 1] = setting
  end
  return many
end

-- Compiles `token`: how to fetch expiring tokens with the user's secret.
function Compiler:token()
  local given, where = self.definition.token, self.where .. ".token"
  schema.check(where, given, schema.fields.token)
  local operation = {
    name = "token", seen = {}, lists = {}, has_no_ids = true, limit = 1, least = 1, address = {},
    headers = {}, answers = { format = "json" }, format = "json", readings = {}, is_bare = {},
    is_lookup = true, is_signed = given.sign ~= nil,
  }
  if given.headers then
    fields.check_headers(where .. ".headers", given.headers)
    for name, value in pairs(given.headers) do
      operation.headers[name] = value
    end
  end
  if not given.value then
    fail(where, "needs `value`, the path of the token in the response: \"access_token\"")
  end
  local own = { request = given.request, auth = given.auth, headers = { Authorization = true },
    json = given.json, form = given.form }
  if given.auth then
    own.headers = nil
  end
  self:request(operation, own, where)
  if given.sign then
    self:sign(operation, given, where)
    check_token(operation, where)
  elseif not operation.seen.token then
    fail(where, "never sends {token}, the user's secret")
  end
  operation.needs = self:needs(operation)
  operation.value = meaning.paths(where .. ".value", given.value)
  operation.lasts = given.lasts and meaning.paths(where .. ".lasts", given.lasts)
  return operation
end

-- Settings that every stop requires, or every operation if there is no stop. Without them a client
-- is useless.
local function required_of(operations, token)
  local counted = {}
  for _, name in ipairs({ "stop", "stop_dispatch" }) do
    counted[#counted + 1] = operations[name]
  end
  if #counted == 0 then
    for _, operation in pairs(operations) do
      counted[#counted + 1] = operation
    end
  end
  local counts, required = {}, {}
  for _, setting in ipairs(token and token.needs or {}) do
    counts[setting] = #counted -- nothing works without a token
  end
  for _, operation in ipairs(counted) do
    for _, setting in ipairs(operation.needs) do
      counts[setting] = math.min((counts[setting] or 0) + 1, #counted)
    end
  end
  for setting, count in pairs(counts) do
    if count == #counted then
      required[#required + 1] = setting
    end
  end
  table.sort(required)
  return required
end

-- provider = compile.provider(definition, old): returns a checked, compiled copy; raises an error
-- that names the place of a mistake. `old.fault`: the function of an old-form definition that reads
-- errors.
function compile.provider(definition, old)
  if type(definition) ~= "table" then
    error("a provider definition must be a table, not a " .. type(definition), 0)
  elseif type(definition.name) ~= "string" or not definition.name:find(fields.NAME) then
    error("a provider definition needs a `name` of lower-case letters, digits and _", 0)
  end
  local where = definition.name
  schema.check(where, definition, schema.fields.definition, function(name, value)
    if schema.operations[name] and type(value) ~= "table" then
      fail(where .. "." .. name, "expected a table, got a " .. type(value))
    end
    return schema.operations[name] ~= nil
  end)
  if not definition.url then
    fail(where, "needs `url`, the base URL of all requests")
  end
  if definition.headers then
    fields.check_headers(where .. ".headers", definition.headers)
  end
  local self = setmetatable({
    definition = definition,
    where = where,
    settings = fields.settings(definition),
    is_used = {},
    fault = old and old.fault,
    is_old = old ~= nil,
    address = fields.address(where .. ".url", definition.url),
    error = fields.error(where .. ".error", definition.error),
    pause = fields.pause(where .. ".retry_after", definition.retry_after),
    answers = fields.answers(where .. ".answers", definition.answers),
  }, Compiler)
  local provider = {
    name = definition.name,
    about = definition.about,
    docs = definition.docs,
    url = definition.url,
    address = self.address,
    settings = self.settings,
    rate = fields.rate(where .. ".rate", definition.rate),
    operations = {},
    warnings = {},
  }
  for _, name in ipairs(schema.operation_names) do
    local given = definition[name]
    if given then
      local place = where .. (old and ".operations." or ".") .. name
      if schema.operations[name].is_list then
        local known = {}
        for _, list in ipairs({ schema.fields.operation, schema.fields.list }) do
          for field, kind in pairs(list) do
            known[field] = kind
          end
        end
        schema.check(place, given, known, is_status)
        provider.operations[name] = self:list(name, given, place)
      else
        provider.operations[name] = self:operation(name, given, place)
      end
    end
  end
  if next(provider.operations) == nil then
    fail(where, "has no operation: stop, stop_dispatch, status, status_dispatch, check, find")
  end
  provider.token = definition.token and self:token()
  for _, setting in pairs(self.settings) do
    if setting.default and not setting.one_of then
      fields.visit_text(where, setting.default, "raw", function(other)
        self.is_used[other] = true
      end)
    end
  end
  for name in pairs(self.settings) do
    if not self.is_used[name] then
      fail(("%s.settings.%s"):format(where, name),
        ("is never used: no text contains {%s}"):format(name))
    end
  end
  provider.required = required_of(provider.operations, provider.token)
  return provider
end

return compile
