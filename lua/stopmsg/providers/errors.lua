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

-- Where an error may stand in an answer that should tell of success: at the paths, and around them
-- as an object without a code. `error` and `errors` are what many APIs call it.
local function places_of(lists)
  local places = { { "error" }, { "errors" } }
  for _, list in ipairs(lists) do
    for _, steps in ipairs(list) do
      places[#places + 1] = steps
      if #steps > 1 then
        local parent = {}
        for i = 1, #steps - 1 do
          parent[i] = steps[i]
        end
        places[#places + 1] = parent
      end
    end
  end
  return places
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
  self._places = places_of({ self._code, self._text or {} })
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

-- Whether an error stands in a document beside what should be success: something that is neither
-- `null` nor an empty list. An `errors` that is a flag or a counter says nothing by itself.
function Form:is_beside(document)
  for i, steps in ipairs(self._places) do
    local value = path.value(document, steps)
    local is_flag = i <= 2 and (type(value) == "boolean" or type(value) == "number")
    if value ~= nil and not is_flag and not (type(value) == "table" and next(value) == nil) then
      return true
    end
  end
  return false
end

return errors
