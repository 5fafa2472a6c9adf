-- Stops whatever of a campaign has not left yet, without a list of ids: asks Revicom for what can
-- still be stopped of a dispatch, stops it while the list is read, and looks again until nothing
-- is left.
--
--   lua examples/stop_where.lua 17 > stopped.txt
local stopmsg = require("stopmsg")

if not arg[1] then
  io.stderr:write("usage: lua stop_where.lua DISPATCH\n")
  os.exit(2)
end

local client = stopmsg.new({
  provider = "revicom",
  token = os.getenv("STOPMSG_TOKEN"),
  base_url = os.getenv("STOPMSG_BASE_URL"), -- of a sandbox; without it, the provider's own
})

-- The number before anything is stopped.
local found = 0
for _ in client:find({ dispatch = arg[1] }) do
  found = found + 1
end
io.stderr:write(("%d message(s) can be stopped now\n"):format(found))

local next_item, report = client:stop_where({ dispatch = arg[1] }, { interval = 1 })
local look = 0
for item in next_item do
  print(item.id, item.outcome)
  if report.rounds > look then
    look = report.rounds
    io.stderr:write(("look %d: %d found, %d stopped\n"):format(look, report.found,
      report.counts.stopped))
  end
end

for _, warning in ipairs(report.warnings) do
  io.stderr:write("warning: ", warning, "\n")
end
io.stderr:write(tostring(report), "\n")
if not report.is_complete then
  io.stderr:write("not complete: ", tostring(report.err), "\n")
end
client:close()
os.exit(report.is_complete and report.ok and 0 or 1)
