-- What an answer is taken to mean, for every operation of every provider: no word may be stronger
-- than what stands in the answer, told by another parser.
--
-- Input: the operation's number, the HTTP status, j or x for the format, and ids, on a line; then
-- the body.

local answers = require("spec.support.answers")
local evidence = require("fuzz.evidence")
local outcome = require("stopmsg.outcome")
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

-- What an answer other than 200 may say at most.
local REFUSED = {
  too_late = false, stopped = false, open = false, skipped = false,
  accepted = function(status) return status == 202 end,
  denied = function(status) return status == 401 or status == 403 end,
  not_found = function(status, body) return status == 404 or body:find("103", 1, true) end,
  invalid = function(status) return status == 400 or status == 413 or status == 422 end,
  not_stoppable = function(status) return status == 400 or status == 403 end,
  failed = function(status) return status >= 300 and status < 500 end,
  unknown = function() return true end,
}

local function check(case, status, format, id, body, verdict)
  local word = verdict.outcome
  assert(outcome.all[word], "no outcome: " .. tostring(word))
  local code = verdict.code
  assert(code == nil or type(code) == "number" or type(code) == "string", "a code of no such type")
  assert(code == code and code ~= math.huge and code ~= -math.huge, "a code nobody can write")
  local message = text.clean(verdict.message)
  assert(message == nil or #message <= 200 and not message:find("%c"), "a message not cleaned")
  if status ~= 200 then
    assert(REFUSED[word] and REFUSED[word](status, body), word .. " of a HTTP " .. status)
  elseif word == "stopped" then
    assert(evidence.is_stopped(case, format, id, body), "stopped, and nothing says so")
  elseif word == "too_late" then
    assert(body:find("%S"), "too late, and nothing says so")
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
  local action, verdict = answers.reader(case.operation)(status, body, ids, format)
  assert(ACTIONS[action], "no action: " .. tostring(action))
  for i, id in ipairs(ids) do
    check(case, status, format, id, body, verdict[1] and verdict[i] or verdict)
  end
  assert(verdict[1] == nil or #verdict == #ids, "not one verdict an id")
end
