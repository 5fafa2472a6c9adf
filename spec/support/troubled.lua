-- A program for server.spawn: the sandbox with trouble. Some requests are refused with 429 or 503
-- before they take effect, some lose their connection before or after that, and some get 503
-- although they took effect. What it stopped goes to a file, an id a line.
--   troubled.lua FILE SEED
-- The first line it prints is its URL.

local http = require("stopmsg.sandbox.http")
local memory = require("stopmsg.sandbox.memory")
local sandbox = require("stopmsg.sandbox")
local serving = require("spec.support.serving")
local uv = require("luv")

local path, state = arg[1], tonumber(arg[2])
local log = assert(io.open(path, "w"))

-- The sandbox tells nobody what it stopped.
local new = memory.new
function memory.new(...)
  local kept = new(...)
  local stop = kept.stop
  function kept:stop(id, at)
    log:write(id, "\n")
    log:flush()
    return stop(self, id, at)
  end
  return kept
end

local providers = sandbox.new()

-- Numbers from 0 to 99, the same for the same seed on every Lua.
local function dice()
  state = (state * 69069 + 1) % 4294967296
  return math.floor(state / 65536) % 100
end

local REFUSED = {
  { below = 1, status = 429, headers = { ["Retry-After"] = "0" } },
  { below = 6, status = 503, headers = {} },
}

-- text of an answer; nil where the connection breaks.
local function respond(request)
  local roll = dice()
  for _, refused in ipairs(REFUSED) do
    if roll < refused.below then
      return http.answer({ status = refused.status, headers = refused.headers, body = "" }, true)
    end
  end
  if roll < 9 then
    return nil
  end
  local answer = providers:answer(request)
  if roll < 14 then
    return nil
  elseif roll < 18 then
    return http.answer({ status = 503, headers = {}, body = "" }, true)
  end
  return http.answer(answer, true)
end

local function serve(connection)
  local reader = http.reader()
  connection:read_start(function(err, bytes)
    if err or not bytes then
      connection:close()
      return
    end
    reader:feed(bytes)
    while not connection:is_closing() do
      local event, request = reader:next()
      if event ~= "request" then
        return
      end
      local text = respond(request)
      if text then
        connection:write(text)
      else
        connection:close()
      end
    end
  end)
end

local listener = uv.new_tcp()
assert(listener:bind("127.0.0.1", 0))
assert(listener:listen(128, function()
  local connection = uv.new_tcp()
  listener:accept(connection)
  serve(connection)
end))

serving.run("http://127.0.0.1:" .. listener:getsockname().port)
