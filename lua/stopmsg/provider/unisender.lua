-- UniSender, campaigns of e-mail and SMS. All answers are HTTP 200; most errors tell only in words
-- what they are.

local DOCS = "https://www.unisender.com/ru/support/api/"

local STATES = {
  waits_censor = "open",
  censor_hold = "open",
  waits_schedule = "open",
  scheduled = "open",
  in_progress = "too_late",
  analysed = "too_late",
  completed = "too_late",
  canceled = "stopped",
  declined = "not_stoppable",
}

local ERROR = {
  has = "error",
  code = "code",
  form = "^%l[%l_]+$",
  text = "error",
  means = {
    invalid_api_key = "credentials",
    access_denied = "denied",
    invalid_arg = "invalid",
    retry_later = "again",
    api_call_limit_exceeded_for_api_key = "throttle",
    api_call_limit_exceeded_for_ip = "throttle",
  },
  texts = {
    ["SB140212-01"] = "not_found",
    ["Access denied"] = "denied",
    ["SF161129-03"] = "not_stoppable",
    ['in status "canceled"'] = "stopped",
    ['in status "in_progress"'] = "too_late",
    ['in status "analysed"'] = "too_late",
    ['in status "completed"'] = "too_late",
  },
}

return {
  name = "unisender",
  about = "UniSender: cancels a campaign",
  docs = DOCS .. "messages/cancel-campaign",
  url = "https://api.unisender.com/ru/api",
  id = "digits",
  rate = { 1200, per = 60 },
  stop = {
    request = "GET /cancelCampaign?format=json&api_key={token}&campaign_id={id}",
    -- Success is an empty list.
    [200] = { ERROR, { has = "result", each = "result", means = "unknown", others = "stopped" } },
  },
  status = {
    docs = "https://www.unisender.com/ru/support/integration/api/getcampaignstatus/",
    request = "GET /getCampaignStatus?format=json&api_key={token}&campaign_id={id}",
    [200] = { ERROR, { has = { ["result.creation_time"] = "^%d%d%d%d%-" },
      state = "result.status", means = STATES } },
  },
  check = {
    docs = DOCS .. "contacts/getlists",
    request = "GET /getLists?format=json&api_key={token}",
    [200] = { ERROR, { each = "result", means = "accepted", others = "accepted" } },
  },
  find = {
    docs = "https://www.unisender.com/en/support/api/partners/getcampaigns/",
    request = "GET /getCampaigns?format=json&limit=100&api_key={token}",
    where = {
      since = { query = "from", entry = "start_time", time = "%Y-%m-%d %H:%M:%S" },
      till = { query = "to", entry = "start_time", time = "%Y-%m-%d %H:%M:%S" },
    },
    each = "result",
    id = "id",
    state = "status",
    means = STATES,
    next = { by = "offset", as = "query:offset", first = 0, size = 100, most = 10000 },
  },
}
