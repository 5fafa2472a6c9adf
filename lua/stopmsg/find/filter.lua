-- Checks the filters that a user gives against those that a definition declares, and decides
-- whether a list entry matches them. Pure: the clock is passed in.

local path = require("stopmsg.meaning.path")
local text = require("stopmsg.text")
local times = require("stopmsg.find.times")

local filters = {}

-- Maximum length of a filter value, in bytes.
local MAX_VALUE = 1024

-- Tolerance in seconds when a time in an entry is compared: both sides are rounded.
local SLACK = 1

local function names_of(where)
  local names = {}
  for name in pairs(where) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function unknown(operation, provider, name)
  local names = names_of(operation.where)
  if #names == 0 then
    return ("%s has no filters, so there is no %s"):format(provider, text.quote(name))
  end
  return ("%s has no filter %s; did you mean '%s'? Filters: %s"):format(provider, text.quote(name),
    text.nearest(tostring(name), operation.where), table.concat(names, ", "))
end

local function is_empty(value)
  if type(value) == "table" then
    return next(value) == nil
  end
  return type(value) == "string" and not value:find("%S")
end

-- text = text_of(value) | nil, message
local function text_of(value)
  if type(value) == "number" and value % 1 == 0 and math.abs(value) < 2 ^ 53 then
    return ("%.0f"):format(value)
  elseif type(value) == "boolean" then
    return tostring(value)
  elseif type(value) ~= "string" then
    return nil, "expected a string or an integer, got a " .. type(value)
  elseif #value > MAX_VALUE or value:find("%c") or value:find("[\254\255]") then
    return nil, "expected at most " .. MAX_VALUE .. " bytes without control characters"
  end
  return value
end

-- values = read(filter, given, now) | nil, message: a list of texts, or of one time.
local function read(filter, given, now)
  local list = type(given) == "table" and given or { given }
  local values = {}
  for key in pairs(list) do
    if type(key) ~= "number" or key < 1 or key > #list or key % 1 ~= 0 then
      return nil, "expected a value or a list of values"
    end
  end
  for i, value in ipairs(list) do
    if is_empty(value) then
      return nil, "an empty value"
    end
    local one, message
    if filter.time then
      one, message = times.parse(value, now)
    else
      one, message = text_of(value)
    end
    if not one then
      return nil, message
    end
    values[i] = one
  end
  local may_be_many = not filter.time and (filter.list or not filter.is_asked)
  if #values > 1 and not may_be_many then
    return nil, ("expected one value, got %d"):format(#values)
  end
  return values
end

local Filter = {}
Filter.__index = Filter

-- filter = filters.check(operation, provider, given, now, options) | nil, message
--
-- given: name -> value or list of values, or nil. now: seconds since 1970, the base of relative
-- times. options.needs_one: at least one filter is required unless options.all is set. Empty values
-- are an error; with options.all they are ignored.
--
-- filter.names: the names given. filter.values: name -> list of texts, or of one time.
-- filter.unshown: names that no entry shows, so nobody can check that the provider applied them.
function filters.check(operation, provider, given, now, options)
  options = options or {}
  if given ~= nil and type(given) ~= "table" then
    return nil, "expected a table of filters, got a " .. type(given)
  end
  local self = setmetatable({ operation = operation, names = {}, values = {}, defaults = {},
    unshown = {} }, Filter)
  for name, value in pairs(given or {}) do
    local filter = operation.where[name]
    if not filter then
      return nil, unknown(operation, provider, name)
    end
    if not (options.all and is_empty(value)) then
      local values, message = read(filter, value, now)
      if not values then
        return nil, ("filter '%s': %s"):format(name, message)
      elseif #values == 0 then
        return nil, ("filter '%s': an empty value"):format(name)
      end
      self.names[#self.names + 1] = name
      self.values[name] = values
      if not filter.entry then
        self.unshown[#self.unshown + 1] = name
      end
    end
  end
  table.sort(self.names)
  table.sort(self.unshown)
  for _, name in ipairs(names_of(operation.where)) do
    local filter = operation.where[name]
    if filter.required and not self.values[name] and not filter.default then
      return nil, ("filter '%s' is missing: %s requires it"):format(name, provider)
    elseif filter.default and not self.values[name] then
      self.defaults[name] = read(filter, filter.default, now)
    end
  end
  local since, till = self:time("since"), self:time("till")
  if since and till and since > till then
    return nil, ("filter 'since' (%s) is after 'till' (%s)"):format(times.text(since),
      times.text(till))
  elseif options.needs_one and #self.names == 0 and not options.all then
    return nil, "no filter: give at least one, or all = true to stop everything; filters: "
      .. (#names_of(operation.where) > 0 and table.concat(names_of(operation.where), ", ")
      or "none")
  end
  return self
end

-- Returns the time of a time filter, or nil if it was not given.
function Filter:time(name)
  local filter = self.operation.where[name]
  local values = filter and filter.time and self.values[name]
  return values and values[1]
end

-- pairs = filter:resolved(): a list of { name, text }, with relative times resolved. Checking it
-- again gives the same filter.
function Filter:resolved()
  local list = {}
  for _, name in ipairs(self.names) do
    for _, value in ipairs(self.values[name]) do
      list[#list + 1] = { name, self.operation.where[name].time and times.text(value) or value }
    end
  end
  return list
end

-- For example: dispatch=17 since=2026-11-29T09:00:00Z
function Filter:__tostring()
  local parts = {}
  for i, pair in ipairs(self:resolved()) do
    parts[i] = pair[1] .. "=" .. pair[2]
  end
  return table.concat(parts, " ")
end

-- asked = filter:asked(since, till): name -> list of texts to send to the provider. since and till
-- override the filter's time bounds.
function Filter:asked(since, till)
  local asked = {}
  for name, filter in pairs(self.operation.where) do
    local values = self.values[name] or self.defaults[name]
    if name == "since" and since then
      values = { since }
    elseif name == "till" and till then
      values = { till }
    end
    if values and filter.is_asked then
      asked[name] = {}
      for i, value in ipairs(values) do
        asked[name][i] = filter.time and times.write(value, filter.time) or value
      end
    end
  end
  return asked
end

-- Normal form for comparing texts: ignores case, surrounding white space, and how a phone number is
-- formatted.
local function normal(value)
  local plain = tostring(value):lower():gsub("^%s+", ""):gsub("%s+$", "")
  if plain:find("^%+?[%d%s%-%(%)]+$") and plain:find("%d") then
    plain = plain:gsub("[^%d]", "")
  end
  return plain
end

local function show_time(filter, values, wanted)
  for _, value in ipairs(values) do
    local time, grain = times.read(value)
    grain = math.max(grain or 1, times.grain(filter.time))
    if time and ((filter.bound == "from" and time + grain - 1 + SLACK >= wanted)
      or (filter.bound == "to" and time - (grain - 1) - SLACK <= wanted)) then
      return true
    end
  end
  return false
end

local function show_text(values, wanted)
  for _, value in ipairs(values) do
    if type(value) ~= "table" then
      local found = type(value) == "number" and value % 1 == 0 and ("%.0f"):format(value) or value
      for _, one in ipairs(wanted) do
        if normal(found) == normal(one) then
          return true
        end
      end
    end
  end
  return false
end

-- Returns whether an entry matches; true if it cannot show the field.
local function shows(filter, wanted, entry)
  if not filter.entry then
    return true
  end
  local values = path.values(entry, filter.entry)
  if type(values[1]) == "table" and #values == 1 then
    values = values[1] -- a list of tags
  end
  if filter.time then
    return show_time(filter, values, wanted[1])
  end
  return show_text(values, wanted)
end

-- is_meant, name = filter:fits(entry): false if the entry does not match; nil and the filter's name
-- if the provider should not have listed it, that is, ignored the filter.
function Filter:fits(entry)
  local is_meant = true
  for _, name in ipairs(self.names) do
    local filter = self.operation.where[name]
    if not shows(filter, self.values[name], entry) then
      if filter.is_asked then
        return nil, name
      end
      is_meant = false
    end
  end
  return is_meant
end

return filters
