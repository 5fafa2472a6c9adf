-- Simulates a provider from its definition and its recorded responses. Requests are recognized by
-- reading the definition backwards; responses were copied from the provider's documentation. So the
-- sandbox is no second opinion about a provider.
--
-- Recorded responses are a table in sandbox/answers/: `id`, a format for example ids; `ending`, the
-- pattern that selects an id's fate if not the last four characters; `fates` of further endings;
-- `settings` of the examples; and per operation a response by state of the id: `scheduled`,
-- `stopped`, `sent`, `missing`, and further fates. A response is { status, body, says }: `says` is
-- the outcome that it must lead to, `is_strange` means that nothing in it shows whose it is, and
-- `stops` marks a success other than that of `scheduled`. <id>, a part of it or a setting in angle
-- brackets is filled in; <entries> is a list of the `entry` of each id, <count> their number.
-- `many` is the response to a request with many ids if that is another request. `credentials` and
-- `throttle` apply to every operation.

local core = require("stopmsg.core")
local json = require("stopmsg.json")
local listing = require("stopmsg.sandbox.listing")
local providers = require("stopmsg.provider")
local signing = require("stopmsg.provider.signing")
local template = require("stopmsg.provider.template")
local url = require("stopmsg.sandbox.url")

local recorded = {}

local Recorded = {}
Recorded.__index = Recorded

-- Maximum number of messages in a list without pages.
local LOOKED_UP = 100

-- Accepted tokens: the user's, and the one for requests if that is fetched with the user's.
local TOKEN, FETCHED = "sandbox", "sandbox-fetched"

-- Endings of ids -> their fate, for every provider.
local FATES = { ["0404"] = "missing", ["0409"] = "sent" }

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function decode_base64(text)
  local bits, count, bytes = 0, 0, {}
  for char in text:gmatch("[%w+/]") do
    bits = bits * 64 + DIGITS:find(char, 1, true) - 1
    count = count + 6
    if count >= 8 then
      count = count - 8
      local power = 2 ^ count
      bytes[#bytes + 1] = string.char(math.floor(bits / power) % 256)
      bits = bits % power
    end
  end
  return table.concat(bytes)
end

local function escaped(text)
  return (text:gsub("%p", "%%%0"))
end

-- Returns whether a text matches a template; puts the values of placeholders into `found`. `one` is
-- the pattern of a value.
local function match(written, text, found, one)
  local pattern, names = "^", {}
  for _, piece in ipairs(template.parse(written)) do
    if type(piece) == "string" then
      pattern = pattern .. escaped(piece)
    else
      pattern = pattern .. "(" .. one .. ")"
      names[#names + 1] = piece[1]
    end
  end
  local values = { text:match(pattern .. "$") }
  if values[1] == nil then
    return false
  end
  for i, name in ipairs(names) do
    local value = values[i]
    if found[name] ~= nil and found[name] ~= value then
      return false
    end
    found[name] = value
  end
  return true
end

-- The same for all values of one name in a query or form, in any order.
local function match_pair(written, values, found)
  local only = template.only(template.parse(written))
  if only == "ids" then
    found.ids = values
    return values ~= nil
  end
  for _, value in ipairs(values or {}) do
    if match(written, value, found, ".*") then
      return true
    end
  end
  return false
end

-- A list of ids or of a part of them; numbers as they are written.
local function listed(values)
  local list = {}
  for i, value in ipairs(values) do
    list[i] = type(value) == "number" and tostring(json.integer(value)) or value
  end
  return list
end

local function match_json(written, value, found)
  if type(written) == "table" then
    if type(value) ~= "table" then
      return false
    end
    for name, inner in pairs(written) do
      if not match_json(inner, value[name], found) then
        return false
      end
    end
    return true
  elseif type(written) ~= "string" then
    return written == value
  end
  local only = template.only(template.parse(written))
  if only and type(value) == "table" then
    found[only] = listed(value)
    return true
  elseif type(value) == "number" then
    value = tostring(json.integer(value))
  end
  return type(value) == "string" and match(written, value, found, ".*")
end

local function match_body(operation, request, found)
  if operation.json then
    return match_json(operation.json, json.decode(request.body or ""), found)
  elseif operation.form then
    local fields = url.query(request.body)
    for name, written in pairs(operation.form) do
      if not match_pair(tostring(written), fields[name], found) then
        return false
      end
    end
  elseif operation.text then
    return match(operation.text.body, request.body or "", found, ".-")
  end
  return true
end

-- Returns whether a request is one of an operation; fills `found`.
local function match_request(provider, operation, request)
  local found = {}
  local path, query = operation.path:match("^([^?]*)%??(.*)$")
  local base = (operation.address or provider.address).path
  -- Infobip's own client appends a slash.
  local asked = request.path:gsub("/$", "")
  local expected = (base .. path):gsub("/$", "")
  if request.method ~= operation.method or not match(expected, asked, found, "[^/]*") then
    return nil
  end
  for name, value in pairs(found) do
    found[name] = url.decode(value)
  end
  local fields = url.query(request.query)
  for pair in query:gmatch("[^&]+") do
    local name, written = pair:match("^([^=]*)=(.*)$")
    if not match_pair(written, fields[url.decode(name)], found) then
      return nil
    end
  end
  return match_body(operation, request, found) and found or nil
end

-- Unpacks a ticket into `found`; false if it is invalid.
function recorded.unpack_ticket(ticket, written, found)
  local letters = ticket.letters
  local packed = decode_base64((written:gsub("[" .. escaped(letters) .. "]", {
    [letters:sub(1, 1)] = "+", [letters:sub(2, 2)] = "/", [letters:sub(3, 3)] = "=" })))
  return match(ticket.written, core.inflate("deflate", packed, 4096) or "", found, ".*")
end

-- Returns whether a request is signed with this token.
local function is_signed(operation, request, found, token)
  local form, written = operation.signing, found.signature
  if written and form.ticket then
    found.signature = nil -- the ticket's content replaces the ticket
    written = recorded.unpack_ticket(form.ticket, written, found) and found.signature
  end
  if not written then
    return false
  end
  local query = request.query ~= "" and request.query
  local signature = signing.of(form, core.secret(token), found, found, {
    method = request.method,
    target = request.path .. (query and "?" .. query or ""),
    body = request.body or "",
    name = operation.signature_name,
  })
  return signature == written
end

-- Returns whether this token is in the right place.
local function has_token(operation, request, found, token)
  for name, written in pairs(operation.headers) do
    if written:find("{token}", 1, true) or operation.signing then
      match(written, request.headers[name:lower()] or "", found, ".*")
    end
  end
  if operation.signing then
    return is_signed(operation, request, found, token)
  end
  if operation.basic then
    local text = (request.headers.authorization or ""):match("^[Bb]asic +([%w+/=]+)$")
    match(operation.basic, text and decode_base64(text) or "", found, "[^:]*")
  end
  return found.token == token
end

-- A document with a value at a path of names.
local function with_value(document, steps, value)
  local at = document
  for i, name in ipairs(steps) do
    at[name] = i == #steps and value or at[name] or {}
    at = at[name]
  end
end

-- The parts of an id, by name.
local function parts_of(operation, id)
  local form, parts = operation.id or operation.finds, {}
  if form and form.parts then
    local at = 1
    for i, part in ipairs(form.parts) do
      local between = form.between[i]
      local from = between and id:find(between, at, true)
      parts[part.name] = id:sub(at, from and from - 1)
      at = from and from + #between or at
    end
  end
  return parts
end

-- Splits ids joined by a separator.
local function split(joined, between)
  local list, at = {}, 1
  repeat
    local from, to = joined:find(between, at, true)
    list[#list + 1] = joined:sub(at, from and from - 1)
    at = to and to + 1
  until not at
  return list
end

-- The ids of a request.
local function ids_of(operation, found)
  if found.ids then
    local joined = type(found.ids) == "table" and found.ids[1] or found.ids
    return operation.join and split(joined, operation.join) or found.ids
  elseif found.id then
    return { found.id }
  end
  local form, ids = operation.id, { "" }
  for i, part in ipairs(form and form.parts or {}) do
    local value, longer = found[part.name], {}
    if not value then
      return {}
    end
    for _, start in ipairs(ids) do
      for _, one in ipairs(type(value) == "table" and value or { value }) do
        longer[#longer + 1] = start .. (form.between[i - 1] or "") .. one
      end
    end
    ids = longer
  end
  return ids
end

-- platform = recorded.of(provider, answers, memory): for a checked definition
function recorded.of(provider, answers, memory)
  local list = answers.find
  if list then
    memory:hold(answers.id, { newest_first = list.newest_first,
      lists_all = type(list.entry) == "table" })
  end
  return setmetatable({ _provider = provider, _answers = answers, _memory = memory }, Recorded)
end

-- platform = recorded.new(name, memory): for a built-in provider
function recorded.new(name, memory)
  return recorded.of(providers.load(name), require("stopmsg.sandbox.answers." .. name), memory)
end

-- The characters of an id that select its fate.
function Recorded:_ending(id)
  local pattern = self._answers.ending
  return pattern and id:match(pattern) or id:sub(-4)
end

-- The state of an id.
function Recorded:_fate(operation, id)
  local state = self._memory:state(id, operation.is_lookup)
  if state then
    return state
  end
  local ending = self:_ending(id)
  local fate = (self._answers.fates or {})[ending] or FATES[ending]
  if fate then
    return fate
  end
  local is_stopped
  if operation.is_lookup then
    is_stopped = self._memory:shown(id)
  else
    is_stopped = self._memory:was_stopped(id)
  end
  return is_stopped and "stopped" or "scheduled"
end

-- A response with its placeholders filled in.
local function fill(text, operation, id, found, entries)
  local values = { id = id, entries = entries }
  for name, value in pairs(parts_of(operation, id or "")) do
    values[name] = value
  end
  return (text:gsub("<([%l_]+)>", function(name)
    local value = values[name] or found[name]
    if name == "entries" or name == "next" then
      return value
    end
    return type(value) == "string" and template.escapes.json(value) or nil
  end))
end

local function reply(answer, body, count)
  local headers = { ["Content-Type"] = body ~= "" and "application/json" or nil }
  for name, value in pairs(answer.headers or {}) do
    headers[name] = value
  end
  return { status = answer.status or 200, headers = headers, body = body, ids = count }
end

-- The response to a lookup of a whole list: held messages that are still scheduled and match the
-- parts requested.
function Recorded:_list(answer, operation, found)
  local campaign, entries = self._memory:campaign(), {}
  local first, last = campaign:between()
  -- All of them, unless the response can say that there are more.
  local most = answer.body:find("<cursor>", 1, true) and LOOKED_UP or last
  local numbers = campaign:list(first, last, 0, most + 1)
  found.cursor = numbers[most + 1] and "more" or ""
  numbers[most + 1] = nil
  for _, number in ipairs(numbers) do
    local id, is_asked = campaign:id(number), true
    for name, value in pairs(parts_of(operation, id)) do
      is_asked = is_asked and (found[name] == nil or found[name] == value)
    end
    if is_asked then
      entries[#entries + 1] = self:_entry(answer, operation, number, found)
    end
  end
  found.count = tostring(#entries)
  return fill(answer.body, operation, nil, found, table.concat(entries, ","))
end

-- Times of a message, as providers write them.
local function add_times(found, time)
  found.unix = ("%.0f"):format(time)
  found.time = os.date("!%Y-%m-%dT%H:%M:%S", time)
  found.mail_time = os.date("!%a, %d %b %Y %H:%M:%S +0000", time)
end

-- An entry of a list.
function Recorded:_entry(answer, operation, number, found)
  local campaign = self._memory:campaign()
  add_times(found, campaign:time(number))
  local written = answer.entry
  if type(written) == "table" then
    written = written[campaign:state(number, true)]
  end
  return fill(written, operation, campaign:id(number), found)
end

-- A page of stoppable messages.
function Recorded:_page(answer, operation, request, found)
  local page = listing.page(operation, request, self._memory:campaign(), {
    shows = answer.shows,
  })
  if not page then
    return reply({ status = 400 }, answer.bad_page or "", 0)
  end
  local entries = {}
  for i, number in ipairs(page.numbers) do
    entries[i] = self:_entry(answer, operation, number, found)
  end
  found.count, found.total = tostring(#entries), ("%.0f"):format(page.total)
  found.pages = ("%.0f"):format(page.pages)
  found.more, found.cursor = tostring(page.more), page.more and page.cursor or ""
  if answer.next_url and page.more then
    local query = (request.query or ""):gsub("&?after=%d+", "")
    found.next = json.encode(fill(answer.next_url, operation, nil, found)
      .. ("?%s&after=%d"):format(query, page.last))
  else
    found.next = "null"
  end
  if operation.next and operation.next.until_empty then
    found.cursor = page.cursor or ""
  end
  return reply(answer, fill(answer.body, operation, nil, found, table.concat(entries, ",")), 0)
end

-- The response that returns a token for the user's.
local function give_token(operation)
  local document = {}
  with_value(document, operation.value[1], FETCHED)
  if operation.lasts then
    with_value(document, operation.lasts[1], 3600)
  end
  return reply({}, json.encode(document), 0)
end

function Recorded:_answer(operation, request, found)
  local answers = self._answers
  local is_fetch = operation == self._provider.token
  local token = self._provider.token and not is_fetch and FETCHED or TOKEN
  if not has_token(operation, request, found, token) then
    return reply(answers.credentials, answers.credentials.body or "", 0)
  elseif is_fetch then
    return give_token(operation)
  end
  add_times(found, math.floor(self._memory.now()))
  local own = answers[operation.name]
  if not own then
    return { status = 501, headers = {}, body = "", ids = 0 }
  elseif operation.is_list then
    return self:_page(own, operation, request, found)
  elseif own.entry then
    return reply(own, self:_list(own, operation, found), 0)
  elseif operation.has_no_ids then
    return reply(own, fill(own.body, operation, nil, found), 0)
  end
  own = operation.single and own.many or own
  local ids = ids_of(operation, found)
  local trouble = self._memory:trouble(ids)
  if trouble == 429 and answers.throttle then
    return reply(answers.throttle, answers.throttle.body or "", #ids)
  elseif trouble then
    local headers = trouble == 429 and { ["Retry-After"] = "1" } or nil
    return reply({ status = trouble, headers = headers }, "", #ids)
  end
  local entries, answer, body = {}, own, nil
  for i, id in ipairs(ids) do
    local fate = self:_fate(operation, id)
    answer = own[fate] or own.missing or own.scheduled or own
    local is_stopped = fate == "scheduled" or fate == "stopped" or answer.stops
    if is_stopped and not operation.is_lookup then
      self._memory:stop(id, self._memory.now())
    end
    if answer.entry then
      entries[#entries + 1] = fill(answer.entry, operation, id, found)
    end
    body = i == 1 and fill(answer.body or "", operation, id, found) or body
  end
  if own.body then
    answer, body = own, fill(own.body, operation, nil, found, table.concat(entries, ","))
  end
  return reply(answer, body or "", #ids)
end

-- The provider's operations, those for many ids before those for one.
local function operations_of(provider)
  local list = { provider.token }
  -- Lists come before `check`, which may be one of their pages.
  for _, name in ipairs({ "stop", "stop_dispatch", "status", "status_dispatch", "find",
    "find_dispatch", "check" }) do
    local operation = provider.operations[name]
    if operation then
      list[#list + 1] = operation
      list[#list + 1] = operation.single
    end
  end
  return list
end

-- answer = platform:answer(request), or nil if this provider has no such request
function Recorded:answer(request)
  for _, operation in ipairs(operations_of(self._provider)) do
    local found = match_request(self._provider, operation, request)
    if found then
      return self:_answer(operation, request, found)
    end
  end
  return nil
end

-- The recorded responses of a provider, or nil.
function recorded.find(name)
  local loaded, answers = pcall(require, "stopmsg.sandbox.answers." .. name)
  return loaded and answers or nil
end

recorded.fates = FATES

return recorded
