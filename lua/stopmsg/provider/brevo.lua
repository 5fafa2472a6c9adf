-- Brevo, transactional e-mail: single messages and batches.

local DOCS = "https://developers.brevo.com/reference/"

-- Many APIs have a `status` of such words; those of e-mail have times, too.
local TIME = "^%d%d%d%d%-%d%d%-%d%dT"

local STATES = { queued = "open", inprogress = "too_late", processed = "too_late",
  error = "not_stoppable" }

return {
  name = "brevo",
  about = "Brevo: cancels scheduled e-mail, a message or a batch",
  docs = DOCS .. "delete-scheduled-email-by-id",
  url = "https://api.brevo.com/v3",
  headers = { ["api-key"] = "{token}" },
  id = {
    pattern = {
      "^<[^%s<>@]+@[^%s<>@]+>$",
      "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$",
    },
    max = 256,
    about = "a message id in angle brackets like <2026…@smtp-relay.mailin.fr>, or a batch's UUID",
  },
  -- 300 an hour are allowed: a hundred at once and 200 more keep within that in every hour.
  rate = { 200, per = 3600, burst = 100 },
  retry_after = { header = "x-sib-ratelimit-reset" },
  error = { code = "code", text = "message", form = "^%l[%l_]+$", has = "message" },
  refused = { unauthorized = "credentials" },
  stop = {
    request = "DELETE /smtp/email/{id}",
    [204] = "stopped",
    [400] = "not_stoppable",
    refused = {
      document_not_found = "not_found",
      permission_denied = "denied",
    },
  },
  status = {
    docs = DOCS .. "get-scheduled-email-by-id",
    request = "GET /smtp/emailStatus/{id}",
    -- A message has one status; a batch has a list, in which the word that says least holds.
    [200] = {
      { has = { scheduledAt = TIME }, state = "status", means = STATES },
      { has = { ["batches[1].scheduledAt"] = TIME }, state = "batches[].status",
        means = STATES },
    },
    refused = { document_not_found = { "not_stoppable", "gone_or_sent" } },
  },
  check = {
    docs = DOCS .. "get-account",
    request = "GET /account",
    [200] = { has = "email", means = "accepted" },
  },
}
