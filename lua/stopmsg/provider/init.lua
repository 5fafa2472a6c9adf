-- The list of providers, and loading of definitions.
--
-- A definition is a table that says how to request each operation of a provider and what the
-- responses mean. It knows nothing of clients or connections. docs/writing-a-provider.md describes
-- the fields; a broken definition raises here, by name and field, before it is used. Each built-in
-- provider is a file in this directory; PARTS lists the files that are not definitions.

local compat = require("stopmsg.compat")
local compile = require("stopmsg.provider.compile")
local core = require("stopmsg.core")
local old = require("stopmsg.provider.old")
local text = require("stopmsg.text")

local provider = {}

local PARTS = {
  init = true, compile = true, direct = true, fields = true, fit = true, lists = true,
  meaning = true, old = true, schema = true, settings = true, shape = true, signing = true,
  template = true, usual = true, wire = true,
}

-- Finds this file's directory, which contains the built-in definitions.
local function folder()
  local place = "stopmsg/provider/schema.lua"
  for pattern in package.path:gmatch("[^;]+") do
    local path = pattern:gsub("%?", "stopmsg/provider/schema")
    local file = io.open(path)
    if file then
      file:close()
      return path:sub(1, -#"schema.lua" - 1)
    end
  end
  error("no file " .. place .. " on package.path", 0)
end

-- Names of the built-in providers, as a sorted list and a set. The directory is read once; a
-- definition is loaded when requested.
local names, is_name

local function read_names()
  local found, set = {}, {}
  for _, file in ipairs(core.names(folder())) do
    local name = file:match("^(%l[%l%d_]*)%.lua$")
    if name and not PARTS[name] then
      found[#found + 1] = name
      set[name] = true
    end
  end
  table.sort(found)
  names, is_name = found, set
end

-- names = provider.names(): the built-in providers, sorted.
function provider.names()
  if not names then
    read_names()
  end
  local copy = {}
  for i, name in ipairs(names) do
    copy[i] = name
  end
  return copy
end

local function copy_of(value)
  if type(value) ~= "table" then
    return value
  end
  local fresh = {}
  for key, field in pairs(value) do
    fresh[key] = copy_of(field)
  end
  return fresh
end

-- Returns whether this is the name of a built-in provider.
function provider.is_built_in(name)
  if not names then
    read_names()
  end
  return is_name[name] == true
end

-- definition = provider.definition(name): a copy of a built-in definition, for changing; nil if
-- there is none. Reading a field of the old form from it raises an error that names the new one.
function provider.definition(name)
  if not provider.is_built_in(name) then
    return nil
  end
  return old.guard(copy_of(require("stopmsg.provider." .. name)))
end

-- checked = provider.check(definition): a compiled copy.
function provider.check(definition)
  if old.is_old(definition) then
    return old.compile(definition)
  end
  return compile.provider(definition)
end

-- message: the provider does not exist, with the nearest name.
function provider.unknown(name)
  local known = {}
  for _, one in ipairs(provider.names()) do
    known[one] = true
  end
  return ("unknown provider %s; did you mean '%s'? `stopmsg providers` lists all"):format(
    text.quote(name), text.nearest(tostring(name), known))
end

-- loaded = provider.load(name or definition). Raises if it is unknown or broken.
function provider.load(given)
  if type(given) == "table" then
    return provider.check(given)
  elseif provider.is_built_in(given) then
    return provider.check(require("stopmsg.provider." .. given))
  end
  error(provider.unknown(given) .. ", or pass a definition table", 0)
end

-- definition = provider.read(path) | nil, message: from a file that returns one.
function provider.read(path)
  local chunk, message = loadfile(path)
  if not chunk then
    return nil, tostring(message)
  end
  local ran, definition = compat.try(chunk)
  if not ran then
    return nil, ("%s: %s"):format(path, tostring(definition))
  elseif type(definition) ~= "table" then
    return nil, ("%s returns %s; a provider file must return a definition table"):format(path,
      definition == nil and "nothing" or "a " .. type(definition))
  end
  return definition
end

return provider
