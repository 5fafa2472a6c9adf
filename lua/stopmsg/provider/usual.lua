-- Which answers about one id are the usual ones, so that the core can tell them from all others:
-- the paths of a reading, its codes, and what an answer with each of them means. Pure.
--
-- What a code means is not said twice: an answer with it is made up here, and meaning/answer.lua
-- reads it. Whatever is not sure by its code alone is not usual.

local answer = require("stopmsg.meaning.answer")
local errors = require("stopmsg.meaning.errors")
local json = require("stopmsg.json")
local text = require("stopmsg.text")

local usual = {}

-- Names on all paths of a reading that the core takes, and bytes of a name.
local MOST_NAMES, LONGEST_NAME = 48, 255

-- The id of an answer that is made up, and a text in it.
local ID, WORDS = "0", "words of the provider"

-- Whether a path is one of names alone.
local function is_plain(steps)
  for _, step in ipairs(steps) do
    if type(step) ~= "string" or #step > LONGEST_NAME then
      return false
    end
  end
  return #steps > 0
end

local function are_plain(paths)
  for _, steps in ipairs(paths or {}) do
    if not is_plain(steps) then
      return false
    end
  end
  return true
end

-- The part of a path before a list. What stands there may hold an error.
local function before_list(steps)
  local names = {}
  for i, step in ipairs(steps) do
    if type(step) ~= "string" then
      break
    end
    names[i] = step
  end
  return names
end

-- Puts a value at a path of a document. False where something else is in the way.
local function put(document, steps, value)
  local at = document
  for i = 1, #steps - 1 do
    at[steps[i]] = at[steps[i]] or {}
    at = at[steps[i]]
    if type(at) ~= "table" then
      return false
    end
  end
  local last = steps[#steps]
  if at[last] ~= nil then
    return false
  end
  at[last] = value
  return true
end

-- The text of an answer with this code; nil where the paths do not go together.
local function body_of(r, code, words)
  local document = {}
  local paths = r.code or r.state
  if (r.id and not put(document, r.id[1], ID)) or (paths and not put(document, paths[1], code))
    or (words and r.text and not put(document, r.text[1], words)) then
    return nil
  end
  return json.encode(document)
end

-- The verdict of a complete answer, if that is all there is to say.
local function verdict_of(operation, status, body)
  local reply = { status = status, body = body, format = "json" }
  local action, verdict, warnings, is_usable, is_in_form = answer.read(operation, reply, { ID })
  if action ~= "settle" or not (is_usable and is_in_form) or (warnings and warnings[1])
    or verdict[1] or verdict.codes or verdict.outcome == "unknown" or verdict.left then
    return nil
  end
  verdict.message = text.clean(verdict.message)
  verdict.is_usual = true
  verdict.is_plain = not (verdict.reason or verdict.http or verdict.message or verdict.state)
  return verdict
end

-- The same of an answer with a code, whatever its text says.
local function verdict_of_code(r, operation, status, code)
  local body = body_of(r, code)
  local verdict = body and verdict_of(operation, status, body)
  if not verdict or not r.text then
    return verdict
  end
  body = body_of(r, code, WORDS)
  local other = body and verdict_of(operation, status, body)
  return other and other.message == verdict.message and verdict or nil
end

-- The values that a key of `means` stands for.
local function values_of(key)
  local values, number = { key }, tonumber(key)
  if number and number >= 0 and number < 1e15 and ("%.0f"):format(number) == key then
    values[2] = number
  elseif key == "true" or key == "false" then
    values[2] = key == "true"
  end
  return values
end

-- The codes of a reading that are usual, and their verdicts.
local function codes_of(r, operation, status)
  local found, keys = { codes = {}, verdicts = {} }, {}
  for key in pairs(r.means) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    for _, value in ipairs(values_of(key)) do
      local verdict = verdict_of_code(r, operation, status, value)
      if verdict then
        found.codes[#found.codes + 1] = value
        found.verdicts[#found.verdicts + 1] = verdict
      end
    end
  end
  return found
end

-- What a reading may have that the core follows. With anything else it is none of these.
local FOLLOWED = { id = true, code = true, state = true, text = true, means = true, fits = true,
  entry = true, verifies = true }

-- Whether the core can follow what a reading names.
local function is_followed(r, operation)
  for name in pairs(r) do
    if not FOLLOWED[name] then
      return false
    end
  end
  return not operation.left and not (r.id and r.id.by_part) and are_plain(r.id)
    and are_plain(r.code) and are_plain(r.state) and are_plain(r.text)
end

local function count_names(...)
  local count = 0
  for _, paths in ipairs({ ... }) do
    for _, steps in ipairs(paths) do
      count = count + #steps
    end
  end
  return count
end

-- list of { look, verdicts } of bodies that are always the same.
local function of_bodies(bodies, operation, status)
  local list = {}
  for _, body in ipairs(bodies) do
    local verdict = verdict_of(operation, status, body)
    list[#list + 1] = verdict and { look = { exactly = body }, verdicts = { verdict } } or nil
  end
  return list
end

-- { look, verdicts } of a reading: what the core needs to know, and what each number means.
local function of_reading(r, operation, status)
  if not is_followed(r, operation) then
    return nil
  end
  local places = {}
  for i, steps in ipairs(errors.places_beside(operation.error, r)) do
    places[i] = before_list(steps)
    if not are_plain({ places[i] }) then
      return nil -- the document itself
    end
  end
  local paths = r.code or r.state
  if count_names(r.id or {}, paths or {}, places) > MOST_NAMES then
    return nil
  end
  local look = { id = r.id, code = paths, errors = places }
  if not paths then
    local verdict = verdict_of_code(r, operation, status)
    return verdict and { look = look, verdicts = { verdict } }
  end
  local found = codes_of(r, operation, status)
  look.codes = found.codes
  return found.codes[1] ~= nil and { look = look, verdicts = found.verdicts } or nil
end

-- looks, verdicts = usual.of(operation, format): what the core is told, and by number what it may
-- say. Both are empty where no answer is usual: those of batches, those that a function of the
-- definition reads, those in XML.
function usual.of(operation, format)
  local looks, verdicts = {}, {}
  if format ~= "json" or operation.limit > 1 or operation.decode or operation.has_no_ids
    or not operation.id then
    return looks, verdicts
  end
  for status = 200, 299 do
    local r = operation.readings[status]
    local list = {}
    if r and (r.is_empty or r.exactly) then
      list = of_bodies(r.exactly or { "" }, operation, status)
    elseif r then
      list[1] = of_reading(r, operation, status)
    end
    for _, found in ipairs(list) do
      found.look.status, found.look.first = status, #verdicts + 1
      looks[#looks + 1] = found.look
      for _, verdict in ipairs(found.verdicts) do
        verdicts[#verdicts + 1] = verdict
      end
    end
  end
  return looks, verdicts
end

return usual
