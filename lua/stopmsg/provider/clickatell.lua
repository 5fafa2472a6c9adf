-- Clickatell's archived REST API. The answer's own status decides: only 006 is a stop by a user,
-- 013 one by Clickatell's staff. Codes are strings; "001" is one thing as a message status and
-- another as an error.

-- An error stands by itself, or inside the list of messages.
local function error_at(name)
  return { "error." .. name, "data.message[1].error." .. name, "data.message.error." .. name }
end

-- https://docs.clickatell.com/archive/channels/rest-archived/api-error-codes/
local REFUSED = {
  ["103"] = "not_found", -- unknown message id
  ["901"] = "again", -- internal error, retry
}

return {
  name = "clickatell",
  about = "Clickatell (archived REST API): stops a queued or scheduled message",
  docs = "https://help.clickatell.com/developers-api-reference/developers-archive/"
    .. "sms-rest-api-overview/stop-message",
  url = "https://api.clickatell.com",
  settings = {
    format = {
      about = "the format of answers",
      one_of = { "json", "xml" },
      default = "json",
    },
  },
  headers = {
    Authorization = "Bearer {token}",
    Accept = "application/{format}",
    ["X-Version"] = "1",
  },
  answers = { format = "{format}", root = "response" },
  -- All ids in the pages are 32 hex digits, and no page states it as a rule.
  id = { pattern = "^[\33-\126]+$", max = 128, about = "32 hex digits", usual = "hex32" },
  error = { code = error_at("code"), text = error_at("description"), form = "^%d%d%d$" },
  stop = {
    request = "DELETE /rest/message/{id}",
    [200] = {
      id = "data.apiMessageId",
      code = "data.messageStatus",
      form = "string",
      text = "data.description",
      -- https://archive.clickatell.com/developers/api-docs/message-status-codes/
      means = {
        ["001"] = "not_found",
        ["002"] = "accepted",
        ["003"] = "too_late",
        ["004"] = "too_late",
        ["005"] = "not_stoppable",
        ["006"] = { "stopped", quiet = true },
        ["007"] = "not_stoppable",
        ["008"] = "accepted",
        ["009"] = "not_stoppable",
        ["010"] = "not_stoppable",
        ["011"] = "accepted",
        ["012"] = "not_stoppable",
        ["013"] = "stopped",
        ["014"] = "not_stoppable",
      },
      verifies = { "stopped" },
    },
    refused = REFUSED,
  },
  status = {
    docs = "https://github.com/clickatell/clickatell-ruby",
    inferred = "the status call is taken from the vendor's samples",
    request = "GET /rest/message/{id}",
    [200] = {
      id = "data.apiMessageId",
      state = "data.messageStatus",
      form = "string",
      text = "data.description",
      -- The same codes as proof of where a message is: what was taken is not over yet, and after
      -- some days none is known any more.
      means = {
        ["001"] = "not_found",
        ["002"] = "open",
        ["003"] = "too_late",
        ["004"] = "too_late",
        ["005"] = "not_stoppable",
        ["006"] = { "stopped", quiet = true },
        ["007"] = "not_stoppable",
        ["008"] = "open",
        ["009"] = "not_stoppable",
        ["010"] = "not_stoppable",
        ["011"] = "open",
        ["012"] = "not_stoppable",
        ["013"] = "stopped",
        ["014"] = "not_stoppable",
      },
    },
    refused = REFUSED,
  },
}
