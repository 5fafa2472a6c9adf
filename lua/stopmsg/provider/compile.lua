-- A definition, checked and made ready: definition -> provider with operations. Pure.
--
-- Every mistake that can be found without asking the provider is found here, and told with the
-- place and the nearest right name; nothing is ignored in silence.

local errors = require("stopmsg.errors")
local ids = require("stopmsg.ids")
local meaning = require("stopmsg.provider.meaning")
local path = require("stopmsg.path")
local schema = require("stopmsg.provider.schema")
local shape = require("stopmsg.provider.shape")
local template = require("stopmsg.provider.template")
local text = require("stopmsg.text")

local compile = {}

local fail = schema.fail

local NAME = "^%l[%l%d_]*$"

-- Placeholders that stand for one id or more.
local IS_ID = { id = true, ids = true }

local function parse(where, written)
  local pieces, message = template.parse(written)
  if not pieces then
    fail(where, message)
  end
  return pieces
end

-- Notes each placeholder of a text.
local function visit_text(where, written, kind, see)
  for _, piece in ipairs(parse(where, written)) do
    if type(piece) == "table" then
      see(piece[1], where, kind)
    end
  end
end

-- The same in all texts of a JSON value.
local function visit_json(where, value, see)
  if type(value) == "string" then
    visit_text(where, value, "json", see)
  elseif type(value) == "table" then
    for key, member in pairs(value) do
      local place = ("%s.%s"):format(where, tostring(key))
      if type(key) ~= "string" and (value[1] == nil or type(key) ~= "number") then
        fail(place, "a list, or an object whose names are strings")
      elseif type(key) == "string" and value[1] ~= nil then
        fail(place, "stands in a list, which has no names")
      end
      visit_json(place, member, see)
    end
  elseif type(value) ~= "number" and type(value) ~= "boolean" then
    fail(where, "what JSON can hold, not a " .. type(value))
  end
end

local function check_headers(where, headers)
  local seen = {}
  for name, value in pairs(headers) do
    local place = ("%s[%s]"):format(where, type(name) == "string" and text.quote(name)
      or tostring(name))
    if type(name) ~= "string" then
      fail(place, "headers are written [\"X-Version\"] = \"1\"")
    elseif not name:find("^[%w!#$%%&'*+%-.^_`|~]+$") then
      fail(place, "no header can be called that")
    elseif type(value) ~= "string" then
      fail(place, "a string, not a " .. type(value))
    elseif value:find("%c") or value == "" then
      fail(place, "a text without control characters")
    elseif seen[name:lower()] then
      fail(place, "the same header as " .. text.quote(seen[name:lower()]))
    end
    seen[name:lower()] = name
  end
end

-- The definition's headers, with those of an operation in their place.
local function merge_headers(where, definition, given)
  local merged, lower = {}, {}
  for name, value in pairs(definition.headers or {}) do
    merged[name], lower[name:lower()] = value, name
  end
  if given.headers then
    check_headers(where .. ".headers", given.headers)
    for name, value in pairs(given.headers) do
      local other = lower[name:lower()]
      if other then
        merged[other] = nil
      end
      merged[name] = value
    end
  end
  return merged
end

-- address = { origin, path } of a URL with placeholders; origin is nil for {base_url}.
local function address_of(where, url)
  if url:find("^{base_url}") then
    return { path = url:sub(#"{base_url}" + 1) }
  end
  local origin, rest = url:match("^(https?://[^/?#]+)(.*)$")
  if not origin then
    fail(where, "an address like https://api.example.com/v1, or {base_url} where each customer has "
      .. "a host of their own")
  elseif rest:find("[?#]") then
    fail(where, "scheme, host and path; a query stands in `request`")
  elseif origin:find("@", 1, true) then
    fail(where, "an address without a user")
  end
  return { origin = origin, path = rest:gsub("/+$", "") }
end

local function check_setting(where, given, name)
  schema.check(where, given, schema.fields.setting)
  if not given.about then
    fail(where, "needs `about`: what it is, and where users find it")
  end
  if given.pattern then
    shape.check_pattern(where .. ".pattern", given.pattern)
  end
  if given.one_of then
    local count = 0
    for key, value in pairs(given.one_of) do
      count = count + 1
      if type(value) ~= "string" or (type(key) ~= "number" and type(key) ~= "string") then
        fail(where .. ".one_of", "a list of words, or a table from each word to what is sent")
      end
    end
    if count == 0 then
      fail(where .. ".one_of", "says nothing")
    elseif given.pattern then
      fail(where .. ".pattern", "is of no use beside `one_of`")
    end
  end
  if given.optional and given.default then
    fail(where .. ".optional", "has a default, so it is never missing")
  elseif given.default and given.one_of then
    local is_there = given.one_of[given.default] ~= nil
    for _, word in ipairs(given.one_of) do
      is_there = is_there or word == given.default
    end
    if not is_there then
      fail(where .. ".default", text.quote(given.default) .. " is not one of `one_of`")
    end
  end
  local setting = {}
  for field, value in pairs(given) do
    setting[field] = value
  end
  setting.name = name
  return setting
end

local function settings_of(definition)
  local declared = {}
  for name, given in pairs(definition.settings or {}) do
    local where = ("%s.settings.%s"):format(definition.name, tostring(name))
    if type(name) ~= "string" or not name:find(NAME) then
      fail(where, "a name is small letters, digits and _")
    elseif schema.placeholders[name] then
      fail(where, ("{%s} stands for something else already"):format(name))
    end
    declared[name] = check_setting(where, given, name)
  end
  for name, setting in pairs(declared) do
    local where = ("%s.settings.%s.default"):format(definition.name, name)
    if setting.default and not setting.one_of then
      visit_text(where, setting.default, "raw", function(other)
        if not declared[other] or other == name then
          fail(where, ("{%s} is no other setting"):format(other))
        end
      end)
      if setting.pattern and not setting.default:find("{", 1, true)
        and not setting.default:find(setting.pattern) then
        fail(where, "does not fit `pattern`")
      end
    end
  end
  return declared
end

-- Requests per second and what may go at once, of 50 or { 150, per = 60 }.
local function rate_of(where, given)
  if given == nil then
    return nil
  elseif type(given) == "number" then
    given = { given }
  end
  schema.check(where, given, schema.fields.rate)
  local count, per = given[1], given.per or 1
  if not count or count <= 0 or per <= 0 or count / per > 1e6 or count / per < 1e-3 then
    fail(where, "requests per second, or { requests, per = seconds }")
  elseif given.burst and given.burst < 1 then
    fail(where .. ".burst", "at least 1")
  end
  return { rate = count / per, burst = given.burst }
end

-- Where an answer tells how long to pause, besides Retry-After.
local function pause_of(where, given)
  if given == nil then
    return nil
  elseif type(given) == "string" then
    given = { path = given }
  end
  schema.check(where, given, schema.fields.retry_after)
  if (given.path == nil) == (given.header == nil) then
    fail(where, "a path in the answer, or { header = \"X-RateLimit-Reset-After\" }")
  elseif given.header and not given.header:find("^[%w%-]+$") then
    fail(where .. ".header", "the name of a header")
  end
  return {
    header = given.header and given.header:lower(),
    path = given.path and meaning.paths(where, given.path),
    unit = given.milliseconds and 0.001 or 1,
  }
end

local function answers_of(where, given)
  if given == nil then
    return { format = "json" }
  elseif type(given) == "string" then
    given = { format = given }
  end
  schema.check(where, given, schema.fields.answers)
  local only = type(given.format) == "string" and given.format:match("^{([%w_]+)}$")
  if not only and given.format ~= "json" and given.format ~= "xml" then
    fail(where, "'json', 'xml', or a setting that is one of them: \"{format}\"")
  end
  return { format = given.format, setting = only, root = given.root }
end

local function error_of(where, given)
  if not given then
    return nil
  end
  schema.check(where, given, schema.fields.error)
  local form, message, field = errors.compile(given)
  if not form then
    fail(where .. (field and "." .. field or ""), message)
  end
  return form
end

local function body_of(where, given)
  local count, kind = 0, nil
  for _, name in ipairs({ "json", "form", "text" }) do
    if given[name] ~= nil then
      count, kind = count + 1, name
    end
  end
  if count > 1 then
    fail(where, "has more than one of `json`, `form` and `text`")
  end
  return kind
end

local function text_body(where, given)
  schema.check(where, given, schema.fields.text)
  if not given.type or not given.body then
    fail(where, "needs `type`, a Content-Type, and `body`")
  elseif given.type:find("%c") then
    fail(where .. ".type", "a text without control characters")
  end
  local escape = given.escape
  if escape and not schema.escapes[escape] then
    fail(where .. ".escape", "one of json, percent, raw, xml")
  end
  escape = escape or (given.type:find("xml") and "xml") or (given.type:find("json") and "json")
    or (given.type:find("urlencoded") and "percent") or "raw"
  return { type = given.type, body = given.body, escape = escape }
end

local Compiler = {}
Compiler.__index = Compiler

-- What a placeholder of an operation stands for: raises where it is nothing.
function Compiler:see(operation, filters)
  local settings, seen = self.settings, operation.seen
  local form = operation.id
  return function(name, where, kind)
    local part = form and form.place_of and form.place_of[name]
    if name == "base_url" then
      fail(where, "{base_url} stands at the start of `url` only")
    elseif kind == "host" and (schema.placeholders[name] or part) then
      fail(where, ("{%s} cannot stand in the host"):format(name))
    elseif IS_ID[name] and operation.has_no_ids then
      fail(where, ("{%s}: this operation has no ids"):format(name))
    elseif not (schema.placeholders[name] or part or settings[name]
      or (filters and filters[name])) then
      local known = {}
      for _, names in ipairs({ schema.placeholders, form and form.place_of or {}, settings,
        filters or {} }) do
        for other in pairs(names) do
          known[other] = true
        end
      end
      fail(where, ("{%s} is filled by nothing: no setting and no part of the id is called that; "
        .. "did you mean {%s}?"):format(name, text.nearest(name, known)))
    end
    seen[name] = seen[name] or {}
    seen[name][kind] = where
    if name == "ids" or (part and operation.limit > 1 and operation.together ~= name) then
      local half = (kind == "path" or kind == "query") and "address" or "body"
      if operation.lists[half] then
        fail(where, ("{%s} is a second list of ids in the %s, which has room for one"):format(name,
          half))
      end
      operation.lists[half] = true
    end
    local setting = settings[name]
    if setting then
      self.is_used[name] = true
      if setting.optional and (kind == "path" or kind == "host" or kind == "basic") then
        fail(where, ("{%s} is optional, and nothing can stand in its place here"):format(name))
      elseif setting.optional and kind == "text" then
        fail(where, ("{%s} is optional, and a text cannot do without it"):format(name))
      elseif kind == "host" and not setting.one_of then
        setting.is_label = true
      end
    end
  end
end

-- Visits the holes of a request, and checks its fields. `where` is of the operation.
function Compiler:request(operation, given, where, filters)
  local see = self:see(operation, filters)
  local method, target = (given.request or ""):match("^(%u+) (/[^%c ]*)$")
  if operation.address then
    method, target = (given.request or ""):match("^(%u+) (https?://[^%c ]+)$")
  end
  if not method then
    fail(where .. ".request", operation.address
      and "a method and an address, like 'POST https://auth.example.com/token'"
      or "a method and a path, like 'POST /messages/{id}/cancel'")
  end
  operation.method = method
  if operation.address then
    operation.address = address_of(where .. ".request", target:match("^[^?]*"))
    operation.path = target:match("%?.*$") or ""
  else
    operation.path = target
  end
  local address = operation.address or self.address
  visit_text(where .. ".request", operation.path:match("^[^?]*"), "path", see)
  visit_text(where .. ".request", operation.path:match("%?(.*)$") or "", "query", see)
  if address.origin then
    visit_text(operation.address and where .. ".request" or self.where .. ".url", address.origin,
      "host", see)
  end
  visit_text(operation.address and where .. ".request" or self.where .. ".url", address.path,
    "path", see)
  for name, value in pairs(operation.headers) do
    visit_text(("%s.headers[%s]"):format(where, text.quote(name)), value, "header", see)
  end
  local kind = body_of(where, given)
  if kind == "json" then
    visit_json(where .. ".json", given.json, see)
    operation.json = given.json
  elseif kind == "form" then
    for name, value in pairs(given.form) do
      local place = ("%s.form[%s]"):format(where, text.quote(tostring(name)))
      if type(name) ~= "string" or (type(value) ~= "string" and type(value) ~= "number") then
        fail(place, "a name and a text")
      end
      visit_text(place, tostring(value), "form", see)
    end
    operation.form = given.form
  elseif kind == "text" then
    operation.text = text_body(where .. ".text", given.text)
    visit_text(where .. ".text.body", operation.text.body, "text", see)
  end
  local auth = given.auth or (given.headers == nil or not given.headers.Authorization)
    and self.definition.auth or nil
  if auth then
    local place = (given.auth and where or self.where) .. ".auth"
    schema.check(place, auth, schema.fields.auth)
    if not auth.basic then
      fail(place, "needs `basic`, as in { basic = \"{account}:{token}\" }; other headers stand in "
        .. "`headers`")
    end
    local _, tokens = auth.basic:gsub("{token}", "")
    if tokens ~= 1 then
      fail(place .. ".basic", "holds {token} once")
    end
    visit_text(place .. ".basic", auth.basic, "basic", see)
    for name in pairs(operation.seen) do
      if operation.seen[name].basic and name ~= "token" and not self.settings[name] then
        fail(place .. ".basic", ("{%s} cannot stand here"):format(name))
      end
    end
    operation.basic = auth.basic
    for name in pairs(operation.headers) do
      if name:lower() == "authorization" then
        fail(place, "and a header Authorization exclude each other")
      end
    end
  end
end

-- Whether an answer is a list, in which an id is looked for by all of its parts.
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

-- What is wrong with how the ids of an operation are asked about.
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
    fail(where, ("the request does not hold {%s}, a part of its id"):format(unused))
  elseif not is_used and not form.parts and not may_miss then
    fail(where, "the request holds neither {id} nor {ids}")
  end
  if operation.limit > 1 then
    if seen.id then
      local _, place = next(seen.id)
      fail(place, "{id} is one id, and the request has many: write {ids}")
    elseif not is_list then
      fail(where, "has a `limit`, and no list of ids: write {ids}")
    end
  end
  for kind, place in pairs(seen.ids or {}) do
    if kind == "header" then
      fail(place, "{ids} cannot stand in a header")
    elseif not operation.join and (kind == "path" or kind == "text") then
      fail(place, "{ids} is a list: say with `join` what stands between two ids")
    end
  end
  if operation.join and not is_list then
    fail(where .. ".join", "stands between two ids, and there is no list of them")
  end
  if given.together and not (form.place_of and form.place_of[given.together]) then
    fail(where .. ".together", text.quote(given.together) .. " is no part of the id")
  elseif given.together and operation.limit == 1 then
    fail(where .. ".together", "is for requests with many ids")
  end
  for name in pairs(form.place_of or {}) do
    if operation.limit > 1 and seen[name] and operation.together ~= name then
      for kind, place in pairs(seen[name]) do
        if not operation.join and (kind == "path" or kind == "header" or kind == "text") then
          fail(place, ("{%s} differs from id to id of a request: say `together = \"%s\"`, or with "
            .. "`join` what stands between two"):format(name, name))
        end
      end
    end
  end
end

local function limits_of(where, given)
  if given == nil then
    return 1, 1
  elseif type(given) == "table" then
    schema.check_list(where, given, "number")
    if #given ~= 2 then
      fail(where, "the fewest and the most ids of a request, like { 2, 100 }")
    end
  elseif type(given) ~= "number" then
    fail(where, "a whole number of ids, or the fewest and the most: { 2, 100 }")
  end
  local least, most = 1, given
  if type(given) == "table" then
    least, most = given[1], given[2]
  end
  for _, number in ipairs({ least, most }) do
    if number < 1 or number > 1e6 or number % 1 ~= 0 then
      fail(where, "a whole number of ids, at least 1")
    end
  end
  if least > most then
    fail(where, "the fewest come first")
  end
  return most, least
end

-- What all operations of one name share.
function Compiler:begin(name, given, where)
  local kind = schema.operations[name]
  local definition = self.definition
  local operation = {
    name = name,
    docs = given.docs or definition.docs,
    undocumented = given.undocumented or false,
    inferred = given.inferred,
    is_lookup = kind.is_lookup,
    has_no_ids = kind.has_no_ids,
    is_old = self.is_old,
    seen = {},
    lists = {}, -- which halves of a request hold a list of ids
    decode = given.decode,
    sign = given.sign or definition.sign,
    join = given.join,
    together = given.together,
    headers = merge_headers(where, definition, given),
    error = error_of(where .. ".error", given.error) or self.error,
    texts = nil,
    rate = rate_of(where .. ".rate", given.rate),
    pause = pause_of(where .. ".retry_after", given.retry_after) or self.pause,
    answers = given.answers and answers_of(where .. ".answers", given.answers) or self.answers,
  }
  operation.format = operation.answers.setting and "json" or operation.answers.format
  operation.root = operation.answers.root
  operation.limit, operation.least = limits_of(where .. ".limit", given.limit)
  if kind.has_no_ids then
    operation.id = not kind.is_list and ids.forms.text or nil -- of the one thing that is asked
    for _, field in ipairs({ "id", "limit", "join", "together", "many" }) do
      if given[field] ~= nil and not kind.is_list then
        fail(where .. "." .. field, "is about ids, and this operation has none")
      end
    end
  else
    local own = given.id ~= nil and given.id or definition.id
    if own == nil then
      fail(where, "needs `id`, what an id looks like; or the definition has it")
    end
    operation.id = shape.of(given.id ~= nil and where .. ".id" or self.where .. ".id", own)
    for part in pairs(operation.id.place_of or {}) do
      if not part:find(NAME) then
        fail(where .. ".id." .. part, "a name is small letters, digits and _")
      elseif schema.placeholders[part] or self.settings[part] then
        fail(where .. ".id." .. part, ("{%s} stands for something else already"):format(part))
      end
    end
  end
  return operation
end

-- Which settings an operation cannot do without.
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
      fail(self.where .. ".answers", ("{%s} is no setting with `one_of`"):format(only))
    end
    self.is_used[only] = true
  end
  table.sort(needs)
  return needs
end

-- Texts and refusals that hold for all operations, and those of one.
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
    fail(where .. ".decode", "and statuses exclude each other")
  elseif not given.decode and not has_success(operation) then
    fail(where, "says of no answer that it is a success: [200] = …")
  end
  local definition = self.definition
  local refused = merge(given.refused, definition.refused)
  operation.refused = refused and meaning.refused(where .. ".refused", refused)
  local texts = merge(given.texts, definition.texts)
  operation.texts = texts and meaning.texts(where .. ".texts", texts)
  if self.is_old then
    operation.fault = self.fault
  elseif operation.refused and not operation.error then
    fail(where .. ".refused", "needs `error`, where the code of an error stands, and its form")
  elseif operation.texts and not (operation.error and operation.error:has_text()) then
    fail(where .. ".texts", "needs `error` with `text`, where the text of an error stands")
  end
  operation.is_bare = given.bare and meaning.bare(where .. ".bare", given.bare, operation)
    or definition.bare and meaning.bare(self.where .. ".bare", definition.bare) or {}
  for status, reading in pairs(operation.readings) do
    if status >= 400 and reading.is_empty and not operation.error
      and not operation.is_bare[status] and not self.is_old then
      fail(("%s[%d]"):format(where, status), "is never believed: say with `error` what the "
        .. "provider's errors look like, or with `bare` that this status has no body")
    end
  end
end

local function next_of(where, given)
  schema.check(where, given, schema.fields.next)
  if not schema.paging[given.by] then
    fail(where .. ".by", ("one of cursor, last, offset, page, url%s"):format(given.by
      and "; did you mean '" .. text.nearest(given.by, schema.paging) .. "'?" or ""))
  end
  local needs_as = given.by ~= "url"
  if needs_as and not given.as then
    fail(where, "needs `as`, the parameter that asks for the next page: \"query:page\"")
  elseif not needs_as and given.as then
    fail(where .. ".as", "a URL is asked for as it is")
  end
  local place, name = (given.as or ""):match("^(%l+):(.+)$")
  if given.as and not (name and (place == "query" or place == "form" or place == "json")) then
    fail(where .. ".as", "where the parameter stands and its name: query:page, form:cursor or "
      .. "json:filters.page")
  end
  if (given.by == "cursor" or given.by == "url") and not given.path then
    fail(where, "needs `path`, where the answer tells the next page")
  elseif given.path and given.by ~= "cursor" and given.by ~= "url" then
    fail(where .. ".path", "is for a cursor or a URL")
  end
  local has_end = given.size or given.more or given.total
  if (given.by == "page" or given.by == "offset") and not has_end then
    fail(where, "needs `size`, entries of a full page, or `more` or `total`, by which the last one "
      .. "is known")
  end
  local checked = {
    by = given.by, place = place, name = name, first = given.first, size = given.size,
    most = given.most,
  }
  for _, field in ipairs({ "path", "more", "total" }) do
    if given[field] then
      checked[field] = meaning.paths(where .. "." .. field, given[field])
    end
  end
  return checked
end

local function filter_of(where, given)
  schema.check(where, given, schema.fields.filter)
  local count = 0
  local checked = { about = given.about, required = given.required, default = given.default }
  for _, place in ipairs({ "query", "form", "json" }) do
    if given[place] then
      count = count + 1
      checked.place, checked.name = place, given[place]
    end
  end
  if count > 1 then
    fail(where, "is asked for in one place: `query`, `form` or `json`")
  elseif count == 0 and not given.entry then
    fail(where, "needs `query`, `form` or `json`, how it is asked for, or `entry`, which field "
      .. "shows it")
  end
  if given.entry then
    checked.entry = meaning.paths(where .. ".entry", given.entry)
  end
  if given.time and not schema.times[given.time] and not given.time:find("%%") then
    fail(where .. ".time", "one of date, rfc3339, rfc3339_ms, unix, or a format like %Y-%m-%d")
  elseif given.list and not schema.lists[given.list] then
    fail(where .. ".list", "one of array, comma, repeat")
  end
  checked.time, checked.list = given.time, given.list
  return checked
end

local function check_token(operation, where)
  if not operation.seen.token and not operation.sign then
    fail(where, "sends the token nowhere: {token} stands in a header, the address or the body, or "
      .. "in auth = { basic = … }")
  end
  operation.has_uuid = operation.seen.uuid ~= nil
end

-- Where an entry of a list names its id: a path, { path = …, match = "([^/]+)$" }, or one of these
-- for each part.
local function found_id(where, given, form)
  local function one(place, written)
    if type(written) == "table" and written.path then
      schema.check(place, written, { path = "string", match = "string" })
      if written.match and not ids.is_pattern(written.match) then
        fail(place .. ".match", "a Lua pattern")
      end
      return { paths = meaning.paths(place .. ".path", written.path), match = written.match }
    end
    return { paths = meaning.paths(place, written) }
  end
  if not form.parts then
    return { one(where, given) }
  elseif type(given) ~= "table" then
    fail(where, "a path for each part of the id")
  end
  local found = {}
  for i, part in ipairs(form.parts) do
    if given[part.name] == nil then
      fail(where, "has no path for the part " .. text.quote(part.name))
    end
    found[i] = one(where .. "." .. part.name, given[part.name])
  end
  for name in pairs(given) do
    if not form.place_of[name] then
      fail(where, ("no part of the id is called %s"):format(text.quote(tostring(name))))
    end
  end
  return found
end

-- A list of what can still be stopped.
function Compiler:list(name, given, where)
  local operation = self:begin(name, given, where)
  operation.is_list = true
  local ids_of = name == "find" and "stop" or "stop_dispatch"
  local stopping = self.definition[ids_of]
  if type(stopping) ~= "table" then
    fail(where, ("finds what %s stops, and there is no `%s`"):format(ids_of, ids_of))
  end
  local own = stopping.id ~= nil and stopping.id or self.definition.id
  if own == nil then
    fail(where, "finds ids, and no `id` says what they look like")
  end
  operation.finds = shape.of(self.where .. ".id", own)
  local filters = {}
  for filter, one in pairs(given.where or {}) do
    local place = ("%s.where.%s"):format(where, tostring(filter))
    if type(filter) ~= "string" or not filter:find(NAME) then
      fail(place, "a name is small letters, digits and _")
    elseif schema.placeholders[filter] or self.settings[filter] then
      fail(place, ("{%s} stands for something else already"):format(filter))
    end
    filters[filter] = filter_of(place, one)
  end
  operation.where = filters
  self:request(operation, given, where, filters)
  check_token(operation, where)
  operation.needs = self:needs(operation)
  if not given.each or given.id == nil then
    fail(where, "needs `each`, where the list stands, and `id`, where an entry names its id")
  end
  local reading = { each = path.parse(given.each) }
  if not reading.each then
    fail(where .. ".each", select(2, path.parse(given.each)))
  end
  reading.id = found_id(where .. ".id", given.id, operation.finds)
  if given.state ~= nil then
    reading.state = meaning.paths(where .. ".state", given.state)
    if type(given.means) ~= "table" then
      fail(where .. ".means", "a table from the words at `state` to 'open' and other outcomes")
    end
    reading.means = meaning.map(where .. ".means", given.means, nil, string.lower)
  elseif given.means ~= nil then
    fail(where .. ".means", "needs `state`, where its words stand")
  end
  operation.reading = reading
  operation.next = given.next and next_of(where .. ".next", given.next)
  operation.readings, operation.is_bare = {}, {}
  local refused = merge(given.refused, self.definition.refused)
  operation.refused = refused and operation.error
    and meaning.refused(where .. ".refused", refused) or nil
  return operation
end

local function is_status(name)
  return type(name) == "number"
end

-- One operation with ids, or `check`.
function Compiler:operation(name, given, where, is_many)
  schema.check(where, given, schema.fields.operation, is_status)
  local operation = self:begin(name, given, where)
  self:request(operation, given, where)
  check_token(operation, where)
  operation.needs = self:needs(operation)
  if not operation.has_no_ids then
    check_ids(operation, where, given)
  end
  self:meanings(operation, given, where)
  if operation.least > 1 and not is_many then
    fail(where .. ".limit", "with a fewest, a request for the rest is needed: the single form "
      .. "here, and this one as `many`")
  end
  if not given.many then
    return operation
  end
  if is_many then
    fail(where .. ".many", "is what this is already")
  elseif operation.limit > 1 then
    fail(where .. ".limit", "is of `many`; beside it stands the request for one id")
  end
  local inherited = { id = given.id, docs = given.docs, undocumented = given.undocumented,
    inferred = given.inferred, error = given.error }
  for field, value in pairs(given.many) do
    inherited[field] = value
  end
  local many = self:operation(name, inherited, where .. ".many", true)
  if many.limit < 2 then
    fail(where .. ".many", "needs `limit`, ids of a request")
  end
  many.single = operation
  for _, setting in ipairs(operation.needs) do
    many.needs[#many.needs + 1] = setting
  end
  return many
end

-- Tokens that end: how they are fetched with the one that the user gives.
function Compiler:token()
  local given, where = self.definition.token, self.where .. ".token"
  schema.check(where, given, schema.fields.token)
  local operation = {
    name = "token", seen = {}, lists = {}, has_no_ids = true, limit = 1, least = 1, address = {},
    headers = {}, answers = { format = "json" }, format = "json", readings = {}, is_bare = {},
    is_lookup = true,
  }
  if given.headers then
    check_headers(where .. ".headers", given.headers)
    for name, value in pairs(given.headers) do
      operation.headers[name] = value
    end
  end
  if not given.value then
    fail(where, "needs `value`, where the answer has the token: \"access_token\"")
  end
  local own = { request = given.request, auth = given.auth, headers = { Authorization = true },
    json = given.json, form = given.form }
  if given.auth then
    own.headers = nil
  end
  self:request(operation, own, where)
  if not operation.seen.token then
    fail(where, "sends {token}, the secret that the user gives, nowhere")
  end
  operation.needs = self:needs(operation)
  operation.value = meaning.paths(where .. ".value", given.value)
  operation.lasts = given.lasts and meaning.paths(where .. ".lasts", given.lasts)
  return operation
end

-- Settings that every operation needs which stops something, or every one where none does: without
-- them a client is of no use.
local function required_of(operations)
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
  for _, operation in ipairs(counted) do
    for _, setting in ipairs(operation.needs) do
      counts[setting] = (counts[setting] or 0) + 1
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

-- provider = compile.provider(definition, old): a checked copy that is ready for use; raises with
-- the place of what is wrong. `old` has what a definition of the old form brings along: `fault`, a
-- function that reads errors.
function compile.provider(definition, old)
  if type(definition) ~= "table" then
    error("a provider definition is a table, not a " .. type(definition), 0)
  elseif type(definition.name) ~= "string" or not definition.name:find(NAME) then
    error("a provider definition needs a `name`: small letters, digits and _, like 'acme'", 0)
  end
  local where = definition.name
  schema.check(where, definition, schema.fields.definition, function(name, value)
    if schema.operations[name] and type(value) ~= "table" then
      fail(where .. "." .. name, "a table, not a " .. type(value))
    end
    return schema.operations[name] ~= nil
  end)
  if not definition.url then
    fail(where, "needs `url`, the address that all requests begin with")
  end
  if definition.headers then
    check_headers(where .. ".headers", definition.headers)
  end
  local self = setmetatable({
    definition = definition,
    where = where,
    settings = settings_of(definition),
    is_used = {},
    fault = old and old.fault,
    is_old = old ~= nil,
    address = address_of(where .. ".url", definition.url),
    error = error_of(where .. ".error", definition.error),
    pause = pause_of(where .. ".retry_after", definition.retry_after),
    answers = answers_of(where .. ".answers", definition.answers),
  }, Compiler)
  local provider = {
    name = definition.name,
    about = definition.about,
    docs = definition.docs,
    url = definition.url,
    address = self.address,
    settings = self.settings,
    rate = rate_of(where .. ".rate", definition.rate),
    operations = {},
    warnings = {},
  }
  for _, name in ipairs(schema.operation_names) do
    local given = definition[name]
    if given then
      local place = where .. (old and ".operations." or ".") .. name
      if schema.operations[name].is_list then
        local fields = {}
        for _, list in ipairs({ schema.fields.operation, schema.fields.list }) do
          for field, kind in pairs(list) do
            fields[field] = kind
          end
        end
        schema.check(place, given, fields)
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
      visit_text(where, setting.default, "raw", function(other)
        self.is_used[other] = true
      end)
    end
  end
  for name in pairs(self.settings) do
    if not self.is_used[name] then
      fail(("%s.settings.%s"):format(where, name),
        ("is used nowhere: {%s} stands in no text"):format(name))
    end
  end
  provider.required = required_of(provider.operations)
  return provider
end

return compile
