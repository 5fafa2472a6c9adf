-- The token: from a file or the environment. Never an argument, which every user of the machine
-- could read.

local text = require("stopmsg.text")

local token = {}

-- value = read(path) | nil, message. The first line, without white space at its end.
local function read(path)
  local file, message = io.open(path, "r")
  if not file then
    return nil, message
  end
  local bytes, why = file:read(16 * 1024)
  file:close()
  if why then
    return nil, ("%s: %s"):format(path, why)
  end
  local value = (bytes or ""):match("^[^\r\n]*"):gsub("%s+$", "")
  if value == "" then
    return nil, path .. ": its first line is empty, it has to hold the token"
  end
  return value
end

function token.variable(provider)
  return ("STOPMSG_%s_TOKEN"):format(provider:upper())
end

-- value = token.find(provider, path, getenv) | nil, message
-- A file is read again when the provider refuses the token, which may have been renewed by then.
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
    end
  end
  local variable = token.variable(provider)
  for _, name in ipairs({ variable, "STOPMSG_TOKEN" }) do
    local value = getenv(name)
    if value and value ~= "" then
      return value
    end
  end
  return nil, ("no token: give --token-file FILE, or set %s or STOPMSG_TOKEN"):format(
    text.printable(variable))
end

return token
