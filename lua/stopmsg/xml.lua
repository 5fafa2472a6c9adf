-- Small XML answers as nested tables. The one place that requires LuaExpat.

local lxp = require("stopmsg.needs").load("lxp")

local xml = {}

-- Deeper than any answer that makes sense.
local MAX_DEPTH = 32

-- An element's value: its text where it has no elements inside.
local function close(element)
  if next(element.children) == nil then
    return table.concat(element.text)
  end
  return element.children
end

-- What repeats among an element's children is kept by name, out of the way, for paths to lists.
local function new_element(name)
  return { name = name, children = setmetatable({}, { lists = {} }), text = {} }
end

-- Expat has memory of its own, and LuaExpat words the lack of it as a fault like any other.
local function raise_lack()
  error("not enough memory", 0)
end

local function new_parser(callbacks)
  local made, parser = pcall(lxp.new, callbacks)
  if not made then
    raise_lack()
  end
  return parser
end

-- root = xml.decode(text) | nil, message
-- `<a><b>1</b></a>` gives { a = { b = "1" } }. Attributes are dropped, and of elements of one name
-- the first is kept; path.list_at() knows the others. A DTD is refused: answers have none, and
-- entities only serve attacks.
function xml.decode(text)
  local stack = { new_element() }
  local fault
  local parser

  local function stop(why)
    fault = fault or why
    parser:stop()
  end

  parser = new_parser({
    StartDoctypeDecl = function()
      stop("has a DTD")
    end,
    StartElement = function(_, name)
      if #stack > MAX_DEPTH then
        return stop("is nested too deeply")
      end
      stack[#stack + 1] = new_element(name)
    end,
    EndElement = function()
      local element = table.remove(stack)
      local children, value = stack[#stack].children, close(element)
      if children[element.name] == nil then
        children[element.name] = value
      else
        local lists = getmetatable(children).lists
        lists[element.name] = lists[element.name] or { children[element.name] }
        table.insert(lists[element.name], value)
      end
    end,
    CharacterData = function(_, characters)
      local content = stack[#stack].text
      content[#content + 1] = characters
    end,
  })

  local parsed, message = parser:parse(text)
  if parsed then
    parsed, message = parser:parse()
  end
  pcall(parser.close, parser)
  if message == "out of memory" then
    raise_lack()
  end
  if fault or not parsed then
    return nil, "not XML: " .. tostring(fault or message)
  end
  return stack[1].children
end

return xml
