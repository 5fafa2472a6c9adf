-- The types that editors read say what the code does.

local luacats = require("spec.support.luacats")
local options = require("stopmsg.options")
local outcome = require("stopmsg.meaning.outcome")
local schema = require("stopmsg.provider.schema")
local reports = require("stopmsg.report")
local sorted = require("spec.support.sorted")
local stopmsg = require("stopmsg")

local TYPES = "lua/stopmsg/types.lua"
local page = luacats.read({
  TYPES, "lua/stopmsg/init.lua", "lua/stopmsg/client/init.lua", "lua/stopmsg/report.lua",
})

-- The public names of a class: methods, without metamethods and private fields.
local function public(class)
  local list = {}
  for name, value in pairs(class) do
    if type(value) == "function" and not name:find("^_") then
      list[#list + 1] = name
    end
  end
  return sorted.list(list)
end

local function fields(name)
  local class = page.classes["stopmsg." .. name]
  assert.message("no class stopmsg." .. name).is_truthy(class)
  return class.fields
end

describe("the types", function()
  it("are read, all of them, and name only what is defined", function()
    assert.same({}, luacats.undefined(page))
  end)

  it("have every option, optional where there is a default or none is needed", function()
    for class, kind in pairs({
      Options = "client", CallOptions = "call", VerifyOptions = "verify",
    }) do
      assert.same(sorted.keys(options.known[kind]), sorted.keys(fields(class)), class)
      for name, field in pairs(fields(class)) do
        local is_required = name == "provider" or name == "token"
        assert.message(name).equal(not is_required, field.is_optional)
      end
    end
  end)

  it("name the defaults that options have", function()
    for class, defaults in pairs({
      Options = options.defaults, VerifyOptions = options.verify_defaults,
    }) do
      for name, value in pairs(defaults) do
        local said = fields(class)[name].rest:match("default (%S+ ?%a*)")
        assert.message(name .. " names no default").is_truthy(said)
        local number, unit = said:match("^(%d+)( ?%a*)")
        if type(value) == "number" then
          assert.message(name).equal(value, tonumber(number) * (unit == " MiB" and 2 ^ 20 or 1))
        else
          local shown = type(value) == "string" and '"' .. value .. '"' or tostring(value)
          assert.message(name).equal(shown, said:match('^"?%w+"?'))
        end
      end
    end
  end)

  it("have the outcomes, in their order", function()
    local words = {}
    for i, word in ipairs(outcome.names) do
      words[i] = '"' .. word .. '"'
    end
    assert.same(words, page.aliases["stopmsg.Outcome"])
    for _, info in pairs(stopmsg.outcomes) do
      for name in pairs(info) do
        assert.message(name).is_truthy(fields("OutcomeInfo")[name])
      end
    end
  end)

  it("have the parts of a definition", function()
    -- Names of fields, and places in a list.
    local function named(part)
      local names = {}
      for name in pairs(schema.fields[part]) do
        names[#names + 1] = type(name) == "string" and name or nil
      end
      return names
    end
    local function check(class, names)
      local found = {}
      for name in pairs(fields(class)) do
        if name:find("^[%a_]") then
          found[#found + 1] = name
        end
      end
      assert.same(sorted.list(names), sorted.list(found), class)
    end
    for class, part in pairs({
      Operation = "operation", Setting = "setting", ProviderAuth = "auth", ErrorForm = "error",
      TokenRequest = "token", TextBody = "text", Word = "meaning", Reading = "reading",
      ListOperation = "list", Filter = "filter", NextPage = "next", IdForm = "id", Rate = "rate",
      Pause = "retry_after", Signature = "sign", Ticket = "ticket",
    }) do
      check(class, named(part))
    end
    local of_provider = named("definition")
    for name in pairs(schema.operations) do
      of_provider[#of_provider + 1] = name
    end
    check("Provider", of_provider)
    local escapes = {}
    for _, word in ipairs(fields("TextBody").escape.uses) do
      escapes[#escapes + 1] = word:match('^"(.*)"$')
    end
    assert.same(sorted.keys(schema.escapes), sorted.list(escapes))
  end)

  it("have the fields of a report", function()
    local wanted = { "ids", "is_lookup", "kind", "unproven" }
    for name in pairs(reports.new()) do
      wanted[#wanted + 1] = name
    end
    assert.same(sorted.list(wanted), sorted.keys(fields("Report")))
  end)

  local function check_functions(prefix, names)
    for _, name in ipairs(names) do
      local doc = page.functions[prefix .. name]
      assert.message(name .. " is not found").is_truthy(doc)
      assert.message(name .. " is not explained").is_truthy(doc.about:find("%u"))
      local params = {}
      for i, param in ipairs(doc.params) do
        params[i] = param.name
      end
      assert.same(doc.arguments, params, name)
      assert.message(name).equal(name ~= "close", #doc.returns > 0)
    end
  end

  it("explain every public function, each of its parameters and what it gives", function()
    check_functions("stopmsg.", public(stopmsg))
    local client = stopmsg.new({ provider = "revicom", token = "canary-9d1e77" })
    check_functions("Client:", public(getmetatable(client).__index))
    client:close()
  end)
end)
