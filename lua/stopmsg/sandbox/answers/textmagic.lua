-- From https://github.com/textmagic/textmagic-rest-python-v2, docs/TextMagicApi.md and
-- docs/MessagesIcs.md

local DELETED = { status = 204, body = "", says = "accepted" }

local function schedule(is_completed)
  return ('{"id":<id>,"nextSend":"2026-12-01T09:00:00+0000","rrule":null,"type":"message",'
    .. '"summary":"Once","completed":%s,"recipientsCount":1}'):format(tostring(is_completed))
end

local FRAME = '{"page":1,"pageCount":1,"limit":100,"resources":[<entries>]}'

local function listed(entry, says)
  return { status = 200, body = FRAME:gsub("<entries>", entry), entry = entry, says = says }
end

local GONE = { status = 200, body = FRAME:gsub("<entries>", ""), says = "not_stoppable" }

return {
  id = "77%08d",
  settings = { user = "sandbox-user" },
  stop = { scheduled = DELETED, stopped = DELETED, sent = DELETED, missing = DELETED },
  status = {
    body = FRAME,
    scheduled = listed(schedule(false), "open"),
    stopped = GONE,
    sent = listed(schedule(true), "too_late"),
    missing = GONE,
  },
  find = { status = 200, body = FRAME, entry = schedule(false) },
  check = {
    status = 200,
    body = '{"id":1,"username":"sandbox-user","status":"A","balance":10}',
    says = "accepted",
  },
  credentials = { status = 401, body = '{"code":401,"message":"Invalid credentials"}' },
  throttle = { status = 429, headers = { ["Retry-After"] = "1" }, body = "" },
}
