-- stopmsg sends what the vendors' own clients send: the kept facts are the judge, so that nothing
-- has to be installed. `make oracle` takes the facts anew, from the clients.

local oracle = require("spec.support.oracle")
local stopmsg = require("stopmsg")

local facts = oracle.facts()

describe("oracle", function()
  local compared = 0

  for _, name in ipairs(stopmsg.providers()) do
    local fact = facts[name]
    if fact then
      describe(name, function()
        local item, request

        setup(function()
          item, request = oracle.stop(name, fact)
        end)

        it("is asked as " .. (fact.client or "the vendor's page") .. " asks", function()
          assert.same(oracle.expected(fact), oracle.differences(fact.request, request))
          compared = compared + 1
        end)

        it("is understood", function()
          assert.equal(fact.answer.outcome, item.outcome)
        end)
      end)
    end
  end

  it("has compared every provider", function()
    assert.equal(#stopmsg.providers(), compared)
  end)

  it("gives a reason for each difference", function()
    for name, fact in pairs(facts) do
      for _, difference in ipairs(fact.differences or {}) do
        assert.is_string(difference.reason, name .. ": " .. difference.at)
        assert.not_equal("", difference.reason)
      end
    end
  end)

  it("knows for each fact whose it is", function()
    local packages = oracle.packages()
    for name, fact in pairs(facts) do
      assert.is_true((fact.client ~= nil) ~= (fact.page ~= nil), name)
      assert.is_true(fact.page ~= nil or packages[fact.client] ~= nil, name)
    end
  end)
end)
