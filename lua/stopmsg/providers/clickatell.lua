-- Clickatell's archived REST API. The answer's own status decides: only 006 is a stop by a user,
-- 013 one by Clickatell's staff. Codes are strings; "001" is one thing as a message status and
-- another as an error.

-- https://archive.clickatell.com/developers/api-docs/message-status-codes/
local STATUS = {
  ["001"] = "not_found",
  ["002"] = "accepted",
  ["003"] = "too_late",
  ["004"] = "too_late",
  ["005"] = "not_stoppable",
  ["006"] = "stopped",
  ["007"] = "not_stoppable",
  ["008"] = "accepted",
  ["009"] = "not_stoppable",
  ["010"] = "not_stoppable",
  ["011"] = "accepted",
  ["012"] = "not_stoppable",
  ["013"] = "stopped",
  ["014"] = "not_stoppable",
}

-- The same codes as proof of where a message is: what was taken is not over yet.
local STATE = {}
for code, word in pairs(STATUS) do
  STATE[code] = word == "accepted" and "open" or word
end

local HEX32 = "^" .. ("%x"):rep(32) .. "$"

-- All ids in the pages are 32 hex digits, and no page states it as a rule.
local ID = {
  pattern = "^[\33-\126]+$",
  max = 128,
  about = "32 hex digits",
  usual = HEX32,
  fold = true,
  mask = ("x"):rep(32),
}

local function is_same_id(a, b)
  return a == b or (a:lower() == b:lower() and a:find(HEX32) ~= nil)
end

-- The code and text of an answer about ids[1]; an unknown verdict where it is about another id, nil
-- where it is neither.
local function read(answer, ids)
  local data = answer.document and answer.document.data
  if type(data) ~= "table" or type(data.messageStatus) ~= "string" then
    return nil
  end
  local echo = data.apiMessageId
  if type(echo) ~= "string" or not is_same_id(echo, ids[1]) then
    return nil, nil, {
      outcome = "unknown",
      reason = "bad_response",
      code = data.messageStatus,
      message = "the answer is about another message id",
    }
  end
  return data.messageStatus, data.description
end

local function decode(answer, ids)
  local code, description, verdict = read(answer, ids)
  if not code then
    return verdict
  end
  local word = STATUS[code] or "unknown"
  return {
    outcome = word,
    code = code,
    message = code ~= "006" and description or nil, -- 013 is a stop that was not ours
    verified = word == "stopped" or nil,
  }
end

local function decode_status(answer, ids)
  local code, description, verdict = read(answer, ids)
  if not code then
    return verdict
  end
  local word = STATE[code] or "unknown"
  return {
    outcome = word,
    reason = word == "unknown" and "unknown_state" or nil,
    code = code,
    state = code,
    message = code ~= "006" and description or nil,
    verified = (word == "stopped" or word == "too_late" or word == "not_stoppable") or nil,
  }
end

-- https://docs.clickatell.com/archive/channels/rest-archived/api-error-codes/
local REFUSALS = {
  ["*/103"] = "not_found", -- unknown message id
  ["*/901"] = "again", -- internal error, retry
}

return {
  name = "clickatell",
  about = "Clickatell (archived REST API): stops a queued or scheduled message",
  docs = "https://help.clickatell.com/developers-api-reference/developers-archive/"
    .. "sms-rest-api-overview/stop-message",
  base_url = "https://api.clickatell.com",
  auth = { prefix = "Bearer " },
  headers = { "X-Version: 1" },
  formats = {
    json = { headers = { "Accept: application/json" } },
    xml = { headers = { "Accept: application/xml" }, needs = "stopmsg.xml", root = "response" },
  },
  -- { "error": { "code": "103", "description" } }, or the same inside `data.message`.
  error = {
    code = { "error.code", "data.message[1].error.code", "data.message.error.code" },
    text = {
      "error.description", "data.message[1].error.description", "data.message.error.description",
    },
    form = "^%d%d%d$",
  },
  operations = {
    stop = {
      method = "DELETE",
      path = "/rest/message/{id}",
      id = ID,
      decode = decode,
      refusals = REFUSALS,
    },
    status = {
      docs = "https://github.com/clickatell/clickatell-ruby",
      inferred = "the status call is taken from the vendor's samples",
      method = "GET",
      path = "/rest/message/{id}",
      id = ID,
      decode = decode_status,
      refusals = REFUSALS,
    },
  },
}
