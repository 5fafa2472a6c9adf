-- Twilio SendGrid. A batch is all mail that was sent with the same batch_id.

local DOCS = "https://www.twilio.com/docs/sendgrid/api-reference/cancel-scheduled-sends/"

return {
  name = "sendgrid",
  about = "Twilio SendGrid: cancels scheduled e-mail by its batch id",
  docs = DOCS .. "cancel-or-pause-a-scheduled-send",
  url = "https://{region}.sendgrid.com/v3",
  settings = {
    region = {
      about = "global, or eu for subusers that are pinned to the EU",
      one_of = { global = "api", eu = "api.eu" },
      default = "global",
    },
  },
  headers = { Authorization = "Bearer {token}", Accept = "application/json" },
  id = {
    pattern = "^[%w_%-]+$",
    max = 100,
    about = "a batch id like HkJ5yLYULb7Rj8GKSx7u025ouWVlMgAi",
  },
  -- {"errors":[{"field":null,"message":"…"}]}: there are no codes.
  error = { text = "errors[1].message", form = "text" },
  stop = {
    request = "POST /user/scheduled_sends",
    json = { batch_id = "{id}", status = "cancel" },
    -- The mail stays in the queue, and is thrown away when its time comes.
    [201] = { id = "batch_id", code = "status", means = { cancel = "accepted" } },
    -- Paused or cancelled already, or too many batches are.
    [400] = "failed",
    [404] = "not_found",
  },
  status = {
    docs = DOCS .. "retrieve-scheduled-send",
    request = "GET /user/scheduled_sends/{id}",
    -- Only what is paused or cancelled is listed.
    [200] = {
      each = ".",
      id = "batch_id",
      state = "status",
      means = {
        -- What was ordered, not what became of it.
        cancel = { "accepted",
          note = "a cancel less than 10 minutes before send_at is not guaranteed" },
        pause = "open",
      },
    },
  },
  check = {
    docs = "https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions/"
      .. "retrieve-a-list-of-scopes-for-which-this-user-has-access",
    request = "GET /scopes",
    [200] = { has = "scopes", means = "accepted" },
  },
}
