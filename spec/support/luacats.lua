-- Reads LuaCATS annotations, as far as this project writes them. What it cannot read raises, so
-- that an editor is never given what nobody checked.

local luacats = {}

local BASIC = {
  string = true, number = true, integer = true, boolean = true, table = true, ["nil"] = true,
  ["true"] = true, ["false"] = true, any = true, ["function"] = true, ["file*"] = true,
}

-- A type at the beginning of a text: what follows it, after `uses` got the names it is made of.
local read_type

local function skip(s, pattern, what)
  local to = select(2, s:find("^" .. pattern))
  if not to then
    error(("%s expected before '%s'"):format(what, s:sub(1, 40)), 0)
  end
  return s:sub(to + 1)
end

local function read_list(s, close, read_one)
  s = s:gsub("^%s*", "")
  while s:sub(1, 1) ~= close do
    s = read_one(s):gsub("^%s*", "")
    if s:sub(1, 1) == "," then
      s = s:gsub("^,%s*", "")
    elseif s:sub(1, 1) ~= close then
      error(("'%s' expected before '%s'"):format(close, s:sub(1, 40)), 0)
    end
  end
  return s:sub(2)
end

local function read_primary(s, uses)
  if s:find('^"') then
    uses[#uses + 1] = s:match('^"[^"]*"')
    return skip(s, '"[^"]*"', "a text")
  elseif s:find("^fun%(") then
    s = read_list(s:sub(5), ")", function(rest)
      rest = skip(rest, "[%a_][%w_]*%??", "a parameter's name")
      return rest:find("^:") and read_type(rest:gsub("^:%s*", ""), uses) or rest
    end)
    if s:find("^:") then
      s = read_type(s:gsub("^:%s*", ""), uses)
      while s:find("^,%s") do
        s = read_type(s:gsub("^,%s*", ""), uses)
      end
    end
    return s
  elseif s:find("^{") then
    return read_list(s:sub(2), "}", function(rest)
      rest = skip(rest, "[%a_][%w_]*%??:%s*", "a field's name")
      return read_type(rest, uses)
    end)
  elseif s:find("^%(") then
    return skip(read_type(s:sub(2), uses), "%)", "')'")
  end
  local name = s:match("^file%*") or s:match("^[%a_][%w_%.]*")
  if not name then
    error(("a type expected before '%s'"):format(s:sub(1, 40)), 0)
  end
  uses[#uses + 1] = name
  s = s:sub(#name + 1)
  if s:find("^<") then
    s = read_list(s:sub(2), ">", function(rest)
      return read_type(rest, uses)
    end)
  end
  return s
end

function read_type(s, uses)
  repeat
    s = read_primary(s:gsub("^|", ""), uses)
    while s:find("^%[%]") or s:find("^%?") do
      s = s:gsub("^%[%]", "", 1):gsub("^%?", "", 1)
    end
  until not s:find("^|")
  return s
end

-- { type, uses, rest } of a text that begins with a type.
local function typed(s)
  local uses = {}
  local rest = read_type(s, uses)
  assert(rest == "" or rest:find("^%s"), "white space expected before '" .. rest .. "'")
  return { type = s:sub(1, #s - #rest), uses = uses, rest = rest:match("^%s*(.-)%s*$") }
end

local TAGS = {}

function TAGS.class(page, _, s)
  local name = s:match("^[%w_%.]+")
  local class = page.classes[name] or { fields = {}, names = {} }
  page.classes[name] = class
  page.class = class
end

function TAGS.field(page, _, s)
  local name, optional, rest = s:match("^([%a_][%w_]*)(%??)%s+(.*)$")
  if not name then
    local index
    index, rest = s:match("^(%b[])%s+(.*)$")
    assert(index, "a field's name expected")
    typed(index:sub(2, -2))
  end
  local field = typed(rest)
  field.name, field.is_optional = name, optional == "?"
  if name then
    page.class.fields[name] = field
    page.class.names[#page.class.names + 1] = name
  end
  page.uses[#page.uses + 1] = field.uses
end

function TAGS.param(page, doc, s)
  local name, optional, rest = s:match("^([%a_][%w_]*)(%??)%s+(.*)$")
  assert(name, "a parameter's name expected")
  local param = typed(rest)
  param.name, param.is_optional = name, optional == "?"
  doc.params[#doc.params + 1] = param
  page.uses[#page.uses + 1] = param.uses
end

TAGS["return"] = function(page, doc, s)
  local value = typed(s)
  doc.returns[#doc.returns + 1] = value
  page.uses[#page.uses + 1] = value.uses
end

function TAGS.alias(page, _, s)
  local name, rest = s:match("^([%w_%.]+)%s+(.*)$")
  local alias = typed(rest)
  page.aliases[name] = alias.uses
  page.uses[#page.uses + 1] = alias.uses
end

function TAGS.type(page, _, s)
  local value = typed(s)
  page.uses[#page.uses + 1] = value.uses
end

function TAGS.meta() end

-- page = luacats.read(paths): classes (name -> { names, fields }), aliases (name -> words),
-- functions (name as it is written -> { about, params, returns, arguments }).
function luacats.read(paths)
  local page = { classes = {}, aliases = {}, functions = {}, uses = {} }
  for _, path in ipairs(paths) do
    local doc, number = nil, 0
    for line in io.lines(path) do
      number = number + 1
      local comment = line:match("^%s*%-%-%-(.*)$")
      if comment then
        doc = doc or { about = "", params = {}, returns = {} }
        local tag, rest = comment:match("^@(%w+)%s*(.*)$")
        local read = tag and TAGS[tag]
        if tag and not read then
          error(("%s:%d: no tag is called @%s"):format(path, number, tag), 0)
        end
        local ok, message = pcall(read or function()
          doc.about = doc.about .. comment
        end, page, doc, rest)
        if not ok then
          error(("%s:%d: %s"):format(path, number, message), 0)
        end
      else
        local name, arguments = line:match("^function ([%w_%.:]+)%((.-)%)")
        if name then
          local known = doc or { about = "", params = {}, returns = {} }
          known.arguments = {}
          for argument in arguments:gmatch("[%w_]+") do
            known.arguments[#known.arguments + 1] = argument
          end
          page.functions[name] = known
        end
        doc = nil
      end
    end
  end
  return page
end

-- The names of types that nothing defines.
function luacats.undefined(page)
  local list = {}
  for _, uses in ipairs(page.uses) do
    for _, name in ipairs(uses) do
      if not name:find('^"') and not BASIC[name] and not page.classes[name]
        and not page.aliases[name] then
        list[#list + 1] = name
      end
    end
  end
  return list
end

return luacats
