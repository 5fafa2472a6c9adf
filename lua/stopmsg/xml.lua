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

-- Adds a child, or one more of its name.
local function add(children, name, value)
  if children[name] == nil then
    children[name] = value
  else
    local lists = getmetatable(children).lists
    lists[name] = lists[name] or { children[name] }
    table.insert(lists[name], value)
  end
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
-- `<a><b c="2">1</b></a>` gives { a = { b = "1", ["b@c"] = "2" } }; attributes of the outermost
-- element are dropped. Of elements with the same name the first is kept; path.list_at() finds the
-- others. The same holds for their attributes. A DTD is refused: real responses have none, and
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
    StartElement = function(_, name, attributes)
      if #stack > MAX_DEPTH then
        return stop("is nested too deeply")
      end
      for _, attribute in ipairs(#stack > 1 and attributes or {}) do
        add(stack[#stack].children, name .. "@" .. attribute, attributes[attribute])
      end
      stack[#stack + 1] = new_element(name)
    end,
    EndElement = function()
      local element = table.remove(stack)
      add(stack[#stack].children, element.name, close(element))
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
