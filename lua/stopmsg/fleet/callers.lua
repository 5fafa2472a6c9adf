-- Two ways to run the script in Redis, for keeper.lua: over our own link, and over a user's client
-- that returns the reply directly.

local client = require("stopmsg.fleet.client")
local compat = require("stopmsg.compat")
local link = require("stopmsg.fleet.link")
local script = require("stopmsg.fleet.script")

local callers = {}

-- Seconds until a busy client is tried again.
local LOOK_EVERY = 0.005

local Linked = {}
Linked.__index = Linked

-- caller = callers.linked(options, key): options as for link.new.
function callers.linked(options, key)
  local made = link.new(options)
  return setmetatable({
    link = made,
    connection = made.connection,
    _key = key,
  }, Linked)
end

function Linked:step()
  self.link:step()
end

function Linked:run(arguments, on_reply)
  return self.link:script(script, self._key, arguments, on_reply)
end

function Linked:trouble()
  return self.link:trouble()
end

function Linked:due()
  return self.link:due()
end

local Direct = {}
Direct.__index = Direct

-- caller = callers.direct(connect, key): connect() returns a client
-- nil, message. The client is kept until it fails.
function callers.direct(connect, key)
  return setmetatable({ _connect = connect, _key = key, _client = nil, _is_busy = false }, Direct)
end

function Direct:run(arguments, on_reply)
  if self._is_busy then
    return false -- another coroutine uses it now
  end
  self._is_busy = true
  local called, value, err = compat.try_hook(function()
    local message
    if not self._client then
      self._client, message = self._connect()
      if not self._client then
        return nil, tostring(message)
      end
    end
    return client.script(self._client, self._key, arguments)
  end)
  self._is_busy = false
  if not called then
    value, err = nil, tostring(value)
  end
  if err and not client.is_reply(err) then
    self._client = nil
  end
  client.answer(on_reply, value, err)
  return true
end

function Direct.trouble() end

function Direct.due()
  return LOOK_EVERY
end

return callers
