-- Objects that name a field twice, of which a response says nothing.

local core = require("stopmsg.core")
local json = require("stopmsg.json")

describe("stopmsg.core.names_twice", function()
  for text, is_twice in pairs({
    ['{"a":1,"a":2}'] = true,
    ['{"a":1,"b":2,"c":3,"a":1}'] = true,
    ['{"a":{"b":1,"b":1}}'] = true,
    ['[[{"x":[]}],[{"q":1,"w":{"q":2},"q":3}]]'] = true,
    ['{"a":1,"\\u0061":2}'] = true,
    ['{"":1,"":2}'] = true,
    ['\239\187\191{"a":1,"a":2}'] = true,
    ['{"a":1,"b":{"a":1}}'] = false,
    ['{"b":{"a":1},"a":{"b":2}}'] = false,
    ['[{"a":1},{"a":2}]'] = false,
    ['{"x":"a","a":"x"}'] = false,
    ['{"A":1,"a":2}'] = false,
    ["{}"] = false,
    ["5"] = false,
    ["true stop"] = false,
    ['"a"'] = false,
    [""] = false,
    ['{"a":1,"a":2'] = false, -- no JSON, which others refuse
    ['{"a":1,,"a":2}'] = false,
  }) do
    it((is_twice and "sees it in " or "sees none in ") .. text, function()
      assert.equal(is_twice, core.names_twice(text))
    end)
  end

  it("sees it among very many names", function()
    local fields = {}
    for i = 1, 20000 do
      fields[i] = ('"name %d":%d'):format(i, i)
    end
    assert.is_false(core.names_twice("{" .. table.concat(fields, ",") .. "}"))
    fields[10000] = '"name 19999":0'
    local text = "{" .. table.concat(fields, ",") .. "}"
    assert.is_true(core.names_twice(text))
    assert.equal(19999, json.decode(text)["name 19999"])
  end)
end)
