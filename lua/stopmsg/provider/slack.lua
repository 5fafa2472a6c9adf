-- Slack's Web API. Every error is HTTP 200 with `ok: false` and a word, so the word decides.

-- Words of all methods. https://docs.slack.dev/reference/methods/chat.deleteScheduledMessage
local function with_common(means)
  for word, meaning in pairs({
    not_authed = "credentials",
    invalid_auth = "credentials",
    bad_token = "credentials",
    token_expired = "credentials",
    token_revoked = "credentials",
    account_inactive = "credentials",
    not_allowed_token_type = "credentials",
    missing_scope = "denied",
    no_permission = "denied",
    access_denied = "denied",
    ekm_access_denied = "denied",
    org_login_required = "denied",
    team_access_not_granted = "denied",
    team_added_to_org = "again",
    ratelimited = "throttle",
    rate_limited = "throttle",
    fatal_error = "again", -- it may have worked in part
    internal_error = "again",
    service_unavailable = "again",
    request_timeout = "again",
    invalid_arguments = "failed",
    invalid_arg_name = "failed",
    invalid_charset = "failed",
    invalid_form_data = "failed",
    invalid_post_type = "failed",
    missing_post_type = "failed",
    upgrade_required = "failed",
  }) do
    means[word] = means[word] or meaning
  end
  return means
end

return {
  name = "slack",
  about = "Slack: deletes a scheduled message before it is posted",
  docs = "https://docs.slack.dev/reference/methods/chat.deleteScheduledMessage",
  url = "https://slack.com/api",
  headers = { Authorization = "Bearer {token}", Accept = "application/json" },
  id = {
    write = "{channel}/{message}",
    channel = { pattern = "^[CDG]%w+$", max = 32, about = "a conversation like C024BE91L" },
    message = { pattern = "^[Q%d]%w*$", max = 32, about = "a scheduled message like Q1298393284" },
    about = "a channel and a scheduled message like C024BE91L/Q1298393284",
  },
  rate = { 50, per = 60 }, -- Tier 3
  stop = {
    request = "POST /chat.deleteScheduledMessage",
    form = { channel = "{channel}", scheduled_message_id = "{message}" },
    [200] = {
      { has = { ok = true }, means = "stopped" },
      {
        has = { ok = false },
        code = "error",
        means = with_common({
          -- Unknown, posted already, or deleted already: one word for all.
          invalid_scheduled_message_id = { "not_stoppable", "gone_or_sent" },
          channel_not_found = "not_found",
        }),
      },
    },
  },
  status = {
    docs = "https://docs.slack.dev/reference/methods/chat.scheduledMessages.list",
    inferred = "that a message which is no longer listed was posted or deleted",
    request = "POST /chat.scheduledMessages.list",
    form = { channel = "{channel}", limit = 100 },
    [200] = {
      {
        has = { ok = true },
        each = "scheduled_messages",
        id = { channel = "channel_id", message = "id" },
        means = "open",
        others = { "not_stoppable", "gone_or_sent" },
        next = "response_metadata.next_cursor",
      },
      {
        has = { ok = false },
        code = "error",
        means = with_common({ channel_not_found = "not_found", invalid_channel = "not_found" }),
      },
    },
  },
  check = {
    docs = "https://docs.slack.dev/reference/methods/auth.test",
    request = "POST /auth.test",
    [200] = {
      { has = { ok = true }, means = "accepted" },
      { has = { ok = false }, code = "error", means = with_common({}) },
    },
  },
  find = {
    docs = "https://docs.slack.dev/reference/methods/chat.scheduledMessages.list",
    request = "POST /chat.scheduledMessages.list",
    form = { limit = 100 },
    where = {
      channel_id = { form = "channel", entry = "channel_id", about = "a conversation" },
      since = { form = "oldest", entry = "post_at", time = "unix" },
      till = { form = "latest", entry = "post_at", time = "unix" },
    },
    each = "scheduled_messages",
    id = { channel = "channel_id", message = "id" },
    [200] = {
      has = { ok = false },
      code = "error",
      means = with_common({ channel_not_found = "failed", invalid_channel = "failed",
        invalid_cursor = "failed" }),
    },
    next = { by = "cursor", as = "form:cursor", path = "response_metadata.next_cursor" },
  },
}
