-- Reads a response at the paths that a definition names. Pure: takes a compiled reading and a
-- decoded document; returns an action and a verdict for each id.
--
-- A reading is what provider/meaning.lua makes of `[200] = { … }`. Only what it names counts: a
-- response without the named fields does not fit, and an unlisted value is "unknown".

local errors = require("stopmsg.meaning.errors")
local forms = require("stopmsg.ids")
local json = require("stopmsg.json")
local outcome = require("stopmsg.meaning.outcome")
local path = require("stopmsg.meaning.path")
local text = require("stopmsg.text")

local reading = {}

-- Maximum length of a code.
local MAX_CODE = 64

-- The provider's own code, unchanged if it is a number or a short printable string.
function reading.plain_code(value)
  if type(value) == "number" then
    -- JSON allows 1e400, which no format could write again.
    return value > -math.huge and value < math.huge and json.integer(value) or nil
  end
  if type(value) == "string" and #value > 0 and #value <= MAX_CODE
    and text.printable(value) == value then
    return value
  end
  return nil
end

local plain_code = reading.plain_code

-- Rank of words: of several values, the one that promises least (lowest) decides.
local PROMISE = { unknown = 1, failed = 2, denied = 3, invalid = 4, too_late = 5, recalled = 6,
  not_stoppable = 7, not_found = 8, open = 9, skipped = 10, accepted = 11, stopped = 12 }

-- entry = reading.find(means, value), or nil. Codes are equal if they are written alike: "200" and
-- 200, true and "true"; "2xx" covers the rest of 200 to 299.
function reading.find(means, value)
  local key = type(value) == "number" and tostring(json.integer(value)) or tostring(value)
  return key ~= "2xx" and means[key] or (key:find("^2%d%d$") and means["2xx"]) or nil
end

local find = reading.find

-- The entry of the first of `texts` contained in a message, ignoring case.
function reading.of_text(texts, message)
  if type(message) ~= "string" then
    return nil
  end
  local lower = message:lower()
  for _, one in ipairs(texts) do
    if lower:find(one.text, 1, true) then
      return one.entry
    end
  end
  return nil
end

-- Words that are actions, with the outcome that applies if no retry is left.
local ACTIONS = {
  credentials = { outcome = "denied", reason = "credentials" },
  again = { outcome = "unknown", reason = "try_again" },
  throttle = { outcome = "failed", reason = "rate_limited" },
  halve = { outcome = "invalid", reason = "refused" },
}

-- action, verdict = reading.act(entry): applies a word, without a code yet.
function reading.act(entry)
  local act = ACTIONS[entry.word]
  if act then
    return entry.word, { outcome = act.outcome, reason = entry.reason or act.reason,
      message = entry.note }
  end
  return "settle", { outcome = entry.word, reason = entry.reason, message = entry.note }
end

-- Adds what a lookup proves beyond its word.
local function is_proof(r, entry)
  local word = entry.word
  if r.state then
    return word ~= "open" and word ~= "unknown" and word ~= "not_found" and word ~= "accepted"
      and not entry.note and not entry.reason and outcome.all[word] ~= nil
  end
  return r.verifies ~= nil and r.verifies[word] == true
end

-- value, entry: of several values the one that promises least; entry is false if a value is not
-- listed.
local function weakest(r, values)
  local least, chosen, entry_of
  for _, value in ipairs(values) do
    local key = r.state and type(value) == "string" and value:lower() or value
    if r.more_than then
      key = type(value) == "number" and value > r.more_than or nil
      if type(value) == "number" and key == nil then
        key = false
      end
    end
    local entry = key ~= nil and type(key) ~= "table" and find(r.means, key) or false
    local weight = entry and (PROMISE[entry.word] or 0) or 0
    if not least or weight < least then
      least, chosen, entry_of = weight, value, entry
    end
  end
  return chosen, entry_of
end

-- The name to report for a value: that of its field, for flags and counters.
local function name_of(r, value)
  if type(value) ~= "boolean" and not r.more_than then
    return plain_code(value)
  end
  local steps = r.state and r.state[1]
  return steps and type(steps[#steps]) == "string" and steps[#steps] or nil
end

-- The verdict for a value and its entry.
local function verdict_of(r, value, entry, message)
  local code = entry and name_of(r, value) or plain_code(value)
  if not entry then
    local is_state = r.state ~= nil
    return "settle", {
      outcome = "unknown",
      reason = is_state and "unknown_state" or "unknown_code",
      code = code,
      state = is_state and code or nil,
      message = message,
    }
  end
  local action, verdict = reading.act(entry)
  verdict.code = not r.more_than and type(value) ~= "boolean" and code or nil
  verdict.state = r.state and code or nil
  if not verdict.message and not entry.is_quiet then
    verdict.message = message
  end
  verdict.verified = is_proof(r, entry) or nil
  return action, verdict
end

-- The id in an entry or document, as text; some providers use numbers.
local function id_text(value)
  if type(value) == "number" and value >= 0 and value % 1 == 0 and value < 2 ^ 53 then
    return ("%.0f"):format(value)
  end
  return type(value) == "string" and value or nil
end

local function id_of(r, operation, entry)
  if not r.id then
    return id_text(entry)
  elseif not r.id.by_part then
    return id_text(path.first(entry, r.id))
  end
  local joined
  for i, paths in ipairs(r.id.by_part) do
    local part = id_text(path.first(entry, paths))
    if not part then
      return nil
    end
    joined = joined and joined .. operation.id.between[i - 1] .. part or part
  end
  return joined
end

-- Finds `id` among the requested ones. Responses mostly keep the order, so the next position is
-- tried first; the index is built only if that fails.
local function finder(operation, ids)
  local places
  return function(id, due)
    if ids[due] == id then
      return due
    end
    if not places then
      places = {}
      for i, asked in ipairs(ids) do
        places[forms.key(operation.id, asked)] = i
      end
    end
    return places[forms.key(operation.id, id)]
  end
end

-- How many messages of a stopped dispatch had been sent.
local function left_of(r, operation, entry)
  if operation.left then
    return operation.left(entry)
  elseif not r.left then
    return nil
  end
  local sum, is_told = 0, false
  for _, steps in ipairs(r.left) do
    local count = path.value(entry, steps)
    count = type(count) == "number" and count or nil
    is_told = is_told or count ~= nil or (#steps > 1 and type(entry[steps[1]]) == "table")
    sum = sum + (count or 0)
  end
  return is_told and json.integer(sum) or nil
end

local function has_all(r, document)
  for _, paths in ipairs(r.has or {}) do
    if path.first(document, paths) == nil then
      return false
    end
  end
  for _, one in ipairs(r.agrees or {}) do
    local value, is_one = path.value(document, one.steps), false
    for _, wanted in ipairs(one.values) do
      is_one = is_one or value == wanted
        or (type(wanted) == "string" and wanted:find("^%^") and type(value) == "string"
          and value:find(wanted) ~= nil)
    end
    if not is_one then
      return false
    end
  end
  return true
end

-- Returns whether an object has fields and all of them have the required form.
local function is_every(every, document)
  if type(document) ~= "table" or next(document) == nil then
    return false
  end
  for name, value in pairs(document) do
    if type(name) ~= "string" or not name:find(every.pattern) or type(value) ~= every.type then
      return false
    end
  end
  return true
end

local OTHER_ID = "the response is about a different id"

-- action, verdict of a document or list entry; nil if it says nothing.
local function read_one(r, entry)
  local message = r.text and path.first(entry, r.text)
  message = type(message) == "string" and message or nil
  local paths = r.code or r.state
  local values = paths and path.values(entry, paths) or {}
  if not paths and r.entry then
    return verdict_of(r, nil, r.entry, message)
  elseif values.has_gap then
    return nil
  elseif values[1] ~= nil then
    for _, value in ipairs(r.fits and values or {}) do
      if not r.fits(value) then
        return nil
      end
    end
    local value, found = weakest(r, values)
    if type(value) == "table" then
      return nil
    end
    if not found and r.texts then
      found = reading.of_text(r.texts, message) or found
    end
    return verdict_of(r, value, found, message)
  end
  local found = r.texts and reading.of_text(r.texts, message)
  if found then
    return verdict_of(r, nil, found, message)
  end
  return nil
end

local function read_single(r, operation, document, ids)
  local action, verdict = read_one(r, document)
  if not action then
    return nil
  elseif r.id and action == "settle" then
    local id = id_of(r, operation, document)
    if not id then
      return nil
    elseif not forms.is_same(operation.id, id, ids[1]) then
      return "settle", { outcome = "unknown", reason = "bad_response", code = verdict.code,
        message = OTHER_ID }
    end
  end
  if verdict.outcome == "stopped" then
    verdict.left = left_of(r, operation, document)
  end
  return action, verdict
end

local function surplus_warning(count)
  return count > 0 and ("the response contains %d item(s) that were not requested"):format(count)
    or nil
end

local function is_list(value)
  return type(value) == "table" and (value[1] ~= nil or next(value) == nil)
end

-- The verdict for an id that a list lacks. surplus: how many others it has, is_odd: whether one of
-- them has no id.
local function absent(r, operation, document, surplus, is_odd)
  local cursor = r.next and path.first(document, r.next)
  if surplus > 0 and r.others and (is_odd or not operation.is_lookup) then
    -- It is not about this request, or writes ids in another way: then absence means nothing.
    return { outcome = "unknown", reason = "bad_response", message = OTHER_ID }
  end
  if cursor ~= nil and cursor ~= "" and cursor ~= false then
    return { outcome = "unknown", reason = "missing_in_answer",
      message = "the list has more pages, but only the first was requested" }
  elseif r.others then
    local _, verdict = reading.act(r.others)
    return verdict
  end
  return { outcome = "unknown", reason = "missing_in_answer", message = operation.inferred }
end

-- The verdicts of a list, one per id, and warnings about what does not fit.
local function read_list(r, operation, document, ids)
  local list = path.list_at(document, r.each)
  if r.others and list == json.null and not operation.is_lookup then
    list = {}
  end
  if not is_list(list) then
    return nil
  end
  local find_place = finder(operation, ids)
  local verdicts, surplus, is_odd, said = {}, 0, false, {}
  for i = 1, #ids do
    verdicts[i] = false
  end
  for i, entry in ipairs(list) do
    local id = id_of(r, operation, entry)
    local place = id and find_place(id, i)
    if not place then
      surplus, is_odd = surplus + 1, is_odd or not (id or operation.has_no_ids)
    else
      local _, verdict = read_one(r, entry)
      verdict = verdict or { outcome = "unknown",
        reason = r.state and "unknown_state" or "unknown_code" }
      local word = tostring(verdict.code) .. "\0" .. verdict.outcome
      if not verdicts[place] then
        if verdict.outcome == "stopped" then
          verdict.left = left_of(r, operation, entry)
        end
        verdict.code = r.code and verdict.code or nil
        verdicts[place], said[place] = verdict, word
      elseif said[place] ~= word then
        verdicts[place] = { outcome = "unknown", reason = "bad_response",
          message = ("the response gives this id two different %s"):format(r.state and "states"
            or "codes") }
      end
    end
  end
  for i = 1, #ids do
    verdicts[i] = verdicts[i] or absent(r, operation, document, surplus, is_odd)
  end
  -- A list of all that is scheduled has other entries, too.
  local is_expected = r.others and operation.is_lookup
  return "settle", verdicts, { not is_expected and surplus_warning(surplus) or nil }
end

-- The response's own flag says whether some entries are refusals. The entries decide; warn if the
-- flag contradicts them.
local function flag_warning(r, document, counts)
  local flag = path.first(document, r.flag.path)
  local is_refused = false
  for _, code in ipairs(r.flag.codes) do
    is_refused = is_refused or (counts[code] or 0) > 0
  end
  if flag == false and is_refused then
    return "the response says errors = false but contains items that were not stopped"
  elseif flag == true and not is_refused then
    return "the response says errors = true but all its items were accepted"
  end
end

-- verdict, warnings of a response that the core parsed; the document is the rest of it.
local function read_items(r, operation, document, items)
  local warnings = { surplus_warning(items:surplus()) }
  if document and r.flag then
    warnings[#warnings + 1] = flag_warning(r, document, items:counts())
  elseif document and operation.remark then
    warnings[#warnings + 1] = operation.remark(document, items:counts())
  end
  return "settle", { codes = items }, warnings
end

-- id, key of a list entry; nil if it has no well-formed id.
local function listed_id(r, form, entry)
  local joined
  for i, one in ipairs(r.id) do
    local part = id_text(path.first(entry, one.paths))
    part = part and one.match and part:match(one.match) or part
    if not part then
      return nil
    end
    joined = joined and joined .. form.between[i - 1] .. part or part
  end
  local id, key = forms.check(form, joined)
  return id, key
end

-- outcome, state of a list entry; "again" if the state is temporary.
local function listed_state(r, operation, entry)
  local action, verdict
  if r.state then
    action, verdict = read_one(r, entry)
  elseif r.entries then
    action, verdict = reading.read(r.entries, operation, entry, {})
  else
    return "open" -- listed means stoppable
  end
  if action == "again" then
    return "again", verdict.state
  end
  return verdict and verdict.outcome or "unknown", verdict and verdict.state
end

-- Reads a page of a list: { count, items, cursor, more, total, pages }, with an item { id, key,
-- outcome, state, entry } for each entry. Returns nil if one entry lacks an id, since the others
-- are then doubtful, too.
local function read_page(operation, document)
  local r, next_page = operation.reading, operation.next or {}
  local list = path.list_at(document, r.each)
  if not is_list(list) then
    return nil
  end
  local page = { count = #list, items = {} }
  for i, entry in ipairs(list) do
    local id, key = listed_id(r, operation.finds, entry)
    if not id then
      return nil
    end
    local word, state = listed_state(r, operation, entry)
    page.items[i] = { id = id, key = key, outcome = word, state = state, entry = entry }
  end
  for name, paths in pairs({ cursor = next_page.path, more = next_page.more,
    total = next_page.total, pages = next_page.pages }) do
    page[name] = path.first(document, paths)
  end
  return "settle", { outcome = "accepted", page = page }
end

local function read(r, operation, document, ids, items)
  if r.is_page then
    return read_page(operation, document)
  elseif not has_all(r, document) or (r.every and not is_every(r.every, document)) then
    return nil
  elseif r.each and operation.items then
    if items then
      return read_items(r, operation, document, items)
    end
    return nil
  elseif r.each then
    return read_list(r, operation, document, ids)
  end
  return read_single(r, operation, document, ids)
end

-- Outcomes of which an error beside them says the contrary.
local YES = { stopped = true, accepted = true, recalled = true }

local function is_yes(verdict)
  for _, one in ipairs(verdict) do
    if YES[one.outcome] then
      return true
    end
  end
  return verdict.codes ~= nil or YES[verdict.outcome] == true
end

-- The same; nil, too, where an error is beside what should be a success.
local function read_success(r, operation, document, ids, items, body)
  local action, verdict, warnings = read(r, operation, document, ids, items)
  if action and errors.is_beside(operation.error, document, body, r, is_yes(verdict)) then
    return nil
  end
  return action, verdict, warnings
end

-- Returns whether a reading found a value that it does not list.
local function is_puzzled(verdict)
  return verdict.reason == "unknown_code" or verdict.reason == "unknown_state"
end

-- action, verdict(s), warnings = reading.read(r, operation, document, ids, items, is_success, body)
-- | nil. `document` is the decoded response, `body` its text, `items` what the core parsed, if it
-- did. Returns nil if the response lacks what the reading and its alternatives name, or, where its
-- status is a success, has an error beside it.
function reading.read(r, operation, document, ids, items, is_success, body)
  local one = is_success and read_success or read
  local action, verdict, warnings = one(r, operation, document, ids, items, body)
  local other = r.otherwise
  while other and (not action or is_puzzled(verdict)) do
    local its_action, its_verdict, its_warnings = one(other, operation, document, ids, items, body)
    if its_action and (not action or not is_puzzled(its_verdict)) then
      action, verdict, warnings = its_action, its_verdict, its_warnings
    end
    other = other.otherwise
  end
  return action, verdict, warnings
end

-- verdict = reading.of_code(operation, code): the verdict for an item's code from the core's
-- items:codes().
function reading.of_code(operation, code)
  if code == false then
    return { outcome = "unknown", reason = "missing_in_answer", message = operation.inferred }
  elseif code == true then
    return { outcome = "unknown", reason = "bad_response",
      message = "the response gives this id two different codes" }
  end
  code = plain_code(code)
  local entry = code ~= nil and find(operation.readings[200].means, code)
  if not entry then
    return { outcome = "unknown", reason = "unknown_code", code = code }
  end
  return { outcome = entry.word, reason = entry.reason, code = code, message = entry.note }
end

return reading
