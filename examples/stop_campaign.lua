-- Stops a campaign: the dispatch first, which is one request for all that has not left yet, then
-- the messages that were sent beside it, one uuid a line. Then asks what became of them.
--
--   lua examples/stop_campaign.lua 10000000125 messages.txt
--
-- Each brand of the platform documents one of the two stops; `undocumented` allows the other.
local stopmsg = require("stopmsg")

if not arg[2] then
  io.stderr:write("usage: lua stop_campaign.lua DISPATCH messages.txt\n")
  os.exit(2)
end

local dispatch, path = arg[1], arg[2]
local client = stopmsg.new({
  provider = "idigital",
  undocumented = true,
  token = os.getenv("STOPMSG_TOKEN"),
  base_url = os.getenv("STOPMSG_BASE_URL"), -- of a sandbox; without it, the provider's own
})

local ids = {}
for id in io.lines(path) do
  ids[#ids + 1] = id
end

-- Both stops before any lookup: what is looked up later can wait, what is being sent cannot.
local reports = { client:stop_dispatch(dispatch), client:stop(ids) }
local are_stopped = true
for _, report in ipairs(reports) do
  client:verify(report, { timeout = 30, interval = 0.2 })
  for _, item in ipairs(report) do
    print(item.id, item.outcome, item.verified and "proven" or "not proven", item.state or "-")
  end
  for _, warning in ipairs(report.warnings) do
    io.stderr:write("warning: ", warning, "\n")
  end
  io.stderr:write(tostring(report), "\n")
  are_stopped = are_stopped and report.ok
end
client:close()
os.exit(are_stopped and 0 or 1)
