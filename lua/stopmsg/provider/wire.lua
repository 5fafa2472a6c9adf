-- Fills an operation with settings for the core: method, address, header lines, body. What varies
-- per request (ids, a UUID) and the token stay placeholders, which the core fills. Pure.

local json = require("stopmsg.json")
local lists = require("stopmsg.provider.lists")
local schema = require("stopmsg.provider.schema")
local template = require("stopmsg.provider.template")

local wire = {}

-- Appends a text or placeholder to a list of pieces; joins adjacent texts.
local function add(pieces, piece)
  local last = #pieces
  if type(piece) == "string" and type(pieces[last]) == "string" then
    pieces[last] = pieces[last] .. piece
  elseif piece ~= "" then
    pieces[last + 1] = piece
  end
end

local function add_all(pieces, others)
  for _, piece in ipairs(others) do
    add(pieces, piece)
  end
end

-- What a placeholder stands for: { kind, part, is_number, value }. Kinds: "id", "ids", "uuid",
-- "token", "made" (by a signature), and "setting" with its value; nil for an optional setting that
-- is not given.
local function resolve(context, name)
  local operation = context.operation
  if name == "id" or name == "ids" then
    return { kind = name, part = 0, is_number = operation.id and operation.id.number }
  elseif name == "uuid" or name == "token" then
    return { kind = name }
  elseif schema.made[name] then
    return { kind = "made", part = schema.made[name] }
  end
  local part = operation.id and operation.id.place_of and operation.id.place_of[name]
  if part then
    local is_list = operation.limit > 1 and operation.together ~= name
    return {
      kind = is_list and "ids" or "id",
      part = part,
      is_number = operation.id.parts[part].number,
    }
  end
  local value, setting = context.values[name], context.settings[name]
  if not setting then
    value = context.filters and context.filters[name] and table.concat(context.filters[name], ",")
  end
  return value ~= nil and {
    kind = "setting",
    value = value,
    is_number = setting and setting.number,
  } or nil
end

-- The pieces of a text; nil if it contains a setting that is not given. `between` separates the ids
-- of a list. In a path, keys and signatures keep the characters that a path allows, as their makers
-- write them.
local function fill(context, written, escape, between, is_path)
  local pieces = {}
  for _, piece in ipairs(template.parse(written)) do
    if type(piece) == "string" then
      add(pieces, piece)
    else
      local found = resolve(context, piece[1])
      if not found then
        return nil
      elseif found.kind == "setting" then
        local is_whole = is_path and context.operation.is_signed
        add(pieces, template.escapes[is_whole and "path" or escape](found.value))
      elseif found.kind == "uuid" then
        add(pieces, { "uuid" })
      elseif found.kind == "token" then
        add(pieces, { "token", is_path and "path" or escape })
      elseif found.kind == "made" then
        add(pieces, { "made", escape, found.part })
      elseif found.kind == "ids" then
        add(pieces, { "ids", escape, found.part, between or context.operation.join or "" })
      else
        add(pieces, { "id", escape, found.part })
      end
    end
  end
  return pieces
end

local write_json

-- A JSON string; a placeholder alone may be a number or a list.
local function write_text(context, value)
  local only = template.only(template.parse(value))
  local found = only and resolve(context, only)
  if only and not found then
    return nil
  end
  local pieces = {}
  local quote = found and found.is_number and "" or '"'
  local escape = quote == "" and "raw" or "json"
  if found and found.kind == "ids" and not context.operation.join then
    add(pieces, "[" .. quote)
    add(pieces, { "ids", escape, found.part, quote .. "," .. quote })
    add(pieces, quote .. "]")
    return pieces
  end
  local inner = fill(context, value, escape)
  if not inner then
    return nil
  end
  add(pieces, quote)
  add_all(pieces, inner)
  add(pieces, quote)
  return pieces
end

local function sorted_keys(value)
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

local function write_table(context, value)
  local pieces, count = {}, 0
  local is_list = value[1] ~= nil
  add(pieces, is_list and "[" or "{")
  local function put(name, member)
    local inner = write_json(context, member)
    if inner then
      count = count + 1
      add(pieces, (count > 1 and "," or "") .. (name and '"' .. template.escapes.json(name) .. '":'
        or ""))
      add_all(pieces, inner)
    end
  end
  if is_list then
    for _, member in ipairs(value) do
      put(nil, member)
    end
  else
    for _, key in ipairs(sorted_keys(value)) do
      put(key, value[key])
    end
  end
  add(pieces, is_list and "]" or "}")
  return pieces
end

-- The pieces of a JSON value; nil if it contains a setting that is not given. Fields of an object
-- that are nil are left out; all others are sorted by name, so that a request is always the same.
function write_json(context, value)
  if type(value) == "string" then
    return write_text(context, value)
  elseif type(value) == "table" then
    return write_table(context, value)
  end
  return { json.encode(json.integer(value)) }
end

-- A name and value of a query or form. A list is repeated, unless `join` gives a separator.
local function write_pair(context, pieces, name, value, sign)
  local only = template.only(template.parse(value))
  local found = only and resolve(context, only)
  local inner
  if found and found.kind == "ids" and not context.operation.join then
    inner = { { "ids", "percent", found.part, "&" .. name .. "=" } }
  else
    inner = fill(context, value, "percent")
  end
  if inner then
    add(pieces, sign .. name .. "=")
    add_all(pieces, inner)
    return "&"
  end
  return sign
end

-- What a page's request adds to one place of the definition's texts: name -> { values, list },
-- where `list` says how to write several values.
local function extras_of(context, place)
  local extras, asked = {}, context.asked
  for name, filter in pairs(asked and context.operation.where or {}) do
    local values = filter.place == place and asked.filters[name]
    if values then
      extras[filter.name] = { values = values, list = filter.list }
    end
  end
  local page = asked and asked.page
  if page and page.place == place then
    extras[page.name] = { values = { page.value } }
  end
  return extras
end

-- Appends these names and values to a query or form.
local function write_extras(pieces, extras, sign)
  local percent = template.escapes.percent
  for _, name in ipairs(sorted_keys(extras)) do
    local extra = extras[name]
    local written = percent(name) .. (extra.list == "array" and "%5B%5D" or "") .. "="
    local values = {}
    for i, value in ipairs(extra.values) do
      values[i] = percent(tostring(value))
    end
    local between = extra.list == "comma" and "," or "&" .. written
    add(pieces, sign .. written .. table.concat(values, between))
    sign = "&"
  end
  return sign
end

local function write_form(context, form)
  local pieces, sign = {}, ""
  local extras = extras_of(context, "form")
  for _, name in ipairs(sorted_keys(form)) do
    if not extras[name] then
      sign = write_pair(context, pieces, template.escapes.percent(name), tostring(form[name]), sign)
    end
  end
  write_extras(pieces, extras, sign)
  return pieces
end

-- Escapes braces, so that the text contains no placeholder.
local function plain(value)
  return type(value) == "string" and value:gsub("[{}]", "%0%0") or value
end

-- The definition's body, with the page's values filled in.
local function with_extras(context, body)
  local extras = extras_of(context, "json")
  if next(extras) == nil then
    return body
  end
  local function copy(value)
    if type(value) ~= "table" then
      return value
    end
    local fresh = {}
    for key, member in pairs(value) do
      fresh[key] = copy(member)
    end
    return fresh
  end
  local whole = copy(body)
  for written, extra in pairs(extras) do
    local steps, values, at = {}, {}, whole
    for step in written:gmatch("[^.]+") do
      steps[#steps + 1] = step
    end
    for i = 1, #steps - 1 do
      at[steps[i]] = at[steps[i]] or {}
      at = at[steps[i]]
    end
    for i, value in ipairs(extra.values) do
      values[i] = plain(value)
    end
    at[steps[#steps]] = extra.list == "array" and values or extra.list == "comma"
      and table.concat(values, ",") or values[1]
  end
  return whole
end

-- The request's path and query, after the path of the definition's address.
local function write_url(context, before)
  local pieces = {}
  if context.asked and context.asked.target then
    return { context.asked.target }
  end
  add_all(pieces, fill(context, before, "percent", nil, true))
  local path, query = context.operation.path:match("^([^?]*)%??(.*)$")
  add_all(pieces, fill(context, path, "percent", nil, true))
  local sign = "?"
  local extras = extras_of(context, "query")
  for pair in query:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=(.*)$")
    if name and not extras[name] then
      sign = write_pair(context, pieces, name, value, sign)
    elseif not name then
      add(pieces, sign)
      add_all(pieces, fill(context, pair, "percent") or {})
      sign = "&"
    end
  end
  write_extras(pieces, extras, sign)
  return pieces
end

-- The Content-Type of a body, unless a header sets one.
local function type_of(operation)
  return operation.json and "application/json"
    or operation.form and "application/x-www-form-urlencoded"
    or operation.text and operation.text.type
end

local function write_body(context)
  local operation = context.operation
  if operation.json ~= nil then
    return write_json(context, with_extras(context, operation.json)) or { "" }
  elseif operation.form then
    return write_form(context, operation.form)
  elseif operation.text then
    return fill(context, operation.text.body, operation.text.escape) or { "" }
  end
end

-- A header line; a plain text if it contains no placeholder.
local function line_of(name, pieces)
  local line = { name .. ": " }
  add_all(line, pieces)
  return #line == 1 and line[1] or line
end

-- The two texts around {token} in `auth.basic`.
local function around_token(context, basic)
  local sides, at = { "", "" }, 1
  for _, piece in ipairs(fill(context, basic, "raw") or {}) do
    if type(piece) == "table" then
      at = 2
    else
      sides[at] = sides[at] .. piece
    end
  end
  return sides[1], sides[2]
end

local function write_headers(context)
  local operation = context.operation
  local lines = {}
  if operation.basic then
    local before, after = around_token(context, operation.basic)
    lines[1] = { "Authorization: Basic ", { "basic", before, after } }
  end
  local type = type_of(operation)
  for _, name in ipairs(sorted_keys(operation.headers)) do
    local pieces = fill(context, operation.headers[name], "header")
    if pieces then
      lines[#lines + 1] = line_of(name, pieces)
    end
    if name:lower() == "content-type" then
      type = nil
    end
  end
  if type then
    lines[#lines + 1] = "Content-Type: " .. type
  end
  return lines
end

-- The texts around the token if it is sent as Base64; nil if it is not.
function wire.basic(operation, provider, values)
  local context = { operation = operation, settings = provider.settings, values = values }
  if operation.basic then
    return around_token(context, operation.basic)
  end
end

-- The origin of all addresses, and the path after it: the definition's, or the client's base_url,
-- whose path is put in front.
local function origin_of(context, address, base_url, is_whole)
  if base_url then
    return base_url, is_whole and "" or address.path
  end
  local parts = {}
  for _, piece in ipairs(template.parse(address.origin)) do
    parts[#parts + 1] = type(piece) == "string" and piece
      or resolve(context, piece[1]).value
  end
  return table.concat(parts), address.path
end

-- base = wire.base(provider, values): the base URL without the user's base_url; nil if each
-- customer has a separate host.
function wire.base(provider, values)
  if not provider.address.origin then
    return nil
  end
  local context = { operation = {}, settings = provider.settings, values = values }
  return (origin_of(context, provider.address))
end

-- texts, holes of a template: a possibly empty text before, between and after its placeholders.
local function divided(pieces)
  local texts, holes = { "" }, {}
  for _, piece in ipairs(pieces) do
    if type(piece) == "string" then
      texts[#texts] = texts[#texts] .. piece
    else
      holes[#holes + 1] = piece
      texts[#texts + 1] = ""
    end
  end
  return texts, holes
end

-- Reduces a list's request to the placeholders: the texts between them vary by page and become the
-- parts of an "id".
local function hollow(made, form)
  local part = 0
  local function of(pieces)
    local texts, holes = divided(pieces)
    local template_of = {}
    for i = 1, #texts do
      part = part + 1
      template_of[2 * i - 1] = { "id", "raw", form.parts and part or 0 }
      template_of[2 * i] = holes[i]
    end
    return template_of
  end
  made.url = of(made.url)
  made.body = made.body and of(made.body)
end

-- id = wire.page(provider, operation, values, base_url, asked): the "id" of a list page. asked: {
-- filters, page, target }: name -> values of filters; place, name and value of the page parameter;
-- or a path and query that replaces all.
function wire.page(provider, operation, values, base_url, asked)
  local context = { operation = operation, settings = provider.settings, values = values,
    asked = asked, filters = asked.filters }
  local _, path = origin_of(context, operation.address or provider.address, base_url,
    provider.is_old)
  local texts = divided(write_url(context, path))
  local body = write_body(context)
  for _, piece in ipairs(body and divided(body) or {}) do
    texts[#texts + 1] = piece
  end
  return table.concat(texts, lists.BETWEEN)
end

-- Keep only the placeholders of the request.
local ANY_FILTER = setmetatable({}, {
  __index = function()
    return { "" }
  end,
})

-- made = wire.of(provider, operation, values, base_url): the fields for engine:prepare that
-- describe the request. `values`: the checked settings.
function wire.of(provider, operation, values, base_url)
  local context = { operation = operation, settings = provider.settings, values = values,
    filters = operation.is_page and ANY_FILTER or nil }
  local base, path = origin_of(context, operation.address or provider.address, base_url,
    provider.is_old)
  local made = {
    method = operation.method,
    base = base,
    url = write_url(context, path),
    body = write_body(context),
    headers = write_headers(context),
    split = operation.id and operation.id.between,
  }
  if operation.is_page then
    hollow(made, operation.id)
  end
  return made
end

return wire
