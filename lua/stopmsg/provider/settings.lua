-- What a provider has to know of an account, as users give it. Pure.

local template = require("stopmsg.provider.template")
local text = require("stopmsg.text")

local settings = {}

-- Bytes of a value, where a setting does not say.
local MAX = 256

-- The words of `one_of`, which is a list, or a map from the word to what is sent for it.
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

-- What a good value is, for messages.
function settings.expected(setting)
  if setting.one_of then
    return ("%s (one of %s)"):format(setting.about, table.concat((choices(setting)), ", "))
  end
  return setting.about
end

-- value = value_of(setting, given) | nil: as it is sent.
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
    return nil -- it stands in the host, and must not lead to another
  elseif setting.is_label and (#given > 63 or given:find("%-$")) then
    return nil
  elseif setting.number and not given:find("^%-?%d+$") then
    return nil
  elseif setting.pattern and not given:find(setting.pattern) then
    return nil
  end
  return given
end

-- The default of a setting, which may be the value of another one.
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

-- value = settings.default(setting): what is sent where nothing is given, if that is no other
-- setting.
function settings.default(setting)
  return setting.default and default_of(setting, {})
end

-- values = settings.check(provider, given) | nil, message
-- `given` by name, or nil. What is missing is told by settings.missing, as not every call needs
-- all.
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
  -- Twice, as a default may stand on another's.
  for _ = 1, 2 do
    for name, setting in pairs(declared) do
      if values[name] == nil and setting.default then
        values[name] = default_of(setting, values)
      end
    end
  end
  return values
end

-- names = settings.missing(provider, needs, values): those of the list that users have to give. One
-- with a default lacks a value only where the setting that it stands on does.
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

-- "the setting 'account': the Account SID" for each.
function settings.name_all(provider, names)
  local list = {}
  for i, name in ipairs(names) do
    list[i] = ("the setting '%s': %s"):format(name, settings.expected(provider.settings[name]))
  end
  return table.concat(list, "; ")
end

return settings
