-- From https://developer.nylas.com/docs/reference/api/messages/delete-a-scheduled-message and
-- https://developer.nylas.com/docs/reference/api/messages/get-schedule-by-id

local REQUEST = '"request_id":"5fa64c92-e840-4357-86b9-2aa364d35b88"'

local function schedule(code)
  return '{"schedule_id":"<id>","status":{"code":"' .. code .. '","description":"Schedule"},'
    .. '"close_time":1796115600}'
end

local function shown(code, says)
  return { status = 200, body = "{" .. REQUEST .. ',"data":' .. schedule(code) .. "}", says = says }
end

local function missing(says)
  return {
    status = 404,
    body = "{" .. REQUEST
      .. ',"error":{"type":"not_found_error","message":"Schedule was not found"}}',
    says = says,
  }
end

return {
  id = "%08x-0000-4000-8000-000000000000",
  settings = { grant = "0a1b2c3d-0000-4000-8000-000000000001" },
  stop = {
    scheduled = {
      status = 202,
      body = "{" .. REQUEST .. ',"data":{"message":"Schedule was deleted"}}',
      says = "accepted",
    },
    stopped = missing("not_found"),
    sent = missing("not_found"),
    missing = missing("not_found"),
  },
  status = {
    scheduled = shown("pending", "open"),
    stopped = missing("not_stoppable"),
    sent = shown("success", "too_late"),
    missing = missing("not_stoppable"),
  },
  find = {
    status = 200,
    body = "{" .. REQUEST .. ',"data":[<entries>]}',
    entry = schedule("pending"),
  },
  check = {
    status = 200,
    body = "{" .. REQUEST .. ',"data":{"id":"g","provider":"google","grant_status":"valid"}}',
    says = "accepted",
  },
  credentials = { status = 401,
    body = "{" .. REQUEST .. ',"error":{"type":"unauthorized","message":"Unauthorized"}}' },
  throttle = { status = 429, headers = { ["Retry-After"] = "1" },
    body = "{" .. REQUEST .. ',"error":{"type":"rate_limit_error","message":"Too many"}}' },
}
