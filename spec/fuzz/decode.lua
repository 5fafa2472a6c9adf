-- What an answer is taken to mean, for every operation of every provider: no word may be stronger
-- than what stands in the answer, told by another parser.
--
-- Input: the operation's number, the HTTP status, j or x for the format, and ids, on a line; then
-- the body.

local answers = require("spec.support.answers")
local evidence = require("spec.fuzz.evidence")
local outcome = require("stopmsg.meaning.outcome")
local providers = require("stopmsg.provider")
local text = require("stopmsg.text")

local operations = {}
for _, provider in ipairs(providers.names()) do
  local names = {}
  for name in pairs(providers.load(provider).operations) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    operations[#operations + 1] = {
      provider = provider,
      name = name,
      operation = answers.operation(provider, name),
    }
  end
end

local ACTIONS = { settle = true, again = true, throttle = true, halve = true, credentials = true }

-- Under which status a word may come that needs no look at the body.
local BY_HTTP = {
  failed = function(status) return status >= 300 and status < 500 end,
  denied = function(status) return status == 401 end,
  unknown = function() return true end,
}

-- What the provider itself may say by a refusal.
local REFUSALS = { not_found = true, not_stoppable = true, invalid = true, denied = true }

local function check_refusal(case, status, format, body, word)
  if BY_HTTP[word] and BY_HTTP[word](status) then
    return
  end
  assert(REFUSALS[word], word .. " of a HTTP " .. status)
  assert(status >= 400 and status ~= 407 and status ~= 429 and status ~= 511, word .. " of a HTTP "
    .. status)
  assert(evidence.is_refusal(case, status, format, body), word .. " by a stranger's HTTP "
    .. status)
end

local function check_action(case, status, format, body, action, is_usable)
  if action == "throttle" then
    assert(status == 429, "a pause for a HTTP " .. status)
  elseif action == "halve" then
    assert(status == 413 or (status == 400 or status == 422)
      and evidence.is_refusal(case, status, format, body), "halved for a stranger")
  elseif action == "credentials" then
    assert(status == 401 or evidence.is_refusal(case, status, format, body),
      "credentials by a stranger's HTTP " .. status)
  end
  assert(not is_usable or status == 200 or evidence.is_refusal(case, status, format, body),
    "a stranger's answer is usable")
end

local function check(case, status, format, id, body, verdict)
  local word = verdict.outcome
  assert(outcome.all[word], "no outcome: " .. tostring(word))
  local code = verdict.code
  assert(code == nil or type(code) == "number" or type(code) == "string", "a code of no such type")
  assert(code == code and code ~= math.huge and code ~= -math.huge, "a code nobody can write")
  local message = text.clean(verdict.message)
  assert(message == nil or #message <= 200 and not message:find("%c"), "a message not cleaned")
  if status ~= 200 then
    check_refusal(case, status, format, body, word)
  elseif word == "stopped" then
    assert(evidence.is_stopped(case, format, id, body), "stopped, and nothing says so")
  elseif word ~= "unknown" then
    assert(evidence.is_listed(case, format, id, body), word .. ", and nothing says so")
  end
end

return function(data)
  local number, status, kind, rest, body = data:match("^(%d+) (%d%d%d) ([jx])([^\n]*)\n(.*)$")
  local case = operations[(tonumber(number) or 0) % #operations + 1]
  if not number then
    return
  end
  status = tonumber(status)
  local ids, seen = {}, {}
  for id in rest:gmatch("%S+") do
    if #ids < case.operation.limit and not seen[id:lower()] then
      seen[id:lower()] = true
      ids[#ids + 1] = id
    end
  end
  if #ids == 0 then
    return
  end
  local format = case.provider == "clickatell" and kind == "x" and "xml" or "json"
  local action, verdict, _, is_usable = answers.reader(case.operation)(status, body, ids, format)
  assert(ACTIONS[action], "no action: " .. tostring(action))
  check_action(case, status, format, body, action, is_usable)
  for i, id in ipairs(ids) do
    check(case, status, format, id, body, verdict[1] and verdict[i] or verdict)
  end
  assert(verdict[1] == nil or #verdict == #ids, "not one verdict an id")
end
