-- Texts with placeholders, as in definitions: "/Messages/{id}.json". Pure.

local text = require("stopmsg.text")

local template = {}

-- Pattern of a placeholder's name.
local NAME = "^{([%a_][%w_]*)}()"

-- pieces = template.parse(written) | nil, message: a list of fixed texts and { name }, in order.
-- Doubled braces are literal.
function template.parse(written)
  local pieces, fixed, at = {}, "", 1
  local function close()
    if fixed ~= "" then
      pieces[#pieces + 1], fixed = fixed, ""
    end
  end
  while at <= #written do
    local brace = written:find("[{}]", at) or #written + 1
    fixed = fixed .. written:sub(at, brace - 1)
    at = brace
    if at > #written then
      break
    end
    local double = written:match("^{{", at) or written:match("^}}", at)
    local name, after = written:match(NAME, at)
    if double then
      fixed, at = fixed .. double:sub(1, 1), at + 2
    elseif name then
      close()
      pieces[#pieces + 1] = { name }
      at = after
    else
      return nil, ("%s: write a placeholder as {name}, and a literal brace as {{ or }}"):format(
        text.quote(written))
    end
  end
  close()
  return pieces
end

-- name = template.only(pieces): the placeholder if it is the whole text, else nil.
function template.only(pieces)
  return #pieces == 1 and type(pieces[1]) == "table" and pieces[1][1] or nil
end

local JSON = { ['"'] = '\\"', ["\\"] = "\\\\" }
local XML = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&apos;" }

-- How values are escaped; must match csrc/template.c.
template.escapes = {
  raw = function(value)
    return value
  end,
  header = function(value)
    return value
  end,
  percent = function(value)
    return (value:gsub("[^%w%-._~]", function(char)
      return ("%%%02X"):format(char:byte())
    end))
  end,
  path = function(value)
    return (value:gsub("[^%w%-._~!$&'()*+,;=:@]", function(char)
      return ("%%%02X"):format(char:byte())
    end))
  end,
  json = function(value)
    return (value:gsub('[%c"\\]', function(char)
      return JSON[char] or char ~= "\127" and ("\\u%04X"):format(char:byte()) or nil
    end))
  end,
  xml = function(value)
    return (value:gsub("[&<>\"']", XML))
  end,
}

return template
