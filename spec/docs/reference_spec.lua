-- docs/reference.md has every name that users meet, and none that is not there.

local exit = require("stopmsg.cli.exit")
local luacats = require("spec.support.luacats")
local markdown = require("spec.support.markdown")
local options = require("stopmsg.options")
local outage = require("stopmsg.outage")
local outcome = require("stopmsg.meaning.outcome")
local retry = require("stopmsg.run.retry")
local server = require("spec.support.server")
local sorted = require("spec.support.sorted")
local stopmsg = require("stopmsg")

local PAGE = markdown.read("docs/reference.md")
local TYPES = luacats.read({ "lua/stopmsg/types.lua" })
local CODE = luacats.read({ "lua/stopmsg/init.lua", "lua/stopmsg/client/init.lua" })

-- The rows of a table by the first word in code of each; and those words, in order.
local function by_name(first, section)
  local rows, names = {}, {}
  local text = section and markdown.section(PAGE, section) or PAGE
  for i, row in ipairs(markdown.rows(text, first)) do
    local name = markdown.codes(row[1])[1]
    assert.message(first .. ": a row without a name").is_truthy(name)
    assert.message(name .. " stands there twice").is_nil(rows[name])
    rows[name], names[i] = row, name
  end
  return rows, names
end

local function files_below(folder)
  local list = {}
  local pipe = io.popen("find " .. folder .. " -name '*.lua'")
  for path in pipe:lines() do
    list[#list + 1] = path
  end
  pipe:close()
  return list
end

describe("docs/reference.md", function()
  describe("has every function", function()
    -- "client:stop(ids, options)" -> its name and its parameters.
    local function check(first, prefix, code_prefix, wanted)
      local _, names = by_name(first)
      local found = {}
      for _, signature in ipairs(names) do
        local name, list = signature:match("^" .. prefix .. "([%w_]+)%(?(.-)%)?$")
        assert.message(signature).is_truthy(name)
        found[#found + 1] = name
        if signature:find("(", 1, true) then
          local params = {}
          for param in list:gmatch("[%w_]+") do
            params[#params + 1] = param
          end
          assert.same(CODE.functions[code_prefix .. name].arguments, params, name)
        end
      end
      assert.same(wanted, sorted.list(found))
    end

    it("of the module, with its parameters", function()
      local wanted = sorted.keys(stopmsg)
      wanted[#wanted + 1] = "shared" -- loaded when it is first used
      check("name", "stopmsg%.", "stopmsg.", sorted.list(wanted))
    end)

    it("of a client, with its parameters", function()
      local client = stopmsg.new({ provider = "revicom", token = "canary-9d1e77" })
      local wanted = {}
      for name in pairs(getmetatable(client).__index) do
        if not name:find("^_") then
          wanted[#wanted + 1] = name
        end
      end
      client:close()
      check("call", "client:", "Client:", sorted.list(wanted))
    end)
  end)

  describe("has every option", function()
    local function check(section, first, known, defaults)
      local rows, names = by_name(first, section)
      assert.same(sorted.keys(known), sorted.list(names))
      for name, row in pairs(rows) do
        local said = markdown.codes(row[2])[1]
        local value = defaults[name]
        if type(value) == "number" then
          local number, unit = (said or ""):match("^(%d+)( ?%a*)$")
          assert.message(name).equal(value,
            number and tonumber(number) * (unit == " MiB" and 2 ^ 20 or 1))
        elseif value ~= nil then
          assert.message(name).equal(type(value) == "string" and '"' .. value .. '"'
            or tostring(value), said)
        else
          assert.message(name .. " has no fixed default").is_nil(tonumber(said))
        end
      end
    end

    it("of a client, with its default", function()
      check("Options", "option", options.known.client, options.defaults)
    end)

    it("of a call, with its default", function()
      check("Call options", "call option", options.known.call, { verify = false })
      check("Call options", "verify option", options.known.verify, options.verify_defaults)
      check("Call options", "find option", options.known.find, { all = false })
      check("Call options", "stop_where option", options.known.stop_where, { all = false,
        interval = options.stop_where_defaults.interval })
    end)
  end)

  it("says how many requests are in flight unless the user does", function()
    local sandbox = server.start({ delay = 0.05 })
    local uuids, codes = {}, {}
    for i = 1, 20 do
      uuids[i] = ("2a28d557-22a1-4be6-8908-14817230%04d"):format(1000 + i)
      codes[i] = ("C3F8-C3863ED4-334A%04d"):format(1000 + i)
    end
    local function in_flight(provider, list)
      local count, is_over = 0, false
      stopmsg.stop({
        provider = provider,
        token = "sandbox",
        base_url = sandbox.url,
        batch_size = 1,
        on_event = function(event)
          is_over = is_over or event.type == "response"
          count = count + (event.type == "request" and not is_over and 1 or 0)
        end,
      }, list)
      return count
    end
    assert.equal(("%d for batches, %d for one id a request"):format(in_flight("revicom", uuids),
      in_flight("pushwoosh", codes)), by_name("option", "Options").concurrency[2])
    sandbox:stop()
  end)

  it("says how often and when a request is repeated", function()
    local task = { max_attempts = 100, random = function() return 1 end }
    local failures = markdown.section(PAGE, "Failures")
    local function says(sentence, ...)
      assert.is_truthy(failures:find(sentence:format(...), 1, true), sentence:format(...))
    end
    local first = retry.delay(task, 1, nil, 100)
    assert.equal(2 * first, retry.delay(task, 2, nil, 100))
    says("a random pause of up to %d ms that doubles each time (%d s at most)", first * 1000,
      retry.delay(task, 50, nil, 100))
    local tracker = outage.new({ slots = 16, random = function() return 1 end })
    says("else for up to %g s, then %g s", tracker:throttled(1, 0, 16), tracker:throttled(3, 2, 16))
  end)

  describe("has every field", function()
    it("of an item, as the types and the CSV have them", function()
      local _, names = by_name("field")
      local header = table.concat(names, ",", 1, #names - 1)
      assert.equal("left", names[#names]) -- the header is as old as the command
      assert.is_truthy(PAGE:find("`" .. header .. "`", 1, true))
      local golden = markdown.read("spec/command/golden/csv-stdout.txt")
      assert.is_truthy(golden:find("\n" .. header .. "\n", 1, true))
      assert.same(TYPES.classes["stopmsg.Item"].names, names)
    end)

    it("of a report, as the types have them", function()
      local _, names = by_name("report field")
      local fields = {}
      for _, name in ipairs(names) do
        if name ~= "tostring(report)" then
          fields[#fields + 1] = name:match("^report:(%w+)%(") or name
        end
      end
      assert.same(sorted.keys(TYPES.classes["stopmsg.Report"].fields), sorted.list(fields))
    end)
  end)

  it("has every outcome, and what it means for programs", function()
    local rows, names = by_name("outcome")
    assert.same(outcome.names, names)
    for word, info in pairs(stopmsg.outcomes) do
      local stopped = ({ yes = true, no = false, ["not yet"] = false })[rows[word][3]]
      assert.message(word).equal(info.stopped, stopped)
      assert.message(word).equal(info.settled and "yes" or "no", rows[word][4])
    end
  end)

  it("has every reason that the code gives, and no other", function()
    local given = {}
    local function add(word)
      if word and not outcome.all[word] then
        given[word:gsub("^http_.*", "http_<status>")] = true
      end
    end
    for _, path in ipairs(files_below("lua/stopmsg")) do
      local text = path:find("types.lua", 1, true) and "" or markdown.read(path)
      -- `reason = "x"`, `reason = a and "x" or "y"`, `finish("x")`, and the third value of what
      -- meaning/answer.lua says of a HTTP status.
      for expression in text:gsub("word, reason = ", ""):gmatch("reason = ([^\n,}]+)") do
        for word in expression:gmatch('"([%l_]+)"') do
          add(word)
        end
      end
      for word in text:gmatch('[:.]finish%("([%l_]+)"%)') do
        add(word)
      end
      for word in text:gmatch('return "%l+", "[%l_]+", "([%l_]+)"') do
        add(word)
      end
      for word in (text:match("local REASON = (%b{})") or ""):gmatch('"([%l_]+)"') do
        add(word)
      end
      for word in text:gmatch('reason or "([%l_]+)"') do
        add(word)
      end
      -- What is wrong with a list.
      if path:find("/find/", 1, true) then
        for word in text:gmatch('fault%("([%l_]+)"') do
          add(word)
        end
      end
    end
    given.unknown = nil -- `word == "unknown" and …`
    local _, names = by_name("reason")
    assert.same(sorted.keys(given), sorted.list(names))
  end)

  it("has every event with its fields", function()
    local rows, names = by_name("event")
    local documented = {}
    for name, row in pairs(rows) do
      local fields = {}
      for _, word in ipairs(markdown.codes(row[2])) do
        if TYPES.classes["stopmsg.Event"].fields[word] then
          fields[word] = true
        end
      end
      documented[name] = fields
    end

    local common = { type = true, provider = true, operation = true }
    local seen = {}
    local sandbox = server.start()
    local client = stopmsg.new({
      provider = "revicom",
      token = "sandbox",
      base_url = sandbox.url,
      on_event = function(event)
        seen[event.type] = seen[event.type] or {}
        for field in pairs(event) do
          if not common[field] then
            seen[event.type][field] = true
          end
        end
      end,
    })
    client:stop("cc46e6b6-2d77-4457-aa81-c17a02770500")
    client:stop("811c27e3-3bc4-406a-9fcd-44435a820429")
    client:close()
    sandbox:stop()

    documented.response.fault, documented.outage.message = nil, nil -- without an answer
    documented.outage.of = nil -- of a shared rate
    assert.same(documented, seen)
    local types = {}
    for _, word in ipairs(TYPES.classes["stopmsg.Event"].fields.type.uses) do
      types[#types + 1] = word:match('^"(.*)"$')
    end
    assert.same(types, names)
  end)

  it("has the words for how far a request got, and what went wrong", function()
    local rows = by_name("event")
    local words = {}
    for _, word in ipairs(markdown.codes(rows.response[2])) do
      words[word] = true
    end
    local source = markdown.read("csrc/slot.c")
    local fault = source:match("const char %*fault_of%b() (%b{})")
    local stage = source:match("const char %*stage_of%b() (%b{})")
    for word in (fault .. stage):gmatch('"(%l[%l_]*)"') do
      assert.message(word).is_true(words[word])
    end
    for _, use in ipairs(TYPES.classes["stopmsg.Event"].fields.stage.uses) do
      assert.message(use).is_truthy(stage:find(use, 1, true))
    end
  end)

  describe("says of the command", function()
    it("which commands and options there are, as `make pages` makes the tables", function()
      assert.equal(require("tools.reference").made(), PAGE)
    end)

    it("which exit codes there are, and when", function()
      local meant = {}
      for _, row in ipairs(markdown.rows(markdown.section(PAGE, "Exit codes"), "exit code")) do
        for code in row[1]:gmatch("%d+") do
          for _, word in ipairs(markdown.codes(row[2])) do
            meant[word] = tonumber(code)
          end
          meant[tonumber(code)] = true
        end
      end
      for name, code in pairs(exit) do
        if type(code) == "number" and name ~= "signal" then
          assert.message(name).is_true(meant[code])
        end
      end
      for _, word in ipairs(outcome.names) do
        local counts = {}
        for _, other in ipairs(outcome.names) do
          counts[other] = other == word and 1 or 0
        end
        assert.message(word).equal(exit.of(counts), meant[word])
      end
    end)
  end)

  it("has fates of the sandbox as its help has them", function()
    local about = require("stopmsg.sandbox").about()
    for _, row in ipairs(markdown.rows(markdown.section(PAGE, "Sandbox"), "ends in")) do
      for _, ending in ipairs(markdown.codes(row[1])) do
        assert.message(ending).is_truthy(about:find("%f[%d]" .. ending .. "%f[%D]")
          or ending == "0014")
      end
    end
    assert.is_truthy(about:find("0001 to 0014", 1, true))
  end)
end)
