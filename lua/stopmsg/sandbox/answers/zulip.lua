-- From https://zulip.com/api/delete-scheduled-message and
-- https://zulip.com/api/get-scheduled-messages

local GONE = {
  status = 404,
  body = '{"result":"error","code":"BAD_REQUEST","msg":"Scheduled message does not exist"}',
  says = "not_stoppable",
}

local LIST = {
  status = 200,
  body = '{"result":"success","msg":"","scheduled_messages":[<entries>]}',
  entry = '{"scheduled_message_id":<id>,"type":"stream","to":14,"topic":"Hello","content":"Hi",'
    .. '"rendered_content":"<p>Hi</p>","scheduled_delivery_timestamp":1796115600,"failed":false}',
}

return {
  id = "42%05d",
  settings = { user = "bot@example.org" },
  stop = {
    scheduled = { status = 200, body = '{"result":"success","msg":""}', says = "stopped" },
    stopped = GONE,
    sent = GONE,
    missing = GONE,
  },
  status = LIST,
  find = LIST,
  check = {
    status = 200,
    body = '{"result":"success","msg":"","user_id":5,"email":"bot@example.org","is_bot":true}',
    says = "accepted",
  },
  credentials = {
    status = 401,
    body = '{"result":"error","code":"INVALID_API_KEY","msg":"Invalid API key"}',
  },
  throttle = {
    status = 429,
    headers = { ["Retry-After"] = "1" },
    body = '{"result":"error","code":"RATE_LIMIT_HIT","msg":"API usage exceeded rate limit",'
      .. '"retry-after":1.0}',
  },
}
