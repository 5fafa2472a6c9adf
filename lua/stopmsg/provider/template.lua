-- Texts with placeholders, as definitions write them: "/Messages/{id}.json". Pure.

local text = require("stopmsg.text")

local template = {}

-- What may stand in braces.
local NAME = "^{([%a_][%w_]*)}()"

-- pieces = template.parse(written) | nil, message
-- A list of fixed texts and of { name }, in their order. Doubled braces stand for themselves.
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

-- name = template.only(pieces): the placeholder that is all of a text, nil where there is more.
function template.only(pieces)
  return #pieces == 1 and type(pieces[1]) == "table" and pieces[1][1] or nil
end

local JSON = { ['"'] = '\\"', ["\\"] = "\\\\" }
local XML = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&apos;" }

-- How a value is written where it stands; the same as in csrc/template.c.
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
