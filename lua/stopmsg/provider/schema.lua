-- The fields of a definition and their types. Pure.
--
-- docs/writing-a-provider.md explains them, and a spec compares it with this file.

local outcome = require("stopmsg.meaning.outcome")
local text = require("stopmsg.text")

local schema = {}

-- All operations. A lookup changes nothing at the provider, so a lost response leaves no doubt.
schema.operations = {
  stop = {},
  stop_dispatch = {},
  status = { is_lookup = true },
  status_dispatch = { is_lookup = true },
  check = { is_lookup = true, has_no_ids = true },
  find = { is_lookup = true, has_no_ids = true, is_list = true },
  find_dispatch = { is_lookup = true, has_no_ids = true, is_list = true },
}

-- The same in display order.
schema.operation_names = { "stop", "stop_dispatch", "status", "status_dispatch", "check", "find",
  "find_dispatch" }

-- Words that are actions instead of outcomes.
schema.actions = { credentials = true, again = true, throttle = true, halve = true }

-- Placeholders that every definition has.
schema.placeholders = { id = true, ids = true, token = true, uuid = true, base_url = true }

-- Placeholders of signed requests, generated for every attempt, with the text that each contains.
schema.made = { time = 1, nonce = 2, random = 3, signature = 4 }

local ANY = "any"

schema.fields = {
  definition = {
    name = "string",
    about = "string",
    docs = "string",
    url = "string",
    settings = "table",
    auth = "table",
    headers = "table",
    answers = "any",
    id = ANY,
    error = "table",
    bare = "table",
    refused = "table",
    texts = "table",
    rate = ANY,
    retry_after = ANY,
    token = "table",
    sign = ANY,
  },
  setting = {
    about = "string",
    pattern = "string",
    max = "number",
    default = "string",
    one_of = "table",
    optional = "boolean",
    number = "boolean",
  },
  auth = { basic = "string" },
  answers = { format = "string", root = "string" },
  id = {
    pattern = ANY,
    max = "number",
    about = "string",
    usual = "string",
    ignore_case = "boolean",
    number = "boolean",
    write = "string",
  },
  part = {
    pattern = ANY,
    max = "number",
    about = "string",
    ignore_case = "boolean",
    number = "boolean",
  },
  error = { code = ANY, text = ANY, status = ANY, has = ANY, form = ANY, least = "number" },
  rate = { "number", per = "number", burst = "number" },
  retry_after = { header = "string", path = "string", milliseconds = "boolean" },
  token = {
    request = "string",
    auth = "table",
    headers = "table",
    form = "table",
    json = "table",
    value = "string",
    lasts = "string",
    sign = "table",
  },
  sign = {
    hmac = "string",
    hash = "string",
    key = "string",
    text = "string",
    escape = "string",
    encode = "string",
    time = "string",
    ticket = "table",
  },
  ticket = { text = "string", letters = "string" },
  operation = {
    docs = "string",
    request = "string",
    headers = "table",
    auth = "table",
    json = ANY,
    form = "table",
    text = "table",
    id = ANY,
    limit = ANY,
    join = "string",
    together = "string",
    many = "table",
    error = "table",
    bare = "table",
    refused = "table",
    texts = "table",
    rate = ANY,
    retry_after = ANY,
    answers = ANY,
    decode = "function",
    sign = ANY,
    inferred = "string",
    undocumented = "boolean",
    all = "string",
  },
  -- Fields that only lists have.
  list = {
    each = "string",
    id = ANY,
    state = ANY,
    means = ANY,
    entries = "table",
    unit = "string",
    most = "number",
    next = "table",
    where = "table",
  },
  text = { type = "string", body = "string", escape = "string" },
  reading = {
    exactly = ANY,
    has = ANY,
    every = "table",
    id = ANY,
    code = ANY,
    state = ANY,
    form = ANY,
    means = ANY,
    more_than = "number",
    verifies = "table",
    others = ANY,
    text = ANY,
    texts = "table",
    each = "string",
    left = ANY,
    flag = "table",
    next = "string",
  },
  every = { "string", "string" },
  flag = { path = "string", codes = "table" },
  meaning = { "string", "string", note = "string", quiet = "boolean" },
  next = {
    by = "string",
    as = "string",
    path = "string",
    first = "number",
    size = "number",
    most = "number",
    more = "string",
    total = "string",
    pages = "string",
    until_empty = "boolean",
    oldest = "table",
  },
  oldest = { path = "string", days = "number" },
  filter = {
    about = "string",
    query = "string",
    form = "string",
    json = "string",
    entry = ANY,
    time = "string",
    bound = "string",
    list = "string",
    required = "boolean",
    default = "string",
  },
}

schema.escapes = { json = true, percent = true, raw = true, xml = true }

-- Ways of paging through a list.
schema.paging = { page = true, offset = true, cursor = true, last = true, url = true }

-- What one id can stop.
schema.units = { message = true, batch = true, bulk = true, campaign = true, dispatch = true,
  schedule = true }

-- Ways of writing several values of a filter.
schema.lists = { ["repeat"] = true, comma = true, array = true }

-- Ways of writing a filter's time, besides an os.date format.
schema.times = { rfc3339 = true, rfc3339_ms = true, unix = true, date = true }

-- Raises an error. Every function here takes `where`, the dotted name of the field at fault.
function schema.fail(where, message)
  error("provider definition " .. where .. ": " .. message, 0)
end

-- Finds the tables in which a misplaced field is valid.
local function homes_of(name, fields)
  local homes = {}
  for _, part in ipairs({ "definition", "operation", "reading", "list", "setting", "id" }) do
    if schema.fields[part] ~= fields and schema.fields[part][name] then
      homes[#homes + 1] = part
    end
  end
  return homes
end

-- message = schema.unknown(name, fields): names the unknown field and the nearest valid one.
function schema.unknown(name, fields)
  local homes = type(name) == "string" and homes_of(name, fields) or {}
  if #homes > 0 then
    return ("unknown field %s; it belongs in %s"):format(text.quote(name),
      table.concat(homes, ", "):gsub("%f[%w](%w+)", { definition = "the definition",
        operation = "an operation", reading = "the meaning of a status", list = "find",
        setting = "a setting", id = "an id" }))
  end
  local known = fields
  if fields == schema.fields.definition then
    known = {}
    for _, names in ipairs({ fields, schema.operations }) do
      for field in pairs(names) do
        known[field] = true
      end
    end
  end
  local nearest = text.nearest(tostring(name), known)
  return ("unknown field %s%s"):format(text.quote(name),
    nearest and "; did you mean '" .. nearest .. "'?" or "")
end

local function with_article(kind)
  return (kind:find("^[aeiou]") and "an " or "a ") .. kind
end

-- Checks that all fields are known and have their type. `others(name, value)` may accept more.
function schema.check(where, value, fields, others)
  if type(value) ~= "table" then
    schema.fail(where, "expected a table, got " .. with_article(type(value)))
  end
  for name, field in pairs(value) do
    local wanted = fields[name]
    if not wanted then
      if not (others and others(name, field)) then
        schema.fail(where, schema.unknown(name, fields))
      end
    elseif wanted ~= ANY and type(field) ~= wanted then
      schema.fail(where .. "." .. tostring(name), ("expected %s, got %s"):format(
        with_article(wanted), with_article(type(field))))
    end
  end
end

-- Checks a list of values of one type.
function schema.check_list(where, value, wanted)
  local count = 0
  for key, entry in pairs(value) do
    if type(key) ~= "number" then
      schema.fail(where, ("expected a list, found the key %s"):format(text.quote(key)))
    elseif type(entry) ~= wanted then
      schema.fail(("%s[%s]"):format(where, tostring(key)), ("expected %s, got %s"):format(
        with_article(wanted), with_article(type(entry))))
    end
    count = count + 1
  end
  if count ~= #value or count == 0 then
    schema.fail(where, "expected a non-empty list without gaps")
  end
end

local WORDS = {}
for _, words in ipairs({ outcome.all, schema.actions }) do
  for word in pairs(words) do
    WORDS[word] = true
  end
end
schema.words = WORDS

-- What others call it: no edit distance finds these.
local OTHERS = {
  cancelled = "stopped", canceled = "stopped", deleted = "stopped", removed = "stopped",
  revoked = "stopped", aborted = "stopped", sent = "too_late", delivered = "too_late",
}

-- Checks that `allowed`, by default all outcomes and actions, contains a word.
function schema.check_word(where, word, allowed)
  allowed = allowed or WORDS
  if type(word) ~= "string" then
    schema.fail(where, "expected a word like 'stopped', got " .. with_article(type(word)))
  elseif not allowed[word] then
    local other = OTHERS[word:lower()]
    local nearest = allowed[other] and other or text.nearest(word, allowed)
    schema.fail(where, ("%s is not an outcome or action%s; did you mean '%s'?"):format(
      text.quote(word), WORDS[word] and " here" or "", nearest))
  end
end

return schema
