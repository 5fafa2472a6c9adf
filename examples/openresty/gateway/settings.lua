-- What the gateway is told from outside: environment variables, and a file for the token.

-- What the environment says; a variable that is empty is none.
local function variable(name)
  local text = os.getenv(name)
  return text ~= "" and text or nil
end

-- A number above 0 from the environment.
local function number(name, default)
  local text = variable(name)
  local value = tonumber(text)
  if text and not (value and value > 0) then
    error(("%s: a number above 0 expected, got '%s'"):format(name, text), 0)
  end
  return value or default
end

local settings = {
  provider = variable("STOPMSG_PROVIDER") or "revicom",
  base_url = variable("STOPMSG_BASE_URL"), -- of a sandbox; without it, the provider's own
  rate = number("STOPMSG_RATE"), -- requests per second to the provider, of all workers together
  concurrency = number("STOPMSG_CONCURRENCY"), -- requests in flight, of each worker
  max_ids = number("STOPMSG_MAX_IDS", 1000000), -- of one call
  stream_from = number("STOPMSG_STREAM_FROM", 10000), -- longer lists are always streamed
  deadline = number("STOPMSG_DEADLINE", 60), -- seconds for a call that is not streamed
}

-- The token as it is now: a new one in the file is taken when the provider refuses the old one.
function settings.token()
  local path = variable("STOPMSG_TOKEN_FILE")
  if not path then
    return variable("STOPMSG_TOKEN") or error("STOPMSG_TOKEN_FILE or STOPMSG_TOKEN is missing", 0)
  end
  local file, message = io.open(path)
  if not file then
    error("STOPMSG_TOKEN_FILE: " .. message, 0)
  end
  local token = file:read("*l")
  file:close()
  return (token or error("STOPMSG_TOKEN_FILE: the file is empty", 0)):match("^%s*(.-)%s*$")
end

return settings
