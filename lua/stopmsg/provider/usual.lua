-- Describes the usual responses about one id to the core, so that it can recognize them: the paths
-- of a reading, its codes, and what a response with each code means. Pure.
--
-- Meanings are not duplicated: a response with each code is made up here and read by
-- meaning/answer.lua. A code that does not decide alone is not usual.

local answer = require("stopmsg.meaning.answer")
local errors = require("stopmsg.meaning.errors")
local json = require("stopmsg.json")
local text = require("stopmsg.text")

local usual = {}

-- The core's limits: names on all paths of a reading, and bytes of a name.
local MOST_NAMES, LONGEST_NAME = 48, 255

-- The id of a made-up response, and a text in it.
local ID, WORDS = "0", "words of the provider"

-- Returns whether a path consists of names only.
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

-- The part of a path before a list, where an error may be found.
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

-- Sets a value at a path of a document; false if something else is in the way.
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

-- The text of a response with this code; nil if the paths contradict each other.
local function body_of(r, code, words)
  local document = {}
  local paths = r.code or r.state
  if (r.id and not put(document, r.id[1], ID)) or (paths and not put(document, paths[1], code))
    or (words and r.text and not put(document, r.text[1], words)) then
    return nil
  end
  return json.encode(document)
end

-- Returns the verdict of a complete response if it says nothing else.
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

-- The same for a response with a code, whatever its text.
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

-- The values that a key of `means` covers.
local function values_of(key)
  local values, number = { key }, tonumber(key)
  if number and number >= 0 and number < 1e15 and ("%.0f"):format(number) == key then
    values[2] = number
  elseif key == "true" or key == "false" then
    values[2] = key == "true"
  end
  return values
end

-- The usual codes of a reading, and their verdicts.
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

-- Fields that the core supports. A reading with any other field is not usual.
local FOLLOWED = { id = true, code = true, state = true, text = true, means = true, fits = true,
  entry = true, verifies = true }

-- Returns whether the core supports all paths of a reading.
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

-- Lists { look, verdicts } for bodies that are always the same.
local function of_bodies(bodies, operation, status)
  local list = {}
  for _, body in ipairs(bodies) do
    local verdict = verdict_of(operation, status, body)
    list[#list + 1] = verdict and { look = { exactly = body }, verdicts = { verdict } } or nil
  end
  return list
end

-- { look, verdicts } of a reading: what the core needs, and the meaning of each number it returns.
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

-- looks, verdicts = usual.of(operation, format): what to tell the core, and the verdicts by its
-- numbers. Both are empty for batches, for definitions with a `decode` function, and for XML.
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
