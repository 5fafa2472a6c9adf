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

-- root = xml.decode(text) | nil, message
-- `<a><b>1</b></a>` gives { a = { b = "1" } }. Attributes are dropped, and of elements of one name
-- the first is kept. A DTD is refused: answers have none, and entities only serve attacks.
function xml.decode(text)
  local stack = { { children = {}, text = {} } }
  local fault
  local parser

  local function stop(why)
    fault = fault or why
    parser:stop()
  end

  parser = lxp.new({
    StartDoctypeDecl = function()
      stop("has a DTD")
    end,
    StartElement = function(_, name)
      if #stack > MAX_DEPTH then
        return stop("is too deep")
      end
      stack[#stack + 1] = { name = name, children = {}, text = {} }
    end,
    EndElement = function()
      local element = table.remove(stack)
      local children = stack[#stack].children
      if children[element.name] == nil then
        children[element.name] = close(element)
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
  if fault or not parsed then
    return nil, "not XML: " .. tostring(fault or message)
  end
  return stack[1].children
end

return xml
