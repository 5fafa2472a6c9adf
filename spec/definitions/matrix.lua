return {
  name = "matrix",
  about = "Matrix: redacts an event",
  docs = "https://spec.matrix.org/latest/client-server-api/",
  url = "{base_url}/_matrix/client/v3",
  headers = { Authorization = "Bearer {token}" },
  id = { write = "{room}/{event}", room = "^![%w:.%-]+$", event = "^%$[%w:.%-_]+$" },
  error = { code = "errcode", text = "error", form = "^M_[%u_]+$" },
  retry_after = { path = "retry_after_ms", milliseconds = true },
  stop = {
    request = "PUT /rooms/{room}/redact/{event}/{uuid}",
    json = { reason = "sent by mistake" },
    [200] = { has = "event_id", means = "recalled" },
    refused = { M_FORBIDDEN = "denied", M_NOT_FOUND = "not_found",
      M_UNKNOWN_TOKEN = "credentials", M_LIMIT_EXCEEDED = "throttle" },
  },
}
