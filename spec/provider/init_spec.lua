local providers = require("stopmsg.provider")
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

  -- Calls `each` with every word that the answers to an operation may have.
  local function words_of(operation, each)
    for _, r in pairs(operation.readings) do
      while r do
        for _, entry in pairs(r.means or {}) do
          each(entry.word)
        end
        each((r.entry or r.others or {}).word)
        r = r.otherwise
      end
    end
    for _, entry in pairs(operation.refused or {}) do
      each(entry.word)
    end
  end

  it("has no stop with a word of lookups: who asked for a stop wants to know what came of it",
    function()
      for _, name in ipairs(providers.names()) do
        local operations = providers.load(name).operations
        for _, call in ipairs({ "stop", "stop_dispatch" }) do
          local stop = operations[call]
          for _, operation in ipairs({ stop, stop and stop.single }) do
            words_of(operation, function(word)
              assert.is_true(word ~= "open" and word ~= "skipped", name .. " " .. call)
            end)
          end
        end
      end
    end)
end)
