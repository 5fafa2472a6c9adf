-- What servers of the specs do in processes of their own.

local uv = require("luv")

local serving = {}

-- Tells its first line, and serves until stdin ends: it does not outlive who started it.
function serving.run(line)
  local input = uv.new_pipe(false)
  input:open(0)
  input:read_start(function(_, bytes)
    if not bytes then
      os.exit(0)
    end
  end)
  io.stdout:write(line, "\n")
  io.stdout:flush()
  uv.run()
end

return serving
