-- What an answer means. Pure: an operation, an answer and the ids that were asked about go in; an
-- action and what to tell about each id come out.
--
-- Actions:
--   "settle"       the verdicts are final
--   "again"        repeat; the verdict is what holds when no repeat is left
--   "throttle"     the same after a 429: the whole client pauses
--   "halve"        the batch was refused as a whole: find out which ids are at fault, or (413, the
--                  verdict's `http`) send fewer
--   "credentials"  the token was refused
--
-- A verdict is an item without its id and history: { outcome, reason, code, http, message, … }.
--
-- Proxies, login pages, firewalls and gateways answer, too. What they say settles nothing: success
-- is what the definition lists, and a refusal has the form of the provider's errors.

local compat = require("stopmsg.compat")
local json = require("stopmsg.json")
local outcome = require("stopmsg.outcome")
local tls = require("stopmsg.tls")

local answer = {}

-- Statuses that ask for a repeat. 520 to 527 and 530 are what a well-known proxy says of servers
-- behind it.
local REPEATED = { [408] = true, [425] = true, [500] = true, [502] = true, [503] = true,
  [504] = true, [530] = true }
for status = 520, 527 do
  REPEATED[status] = true
end

-- Proxies and captive portals speak for themselves here, whatever the form.
local FOREIGN = { [407] = true, [511] = true }

-- Refusals of a batch that may be one id's fault.
local HALVED = { [400] = true, [422] = true }

local NOT_DOCUMENTED = "the answer is not what the provider documents"
local STRANGER = "not in the provider's form: check base_url, proxy"

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

-- The answer as a table: an object or list of JSON, the content of an XML document's root. Empty
-- objects are marked, see json.decode. nil where it is none.
local function document_of(operation, reply)
  local document
  if reply.format == "xml" then
    local root = require("stopmsg.xml").decode(reply.body)
    document = root and root[operation.root or next(root)]
  else
    document = json.decode(reply.body, true)
  end
  return type(document) == "table" and document or nil
end

-- The same document for a definition's own function, which must not find our marks.
local function unmarked(reply, document)
  if document and reply.format ~= "xml" and reply.body:find("{%s*}") then
    return json.decode(reply.body)
  end
  return document
end

-- code, message, is_in_form of an error: whether it is the provider's. It is somebody else's code,
-- and somebody else's document.
local function read_error(operation, reply)
  local code, message, is_in_form
  if operation.fault then
    local called, given, text = compat.try(operation.fault, reply)
    code, message = called and plain_code(given) or nil, called and text or nil
    is_in_form = code ~= nil
  elseif operation.error then
    code, message, is_in_form = operation.error:read(document_of(operation, reply), reply.status)
    code = plain_code(code)
  end
  return code, type(message) == "string" and message or nil, is_in_form or false
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
  local form = operation.id
  return form.fold and (not form.usual or id:find(form.usual)) and id:lower() or id
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

-- The verdict of an answer that the core read, and warnings about what does not fit. The document
-- is the answer without its entries.
local function read_codes(operation, reply, document)
  local warnings = { surplus_warning(reply.items:surplus()) }
  if operation.remark and document then
    warnings[#warnings + 1] = operation.remark(document, reply.items:counts())
  end
  return { codes = reply.items }, warnings
end

-- The verdicts of an answer that tells a state of each message, and warnings.
local function read_states(operation, document, ids)
  local fields = operation.items
  local list = document[fields.list]
  if type(list) ~= "table" or (list[1] == nil and next(list) ~= nil) then
    return nil -- no list, or an object
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

-- Whether the body is the one that the operation's success has, white space apart. An empty one
-- counts only where it is known that nothing else was to come: an answer without a length that was
-- cut off looks the same.
local function is_expected(operation, reply)
  if not operation.exactly then
    return reply.is_framed and not reply.body:find("%S")
  end
  return json.without_bom(reply.body):gsub("%s", "") == operation.exactly
end

-- verdict(s), warnings of the definition's own success; nil where it is none.
local function read_listed(operation, reply, ids)
  if operation.success then
    return is_expected(operation, reply) and { outcome = operation.success } or nil
  end
  local document = document_of(operation, reply)
  if document and operation.error and operation.error:is_beside(document, reply.body) then
    return nil
  elseif operation.decode then
    reply.document = unmarked(reply, document)
    return read_decoded(operation, reply, ids)
  elseif not document then
    return nil
  elseif operation.states then
    return read_states(operation, document, ids)
  elseif reply.items then
    return read_codes(operation, reply, document)
  end
end

-- verdict(s), warnings, is_usable of a 2xx.
local function read_success(operation, reply, ids)
  local verdict, warnings
  if reply.status == 200 then
    verdict, warnings = read_listed(operation, reply, ids)
  end
  if not verdict then
    -- No code here: the status is 2xx, and that is just what must not be taken for success.
    local code, message = read_error(operation, reply)
    verdict = { outcome = "unknown", reason = "bad_response", code = code,
      message = message or NOT_DOCUMENTED }
  elseif verdict[1] == nil and not verdict.codes then
    verdict.code = plain_code(verdict.code) or reply.status
    if verdict.outcome == "unknown" then
      verdict.reason = verdict.reason or "unknown_code"
    end
  end
  if reply.status ~= 200 then
    verdict.code, verdict.http = verdict.code or reply.status, reply.status
  end
  return verdict, warnings, verdict.reason ~= "bad_response"
end

-- action, outcome, reason of a status that is no success, by HTTP alone.
local function read_status(operation, status)
  if status == 429 then
    return "throttle", "failed", "rate_limited"
  elseif REPEATED[status] then
    return "again", "unknown", "http_" .. status
  elseif status == 401 then
    return "credentials", "denied", "credentials"
  elseif status == 413 and operation.limit > 1 then
    return "halve", "failed", "http_413"
  elseif status >= 300 and status < 500 then
    return "settle", "failed", "http_" .. status
  end
  -- Other 5xx, and whatever is no HTTP status at all.
  return "settle", "unknown", "http_" .. status
end

-- The same of a status under which the provider itself speaks, by what the definition says of its
-- code; nil where HTTP alone counts.
local function read_refusal(operation, status, code)
  local said = refusal(operation, status, code)
  if said == "credentials" and status < 500 then
    return "credentials", "denied", "credentials"
  elseif said == "again" then
    return "again", "unknown", "http_" .. status
  elseif said and outcome.all[said] then
    return "settle", said
  elseif status == 403 then
    return "settle", "denied", "forbidden"
  elseif operation.limit > 1 and HALVED[status] then
    return "halve", "invalid", "http_" .. status
  elseif status == 404 and operation.limit == 1 then
    return "settle", "not_found"
  elseif status == 404 then
    return "settle", "unknown", "http_404"
  end
end

-- What failed where the documentation leaves room for guesses says so.
local function doubt(operation, verdict)
  if not operation.inferred then
    return
  elseif verdict.message == STRANGER then
    verdict.message = STRANGER .. " (" .. operation.inferred .. ")"
  else
    verdict.message = operation.inferred .. (verdict.message and ": " .. verdict.message or "")
  end
end

-- action, verdict(s), warnings, is_usable, is_in_form = answer.read(operation, reply, ids)
-- reply: { status, body, format, items } of a complete answer; `body` is nil where nothing tells
-- that it was empty, or where it cannot be decoded; `items` where the core read it. One verdict
-- stands for all ids; a list has one an id, in their order; { codes = items } leaves it to
-- answer.of_code, an item at a time. is_in_form: whether the provider itself says this. is_usable:
-- whether it does so as one who works, and does not ask to wait or to come again.
function answer.read(operation, reply, ids)
  local status = reply.status
  reply.is_framed, reply.body = reply.body ~= nil, reply.body or ""
  if status >= 200 and status < 300 then
    local verdict, warnings, is_usable = read_success(operation, reply, ids)
    if not is_usable then
      doubt(operation, verdict)
    end
    return "settle", verdict, warnings, is_usable, is_usable
  end
  local code, message
  local is_in_form = false
  if status >= 400 and not FOREIGN[status] then
    code, message, is_in_form = read_error(operation, reply)
    if not is_in_form then
      code, message = nil, nil
      is_in_form = operation.is_bare[status] ~= nil and reply.is_framed
        and not reply.body:find("%S")
    end
  end
  local action, word, reason = read_status(operation, status)
  if is_in_form and action ~= "again" and action ~= "throttle" and action ~= "credentials" then
    local said, its_word, its_reason = read_refusal(operation, status, code)
    if said then
      action, word, reason = said, its_word, its_reason
    end
  elseif not is_in_form and action ~= "again" and status >= 300 and status < 500
    and status ~= 429 then
    message = STRANGER
  end
  if word == "not_found" and operation.is_lookup then
    -- What was sent or stopped is no longer known at many providers.
    word = "not_stoppable"
    reason = "gone_or_sent"
  end
  local verdict = { outcome = word, reason = reason, code = code or status, http = status,
    message = message }
  if status < 500 and status ~= 429 then
    doubt(operation, verdict)
  end
  local is_usable = is_in_form and action ~= "again" and action ~= "throttle"
  return action, verdict, nil, is_usable, is_in_form
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
