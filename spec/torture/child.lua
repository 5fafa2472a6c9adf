-- What system.lua spoils: stops of every provider, told a line an item.
--
--   lua5.4 spec/torture/child.lua URL NUMBER [PROVIDER...]
--
-- NUMBER keeps the ids of one run from those of another. CA_FILE, HTTP_VERSION, TIMEOUT, DEADLINE
-- and VERIFY (its timeout) are the options of these names.

require("spec.support.transport")
local stopmsg = require("stopmsg")

local URL, NUMBER = arg[1], tonumber(arg[2])

local PROVIDERS = {
  revicom = { id = "%08d-22a1-4be6-8908-%08d%s", late = "0403", count = 3000 },
  idigital = { id = "7%08d%06d%s", late = "4031", kind = "dispatch" },
  pushwoosh = { id = "1A2B-3C4D5E%08d-%06d%s", late = "0400" },
  clickatell = { id = "d7a1c4e2b8f9%08d%08d%s", late = "0004" },
  xml = { id = "d7a1c4e2b8fa%08d%08d%s", late = "0004", provider = "clickatell", format = "xml" },
}
local NAMES = { "revicom", "idigital", "pushwoosh", "clickatell", "xml" }

local function tell(...)
  io.stdout:write(table.concat({ ... }, "\t"), "\n")
end

local function tell_item(name, place, item)
  tell(name, tostring(place), item.id, item.outcome, item.reason or "-",
    tostring(item.ambiguous or false), tostring(item.verified or false))
end

local function run(name)
  local p = PROVIDERS[name]
  local ids = {}
  for i = 1, p.count or 24 do
    local ending = i % 7 == 3 and p.late or not p.count and i % 11 == 5 and "0500" or "8001"
    ids[i] = p.id:format(NUMBER, i, ending)
  end
  local client = stopmsg.new({
    provider = p.provider or name,
    format = p.format,
    token = "sandbox",
    application = "A",
    base_url = URL,
    ca_file = os.getenv("CA_FILE"),
    http_version = os.getenv("HTTP_VERSION"),
    concurrency = 4,
    timeout = tonumber(os.getenv("TIMEOUT") or 5),
    deadline = tonumber(os.getenv("DEADLINE") or 20),
  })
  local first, rest = {}, {}
  for i, id in ipairs(ids) do
    local list = i <= #ids / 2 and first or rest
    list[#list + 1] = id
  end
  local call = p.kind and client.stop_dispatch or client.stop
  -- Of dispatches nothing is proven, however long one looks.
  local seconds = not p.kind and tonumber(os.getenv("VERIFY")) or 1
  local report = call(client, first, { verify = { timeout = seconds, interval = 0.01 } })
  for place, item in ipairs(report) do
    tell_item(name, place, item)
  end
  local items = {}
  for item, place in client:each(rest, { kind = p.kind }) do
    items[place] = item
  end
  for place = 1, #rest do
    tell_item(name .. "-each", place, items[place])
  end
  client:close()
end

for i = 3, math.max(#arg, 3) do
  for _, name in ipairs(arg[i] and { arg[i] } or NAMES) do
    local done, message = pcall(run, name)
    if not done then
      tell("raised", name, message)
    end
  end
end
tell("end")
