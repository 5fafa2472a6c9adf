local server = require("spec.support.server")

describe("stopmsg.provider", function()
  -- What a program of its own has loaded: this one has all definitions.
  local function loaded_after(code)
    local pipe = io.popen(([['%s' -e '
      local stopmsg = require("stopmsg")
      %s
      local is_name = {}
      for _, name in ipairs(stopmsg.providers()) do
        is_name["stopmsg.provider." .. name] = true
      end
      for name in pairs(package.loaded) do
        if is_name[name] or name:find("^stopmsg.sandbox") then
          print(name)
        end
      end' 2>&1]]):format(server.interpreter(), code))
    local text = pipe:read("*a")
    pipe:close()
    return text
  end

  it("loads no definition for their names", function()
    assert.equal("", loaded_after("assert(#stopmsg.providers() > 0)"))
  end)

  it("loads the one definition that a client needs", function()
    assert.equal("stopmsg.provider.telnyx\n",
      loaded_after('stopmsg.new({ provider = "telnyx", token = "key" })'))
  end)
end)
