-- Stops messages of all four providers at the sandbox and shows what became of each.
-- `make demo` starts the sandbox and gives its address: lua examples/demo.lua http://127.0.0.1:PORT

local stopmsg = require("stopmsg")

-- Of a sandbox: the token below is no provider's.
local base_url = arg[1] or os.getenv("STOPMSG_BASE_URL")
if not base_url then
  io.stderr:write("usage: lua examples/demo.lua http://127.0.0.1:PORT\n")
  os.exit(2)
end

-- In the sandbox the last four characters of an id choose its fate.
local work = {
  { "revicom", "stop", {
    "2a28d557-22a1-4be6-8908-1481723043dd",
    "063464ec-a34f-4558-90c5-984395010202",
    "811c27e3-3bc4-406a-9fcd-44435a820403",
    "cc46e6b6-2d77-4457-aa81-c17a02770404",
    "not-a-uuid",
  } },
  { "idigital", "stop_dispatch", { 10000000125, "10004031", "10004040" } },
  { "pushwoosh", "stop", {
    "C3F8-C3863ED4-334AD4F1",
    "C3F8-C3863ED4-334A0400",
    "C3F8-C3863ED4-334A0404",
  } },
  { "clickatell", "stop", {
    "360586640fe9846954897dffe6c13dfc",
    "360586640fe9846954897dffe6c10004",
    "360586640fe9846954897dffe6c10011",
    "360586640fe9846954897dffe6c10503",
  } },
}

local ROW = "  %-38s %-14s %-6s %s"

for _, task in ipairs(work) do
  local provider, call, ids = task[1], task[2], task[3]
  local client = stopmsg.new({ provider = provider, token = "sandbox", base_url = base_url })
  local report = client[call](client, ids)
  client:close()

  print(provider)
  for _, item in ipairs(report) do
    print(ROW:format(item.id, item.outcome, item.code or "-", item.message or item.reason or ""))
  end
  print("  " .. tostring(report) .. "\n")
end
