-- The servers that parts.lua wants, in processes of their own: its context, and stop().

local server = require("spec.support.server")

return function()
  local echo = server.echo()
  local fixed = server.echo('{"items":[{"id":"a","code":200},{"id":"B","code":"x"}]}')
  return { url = echo.first_line, items_url = fixed.first_line }, function()
    echo:stop()
    fixed:stop()
  end
end
