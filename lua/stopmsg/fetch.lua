-- Access tokens that expire. One request of the same engine fetches a token with the user's secret
-- for all waiting calls; again before it expires, and when it is refused.

local core = require("stopmsg.core")
local json = require("stopmsg.json")
local path = require("stopmsg.meaning.path")
local waiting = require("stopmsg.wait")

local fetch = {}

-- A token is no longer used this many seconds before it expires, or for this part of its lifetime,
-- whichever is shorter.
local EARLY, PART = 60, 0.1

-- Attempts of one fetch, and the first pause between two, in seconds.
local MOST, PAUSE = 4, 0.2

-- Seconds between two looks while another call fetches.
local LOOK_EVERY = 0.02

-- Statuses of a refused secret, if the answer is a JSON object. A login page's or a firewall's is
-- not, and says nothing about the secret. 401 is one in any form.
local REFUSALS = { [400] = true, [403] = true }

local Fetch = {}
Fetch.__index = Fetch

-- fetch.new(session, operation): `operation` is the definition's `token`, compiled.
function fetch.new(session, operation)
  return setmetatable({
    _busy_till = -math.huge, -- a call fetches for all until then
    _session = session,
    _operation = operation,
    _ends_at = nil, -- when the token in use expires; nil if it does not
    _has_token = false,
  }, Fetch)
end

-- Whether a token is usable at `now`.
function Fetch:is_ready(now)
  return self._has_token and (not self._ends_at or now < self._ends_at)
end

-- Discards the fetched token.
function Fetch:drop()
  self._has_token = false
end

-- Sends one request and returns its answer: { status, body, stage, fault, detail } | nil if no slot
-- is free or the time is up.
local function ask(self, deadline)
  local session = self._session
  local timeout = math.min(session.timeout, deadline - session.clock())
  if timeout <= 0 then
    return nil
  end
  local call = session.engine:call()
  local number = session:prepare(self._operation)
  local made = self._operation.signing
    and session:made(self._operation, number, { ids = {}, count = 0 }) or nil
  if not call:submit(number, {}, 1, 0, timeout, nil, nil, made) then
    return nil
  end
  if session.sent then
    session.sent()
  end
  while call:ready() == 0 do
    waiting.rest(session, call, 0.1)
  end
  local _, status, body, stage, fault, detail = call:collect()
  return { status = status, body = body, stage = stage, fault = fault, detail = detail }
end

-- Reads the token from an answer: true | nil.
local function take(self, body)
  local document = body and json.decode(body)
  local value = path.first(document, self._operation.value)
  local secret = type(value) == "string" and core.secret(value)
  if not secret then
    return nil
  end
  local lasts = self._operation.lasts and tonumber(path.first(document, self._operation.lasts))
  self._ends_at = lasts and lasts > 0
    and self._session.clock() + lasts - math.min(EARLY, lasts * PART) or nil
  self._has_token = true
  self._session:adopt(secret)
  return true
end

-- Whether an answer says that the secret was refused.
local function is_refusal(reply)
  return reply.status == 401 or REFUSALS[reply.status] and reply.body ~= nil
    and type(json.decode(reply.body)) == "table"
end

-- true | nil, verdict, fault: the result of a fetch. `fault` is nil if the secret was refused.
local function get(self, deadline)
  local last
  for attempt = 1, MOST do
    last = ask(self, deadline)
    if not last then
      break
    elseif not last.fault and last.status == 200 and take(self, last.body) then
      return true
    elseif not last.fault and is_refusal(last) then
      return nil, { outcome = "denied", reason = "credentials", code = last.status,
        http = last.status, message = "no token was issued for the secret" }
    end
    if attempt < MOST then
      waiting.pause(self._session, math.min(PAUSE * 2 ^ (attempt - 1),
        math.max(0, deadline - self._session.clock())))
    end
  end
  local status = last and not last.fault and last.status or nil
  return nil, { outcome = "failed", reason = status and "http_" .. status or "connect",
    http = status, code = status, message = last and last.detail
      or "the token endpoint returned no token: check base_url, proxy" }, "connect"
end

-- true | nil, verdict, fault = fetch:get(deadline): see above. Call it only while no other call
-- fetches. It uses no pcall, because the scheduler's sleep may yield, which Lua 5.1 forbids there.
function Fetch:get(deadline)
  local now = self._session.clock()
  -- A call that raises or is never resumed blocks the others no longer than this.
  self._busy_till = math.min(deadline, now + MOST * self._session.timeout + PAUSE * 2 ^ MOST)
  local done, verdict, fault = get(self, deadline)
  self._busy_till = -math.huge
  return done, verdict, fault
end

-- Whether another call is fetching a token at `now`.
function Fetch:is_busy(now)
  return now < self._busy_till
end

-- When to look again while another call fetches.
function Fetch.look_at(_, now)
  return now + LOOK_EVERY
end

return fetch
