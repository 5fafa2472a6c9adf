-- Matrix. A redaction takes back what was delivered; some may have read it.

local DOCS = "https://spec.matrix.org/latest/client-server-api/"

local IDS = { room = "room_id", event = "event_id" }

return {
  name = "matrix",
  about = "Matrix: redacts an event that was delivered",
  docs = DOCS,
  url = "{base_url}/_matrix/client/v3",
  headers = { Authorization = "Bearer {token}" },
  id = {
    write = "{room}/{event}",
    room = { pattern = "^![%w:.%-_=+~]+$", max = 255, about = "a room like !abc:example.org" },
    event = { pattern = "^%$[%w:.%-_=+~/]+$", max = 255, about = "an event like $143273582443" },
    about = "a room and an event like !abc:example.org/$143273582443",
  },
  retry_after = { path = "retry_after_ms", milliseconds = true },
  error = { code = "errcode", text = "error", form = "^M_[%u_]+$" },
  refused = { M_UNRECOGNIZED = "failed" }, -- the server has no such address
  stop = {
    -- The server takes a repeat with the same transaction for the same request.
    request = "PUT /rooms/{room}/redact/{event}/{uuid}",
    json = {},
    [200] = { has = { event_id = "^%$" }, means = "recalled" },
  },
  status = {
    request = "GET /rooms/{room}/event/{event}",
    [200] = {
      { has = { ["unsigned.redacted_because.type"] = "m.room.redaction" }, id = IDS,
        means = "recalled", verifies = { "recalled" } },
      { has = "content", id = IDS, means = "too_late", verifies = { "too_late" } },
    },
  },
  check = {
    request = "GET /account/whoami",
    [200] = { has = { user_id = "^@" }, means = "accepted" },
  },
}
