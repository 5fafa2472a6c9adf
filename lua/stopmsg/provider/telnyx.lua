-- Telnyx, SMS and MMS.

local DOCS = "https://developers.telnyx.com/api-reference/"

-- What became of each recipient; the word that says least holds for the message.
local STATES = {
  cancelled = "stopped",
  queued = "too_late",
  sending = "too_late",
  sent = "too_late",
  delivered = "too_late",
  delivery_unconfirmed = "too_late",
  delivery_failed = "too_late",
  expired = "not_stoppable",
  sending_failed = "not_stoppable",
}

local function with(states, state, word)
  local copy = { [state] = word }
  for name, meaning in pairs(states) do
    copy[name] = meaning
  end
  return copy
end

return {
  name = "telnyx",
  about = "Telnyx: cancels scheduled SMS and MMS",
  docs = DOCS .. "messages/cancel-a-scheduled-message",
  url = "https://api.telnyx.com/v2",
  headers = { Authorization = "Bearer {token}", Accept = "application/json" },
  id = "uuid",
  error = {
    code = "errors[1].code",
    text = { "errors[1].detail", "errors[1].title" },
    form = "^%d%d%d%d%d$",
  },
  stop = {
    request = "DELETE /messages/{id}",
    [200] = {
      id = { "id", "data.id" },
      code = { "to[].status", "data.to[].status" },
      means = with(STATES, "scheduled", "accepted"),
      verifies = { "stopped" },
    },
    -- On no page is what it means: the key, or the message's state.
    [403] = "unknown",
    refused = { ["404/10005"] = "not_found" },
  },
  status = {
    docs = DOCS .. "messages/retrieve-a-message",
    request = "GET /messages/{id}",
    [200] = {
      id = { "data.id", "id" },
      state = { "data.to[].status", "to[].status" },
      means = with(STATES, "scheduled", "open"),
    },
  },
  check = {
    docs = DOCS .. "billing/get-user-balance-details",
    request = "GET /balance",
    [200] = { has = "data.balance", means = "accepted" },
  },
}
