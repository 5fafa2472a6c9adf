-- What an answer means. Pure: an operation, an answer and the ids that were asked about go in; an
-- action and what to tell about each id come out.
--
-- Actions:
--   "settle"       the verdicts are final
--   "again"        repeat; the verdict is what holds when no repeat is left
--   "throttle"     the same after a 429: the whole client pauses
--   "halve"        the batch was refused as a whole: find out which ids are at fault
--   "credentials"  the token was refused: no further request will fare better
--
-- A verdict is an item without its id and history: { outcome, reason, code, http, message, … }.

local compat = require("stopmsg.compat")
local json = require("stopmsg.json")
local outcome = require("stopmsg.outcome")
local tls = require("stopmsg.tls")

local answer = {}

local REPEATED = { [500] = true, [502] = true, [503] = true, [504] = true }
local HALVED = { [400] = true, [413] = true, [422] = true }

-- Longer "codes" are not codes.
local MAX_CODE = 64

-- A provider's own code, untouched where it is one: a number, or a short printable string.
local function plain_code(value)
  if type(value) == "number" then
    -- JSON can say 1e400, and nobody could write that down again.
    return value > -math.huge and value < math.huge and json.integer(value) or nil
  end
  if type(value) == "string" and #value > 0 and #value <= MAX_CODE and not value:find("%c") then
    return value
  end
  return nil
end

-- code, message of an error answer as the definition reads it; it is somebody else's code, and
-- somebody else's JSON.
local function read_fault(operation, reply)
  if not operation.fault then
    return nil
  end
  local called, code, message = compat.try(operation.fault, reply)
  if not called then
    return nil
  end
  return plain_code(code), type(message) == "string" and message or nil
end

-- The verdict(s) of the definition's own `decode`, checked: nil where there are none that can be
-- used.
local function read_decoded(operation, reply, ids)
  local called, verdict = compat.try(operation.decode, reply, ids)
  if not called or type(verdict) ~= "table" then
    return nil
  end
  if verdict[1] == nil then
    return outcome.all[verdict.outcome] and verdict or nil
  end
  for i in ipairs(ids) do
    if type(verdict[i]) ~= "table" or not outcome.all[verdict[i].outcome] then
      return nil
    end
    verdict[i].code = plain_code(verdict[i].code)
  end
  return verdict
end

-- What the definition says of this status and code, the closest first.
local function refusal(operation, status, code)
  local refusals = operation.refusals
  if not refusals then
    return nil
  end
  if code ~= nil then
    local word = refusals[status .. "/" .. tostring(code)] or refusals["*/" .. tostring(code)]
    if word then
      return word
    end
  end
  return refusals[tostring(status)]
end

-- verdict = answer.of_code(operation, code): what an item says by its code, as items:codes() of the
-- core gives it.
function answer.of_code(operation, code)
  if code == false then
    return { outcome = "unknown", reason = "missing_in_answer", message = operation.inferred }
  elseif code == true then
    return { outcome = "unknown", reason = "bad_response",
      message = "the answer gives this id two different codes" }
  end
  code = plain_code(code)
  local word = operation.words[code]
  return { outcome = word or "unknown", reason = not word and "unknown_code" or nil, code = code }
end

-- { outcome, state, … } of a message whose status the provider calls `word`. Other cases of the
-- letters are the same word; a word that nobody knows proves nothing.
local function read_state(operation, word)
  local known = type(word) == "string" and word:lower()
  local proven = known and operation.states[known]
  if not proven then
    return { outcome = "unknown", reason = "unknown_state", state = word }
  end
  local note = operation.shared and operation.shared[known]
  return {
    outcome = proven,
    state = word,
    message = note,
    verified = proven ~= "open" and proven ~= "unknown" and not note or nil,
  }
end

-- The id of an entry as text: dispatches have numbers.
local function entry_id(entry, field)
  local id = type(entry) == "table" and entry[field]
  if type(id) == "number" and id >= 0 and id % 1 == 0 and id < 2 ^ 53 then
    return ("%.0f"):format(id)
  end
  return type(id) == "string" and id or nil
end

-- Key of an id as the answer spells it.
local function key_of(operation, id)
  return operation.id.fold and id:lower() or id
end

-- Where `id` stands among those asked about. Answers mostly come in the order asked, so the place
-- that is due is tried first, and the index is made only when that fails.
local function finder(operation, ids)
  local places
  return function(id, due)
    if ids[due] == id then
      return due
    end
    if not places then
      places = {}
      for i, asked in ipairs(ids) do
        places[key_of(operation, asked)] = i
      end
    end
    return places[key_of(operation, id)]
  end
end

local function surplus_warning(count)
  return count > 0 and ("the answer holds %d item(s) that nobody asked about"):format(count) or nil
end

-- The verdict of an answer that the core read, and warnings about what does not fit. The body is
-- the answer without its entries.
local function read_codes(operation, reply)
  local warnings = { surplus_warning(reply.items:surplus()) }
  local document = operation.remark and json.decode(reply.body)
  if document then
    warnings[#warnings + 1] = operation.remark(document, reply.items:counts())
  end
  return { codes = reply.items }, warnings
end

-- The verdicts of an answer that tells a state of each message, and warnings.
local function read_states(operation, document, ids)
  local fields = operation.items
  local list = document[fields.list]
  if type(list) ~= "table" then
    return nil
  end
  local find = finder(operation, ids)
  local verdicts, surplus = {}, 0
  for i = 1, #ids do
    verdicts[i] = false
  end
  for i, entry in ipairs(list) do
    local id = entry_id(entry, fields.id)
    local place = id and find(id, i)
    local earlier = place and verdicts[place]
    if not place then
      surplus = surplus + 1
    elseif not earlier then
      local verdict = read_state(operation, plain_code(entry[fields.code]))
      verdict.left = operation.left and operation.left(entry)
      verdicts[place] = verdict
    elseif earlier.state ~= plain_code(entry[fields.code]) then
      verdicts[place] = { outcome = "unknown", reason = "bad_response",
        message = "the answer gives this id two different states" }
    end
  end
  for i = 1, #ids do
    verdicts[i] = verdicts[i] or { outcome = "unknown", reason = "missing_in_answer",
      message = operation.inferred }
  end
  return verdicts, { surplus_warning(surplus) }
end

-- Whether a body says something else than the HTTP 200 above it: an error, or the web page of
-- somebody on the way.
local function is_contrary(body)
  if body:find("^%s*<") then
    return true
  end
  local document = body:find("^%s*{") and json.decode(body)
  return type(document) == "table" and document.error ~= nil
end

-- verdict(s), warnings of a HTTP 200, where it takes one more look to say what it means.
local function read_success(operation, reply, ids)
  local verdict, warnings
  if operation.success then
    if not is_contrary(reply.body) then
      verdict = { outcome = operation.success }
    end
  elseif operation.codes then
    if reply.items then
      verdict, warnings = read_codes(operation, reply)
    end
  elseif operation.states then
    local document = json.decode(reply.body)
    if type(document) == "table" then
      verdict, warnings = read_states(operation, document, ids)
    end
  else
    verdict = read_decoded(operation, reply, ids)
  end
  if verdict then
    if verdict[1] == nil and not verdict.codes then
      verdict.code = plain_code(verdict.code) or reply.status
      if verdict.outcome == "unknown" then
        verdict.reason = verdict.reason or "unknown_code"
      end
    end
    return verdict, warnings
  end
  -- No code here: the status is 200, and that is just what must not be taken for success.
  local code, message = read_fault(operation, reply)
  return {
    outcome = "unknown",
    reason = "bad_response",
    code = code,
    message = message or "the answer is not what the provider documents",
  }
end

-- What the HTTP status alone says of a refusal, after the definition had its say.
local function read_status(operation, status, code)
  if status == 429 then
    return "throttle", "failed", "rate_limited"
  elseif REPEATED[status] then
    return "again", "unknown", "http_" .. status
  elseif status == 401 then
    return "credentials", "denied", "credentials"
  elseif status == 403 then
    return "settle", "denied", "forbidden"
  elseif operation.limit > 1 and HALVED[status] then
    return "halve", "invalid", "http_" .. status
  elseif status == 404 and operation.limit == 1 then
    return "settle", "not_found"
  elseif status == 404 then
    return "settle", "unknown", "http_404"
  elseif status == 202 and not operation.items and code == nil then
    return "settle", "accepted" -- with items, or an error, the body would say something else
  elseif status >= 300 and status < 500 then
    return "settle", "failed", "http_" .. status
  end
  -- Other 2xx and 5xx, and whatever is no HTTP status at all.
  return "settle", "unknown", "http_" .. status
end

-- What failed where the documentation leaves room for guesses says so.
local function doubt(operation, verdict)
  if operation.inferred then
    verdict.message = operation.inferred .. (verdict.message and ": " .. verdict.message or "")
  end
  return verdict
end

-- action, verdict(s), warnings, is_usable = answer.read(operation, reply, ids)
-- reply: { status, body, format, items } of a complete answer; `items` where the core read it. One
-- verdict stands for all ids; a list has one an id, in their order; { codes = items } leaves it to
-- answer.of_code, an item at a time.
function answer.read(operation, reply, ids)
  local status = reply.status
  if status == 200 then
    local verdict, warnings = read_success(operation, reply, ids)
    if verdict.reason == "bad_response" then
      doubt(operation, verdict)
    end
    return "settle", verdict, warnings, verdict.reason ~= "bad_response"
  end
  local code, message = read_fault(operation, reply)
  local action, word, reason = read_status(operation, status, code)
  local said = (status >= 400 and status ~= 401 and status ~= 429)
    and refusal(operation, status, code)
  if said == "credentials" and status < 500 then
    action, word, reason = "credentials", "denied", "credentials"
  elseif said == "again" then
    action, word, reason = "again", "unknown", "http_" .. status
  elseif said and outcome.all[said] and action ~= "again" then
    action, word, reason = "settle", said, nil
  end
  local verdict = {
    outcome = word,
    reason = reason,
    code = code or status,
    http = status,
    message = message,
  }
  local is_usable = action ~= "again" and action ~= "throttle" and status ~= 407 and status ~= 511
    and not reply.body:find("^%s*<")
  return action, status < 500 and status ~= 429 and doubt(operation, verdict) or verdict, nil,
    is_usable
end

-- Faults that a repeat cannot mend.
local HOPELESS = { too_large = true, memory = true }

local REASON = { timeout = "timeout", protocol = "bad_response", too_large = "too_large" }

-- action, verdict = answer.lost(stage, fault, detail)
-- The same for an attempt without a complete answer. `stage` says how far it got.
function answer.lost(stage, fault, detail)
  if stage == "queued" or stage == "connected" then
    local is_tls = fault == "tls" or stage == "connected"
    return "again", {
      outcome = "failed",
      reason = is_tls and "tls" or "connect",
      message = is_tls and tls.advise(detail) or detail,
    }
  end
  return HOPELESS[fault] and "settle" or "again", {
    outcome = "unknown",
    reason = REASON[fault] or "lost",
    message = detail,
  }
end

return answer
