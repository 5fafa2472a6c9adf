-- Decodes small XML documents into nested tables. The only place that requires LuaExpat.

local lxp = require("stopmsg.needs").load("lxp")

local xml = {}

-- Maximum nesting; real responses are flatter.
local MAX_DEPTH = 32

-- An element's value: its text if it contains no elements.
local function close(element)
  if next(element.children) == nil then
    return table.concat(element.text)
  end
  return element.children
end

-- Keep repeated children by name in the metatable, for paths to lists.
local function new_element(name)
  return { name = name, children = setmetatable({}, { lists = {} }), text = {} }
end

-- Expat allocates its own memory, and LuaExpat reports running out of it like any other fault.
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
--
-- `<a><b>1</b></a>` gives { a = { b = "1" } }. Attributes are dropped, and of elements with the
-- same name the first is kept; path.list_at() finds the others. A DTD is refused: real responses
-- have none, and entities only serve attacks.
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
