-- No outcome is stronger than what the provider did. Ids of each provider with recorded answers go
-- through a sandbox that refuses, breaks off, and reports failures that were none; what came of
-- each is then compared with what the sandbox stopped. STOPMSG_IDS=10000 is the long form.

local clients = require("spec.support.clients")
local providers = require("stopmsg.provider")
local recorded = require("stopmsg.sandbox.recorded")
local sample = require("spec.support.sample")
local server = require("spec.support.server")

local COUNT = tonumber(os.getenv("STOPMSG_IDS") or 60)

-- What each word says of the message; `accepted` and `unknown` say that nobody is sure.
local CLAIMS = { stopped = true, recalled = true }
for _, word in ipairs({ "too_late", "not_stoppable", "not_found", "denied", "invalid", "failed",
  "open", "skipped" }) do
  CLAIMS[word] = false
end

-- Ids of the form of the examples; every sixth has another fate.
local function ids_of(all)
  local endings, ids = { "0404", "0409" }, {}
  for ending in pairs(all.fates or {}) do
    endings[#endings + 1] = ending
  end
  table.sort(endings)
  for n = 1, COUNT do
    local id = all.id:format(n)
    local ending = n % 6 == 0 and endings[n / 6 % #endings + 1]
    ids[n] = ending and id:sub(1, -5) .. ending or id
  end
  return ids
end

-- Ids whose claims what the sandbox stopped contradicts.
local function too_strong(report, stopped, is_lookup)
  local list = {}
  for _, item in ipairs(report) do
    local claim = CLAIMS[item.outcome]
    if is_lookup and item.reason == "gone_or_sent" then
      claim = nil -- "stopped or sent": absence does not tell
    end
    if claim ~= nil and claim ~= (stopped[item.id] or false) then
      list[#list + 1] = ("%s %s %s"):format(item.id, item.outcome, item.reason or "")
    end
  end
  return list
end

local function stopped_in(path)
  local set = {}
  for line in io.lines(path) do
    set[line] = true
  end
  return set
end

for _, name in ipairs(providers.names()) do
  local all = recorded.find(name)
  if all then
    local it = sample.its(it, name)
    describe("outcomes at " .. name, function()
      it(("are as strong as the evidence for %d ids, and for those looked up"):format(COUNT),
        function()
          local path = os.tmpname()
          local sandbox = server.spawn({ server.interpreter(), "spec/support/troubled.lua", path,
            "20261129" })
          local operations = providers.load(name).operations
          local client = clients.new({
            provider = name,
            -- A request of many promises nothing about any.
            batch_size = operations.stop.single and 1 or operations.stop.limit > 1 and 2 or nil,
            settings = all.settings,
            token = "sandbox",
            base_url = sandbox.first_line .. "/" .. name,
            rate = 1e6,
            burst = 1e6,
            deadline = 600,
          })
          local ids = ids_of(all)
          local report = client:stop(ids)
          local after = operations.status and client:status(ids) or {}
          client:close()
          sandbox:stop()
          local stopped = stopped_in(path)
          os.remove(path)
          assert.same({}, too_strong(report, stopped))
          assert.same({}, too_strong(after, stopped, true))
          -- The trouble was there, and most of it was overcome.
          assert.is_true(report.retries > COUNT / 20)
          local counts = report.counts
          assert.is_true(counts.stopped + counts.accepted + counts.recalled > COUNT / 2)
        end)
    end)
  end
end
