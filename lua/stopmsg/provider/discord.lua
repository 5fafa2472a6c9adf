-- Discord. Deletes delivered messages.

local DOCS = "https://discord.com/developers/docs/resources/"

return {
  name = "discord",
  about = "Discord: deletes messages that were delivered",
  docs = DOCS .. "message#delete-message",
  url = "https://discord.com/api/v10",
  headers = { Authorization = "Bot {token}" },
  id = {
    write = "{channel}/{message}",
    channel = { pattern = "^%d+$", max = 20, about = "a channel's number" },
    message = { pattern = "^%d+$", max = 20, about = "a message's number" },
    about = "a channel and a message like 41771983423143937/162701077035089920",
  },
  error = { code = "code", text = "message", form = "integer", least = 10000 },
  retry_after = { header = "X-RateLimit-Reset-After" },
  refused = { [10003] = "not_found", [50001] = "denied", [50013] = "denied" },
  stop = {
    request = "DELETE /channels/{channel}/messages/{message}",
    [204] = "recalled",
    -- Other APIs have five-digit codes, too.
    [403] = "failed",
    [404] = "failed",
    refused = { [10008] = "not_found", [50021] = "not_stoppable" },
    many = {
      docs = DOCS .. "message#bulk-delete-messages",
      request = "POST /channels/{channel}/messages/bulk-delete",
      limit = { 2, 100 },
      together = "channel",
      json = { messages = "{message}" },
      -- Ids that do not exist are counted and not mentioned.
      [204] = "accepted",
      [403] = "failed",
      [404] = "failed",
      refused = { [50034] = "halve" }, -- one is older than two weeks
    },
  },
  status = {
    docs = DOCS .. "message#get-channel-message",
    request = "GET /channels/{channel}/messages/{message}",
    [200] = { id = { channel = "channel_id", message = "id" }, means = "too_late",
      verifies = { "too_late" } },
    [403] = "failed",
    [404] = "failed",
    refused = { [10008] = { "not_stoppable", "gone_or_sent" } },
  },
  check = {
    docs = DOCS .. "user#get-current-user",
    request = "GET /users/@me",
    [200] = { has = { "id", "username" }, means = "accepted" },
  },
}
