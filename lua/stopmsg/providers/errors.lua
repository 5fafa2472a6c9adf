-- The form of a provider's errors. Proxies, login pages, gateways and switched-off APIs answer,
-- too; an error is the provider's only where its code stands at the right place, in the right form.

local path = require("stopmsg.path")
local text = require("stopmsg.text")

local errors = {}

-- HTTP status -> the codes that gRPC-Gateway sends under it.
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

-- Forms that have a name: functions of the code and the HTTP status.
local FORMS = {
  integer = is_whole,
  string = function(code)
    return type(code) == "string" and code ~= ""
  end,
  -- 4031 under 403. The status alone is what gateways send.
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

local PATHS = { code = true, text = true, status = true }
local FIELDS = { code = true, text = true, status = true, form = true }

local function names_of(forms)
  local names = {}
  for name in pairs(forms) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, ", ")
end

errors.forms, errors.fields = FORMS, FIELDS

-- fits(code, status) | nil, message
local function form_of(given)
  if FORMS[given] then
    return FORMS[given]
  elseif type(given) == "string" and given:find("^%^") and pcall(string.find, "", given) then
    return function(code)
      return type(code) == "string" and code:find(given) ~= nil
    end
  end
  return nil, ("one of %s, or a pattern that begins with '^', not %s"):format(names_of(FORMS),
    text.quote(given))
end

-- The last name on a path.
local function name_of(steps)
  for i = #steps, 1, -1 do
    if type(steps[i]) == "string" then
      return steps[i]
    end
  end
end

-- Where an error may stand in an answer that should tell of success: what holds its code and text,
-- as one without a code is an error, too; and what many APIs call it. There a flag or a counter
-- says nothing by itself, nor does an object of `errors` without fields. Also the names of which
-- one has to be in the text of such an answer.
local function places_of(lists)
  local places, names, known = {}, {}, {}
  local function add(steps, may_be)
    local written = table.concat(steps, "\0")
    if known[written] then
      return
    end
    known[written] = true
    places[#places + 1] = { steps = steps, may_be = may_be }
    local name = name_of(steps) or "" -- in any text
    for _, other in ipairs(names) do
      if name:find(other, 1, true) then
        return -- in its text the other one is found, too
      end
    end
    names[#names + 1] = name
  end
  for _, list in ipairs(lists) do
    for _, steps in ipairs(list) do
      local holder = {}
      for i = 1, math.max(#steps - 1, 1) do
        holder[i] = steps[i]
      end
      add(holder, {})
    end
  end
  add({ "error" }, { boolean = true, number = true })
  add({ "errors" }, { boolean = true, number = true, table = true })
  return places, names
end

local Form = {}
Form.__index = Form

-- form = errors.compile({ code, text, form, status }) | nil, message, the field at fault
-- `code`, `text`, `status`: a path, or several to try. `form`: the name of one, or a pattern.
-- What stands at `status` has to be the HTTP status.
function errors.compile(given)
  for name in pairs(given) do
    if not FIELDS[name] then
      return nil, "no field is called " .. text.quote(name)
    end
  end
  local self = setmetatable({}, Form)
  for name in pairs(PATHS) do
    if given[name] ~= nil or name == "code" then
      local list, message = path.list(given[name])
      if not list then
        return nil, message, name
      end
      self["_" .. name] = list
    end
  end
  local fits, message = form_of(given.form)
  if not fits then
    return nil, message, "form"
  end
  self._fits = fits
  self._places, self._names = places_of({ self._code, self._text or {} })
  return self
end

-- code, text, is_in_form = form:read(document, status): the error that an answer holds.
function Form:read(document, status)
  local code = path.first(document, self._code)
  local message = self._text and path.first(document, self._text)
  local is_in_form = code ~= nil and self._fits(code, status)
  if is_in_form and self._status then
    is_in_form = tonumber(path.first(document, self._status)) == status
  end
  return code, type(message) == "string" and message or nil, is_in_form
end

-- Whether the text may name a place of an error. An escape may hide a name.
local function may_name(self, body)
  if body:find("\\", 1, true) then
    return true
  end
  for _, name in ipairs(self._names) do
    if body:find(name, 1, true) then
      return true
    end
  end
  return false
end

-- Whether a value is no error: nothing, an empty list, or of a kind that may stand there. Of tables
-- that is an object without fields, which has json.decode's mark.
local function is_nothing(value, may_be)
  if type(value) == "table" then
    local first = next(value)
    return first == nil or (may_be.table and first == "" and next(value, first) == nil) or false
  end
  return value == nil or may_be[type(value)] or false
end

-- Whether an error stands in a document beside what should be success: something that is neither
-- `null` nor an empty list. `body` is its text.
function Form:is_beside(document, body)
  if not may_name(self, body) then
    return false
  end
  for _, place in ipairs(self._places) do
    if not is_nothing(path.value(document, place.steps), place.may_be) then
      return true
    end
  end
  return false
end

return errors
