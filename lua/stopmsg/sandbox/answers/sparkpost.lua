-- From https://support.sparkpost.com/docs/tech-resources/transmissions-api-scheduling; the text of
-- the error is ours. The deletion comes later, so each campaign gets the same answer.

local DELETED = { status = 204, body = "", says = "accepted" }

return {
  id = "autumn-%04d",
  stop = {
    scheduled = DELETED,
    stopped = DELETED,
    sent = DELETED,
    missing = {
      status = 404,
      body = '{"errors":[{"message":"Resource not found","code":"1600",'
        .. '"description":"No scheduled transmission of this campaign"}]}',
      says = "not_found",
    },
  },
  credentials = { status = 401, body = '{"errors":[{"message":"Unauthorized."}]}' },
  throttle = { status = 429, headers = { ["Retry-After"] = "1" },
    body = '{"errors":[{"message":"Too many requests"}]}' },
}
