-- Interprets responses. Pure: takes an operation, a response and the ids of the request; returns an
-- action and a verdict for each id.
--
-- Actions:
--   "settle"       the verdicts are final
--   "again"        retry; the verdict applies if no retry is left
--   "throttle"     the same after a 429: the whole client pauses
--   "halve"        the whole batch was refused: find the ids at fault, or (413, in the verdict's
--                  `http`) send fewer
--   "credentials"  the token was refused
--
-- A verdict is an item without id and history: { outcome, reason, code, http, message, … }.
--
-- Proxies, login pages, firewalls and gateways respond, too. That settles nothing: success is what
-- the definition lists, and a refusal must have the form of the provider's errors.

local compat = require("stopmsg.compat")
local core = require("stopmsg.core")
local errors = require("stopmsg.meaning.errors")
local json = require("stopmsg.json")
local outcome = require("stopmsg.meaning.outcome")
local path = require("stopmsg.meaning.path")
local reading = require("stopmsg.meaning.reading")
local tls = require("stopmsg.tls")

local answer = {}

-- Statuses to retry. 520 to 527 and 530 come from a widespread proxy whose server failed.
local REPEATED = { [408] = true, [425] = true, [500] = true, [502] = true, [503] = true,
  [504] = true, [530] = true }
for status = 520, 527 do
  REPEATED[status] = true
end

-- Statuses that always come from proxies and captive portals.
local FOREIGN = { [407] = true, [511] = true }

-- Statuses of a refused batch that may be one id's fault.
local HALVED = { [400] = true, [422] = true }

local NOT_DOCUMENTED = "the response is not what the provider documents"
local STRANGER = "not in the provider's form: check base_url, proxy"

local plain_code = reading.plain_code

-- Decodes the body: a JSON value, or the content of an XML root. Empty objects are marked, see
-- json.decode. Returns nil if it is neither, or names a field twice: which of the two counts?
local function document_of(operation, reply)
  local document
  if reply.format == "xml" then
    local root = require("stopmsg.xml").decode(reply.body)
    document = root and root[operation.root or next(root)]
  elseif not core.names_twice(reply.body) then
    document = json.decode(reply.body, true)
  end
  if type(document) == "userdata" then
    return nil -- null
  end
  return document
end

-- Copies the document without our marks, for a definition's own function.
local function unmarked(reply, document)
  if type(document) == "table" and reply.format ~= "xml" and reply.body:find("{%s*}") then
    return json.decode(reply.body)
  end
  return document
end

-- code, message, is_in_form of an error. The document and the definition's function are untrusted.
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

-- Calls the definition's `decode` and checks its verdicts; nil if they are unusable.
local function read_decoded(operation, reply, ids)
  local called, verdict = compat.try(operation.decode, reply, ids)
  if not called then
    return nil, { "the definition's `decode` raised an error: " .. tostring(verdict) }
  elseif type(verdict) ~= "table" then
    return nil
  end
  if verdict[1] == nil then
    verdict.state = plain_code(verdict.state)
    return outcome.all[verdict.outcome] and verdict or nil
  end
  for i in ipairs(ids) do
    if type(verdict[i]) ~= "table" or not outcome.all[verdict[i].outcome] then
      return nil
    end
    verdict[i].code, verdict[i].state = plain_code(verdict[i].code), plain_code(verdict[i].state)
  end
  return verdict
end

-- Returns the most specific entry for this status, code and text, or nil.
local function refusal(operation, status, code, message)
  local refused = operation.refused
  if refused and code ~= nil then
    local written = tostring(code)
    local entry = refused[status .. "/" .. written] or refused[written]
    if entry then
      return entry
    end
  end
  local entry = operation.texts and reading.of_text(operation.texts, message)
  if entry then
    return entry
  end
  local r = operation.readings[status]
  return r and r.is_empty and r.entry or nil
end

answer.of_code = reading.of_code

local function has_value(list, value)
  for _, one in ipairs(list) do
    if one == value then
      return true
    end
  end
  return false
end

-- Returns whether the body is that of a success, ignoring white space. No body counts only if the
-- response is known to be complete: one without a length may have been truncated.
local function is_expected(r, reply)
  if not r.exactly or not reply.body:find("%S") then
    local is_empty = reply.is_framed and not reply.body:find("%S")
    return is_empty and (not r.exactly or has_value(r.exactly, ""))
  end
  local body = json.without_bom(reply.body):gsub("%s", "")
  return body ~= "" and has_value(r.exactly, body)
end

-- action, verdict(s), warnings for a status that the definition lists; nil if the response does not
-- fit.
local function read_listed(operation, reply, ids)
  local r = operation.readings[reply.status]
  if r and (r.is_empty or r.exactly) then
    if is_expected(r, reply) then
      return reading.act(r.entry)
    end
    return nil
  elseif not r and not (operation.decode and reply.status == 200) then
    return nil
  end
  local document = document_of(operation, reply)
  if not r then
    if operation.error and errors.is_beside(operation.error, document, reply.body) then
      return nil
    end
    document = unmarked(reply, document)
    reply.document = type(document) == "table" and document or nil
    local verdict, raised = read_decoded(operation, reply, ids)
    return verdict and "settle" or nil, verdict, raised
  elseif document == nil then
    return nil
  end
  return reading.read(r, operation, document, ids, reply.items, reply.status < 300, reply.body)
end

-- action, verdict(s), warnings, is_usable for 2xx.
local function read_success(operation, reply, ids)
  local action, verdict, warnings = read_listed(operation, reply, ids)
  if not verdict then
    -- Report no code: it would be the 2xx status, which must not look like success.
    local code, message = read_error(operation, reply)
    action = "settle"
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
  return action, verdict, warnings, verdict.reason ~= "bad_response"
end

-- action, outcome, reason for an error status, by HTTP alone.
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
  -- Other 5xx, and numbers that are not an HTTP status.
  return "settle", "unknown", "http_" .. status
end

-- action, verdict for an error from the provider itself, by its code and text; nil if only the HTTP
-- status counts.
local function read_refusal(operation, status, code, message)
  local entry = refusal(operation, status, code, message)
  if entry and (entry.word ~= "credentials" or status < 500) then
    local action, verdict = reading.act(entry)
    if action == "again" then
      verdict.reason = "http_" .. status
    end
    return action, verdict
  elseif status == 403 then
    return "settle", { outcome = "denied", reason = "forbidden" }
  elseif operation.limit > 1 and HALVED[status] then
    return "halve", { outcome = "invalid", reason = "http_" .. status }
  elseif status == 404 and operation.limit == 1 then
    return "settle", { outcome = "not_found" }
  elseif status == 404 then
    return "settle", { outcome = "unknown", reason = "http_404" }
  end
end

-- Add a note if the definition rests on inferred facts.
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
--
-- reply: { status, body, format, items } of a complete response. `body` is nil if it may have been
-- truncated or cannot be decoded; `items` is set if the core parsed it. One verdict stands for all
-- ids; a list has one per id, in order; { codes = items } defers to answer.of_code, item by item.
-- is_in_form: the provider itself said this. is_usable: it did, and is working: it did not ask to
-- wait or retry.
function answer.read(operation, reply, ids)
  local status = reply.status
  reply.is_framed, reply.body = reply.body ~= nil, reply.body or ""
  if status >= 200 and status < 300 then
    local action, verdict, warnings, is_usable = read_success(operation, reply, ids)
    if not is_usable then
      doubt(operation, verdict)
    end
    local is_in_form = is_usable
    return action, verdict, warnings, is_usable and action ~= "again" and action ~= "throttle",
      is_in_form
  end
  local code, message
  local is_in_form = false
  if status >= 400 and not FOREIGN[status] then
    local listed, verdict, warnings = read_listed(operation, reply, ids)
    if listed and not operation.readings[status].is_empty then
      verdict.http, verdict.code = status, verdict.code or status
      return listed, verdict, warnings, true, true
    end
    code, message, is_in_form = read_error(operation, reply)
    if not is_in_form then
      code, message = nil, nil
      is_in_form = operation.is_bare[status] ~= nil and reply.is_framed
        and not reply.body:find("%S")
    end
  end
  local action, word, reason = read_status(operation, status)
  local verdict = { outcome = word, reason = reason }
  if is_in_form and action ~= "again" and action ~= "throttle" and action ~= "credentials" then
    local said, its_own = read_refusal(operation, status, code, message)
    if said then
      action, verdict = said, its_own
    end
  elseif not is_in_form and action ~= "again" and status >= 300 and status < 500
    and status ~= 429 then
    message = STRANGER
  end
  if verdict.outcome == "not_found" and operation.is_lookup then
    -- Many providers forget a message once it is sent or stopped.
    verdict.outcome = "not_stoppable"
    verdict.reason = "gone_or_sent"
  end
  verdict.code, verdict.http = code or status, status
  verdict.message = verdict.message or message
  if status < 500 and status ~= 429 then
    doubt(operation, verdict)
  end
  local is_usable = is_in_form and action ~= "again" and action ~= "throttle"
  return action, verdict, nil, is_usable, is_in_form
end

-- seconds = answer.pause(operation, reply): the pause that the response asks for.
function answer.pause(operation, reply)
  local pause = operation.pause
  local document = pause and pause.path and document_of(operation, reply)
  local seconds = document and path.first(document, pause.path)
  if type(seconds) == "number" and seconds > 0 and seconds < 1e9 then
    return seconds * pause.unit
  end
end

-- Faults that a retry cannot fix.
local HOPELESS = { too_large = true, memory = true }

local REASON = { timeout = "timeout", protocol = "bad_response", too_large = "too_large" }

-- action, verdict = answer.lost(stage, fault, detail): the same for an attempt without a complete
-- response. `stage` says how far it got.
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
