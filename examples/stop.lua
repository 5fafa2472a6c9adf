-- Stops the messages whose uuids stand in a file, one a line: lua examples/stop.lua ids.txt
local stopmsg = require("stopmsg")

if not arg[1] then
  io.stderr:write("usage: lua stop.lua ids.txt\n")
  os.exit(2)
end

local client = stopmsg.new({
  provider = "revicom",
  token = os.getenv("STOPMSG_TOKEN"),
  base_url = os.getenv("STOPMSG_BASE_URL"), -- of a sandbox; without it, the provider's own
})
for item in client:each(io.lines(arg[1])) do
  print(item.id, item.outcome, item.code)
end
