-- A provider's settings for an account, as the user gives them. Pure.

local template = require("stopmsg.provider.template")
local text = require("stopmsg.text")

local settings = {}

-- Default maximum length of a value, in bytes.
local MAX = 256

-- Words of `one_of`, which is a list or a map from the word to the value that is sent.
local function choices(setting)
  local words, sent = {}, {}
  for key, value in pairs(setting.one_of) do
    local word = type(key) == "number" and value or key
    words[#words + 1] = word
    sent[word] = value
  end
  table.sort(words)
  return words, sent
end

-- Describes a valid value, for messages.
function settings.expected(setting)
  if setting.one_of then
    return ("%s (one of %s)"):format(setting.about, table.concat((choices(setting)), ", "))
  end
  return setting.about
end

-- value = value_of(setting, given) | nil: the value to send.
local function value_of(setting, given)
  if type(given) == "number" and given % 1 == 0 and given >= 0 and given < 2 ^ 53 then
    given = ("%.0f"):format(given)
  end
  if type(given) ~= "string" or given == "" or #given > (setting.max or MAX)
    or given:find("%c") or given == "." or given == ".." then
    return nil
  end
  if setting.one_of then
    local _, sent = choices(setting)
    return sent[given]
  elseif setting.is_label and not given:find("^%w[%w%-]*$") then
    return nil -- it is part of the host, and must not redirect requests
  elseif setting.is_label and (#given > 63 or given:find("%-$")) then
    return nil
  elseif setting.number and not given:find("^%-?%d+$") then
    return nil
  elseif setting.pattern and not given:find(setting.pattern) then
    return nil
  end
  return given
end

-- Computes a default, which may contain other settings.
local function default_of(setting, values)
  if setting.one_of then
    return value_of(setting, setting.default)
  end
  local parts = {}
  for i, piece in ipairs(template.parse(setting.default)) do
    parts[i] = type(piece) == "string" and piece or values[piece[1]]
    if not parts[i] then
      return nil
    end
  end
  return table.concat(parts)
end

-- value = settings.default(setting): the default, unless it depends on another setting.
function settings.default(setting)
  return setting.default and default_of(setting, {})
end

-- values = settings.check(provider, given) | nil, message. `given`: by name, or nil. Does not
-- report missing settings, since not every call needs them all: see settings.missing.
function settings.check(provider, given)
  local declared, values = provider.settings, {}
  for name, value in pairs(given or {}) do
    local setting = declared[name]
    if not setting then
      local nearest = text.nearest(tostring(name), declared)
      return nil, ("%s has no setting %s; %s"):format(provider.name, text.quote(tostring(name)),
        nearest and ("did you mean '%s'?"):format(nearest) or "it has none")
    end
    values[name] = value_of(setting, value)
    if values[name] == nil then
      return nil, ("the setting '%s' of %s: expected %s"):format(name, provider.name,
        settings.expected(setting))
    end
  end
  -- Two rounds, since a default may depend on another.
  for _ = 1, 2 do
    for name, setting in pairs(declared) do
      if values[name] == nil and setting.default then
        values[name] = default_of(setting, values)
      end
    end
  end
  return values
end

-- names = settings.missing(provider, needs, values): the settings of the list that the user must
-- give. One with a default is missing only if its default depends on a missing one.
function settings.missing(provider, needs, values)
  local missing, unfilled = {}, {}
  for _, name in ipairs(needs) do
    if values[name] == nil then
      local list = provider.settings[name].default and unfilled or missing
      list[#list + 1] = name
    end
  end
  return missing[1] and missing or unfilled
end

-- Formats "the setting 'account': the Account SID" for each.
function settings.name_all(provider, names)
  local list = {}
  for i, name in ipairs(names) do
    list[i] = ("the setting '%s': %s"):format(name, settings.expected(provider.settings[name]))
  end
  return table.concat(list, "; ")
end

return settings
