-- The vendors' own clients as judges, for `make oracle`: they are installed, and asked anew for
-- what spec/oracle/facts.json keeps of them.

local json = require("stopmsg.json")
local oracle = require("spec.support.oracle")

local facts = oracle.facts()

local function clients()
  local names = {}
  for name, fact in pairs(facts) do
    if fact.client then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

describe("vendors' clients", function()
  for _, name in ipairs(clients()) do
    local fact = facts[name]
    local question = fact.question

    it(("still ask as was kept of them: %s"):format(fact.client), function()
      local answers
      local requests = oracle.record(fact.answer, function(base)
        answers = oracle.ask({ {
          client = name,
          base = base,
          token = question.token,
          settings = question.settings,
          id = question.id,
        } })
      end)
      assert.equal(fact.answer.outcome, answers[1].read, json.encode(answers[1]))
      assert.equal(1, #requests)
      assert.same({}, oracle.differences(fact.request, requests[1]))
    end)
  end
end)

describe("the vendor's OpenAPI file", function()
  for _, name in ipairs({ "resend", "twilio" }) do
    local fact = facts[name]

    it("accepts what was kept of " .. name, function()
      assert.same({}, oracle.judge(name, fact.request, fact.answer))
    end)

    it("refuses another request than " .. name .. "'s, or another answer", function()
      local request = { method = fact.request.method, path = fact.request.path .. "/x" }
      assert.not_same({}, oracle.judge(name, request, nil))
      assert.not_same({}, oracle.judge(name, fact.request, {
        status = 200,
        body = name == "twilio" and { status = "stopped" } or { last_event = "stopped" },
      }))
    end)
  end
end)
