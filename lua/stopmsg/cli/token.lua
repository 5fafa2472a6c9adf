-- The token, from a file or the environment. Never an argument: every user of the machine can read
-- those.

local core = require("stopmsg.core")
local encoding = require("stopmsg.cli.encoding")
local text = require("stopmsg.text")

local token = {}

local MOST = 16 * 1024

-- Quotes as shells, editors and chats make them: what a token begins and ends with.
local QUOTES = { { '"', '"' }, { "'", "'" }, { "`", "`" }, { "“", "”" }, { "„", "“" },
  { "‘", "’" }, { "«", "»" } }

-- Why a token is wrong, or nil.
local function fault(value)
  for _, pair in ipairs(QUOTES) do
    local open, close = pair[1], pair[2]
    if #value >= #open + #close and value:sub(1, #open) == open
      and value:sub(-#close) == close then
      return "remove the quotes around the token"
    end
  end
  local secret, why = core.secret(value)
  if not secret then
    return "the token " .. why
  end
  secret:close()
end

-- value = read(path) | nil, message. The first line, without trailing white space.
local function read(path)
  local file, message = io.open(path, "r")
  if not file then
    return nil, message
  end
  local bytes, why = file:read(MOST)
  file:close()
  if why then
    return nil, ("%s: %s"):format(path, why)
  end
  local decoded
  decoded, why = encoding.text(bytes or "")
  if not decoded then
    return nil, ("%s: %s"):format(path, why)
  end
  local value = decoded:match("^[^\r\n]*"):gsub("%s+$", "")
  if value == "" then
    return nil, path .. ": the first line is empty; it must be the token"
  end
  why = fault(value)
  if why then
    return nil, ("%s: %s"):format(path, why)
  end
  return value
end

-- The provider's environment variable: name(provider, "TOKEN").
function token.variable(provider, what)
  return ("STOPMSG_%s_%s"):format(provider:upper():gsub("[^%w]", "_"), what or "TOKEN")
end

-- value, from = token.find(provider, path, getenv) | nil, message. `from`: where it came from. A
-- file is read again if the provider refuses the token, since the token may have been renewed.
function token.find(provider, path, getenv)
  if path then
    local value, message = read(path)
    if not value then
      return nil, "--token-file: " .. message
    end
    local has_given = false
    return function()
      if not has_given then
        has_given = true
        return value
      end
      return (read(path))
    end, "the file " .. text.printable(path), value
  end
  local variable = token.variable(provider)
  for _, name in ipairs({ variable, "STOPMSG_TOKEN" }) do
    local value = getenv(name)
    if value and value ~= "" then
      local why = fault(value)
      if why then
        return nil, ("%s: %s"):format(name, why)
      end
      local other = getenv("STOPMSG_TOKEN")
      local is_shadow = name == variable and other and other ~= "" and other ~= value
      return value, name .. (is_shadow and ", which overrides STOPMSG_TOKEN" or ""), value
    end
  end
  return nil, ("no token: use --token-file FILE, or set %s or STOPMSG_TOKEN"):format(
    text.printable(variable))
end

return token
