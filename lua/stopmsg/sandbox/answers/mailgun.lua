-- From the page of the call; of the texts of errors that of 429 is ours. A queue may be emptied at
-- any time, so each domain that there is gets the same answer.

local DONE = { status = 200, body = '{"message":"done"}', says = "accepted" }

return {
  id = "mg.example%04d",
  settings = { region = "us-east4" },
  -- Of mg0404.example.com the digits before the first full stop choose its fate.
  ending = "(%d%d%d%d)%.",
  stop = {
    scheduled = DONE,
    stopped = DONE,
    sent = DONE,
    missing = { status = 404, body = '{"message":"domain not found"}', says = "not_found" },
  },
  credentials = { status = 401, body = '{"message":"Invalid private key"}' },
  throttle = { status = 429, headers = { ["Retry-After"] = "1" },
    body = '{"message":"Too many requests"}' },
}
