-- A non-blocking link to Redis: connects, authenticates, sends commands, delivers replies in order,
-- and reconnects after a lost connection. The user of a link must step it; the wait of an engine
-- may watch `connection` meanwhile.

local address = require("stopmsg.fleet.address")
local core = require("stopmsg.core")
local fault = require("stopmsg.fleet.fault")
local text = require("stopmsg.text")

local link = {}

-- Seconds of back-off before reconnecting: first and longest.
local FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1

-- Timeouts of a reply and of connecting, in seconds.
local TIMEOUT, CONNECT_TIMEOUT = 2, 3

-- Seconds after which a missing reply is reported.
local SLOW = 0.5

-- Maximum bytes of a reply.
local LIMIT = 16 * 1024 * 1024

local Link = {}
Link.__index = Link

-- made = link.new(options). address: parsed, see address.lua. password: a string, or nil. timeout,
-- connect_timeout (seconds), limit (bytes of a reply), ca_file, ca_path, cert_file, key_file,
-- verify_tls: as for a client. clock: core.now.
function link.new(options)
  local place = options.address
  return setmetatable({
    connection = core.redis({
      url = ("%s://%s:%d/"):format(place.is_tls and "https" or "http", place.host, place.port),
      connect_timeout = options.connect_timeout or CONNECT_TIMEOUT,
      limit = options.limit or LIMIT,
      insecure = options.verify_tls == false,
      ca_file = options.ca_file,
      ca_path = options.ca_path,
      cert_file = options.cert_file,
      key_file = options.key_file,
    }),
    name = "Redis at " .. address.show(place),
    fault = nil, -- why there is no connection, as one line
    is_final = false, -- waiting does not help
    _place = place,
    _password = options.password,
    _redact = fault.redactor(options.password),
    _timeout = options.timeout or TIMEOUT,
    _connect_timeout = options.connect_timeout or CONNECT_TIMEOUT,
    _clock = options.clock or core.now,
    _state = "off", -- off, connecting, greeting, ready
    _began = 0, -- when connecting began
    _retry_at = -math.huge,
    _pause = FIRST_PAUSE,
    _step_at = math.huge, -- when libcurl wants the next step
    _waiting = {}, -- { on_reply, since }, from _first to _last
    _first = 1,
    _last = 0,
  }, Link)
end

-- Returns whether a command can be sent.
function Link:is_ready()
  return self._state == "ready"
end

-- Handles a lost connection. Commands without a reply may or may not have been carried out.
local function lose(self, now, message, is_final)
  local waiting, first, last = self._waiting, self._first, self._last
  self.fault = self._redact(("%s %s"):format(self.name, message))
  self.is_final = is_final or false
  self._state, self._step_at = "off", math.huge
  self._retry_at = now + self._pause
  self._pause = math.min(2 * self._pause, LONGEST_PAUSE)
  self._waiting, self._first, self._last = {}, 1, 0
  for i = first, last do
    waiting[i].on_reply(nil, self.fault, true)
  end
end

local function send(self, words, on_reply)
  -- Registered before sending: otherwise a reply could be taken for another command's.
  self._waiting[self._last + 1] = { on_reply = on_reply, since = self._clock() }
  if not self.connection:send(words) then
    self._waiting[self._last + 1] = nil
    return false
  end
  self._last = self._last + 1
  return true
end

local function greet_done(self)
  self._state = "ready"
end

-- Authenticates and selects the database. These replies come before those of any command.
local function greet(self)
  local words = {}
  if self._password then
    words[1] = self._place.user and { "AUTH", self._place.user, self._password }
      or { "AUTH", self._password }
  end
  if self._place.database ~= "0" then
    words[#words + 1] = { "SELECT", self._place.database }
  end
  self._state = #words > 0 and "greeting" or "ready"
  for i, command in ipairs(words) do
    send(self, command, function(value, err, is_lost)
      if err and not is_lost then
        self._refusal = { fault.of_greeting(command[1], err) }
      elseif not is_lost and value ~= "OK" then
        self._refusal = { "answers as no Redis does", true }
      elseif not is_lost and i == #words and not self._refusal then
        greet_done(self)
      end
    end)
  end
end

-- Translates libcurl's error for people.
local function why(self, message, kind)
  if kind == "protocol" then
    return "answers as no Redis does"
  end
  local hint = self._place.is_tls and kind ~= "lost" and kind ~= "resolve" and message:find("SSL")
    and "; does it speak TLS on this port?" or ""
  return ("%s (%s%s)"):format(kind == "lost" and "was lost" or "cannot be reached",
    text.clean((message:gsub("^Failed to connect to .- after %d+ ms: ", ""))), hint)
end

local function connect(self, now)
  self._refusal = nil
  local begun, message, kind = self.connection:connect()
  if not begun then
    lose(self, now, why(self, message, kind), false)
    return
  end
  self._state, self._began = "connecting", now
end

-- Takes all replies that have arrived.
local function take(self, now)
  while self._state ~= "off" do
    local has, value, kind = self.connection:receive()
    if has == nil and kind == "lost" and self._state == "ready" and self._first > self._last then
      self._state, self._retry_at = "off", now -- Redis closes idle connections
      return
    elseif has == nil then
      lose(self, now, why(self, value, kind), kind == "protocol")
      return
    elseif not has then
      return
    elseif self._first > self._last then
      -- Some servers give a reason before they hang up.
      local said = type(value) == "table" and value.err
      local message, is_final = "answered what was not asked", true
      if said then
        message, is_final = fault.of_unasked(said)
      end
      lose(self, now, message, is_final)
      return
    end
    local entry = self._waiting[self._first]
    self._waiting[self._first] = nil
    self._first = self._first + 1
    local err = type(value) == "table" and value.err and self._redact(value.err)
    if self._state == "ready" then
      self.fault, self.is_final, self._pause = nil, false, FIRST_PAUSE
    end
    entry.on_reply(not err and value or nil, err or nil, false)
    if self._refusal then
      lose(self, now, self._refusal[1], self._refusal[2])
      return
    end
  end
end

-- Drives the connection and delivers replies.
function Link:step()
  local now = self._clock()
  if self._state == "off" then
    if now < self._retry_at then
      return
    end
    connect(self, now)
  end
  if self._state == "off" then
    return
  end
  local connected, seconds, kind = self.connection:step()
  if connected == nil then
    lose(self, now, why(self, seconds, kind), kind == "tls")
    return
  end
  self._step_at = seconds and now + seconds or math.huge
  if connected and self._state == "connecting" then
    greet(self)
    connected, seconds, kind = self.connection:step()
    if connected == nil then
      lose(self, now, why(self, seconds, kind), false)
      return
    end
  end
  take(self, now)
  if self._state == "connecting" and now >= self._began + self._connect_timeout then
    lose(self, now, "cannot be reached (no connection in time)", false)
  elseif self._first <= self._last and now >= self._waiting[self._first].since + self._timeout then
    lose(self, now, ("has not answered for %g s"):format(self._timeout), false)
  end
end

-- Returns why there is no reply now; nil if there is no known problem.
function Link:trouble()
  if self.fault then
    return self.fault
  end
  local now = self._clock()
  if self._first <= self._last and now >= self._waiting[self._first].since + SLOW then
    return self.name .. " has not answered yet"
  elseif self._state == "connecting" and now >= self._began + SLOW then
    return self.name .. " cannot be reached yet"
  end
end

-- Returns the seconds until the next step is needed without activity.
function Link:due()
  local now, at = self._clock(), self._step_at
  if self._state == "off" then
    at = self._retry_at
  elseif self._state == "connecting" then
    at = math.min(at, self._began + self._connect_timeout, now + SLOW)
  elseif self._first <= self._last then
    at = math.min(at, self._waiting[self._first].since + self._timeout, now + SLOW)
  end
  return math.max(0, at - now)
end

-- Sends a command, a list of strings. on_reply(value, err, is_lost) gets the reply: a string, a
-- number, a list, false for null; or err, the text of an error reply; or err and is_lost after a
-- lost connection, perhaps before this returns. Returns false if no command can be sent now;
-- on_reply is then not called.
function Link:command(words, on_reply)
  if self._state ~= "ready" or not send(self, words, on_reply) then
    return false
  end
  -- Send it at once.
  local connected, message, kind = self.connection:step()
  if connected == nil then
    lose(self, self._clock(), why(self, message, kind), false)
  end
  return true
end

-- Returns the words that run a script, whether Redis already has it or not.
function link.script_words(script, has_it, key, arguments)
  local words = { has_it and "EVALSHA" or "EVAL", has_it and script.sha or script.text, "1", key }
  for _, argument in ipairs(arguments) do
    words[#words + 1] = argument
  end
  return words
end

-- Returns whether an error means that Redis does not have the script.
function link.lacks_script(err)
  return type(err) == "string" and err:find("NOSCRIPT", 1, true) ~= nil
end

-- Runs a script, { text, sha }, on one key; otherwise like a command.
function Link:script(script, key, arguments, on_reply)
  return self:command(link.script_words(script, true, key, arguments), function(value, err, is_lost)
    if not link.lacks_script(err) then
      on_reply(value, err, is_lost)
    elseif not self:command(link.script_words(script, false, key, arguments), on_reply) then
      on_reply(nil, err, true)
    end
  end)
end

function Link:close()
  self._state, self._retry_at = "off", math.huge
  self._waiting, self._first, self._last = {}, 1, 0
  self.connection:close()
end

return link
