-- docs/providers.md against the definitions, the kept facts and the pinned clients.

local markdown = require("spec.support.markdown")
local oracle = require("spec.support.oracle")
local providers = require("stopmsg.provider")
local recorded = require("stopmsg.sandbox.recorded")

local page = markdown.read("docs/providers.md")
local facts, packages = oracle.facts(), oracle.packages()

local function by_name(rows)
  local map = {}
  for _, row in ipairs(rows) do
    local name = markdown.codes(row[1])[1]
    map[name] = map[name] or {}
    table.insert(map[name], row)
  end
  return map
end

describe("docs/providers.md", function()
  it("has a row for each provider with recorded answers, as it is", function()
    local rows = by_name(markdown.rows(page, "provider"))
    for _, name in ipairs(providers.names()) do
      if recorded.find(name) then
        local fact, definition = facts[name], providers.definition(name)
        local row = assert(rows[name], name)[1]
        assert.message(name).is_truthy(row[1]:find(("(providers/%s.md)"):format(name), 1, true))
        assert.equal(fact.client and ("`%s` %s"):format(fact.client, packages[fact.client])
          or "the page", row[2])
        assert.equal(fact.differences and #fact.differences .. " listed" or "equal", row[3])
        assert.equal(fact.client and "yes" or "–", row[4])
        for i, operation in ipairs({ "stop", "status", "find", "check" }) do
          assert.message(name .. " " .. operation).equal(definition[operation] and "yes" or "–",
            row[4 + i])
        end
      end
    end
  end)

  it("lists every difference with its reason", function()
    for name, fact in pairs(facts) do
      for _, difference in ipairs(fact.differences or {}) do
        local line = ("| `%s` | %s | `%s` | %s | %s |"):format(name, difference.at,
          difference.theirs, difference.ours and "`" .. difference.ours .. "`" or "not sent",
          difference.reason)
        assert.message(line).is_truthy(page:find(line, 1, true))
      end
    end
  end)
end)
