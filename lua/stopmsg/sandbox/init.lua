-- Simulates the providers' methods: request in, response out. It keeps state, opens nothing, and
-- reads only the clock that it is given; server.lua puts it on a socket.

local clickatell = require("stopmsg.sandbox.clickatell")
local direct = require("stopmsg.sandbox.direct")
local json = require("stopmsg.json")
local memory = require("stopmsg.sandbox.memory")
local providers = require("stopmsg.provider")
local pushwoosh = require("stopmsg.sandbox.pushwoosh")
local recorded = require("stopmsg.sandbox.recorded")

local sandbox = {}

local Sandbox = {}
Sandbox.__index = Sandbox
Sandbox.__name = "stopmsg.sandbox"

local PLATFORMS = {
  { name = "revicom", dispatches = "idigital", prefix = "/api/v1/message", open = direct.new },
  { name = "revicom", dispatches = "idigital", prefix = "/api/v1/dispatch", open = direct.new },
  { name = "revicom", dispatches = "idigital", prefix = "/api/v1/balance", open = direct.new },
  { name = "pushwoosh", prefix = "/messaging/v2/", open = pushwoosh.new },
  { name = "pushwoosh", prefix = "/api/v2/messages", open = pushwoosh.new },
  { name = "clickatell", prefix = "/rest/message", open = clickatell.new },
}

-- options.now: function that returns seconds since 1970 (default os.time).
-- options.settle: seconds until a stop shows in lookups (default 0).
-- options.campaign: the messages that each provider holds and lists: { size = at the start,
-- created_per_second =, create_seconds =, leave_per_second = }. Messages that leave cannot be
-- stopped any more. It starts when a provider's messages are first requested. The default is three.
function sandbox.new(options)
  options = options or {}
  local memories = {}
  local function new_memory(name)
    local made = memory.new(options.now or os.time, options.settle or 0, options.campaign)
    memories[name] = made
    return made
  end
  local opened, routes = {}, {}
  for _, platform in ipairs(PLATFORMS) do
    local open = platform.open
    if not opened[open] then
      opened[open] = open(new_memory(platform.name),
        platform.dispatches and new_memory(platform.dispatches))
    end
    routes[#routes + 1] = { prefix = platform.prefix, platform = opened[open] }
  end
  return setmetatable({ _routes = routes, _recorded = {}, _memories = memories,
    _new_memory = new_memory }, Sandbox)
end

-- The state of the held messages of each provider that was asked for them: see campaign.lua.
function Sandbox:tally()
  local tallies = {}
  for name, held in pairs(self._memories) do
    tallies[name] = held:tally()
  end
  return tallies
end

-- platform = self:_platform(name): a provider simulated from its definition, made at first use; nil
-- if it has no recorded responses.
function Sandbox:_platform(name)
  local opened = self._recorded
  if opened[name] == nil then
    opened[name] = recorded.find(name) and recorded.new(name, self._new_memory(name)) or false
  end
  return opened[name] or nil
end

-- Finds the simulated provider and its response. If several share an address, the prefix /NAME
-- chooses one.
local function answer_recorded(self, request)
  local name, inner = request.path:match("^/([%l%d_]+)(/.*)$")
  local platform = name and providers.is_built_in(name) and self:_platform(name)
  if platform then
    local copy = {}
    for field, value in pairs(request) do
      copy[field] = value
    end
    copy.path = inner
    return platform:answer(copy)
  end
  for _, other in ipairs(providers.names()) do
    platform = self:_platform(other)
    local answer = platform and platform:answer(request)
    if answer then
      return answer
    end
  end
  return nil
end

-- request: { method, path, query, headers (lower-case names), body }
-- answer: { status, headers, body, ids }; ids: how many the request contained, 0 if it was refused
-- before they were read.
function Sandbox:answer(request)
  for _, route in ipairs(self._routes) do
    if request.path:sub(1, #route.prefix) == route.prefix then
      local answer = route.platform:answer(request)
      answer.headers = answer.headers or {}
      answer.ids = answer.ids or 0
      return answer
    end
  end
  if request.path == "/sandbox/campaign" then
    return { status = 200, headers = { ["Content-Type"] = "application/json" },
      body = json.encode(self:tally()), ids = 0 }
  end
  return answer_recorded(self, request) or {
    status = 404,
    headers = { ["Content-Type"] = "text/plain" },
    body = "the sandbox has no such path\n",
    ids = 0,
  }
end

local ABOUT = [[
Tokens
  sandbox            works with every provider
  sandbox-type-2     a valid key of the wrong type: Revicom and i-Digital answer 403/4030 (but tell
                     the balance), the others 401
  any other          401, as the provider documents it

Fates: the last four characters of an id choose what happens to it; every other id is stopped.
  Every provider     0429 first request that holds it: 429 with Retry-After: 1, later ones go on
                     0500 first request that holds it: 500, later ones go on
                     0503 every request that holds it: 503
                     (a request is a stop or a status call)
  Revicom messages   0000 left out of the answer, stopped all the same
                     0201 0202 that code; status then becomes unsent for 0201, sent for 0202
                     0403 too late, sent    0404 not found    0418 a code nobody knows, not stopped
                     0400 every stop that holds it: 400
  i-Digital          4031 too late, done    4032 not started, initiated (both 403/4031)
  dispatches         4040 not found         4030 403/4030, as with a token of the wrong type
  Pushwoosh          0400 400 code 9, DONE  0003 400 code 3
                     0403 another account's 0404 not found
  Clickatell         0001 to 0014 that messageStatus, in stop and status calls    0015 status 015
                     0404 HTTP 404          0999 stopped, but the answer names another id

  Other providers    0404 not there            0409 sent already
                     (of a Brevo message id the four characters before the @)
%s
                     (their answers are recorded from their pages; put /NAME before the path where
                     two of them have the same)

State: what was stopped stays stopped. A second stop gets 200 from Revicom, 403/4031 from i-Digital,
400 code 9 from Pushwoosh, 006 from Clickatell. Status calls show stopped ids as unsent, stopped,
CANCELED, 006, and others as sending, sending, PENDING, 011. Nothing is kept when it ends.]]

-- The fates that only some providers have, one per line: "telnyx 0202 parted: 200 too_late".
local function own_fates()
  local lines = {}
  for _, name in ipairs(providers.names()) do
    local answers = recorded.find(name)
    local endings = {}
    for ending in pairs(answers and answers.fates or {}) do
      endings[#endings + 1] = ending
    end
    table.sort(endings)
    for _, ending in ipairs(endings) do
      local fate = answers.fates[ending]
      local answer = answers.stop[fate]
      lines[#lines + 1] = ("     %-15s %s %s: HTTP %d, %s"):format(name, ending, fate,
        answer.status, answer.says)
    end
  end
  return table.concat(lines, "\n")
end

-- These rules, as printed by `stopmsg sandbox --help`.
function sandbox.about()
  return (ABOUT:format(own_fates()))
end

return sandbox
