-- The form of a provider's errors. Proxies, login pages, gateways and disabled APIs respond, too;
-- an error is the provider's only if its code is in the right place and has the right form.

local path = require("stopmsg.meaning.path")
local text = require("stopmsg.text")

local errors = {}

-- HTTP status -> codes that gRPC-Gateway sends with it.
-- https://github.com/grpc-ecosystem/grpc-gateway/blob/main/runtime/errors.go
local GRPC = {
  [200] = { 0 },
  [400] = { 3, 9, 11 },
  [401] = { 16 },
  [403] = { 7 },
  [404] = { 5 },
  [408] = { 1 }, -- until version 2.5
  [409] = { 6, 10 },
  [429] = { 8 },
  [499] = { 1 },
  [500] = { 2, 13, 15 },
  [501] = { 12 },
  [503] = { 14 },
  [504] = { 4 },
}

local function is_whole(code)
  return type(code) == "number" and code % 1 == 0 and code > -2 ^ 53 and code < 2 ^ 53
end

-- Named forms: functions of the code and the HTTP status.
local FORMS = {
  integer = is_whole,
  string = function(code)
    return type(code) == "string" and code ~= ""
  end,
  -- For errors that have only a text.
  text = function(message)
    return type(message) == "string" and message:find("%S") ~= nil
  end,
  -- 4031 with 403. Gateways send the bare status.
  status_prefix = function(code, status)
    return is_whole(code) and code >= 1000 and ("%.0f"):format(code):sub(1, 3) == tostring(status)
  end,
  grpc = function(code, status)
    for _, fitting in ipairs(GRPC[status] or {}) do
      if code == fitting then
        return true
      end
    end
    return false
  end,
}

local PATHS = { code = true, text = true, status = true, has = true }
local FIELDS = { code = true, text = true, status = true, has = true, form = true, least = true }

local function names_of(forms)
  local names = {}
  for name in pairs(forms) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, ", ")
end

errors.forms, errors.fields = FORMS, FIELDS

-- fits = errors.form(given): a function of a code and the HTTP status | nil, message. `given`: the
-- name of a form, a pattern for strings, or { pattern, "number" }.
function errors.form(given)
  if FORMS[given] then
    return FORMS[given]
  elseif type(given) == "table" and given[2] == "number" and type(given[1]) == "string"
    and given[1]:find("^%^") and pcall(string.find, "", given[1]) then
    return function(code)
      return is_whole(code) and ("%.0f"):format(code):find(given[1]) ~= nil
    end
  elseif type(given) == "string" and given:find("^%^") and pcall(string.find, "", given) then
    return function(code)
      return type(code) == "string" and code:find(given) ~= nil
    end
  end
  return nil, ("expected %s, a pattern that begins with '^', or { pattern, \"number\" }, got %s")
    :format(names_of(FORMS), text.quote(tostring(given)))
end

-- The last name on a path.
local function name_of(steps)
  for i = #steps, 1, -1 do
    if type(steps[i]) == "string" then
      return steps[i]
    end
  end
  return "" -- found in any text
end

-- Names of which at least one occurs in the body of an error.
local function names_at(places)
  local names = {}
  for _, steps in ipairs(places) do
    local name, is_found = name_of(steps), false
    for _, other in ipairs(names) do
      is_found = is_found or name:find(other, 1, true) ~= nil
    end
    names[#names + 1] = not is_found and name or nil
  end
  return names
end

local function is_error(value)
  return value ~= false and value ~= 0 and value ~= ""
end

local NOES = { ["false"] = true, ["0"] = true, no = true }

local function is_no(value)
  return NOES[tostring(value):lower()] == true
end

local FAILURES = { error = true, fail = true, failed = true, failure = true }

local function is_failure(value)
  return type(value) == "string" and FAILURES[value:lower()] == true
end

-- A code that comes with a text is an error's, but for those that many APIs send with a success.
local function is_code(code, document)
  local words, written = document.message or document.msg, tostring(code):lower()
  return type(words) == "string" and words ~= "" and code ~= 0 and code ~= "0" and code ~= true
    and not written:find("^20%d$") and not written:find("^success") and written ~= "ok"
end

-- Names with which many APIs contradict what else looks like a success, and what they say then. Of
-- a message that failed, some give a code, too: that contradicts a yes only.
local CONTRADICTIONS = { { "error", is_error }, { "errors", is_error }, { "success", is_no },
  { "ok", is_no }, { "status", is_failure }, { "result", is_failure }, { "code", is_code },
  { "error_code", is_error, of_yes = true }, { "errorCode", is_error, of_yes = true } }

-- Where an error may be in a response that should be a success: at these paths, at their parents,
-- and where many APIs have it.
local function places_of(lists)
  local places = {}
  for i, one in ipairs(CONTRADICTIONS) do
    places[i] = { one[1], contradicts = one[2], of_yes = one.of_yes }
  end
  for kind, list in ipairs(lists) do
    for _, steps in ipairs(list) do
      places[#places + 1] = steps
      steps.is_text = kind == 2
      if #steps > 1 then
        local parent = {}
        for i = 1, #steps - 1 do
          parent[i] = steps[i]
        end
        places[#places + 1] = parent
      end
    end
  end
  places.names = names_at(places)
  return places
end

local Form = {}
Form.__index = Form

-- form = errors.compile({ code, text, form, status, has, least }) | nil, message, field at fault
--
-- `code`, `text`, `status`: a path, or several to try. `form`: see errors.form. The value at
-- `status` must be the HTTP status, each path of `has` must exist, and the code must be at least
-- `least`.
function errors.compile(given)
  for name in pairs(given) do
    if not FIELDS[name] then
      return nil, "unknown field " .. text.quote(name)
    end
  end
  local self = setmetatable({}, Form)
  for name in pairs(PATHS) do
    if given[name] ~= nil or (name == "code" and given.form ~= "text") then
      local list, message = path.list(given[name])
      if not list then
        return nil, message, name
      end
      self["_" .. name] = list
    end
  end
  local fits, message = errors.form(given.form)
  if not fits then
    return nil, message, "form"
  end
  if given.form == "text" and (given.code or not given.text) then
    return nil, "'text' is for errors without a code; set `text` to the path of the text", "form"
  elseif given.least and given.form ~= "integer" then
    return nil, "needs the form 'integer'", "least"
  end
  self._fits, self._least = fits, given.least
  self._places = places_of({ self._code or {}, self._text or {} })
  return self
end

-- Returns whether errors have a text.
function Form:has_text()
  return self._text ~= nil
end

-- code, text, is_in_form = form:read(document, status): reads the error in a response.
function Form:read(document, status)
  local code = self._code and path.first(document, self._code)
  local message = self._text and path.first(document, self._text)
  local is_in_form
  if self._code then
    is_in_form = code ~= nil and self._fits(code, status)
  else
    is_in_form = self._fits(message)
  end
  if is_in_form and self._least then
    is_in_form = code >= self._least
  end
  if is_in_form and self._status then
    is_in_form = tonumber(path.first(document, self._status)) == status
  end
  for _, steps in ipairs(is_in_form and self._has or {}) do
    is_in_form = is_in_form and path.value(document, steps) ~= nil
  end
  return code, type(message) == "string" and message or nil, is_in_form
end

-- Returns whether one of the paths is this place, or lies below it where `value` has something
-- below it.
local function leads_to(paths, place, value)
  for _, steps in ipairs(paths or {}) do
    local is_same = #steps == #place or type(value) == "table"
    for i, step in ipairs(place) do
      is_same = is_same and steps[i] == step
    end
    if is_same then
      return true
    end
  end
  return false
end

-- Returns whether a reading uses this place. Beside a yes, `error` is no text about it, unless the
-- text is what decides. The paths of a list are those of its entries.
local function is_named(r, place, is_yes, value)
  if not r then
    return false
  elseif r.each then
    if r.flag and type(value) == "boolean" and leads_to(r.flag.path, place, value) then
      return true
    end
  elseif leads_to(r.code, place, value) or leads_to(r.state, place, value) then
    return true
  elseif leads_to(r.text, place, value) then
    return not (is_yes and place.contradicts and not r.texts)
  end
  for _, one in ipairs(r.agrees or {}) do
    if leads_to({ one.steps }, place, value) then
      return true
    end
  end
  return false
end

-- Quick check: returns whether the body can contain one of the places' names. Escapes may hide one.
local function may_name(places, body)
  if not body or body:find("\\", 1, true) then
    return true
  end
  for _, name in ipairs(places.names) do
    if body:find(name, 1, true) then
      return true
    end
  end
  return false
end

-- Returns whether the value at a place is not an error. An empty object has json.decode's mark.
local function is_nothing(value, steps, document)
  if type(value) == "table" then
    local first = next(value)
    return first == nil
      or (steps.contradicts ~= nil and steps.contradicts ~= is_error)
      or (steps[1] == "errors" and #steps == 1 and first == "" and next(value, first) == nil)
  elseif value ~= nil and steps.contradicts then
    return not steps.contradicts(value, document)
  end
  return value == nil or (value == "" and steps.is_text)
end

-- Returns whether a document contains an error beside what should be a success: something other
-- than `null`, an empty list or an empty text. Places that reading `r` uses are excluded.
local function is_beside(places, document, body, r, is_yes)
  if not may_name(places, body) then
    return false
  end
  local is_object = type(document) == "table"
  for _, steps in ipairs(places) do
    local name, value = steps[1], nil
    if not is_object or name == nil or document[name] ~= nil then -- most have none of these
      value = path.value(document, steps)
    end
    if value ~= nil and (is_yes or not steps.of_yes) and not is_nothing(value, steps, document)
      and not is_named(r, steps, is_yes, value) then
      return true
    end
  end
  return false
end

local COMMON = places_of({})

local AN_OBJECT = {}

-- Lists the paths where an error may be, except those that a reading uses, or that lie before the
-- only one it uses: a value that is no object is then none of its codes.
function errors.places_beside(form, r)
  local places, paths = {}, r.code or r.state
  local value = paths and #paths == 1 and AN_OBJECT or nil
  for _, steps in ipairs(form and form._places or COMMON) do
    places[#places + 1] = not is_named(r, steps, false, value) and steps or nil
  end
  return places
end

-- The same for definitions without `error`. `body` is the document's text, or nil; is_yes: the
-- reading took the response for a success.
function errors.is_beside(form, document, body, r, is_yes)
  return is_beside(form and form._places or COMMON, document, body, r, is_yes)
end

return errors
