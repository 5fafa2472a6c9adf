-- Checks and compiles the fields that mean the same anywhere in a definition. Pure.

local errors = require("stopmsg.meaning.errors")
local meaning = require("stopmsg.provider.meaning")
local schema = require("stopmsg.provider.schema")
local shape = require("stopmsg.provider.shape")
local template = require("stopmsg.provider.template")
local text = require("stopmsg.text")

local fields = {}

local fail = schema.fail

-- Pattern of setting and filter names.
fields.NAME = "^%l[%l%d_]*$"

local function parse(where, written)
  local pieces, message = template.parse(written)
  if not pieces then
    fail(where, message)
  end
  return pieces
end

-- Calls `see` for each placeholder of a text.
function fields.visit_text(where, written, kind, see)
  for _, piece in ipairs(parse(where, written)) do
    if type(piece) == "table" then
      see(piece[1], where, kind)
    end
  end
end

-- Headers that say where a request ends.
local IS_FRAMING = { ["content-length"] = true, ["transfer-encoding"] = true }

-- Returns whether a definition may send a header of this name.
function fields.is_header(name)
  return name:find("^[%w!#$%%&'*+%-.^_`|~]+$") ~= nil and not IS_FRAMING[name:lower()]
end

function fields.check_headers(where, headers)
  local seen = {}
  for name, value in pairs(headers) do
    local place = ("%s[%s]"):format(where, type(name) == "string" and text.quote(name)
      or tostring(name))
    if type(name) ~= "string" then
      fail(place, "expected a header name, as in [\"X-Version\"] = \"1\"")
    elseif IS_FRAMING[name:lower()] then
      fail(place, "is written for each request; leave it out")
    elseif not fields.is_header(name) then
      fail(place, "not a valid header name")
    elseif type(value) ~= "string" then
      fail(place, "expected a string, got a " .. type(value))
    elseif value:find("%c") or value == "" then
      fail(place, "expected a text without control characters")
    elseif seen[name:lower()] then
      fail(place, "is the same header as " .. text.quote(seen[name:lower()]))
    end
    seen[name:lower()] = name
  end
end

-- Merges the definition's headers with those of an operation, which take precedence.
function fields.merge_headers(where, definition, given)
  local merged, lower = {}, {}
  for name, value in pairs(definition.headers or {}) do
    merged[name], lower[name:lower()] = value, name
  end
  if given.headers then
    fields.check_headers(where .. ".headers", given.headers)
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
function fields.address(where, url)
  if url:find("^{base_url}") then
    return { path = url:sub(#"{base_url}" + 1) }
  end
  local origin, rest = url:match("^(https?://[^/?#]+)(.*)$")
  if not origin then
    fail(where, "expected a URL like https://api.example.com/v1, or {base_url} where each "
      .. "customer has a separate host")
  elseif rest:find("[?#]") then
    fail(where, "expected scheme, host and path; put a query in `request`")
  elseif origin:find("@", 1, true) then
    fail(where, "a URL cannot contain a user name")
  end
  return { origin = origin, path = rest:gsub("/+$", "") }
end

local function check_setting(where, given, name)
  schema.check(where, given, schema.fields.setting)
  if not given.about then
    fail(where, "needs `about`: what it is and where to find it")
  end
  if given.pattern then
    shape.check_pattern(where .. ".pattern", given.pattern)
  end
  if given.one_of then
    local count = 0
    for key, value in pairs(given.one_of) do
      count = count + 1
      if type(value) ~= "string" or (type(key) ~= "number" and type(key) ~= "string") then
        fail(where .. ".one_of", "expected a list of words, or a table from words to what is sent")
      end
    end
    if count == 0 then
      fail(where .. ".one_of", "is empty")
    elseif given.pattern then
      fail(where .. ".pattern", "cannot be combined with `one_of`")
    end
  end
  if given.optional and given.default then
    fail(where .. ".optional", "cannot be combined with `default`")
  elseif given.default and given.one_of then
    local is_there = given.one_of[given.default] ~= nil
    for _, word in ipairs(given.one_of) do
      is_there = is_there or word == given.default
    end
    if not is_there then
      fail(where .. ".default", text.quote(given.default) .. " is not listed in `one_of`")
    end
  end
  local setting = {}
  for field, value in pairs(given) do
    setting[field] = value
  end
  setting.name = name
  return setting
end

function fields.settings(definition)
  local declared = {}
  for name, given in pairs(definition.settings or {}) do
    local where = ("%s.settings.%s"):format(definition.name, tostring(name))
    if type(name) ~= "string" or not name:find(fields.NAME) then
      fail(where, "a name consists of lower-case letters, digits and _")
    elseif schema.placeholders[name] or schema.made[name] then
      fail(where, ("{%s} is already taken"):format(name))
    end
    declared[name] = check_setting(where, given, name)
  end
  for name, setting in pairs(declared) do
    local where = ("%s.settings.%s.default"):format(definition.name, name)
    if setting.default and not setting.one_of then
      fields.visit_text(where, setting.default, "raw", function(other)
        if not declared[other] or other == name then
          fail(where, ("{%s} is not another setting"):format(other))
        end
      end)
      if setting.pattern and not setting.default:find("{", 1, true)
        and not setting.default:find(setting.pattern) then
        fail(where, "does not match `pattern`")
      end
    end
  end
  return declared
end

-- Requests per second and burst, from 50 or { 150, per = 60 }.
function fields.rate(where, given)
  if given == nil then
    return nil
  elseif type(given) == "number" then
    given = { given }
  end
  schema.check(where, given, schema.fields.rate)
  local count, per = given[1], given.per or 1
  if not count or count <= 0 or per <= 0 or count / per > 1e6 or count / per < 1e-3 then
    fail(where, "expected requests per second, or { requests, per = seconds }")
  elseif given.burst and given.burst < 1 then
    fail(where .. ".burst", "must be at least 1")
  end
  return { rate = count / per, burst = given.burst }
end

-- Where a response gives the length of a pause, besides Retry-After.
function fields.pause(where, given)
  if given == nil then
    return nil
  elseif type(given) == "string" then
    given = { path = given }
  end
  schema.check(where, given, schema.fields.retry_after)
  if (given.path == nil) == (given.header == nil) then
    fail(where, "expected a path in the response, or { header = \"X-RateLimit-Reset-After\" }")
  elseif given.header and not given.header:find("^[%w%-]+$") then
    fail(where .. ".header", "expected a header name")
  end
  return {
    header = given.header and given.header:lower(),
    path = given.path and meaning.paths(where, given.path),
    unit = given.milliseconds and 0.001 or 1,
  }
end

function fields.answers(where, given)
  if given == nil then
    return { format = "json" }
  elseif type(given) == "string" then
    given = { format = given }
  end
  schema.check(where, given, schema.fields.answers)
  local only = type(given.format) == "string" and given.format:match("^{([%w_]+)}$")
  if not only and given.format ~= "json" and given.format ~= "xml" then
    fail(where, "expected 'json', 'xml', or a setting with these choices: \"{format}\"")
  end
  return { format = given.format, setting = only, root = given.root }
end

function fields.error(where, given)
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

function fields.body(where, given)
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

function fields.text(where, given)
  schema.check(where, given, schema.fields.text)
  if not given.type or not given.body then
    fail(where, "needs `type`, a Content-Type, and `body`")
  elseif given.type:find("%c") then
    fail(where .. ".type", "expected a text without control characters")
  end
  local escape = given.escape
  if escape and not schema.escapes[escape] then
    fail(where .. ".escape", "expected one of json, percent, raw, xml")
  end
  escape = escape or (given.type:find("xml") and "xml") or (given.type:find("json") and "json")
    or (given.type:find("urlencoded") and "percent") or "raw"
  return { type = given.type, body = given.body, escape = escape }
end

function fields.limits(where, given)
  if given == nil then
    return 1, 1
  elseif type(given) == "table" then
    schema.check_list(where, given, "number")
    if #given ~= 2 then
      fail(where, "expected the minimum and maximum number of ids, like { 2, 100 }")
    end
  elseif type(given) ~= "number" then
    fail(where, "expected a number of ids, or the minimum and maximum: { 2, 100 }")
  end
  local least, most = 1, given
  if type(given) == "table" then
    least, most = given[1], given[2]
  end
  for _, number in ipairs({ least, most }) do
    if number < 1 or number > 1e6 or number % 1 ~= 0 then
      fail(where, "expected an integer from 1 to 1000000")
    end
  end
  if least > most then
    fail(where, "the minimum comes first")
  end
  return most, least
end

return fields
