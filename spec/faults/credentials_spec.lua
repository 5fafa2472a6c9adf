-- Credentials that are refused while many requests are in flight.

local faults = require("spec.support.faults")
local stopmsg = require("stopmsg")

describe("refused credentials", function()
  local server

  setup(function()
    server = faults.start()
  end)

  teardown(function()
    server:stop()
  end)

  for _, kind in ipairs({ "string", "function" }) do
    it("end the run with the first, given as a " .. kind, function()
      for _, concurrency in ipairs({ 1, 4, 16 }) do
        for _, each in ipairs(faults.providers) do
          local asked = 0
          local function token()
            asked = asked + 1
            return "token " .. asked
          end
          local prefix = ({ pushwoosh = "Token ", clickatell = "Bearer " })[each.name] or "Basic "
          local client = stopmsg.new({
            provider = each.name,
            token = kind == "string" and "token 1" or token,
            base_url = server.url,
            concurrency = concurrency,
            batch_size = 1,
          })
          local ids = {}
          for i = 1, 60 do
            ids[i] = each.id(i)
          end
          server:set({
            ["then"] = {
              ["do"] = { { "read", "all" }, { "wait", 0.02 },
                { "write", faults.http("401 Unauthorized", "{}") } },
              says = "denied",
              carries = false,
            },
            ids = ids,
            authorization = prefix .. (kind == "string" and "token 1" or "token 2"),
          })
          local report = client[each.call](client, ids)
          client:close()
          local log = server:take()
          assert.same({}, faults.judge(report, log, ids))
          local requests = faults.only(log, "request")
          -- With the last token there was; the first of them to be refused ends the run.
          local renewed = 0
          for _, record in ipairs(requests) do
            renewed = renewed + (record.authorized and 1 or 0)
          end
          local told = ("%s, %d at a time"):format(each.name, concurrency)
          assert.equal(kind == "function" and 2 or 0, asked, told)
          assert.is_true(renewed >= 1 and renewed <= concurrency, told .. ": " .. renewed)
          assert.is_true(#requests <= 2 * concurrency, told .. ": " .. #requests)
          assert.equal("credentials", report[60].reason, told)
          assert.equal(60, report.counts.denied + report.counts.skipped, told)
        end
      end
    end)
  end
end)
