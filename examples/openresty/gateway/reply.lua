-- Answers that are not about ids: what is wrong with a request.

local cjson = require("cjson")

local reply = {}

local TEXTS = {
  [403] = "not for web pages: the request has an Origin",
  [404] = "there are POST /stop, GET /metrics and GET /health",
  [413] = "the body is larger than client_max_body_size",
}

-- Ends the request with {"error":{"code":…,"message":…}}.
function reply.error(status, code, message)
  ngx.status = status
  ngx.header.content_type = "application/json"
  ngx.say(cjson.encode({ error = { code = code, message = message } }))
end

-- The same for what nginx itself refuses.
function reply.http_error()
  local status = ngx.status
  reply.error(status, "http_" .. status, TEXTS[status] or "refused by nginx")
end

return reply
