-- Compiles what responses mean for meaning/answer.lua: words, and readings with paths. Pure.

local errors = require("stopmsg.meaning.errors")
local ids = require("stopmsg.ids")
local json = require("stopmsg.json")
local outcome = require("stopmsg.meaning.outcome")
local path = require("stopmsg.meaning.path")
local reading_of = require("stopmsg.meaning.reading")
local schema = require("stopmsg.provider.schema")
local text = require("stopmsg.text")

local meaning = {}

local fail = schema.fail

-- Statuses with a fixed meaning that a definition cannot change.
local FIXED = { [401] = "always concerns the token", [407] = "always comes from a proxy",
  [429] = "always pauses the client", [511] = "always comes from a network in between" }
for _, status in ipairs({ 408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527,
  530 }) do
  FIXED[status] = "is always retried"
end

meaning.fixed = FIXED

-- Codes are equal if they are written alike: "200" and 200, true and "true"; but not "006" and 6.
function meaning.key(code)
  if type(code) == "number" then
    return tostring(json.integer(code))
  end
  return tostring(code)
end

-- entry = { word, reason, note, is_quiet } from "stopped", from { "not_stoppable", "gone_or_sent"
-- }, or from a table with more fields.
function meaning.entry(where, given, allowed)
  if type(given) ~= "table" then
    schema.check_word(where, given, allowed)
    return { word = given }
  end
  schema.check(where, given, schema.fields.meaning)
  schema.check_word(where .. "[1]", given[1], allowed)
  if given[2] and not given[2]:find("^%l[%l%d_]*$") then
    fail(where .. "[2]", "expected a reason like 'gone_or_sent'")
  end
  return { word = given[1], reason = given[2], note = given.note, is_quiet = given.quiet }
end

-- Returns whether a table is a meaning, not a reading or a list of readings.
local function is_entry(given)
  return type(given) ~= "table" or (given[1] ~= nil and type(given[1]) ~= "table")
end

-- entries = meaning.map(where, given, allowed, change): code as text -> entry.
function meaning.map(where, given, allowed, change)
  local map = {}
  for code, word in pairs(given) do
    local kind = type(code)
    local place = ("%s[%s]"):format(where, kind == "string" and text.quote(code) or tostring(code))
    if kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
      fail(place, "expected a string, a number, true or false as code")
    end
    local key = meaning.key(code)
    key = change and change(key) or key
    if map[key] then
      fail(place, "is equal to another key of this table")
    end
    map[key] = meaning.entry(place, word, allowed)
  end
  return map
end

-- lists = paths_of(where, given): parses one path or several alternatives.
local function paths_of(where, given)
  if type(given) == "table" then
    schema.check_list(where, given, "string")
  end
  local list, message = path.list(given)
  if not list then
    fail(where, message)
  end
  return list
end

meaning.paths = paths_of

-- list = meaning.texts(where, given): error texts to search for, longest first, so that the result
-- does not depend on table order.
function meaning.texts(where, given)
  local list = {}
  for words, word in pairs(given) do
    if type(words) ~= "string" or #words < 4 then
      fail(where, "expected a text of at least four characters")
    end
    list[#list + 1] = {
      text = words:lower(),
      entry = meaning.entry(("%s[%s]"):format(where, text.quote(words)), word),
    }
  end
  table.sort(list, function(a, b)
    if #a.text ~= #b.text then
      return #a.text > #b.text
    end
    return a.text < b.text
  end)
  if #list == 0 then
    fail(where, "is empty")
  end
  return list
end

-- Refusals by code, by "status/code", or by "*/code", which is the same as the code.
function meaning.refused(where, given)
  if next(given) == nil then
    fail(where, "is empty")
  end
  return meaning.map(where, given, nil, function(key)
    return key:match("^%*/(.+)$") or key
  end)
end

-- Where a response repeats the id: a path, or a path per part.
local function echo_of(where, given, form)
  if type(given) ~= "table" or given[1] ~= nil then
    return paths_of(where, given)
  end
  local by_part = {}
  for name, written in pairs(given) do
    local place = form and form.place_of and form.place_of[name]
    if not place then
      fail(where, ("the id has no part %s"):format(text.quote(tostring(name))))
    end
    by_part[place] = paths_of(where .. "." .. tostring(name), written)
  end
  local parts = form and form.parts or {}
  for place = 1, math.max(#parts, 1) do
    if not by_part[place] then
      fail(where, "expected a path, or a path for each part of the id")
    end
  end
  return { by_part = by_part }
end

-- Words allowed in a reading: a list entry can only have outcomes, not actions.
local function settled_words(is_alone)
  return not is_alone and outcome.all or nil
end

local function check_uses(where, given)
  local has_values = given.code ~= nil or given.state ~= nil
  if type(given.means) == "table" and (has_values or not is_entry(given.means)) then
    if not has_values then
      fail(where, "`means` needs `code` or `state`, the path of the values")
    end
  elseif given.means ~= nil and (given.code or given.state) then
    fail(where .. ".means", "expected a table from the values at `code` or `state` to words")
  elseif given.means == nil and not given.texts then
    fail(where, "needs `means`")
  end
  if given.code and given.state then
    fail(where, "has both `code` and `state`; for a status word, `state` alone gives the code too")
  elseif given.form and not (given.code or given.state) then
    fail(where .. ".form", "needs `code` or `state`")
  elseif given.texts and not given.text then
    fail(where .. ".texts", "needs `text`, the path of the text")
  elseif given.others and not given.each then
    fail(where .. ".others", "only applies to a list, but there is no `each`")
  elseif given.left and not given.state then
    fail(where .. ".left", "needs `state`")
  elseif given.flag and not given.each then
    fail(where .. ".flag", "only applies to a list, but there is no `each`")
  elseif given.more_than and not (given.code or given.state) then
    fail(where .. ".more_than", "needs `code` or `state`, the path of the number")
  end
  if given.exactly then
    for name in pairs(given) do
      if name ~= "exactly" and name ~= "means" then
        fail(where .. "." .. tostring(name), "cannot be combined with `exactly`")
      end
    end
  elseif not (given.code or given.state or given.id or given.has or given.every or given.each) then
    fail(where, "must name what the response contains: `code`, `state`, `id`, `has`, `every`, "
      .. "`each` or `exactly`")
  end
end

local function check_verifies(where, given, means)
  schema.check_list(where, given, "string")
  local is_meant, set = {}, {}
  for _, entry in pairs(means) do
    is_meant[entry.word] = true
  end
  for i, word in ipairs(given) do
    schema.check_word(("%s[%d]"):format(where, i), word, outcome.all)
    if not is_meant[word] then
      fail(("%s[%d]"):format(where, i), text.quote(word) .. " does not occur in `means`")
    end
    set[word] = true
  end
  return set
end

local function check_booleans(where, map)
  for key in pairs(map) do
    if key ~= "true" and key ~= "false" then
      fail(where, "with `more_than`, the values must be true and false")
    end
  end
end

local function flag_of(where, given)
  schema.check(where, given, schema.fields.flag)
  if not given.path or not given.codes then
    fail(where, "needs `path` and `codes`")
  end
  schema.check_list(where .. ".codes", given.codes, "number")
  return { path = paths_of(where .. ".path", given.path), codes = given.codes }
end

-- { pattern, type }: the form of all names of an object, and the type of their values.
local function every_of(where, given)
  schema.check(where, given, schema.fields.every)
  if not given[1] or not ids.is_pattern(given[1]) then
    fail(where, "expected a Lua pattern for the names and the type of the values")
  elseif given[2] ~= "string" and given[2] ~= "number" and given[2] ~= "boolean" then
    fail(where .. "[2]", "expected one of boolean, number, string")
  end
  return { pattern = given[1], type = given[2] }
end

-- The allowed bodies of a response, without white space.
local function bodies_of(where, given)
  if type(given) == "table" then
    schema.check_list(where, given, "string")
  elseif type(given) ~= "string" then
    fail(where, "expected a body like '{}', or a list of bodies")
  end
  local bodies = {}
  for i, body in ipairs(type(given) == "table" and given or { given }) do
    bodies[i] = body:gsub("%s", "")
  end
  return bodies
end

-- has, agrees of what a response has to hold: paths at which something has to stand, and { steps,
-- values } for those at which one of some values has to.
local function held(where, given)
  local has, agrees = {}, {}
  for key, value in pairs(type(given) == "table" and given or { given }) do
    local place = type(key) == "string" and ("%s[%s]"):format(where, text.quote(key)) or where
    if type(key) == "string" then
      local values = type(value) == "table" and value or { value }
      for _, one in ipairs(values) do
        if type(one) == "string" and one:find("^%^") and not pcall(string.find, "", one) then
          fail(place, "expected a pattern after '^'")
        elseif type(one) == "table" then
          fail(place, "expected a value, or a list of values")
        end
      end
      if #values == 0 then
        fail(place, "expected a value, or a list of values")
      end
      agrees[#agrees + 1] = { steps = paths_of(place, key)[1], values = values }
    elseif type(value) == "string" then
      has[#has + 1] = paths_of(where, value)
    else
      fail(place, "expected a path like 'error.code', got a " .. type(value))
    end
  end
  return has, agrees[1] and agrees
end

-- reading = meaning.reading(where, given, operation): compiles what a response says at its paths.
function meaning.reading(where, given, operation)
  schema.check(where, given, schema.fields.reading)
  check_uses(where, given)
  local allowed = settled_words(not given.each)
  local reading = {}
  if given.exactly ~= nil then
    reading.exactly = bodies_of(where .. ".exactly", given.exactly)
  end
  for _, name in ipairs({ "code", "state", "text", "left" }) do
    if given[name] ~= nil then
      reading[name] = paths_of(where .. "." .. name, given[name])
    end
  end
  if given.has ~= nil then
    reading.has, reading.agrees = held(where .. ".has", given.has)
  end
  if given.form then
    local fits, message = errors.form(given.form)
    if not fits then
      fail(where .. ".form", message)
    end
    reading.fits = fits
  end
  if given.every then
    reading.every = every_of(where .. ".every", given.every)
  end
  if given.id ~= nil then
    if operation.has_no_ids then
      fail(where .. ".id", "does not apply: this operation takes no ids")
    end
    reading.id = echo_of(where .. ".id", given.id, operation.id)
  end
  if given.each then
    local steps, message = path.parse(given.each)
    if not steps then
      fail(where .. ".each", message)
    end
    reading.each = steps
    local has_values = given.code ~= nil or given.state ~= nil
    if not reading.id and has_values and not operation.has_no_ids then
      fail(where, "needs `id`, the path of an entry's id")
    end
  elseif given.id ~= nil and operation.limit > 1 then
    fail(where .. ".id", "is a single id, but the request has many; set `each` to the list")
  end
  if type(given.means) == "table" and (reading.code or reading.state) then
    if next(given.means) == nil and not operation.is_old then
      fail(where .. ".means", "is empty")
    end
    reading.means = meaning.map(where .. ".means", given.means, allowed,
      reading.state and string.lower)
  elseif given.means ~= nil then
    reading.entry = meaning.entry(where .. ".means", given.means, allowed)
  end
  if given.more_than then
    check_booleans(where .. ".means", reading.means or {})
    reading.more_than = given.more_than
  end
  if given.verifies then
    reading.verifies = check_verifies(where .. ".verifies", given.verifies,
      reading.means or { reading.entry })
  end
  if given.others ~= nil then
    reading.others = meaning.entry(where .. ".others", given.others, outcome.all)
  end
  if given.texts then
    reading.texts = meaning.texts(where .. ".texts", given.texts)
  end
  if given.next then
    reading.next = paths_of(where .. ".next", given.next)
  end
  reading.flag = given.flag and flag_of(where .. ".flag", given.flag)
  return reading
end

-- Names of a list that the core can parse: an object's list with an id and a code in each entry;
-- nil for anything else.
local function simple_items(reading, operation)
  local function name_of(list)
    local steps = list and not list.by_part and #list == 1 and list[1]
    return steps and #steps == 1 and type(steps[1]) == "string" and steps[1] or nil
  end
  local each = reading.each and #reading.each == 1 and type(reading.each[1]) == "string"
    and reading.each[1]
  local id, code = name_of(reading.id), name_of(reading.code)
  if not (each and id and code) or reading.others or reading.text or reading.verifies
    or reading.more_than or reading.otherwise or reading.has or reading.texts or reading.form
    or operation.format ~= "json" then
    return nil
  end
  return { list = each, id = id, code = code }
end

-- words = words_of(means): code -> outcome if the word alone decides; false otherwise. Memoized,
-- since large batches ask for every item.
local function words_of(means)
  return setmetatable({}, {
    __index = function(words, code)
      local entry = code ~= nil and reading_of.find(means, code)
      if not entry or entry.word == "unknown" or entry.reason or entry.note then
        return false
      end
      words[code] = entry.word
      return entry.word
    end,
  })
end

-- Compiles alternative readings of one status; the first that fits the response counts.
local function alternatives(where, given, operation)
  schema.check_list(where, given, "table")
  local first, last
  for i, one in ipairs(given) do
    local r = meaning.reading(("%s[%d]"):format(where, i), one, operation)
    if r.exactly then
      fail(("%s[%d].exactly"):format(where, i), "cannot be combined with other readings")
    end
    if last then
      last.otherwise = r
    end
    first, last = first or r, r
  end
  return first
end

-- Compiles the reading of a list entry's state: one, or alternatives.
function meaning.entries(where, given, operation)
  return given[1] and alternatives(where, given, operation)
    or meaning.reading(where, given, operation)
end

-- Sets `readings` by status on a compiled operation, and the fields with which the core parses
-- batch responses.
function meaning.statuses(where, given, operation)
  operation.readings = {}
  for status, means in pairs(given) do
    if type(status) == "number" then
      -- LuaJIT crashes if tostring() of a number runs out of memory; format() does not.
      local place = ("%s[%s]"):format(where,
        type(status) == "number" and status or tostring(status))
      if status % 1 ~= 0 or status < 200 or status > 599 or (status >= 300 and status < 400) then
        fail(place, "expected an HTTP status from 200 to 299 or from 400 to 599")
      elseif FIXED[status] then
        fail(place, ("HTTP %d %s; this cannot be changed"):format(status, FIXED[status]))
      end
      if is_entry(means) then
        operation.readings[status] = { entry = meaning.entry(place, means), is_empty = true }
      elseif means[1] then
        operation.readings[status] = alternatives(place, means, operation)
      else
        operation.readings[status] = meaning.reading(place, means, operation)
      end
    end
  end
  for status, reading in pairs(operation.readings) do
    local items = status == 200 and simple_items(reading, operation)
    if items then
      operation.items = items
      operation.words = words_of(reading.means)
    end
  end
end

-- status -> true: statuses that the provider sends without a body.
function meaning.bare(where, statuses, operation)
  local is_bare = {}
  schema.check_list(where, statuses, "number")
  for i, status in ipairs(statuses) do
    if status % 1 ~= 0 or status < 400 or status > 499 then
      fail(("%s[%d]"):format(where, i), "expected an HTTP status from 400 to 499")
    elseif operation and not operation.readings[status] and status ~= 403 and status ~= 404 then
      fail(("%s[%d]"):format(where, i), ("the meaning of HTTP %d is missing: [%d] = …"):format(
        status, status))
    end
    is_bare[status] = true
  end
  return is_bare
end

meaning.is_pattern = ids.is_pattern

return meaning
