-- POST /stop: stops the ids of the request and answers with what became of each, as one document or
-- as a stream.

local answers = require("gateway.answers")
local calls = require("gateway.calls")
local client = require("gateway.client")
local ids = require("gateway.ids")
local reply = require("gateway.reply")
local settings = require("gateway.settings")
local stopmsg = require("stopmsg")

local stop = {}

-- Messages where the provider documents a stop of messages, else dispatches.
local documented = stopmsg.definition(settings.provider).stop
local KIND = documented and not documented.undocumented and "message" or "dispatch"

local function is_streamed(count)
  local accept = ngx.var.http_accept or ""
  return count > settings.stream_from or accept:find("application/x-ndjson", 1, true) ~= nil
end

-- Streamed or not, an item for each id of `list`.
local function answer(list, streamed)
  local next_item, summary = client:each(list.source, {
    kind = KIND,
    -- Who reads a stream sees how it goes and may hang up.
    deadline = streamed and math.huge or settings.deadline,
  })
  calls.begin(list.count, summary)
  local write = streamed and answers.stream or answers.document
  write(next_item, summary)
end

function stop.handle()
  if ngx.req.get_method() ~= "POST" then
    ngx.header.allow = "POST"
    return reply.error(405, "wrong_method", "POST the ids")
  end
  local list, status, code, message = ids.read()
  if not list then
    return reply.error(status, code, message)
  end
  local answered, fault = pcall(answer, list, is_streamed(list.count))
  if not answered then
    ngx.log(ngx.ERR, fault)
    if ngx.headers_sent then
      return ngx.exit(ngx.ERROR) -- the stream ends without its last line and its last chunk
    end
    reply.error(500, "fault", "the error log of the gateway has the reason")
    return ngx.exit(ngx.HTTP_OK)
  end
end

return stop
