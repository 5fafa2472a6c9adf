-- The servers that parts.lua wants, in processes of their own: its context, and stop().

local server = require("spec.support.server")

return function()
  local echo = server.echo()
  local fixed = server.echo('{"items":[{"id":"a","code":200},{"id":"B","code":"x"}]}')
  local redis = server.spawn({ server.interpreter(), "spec/support/resp_server.lua",
    "return function(words) return '$' .. #words[2] .. '\\r\\n' .. words[2] .. '\\r\\n' end" })
  local redis_url = "http://127.0.0.1:" .. redis.first_line .. "/"
  return { url = echo.first_line, items_url = fixed.first_line, redis_url = redis_url }, function()
    echo:stop()
    fixed:stop()
    redis:stop()
  end
end
