-- Who asks: the User-Agent that a provider gets to see.

local server = require("spec.support.server")
local stopmsg = require("stopmsg")

describe("the User-Agent of a request", function()
  local provider

  before_each(function()
    provider = server.scripted([[return function() return 200, "" end]])
  end)

  after_each(function()
    provider:stop()
  end)

  -- The User-Agent lines of the one request that a client with these options sends.
  local function agents(options)
    options.token, options.base_url = "t", provider.url
    stopmsg.stop(options, { "7001" }, { kind = "dispatch" })
    local log = provider:log()
    assert.equal(1, #log)
    local found = {}
    for _, line in ipairs(log[1].lines) do
      found[#found + 1] = line:match("^[Uu]ser%-[Aa]gent: (.*)$")
    end
    return found
  end

  it("names the module", function()
    assert.same({ "stopmsg/" .. stopmsg._VERSION }, agents({ provider = "idigital" }))
  end)

  it("is what the user says", function()
    assert.same({ "acme/1" }, agents({ provider = "idigital", user_agent = "acme/1" }))
  end)

  it("is the same through a proxy", function()
    assert.same({ "acme/1" }, agents({ provider = "idigital", user_agent = "acme/1",
      proxy = provider.url }))
  end)

  it("is the definition's own, where that has one", function()
    local definition = stopmsg.definition("idigital")
    definition.headers = definition.headers or {}
    definition.headers["user-agent"] = "its/own"
    assert.same({ "its/own" }, agents({ provider = definition }))
  end)
end)
