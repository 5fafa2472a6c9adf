-- The providers: which there are, and how a definition becomes ready for use.
--
-- A definition is a table that says how each operation of a provider is asked for and what its
-- answers mean. It knows nothing of clients or connections. docs/writing-a-provider.md has the
-- fields; a broken definition raises here, by its name and field, before it is ever used. A
-- provider that comes with stopmsg is a file in this folder; what is here besides definitions is in
-- PARTS.

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

-- Where this file's folder is: its neighbours are the built-in definitions.
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

-- The names of the built-in providers, sorted, and as a set. They are read from the folder once;
-- a definition is loaded when it is asked for.
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

-- names = provider.names(): of the built-in providers, sorted.
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

-- Whether a built-in provider is called so.
function provider.is_built_in(name)
  if not names then
    read_names()
  end
  return is_name[name] == true
end

-- definition = provider.definition(name): one's own copy of a built-in definition, to be changed;
-- nil where there is none of that name. Asked for a field of the old form it raises, and tells the
-- new one.
function provider.definition(name)
  if not provider.is_built_in(name) then
    return nil
  end
  return old.guard(copy_of(require("stopmsg.provider." .. name)))
end

-- checked = provider.check(definition): a copy that is ready for use.
function provider.check(definition)
  if old.is_old(definition) then
    return old.compile(definition)
  end
  return compile.provider(definition)
end

-- message: that there is no provider of this name, and which was meant.
function provider.unknown(name)
  local known = {}
  for _, one in ipairs(provider.names()) do
    known[one] = true
  end
  return ("unknown provider %s; did you mean '%s'? `stopmsg providers` lists all"):format(
    text.quote(name), text.nearest(tostring(name), known))
end

-- loaded = provider.load(name or definition); raises when there is none, or it is broken.
function provider.load(given)
  if type(given) == "table" then
    return provider.check(given)
  elseif provider.is_built_in(given) then
    return provider.check(require("stopmsg.provider." .. given))
  end
  error(provider.unknown(given) .. ", or pass a definition table", 0)
end

-- definition = provider.read(path) | nil, message: of a file that returns one.
function provider.read(path)
  local chunk, message = loadfile(path)
  if not chunk then
    return nil, tostring(message)
  end
  local ran, definition = compat.try(chunk)
  if not ran then
    return nil, ("%s: %s"):format(path, tostring(definition))
  elseif type(definition) ~= "table" then
    return nil, ("%s returns a %s; a provider file must return a definition table"):format(path,
      type(definition))
  end
  return definition
end

return provider
