-- What the pages say of providers, definitions and files, where their links lead, and what README
-- shows of the reference.

local errors = require("stopmsg.meaning.errors")
local ids = require("stopmsg.ids")
local markdown = require("spec.support.markdown")
local providers = require("stopmsg.provider")
local schema = require("stopmsg.provider.schema")
local sorted = require("spec.support.sorted")
local stopmsg = require("stopmsg")

-- The names in the first cells of a page's tables of one kind.
local function names_of(page, first)
  local list = {}
  for _, row in ipairs(markdown.rows(page, first)) do
    for _, name in ipairs(markdown.codes(row[1])) do
      list[#list + 1] = name
    end
  end
  return sorted.list(list)
end

local function exists(path)
  local file = io.open(path)
  if file then
    file:close()
  end
  return file ~= nil
end

describe("docs/writing-a-provider.md", function()
  local page = markdown.read("docs/writing-a-provider.md")

  for first, part in pairs({
    ["field of a definition"] = "definition", ["field of an operation"] = "operation",
    ["field of a setting"] = "setting", ["field of an id form"] = "id",
    ["field of a reading"] = "reading", ["field of a word"] = "meaning",
    ["field of `error`"] = "error", ["field of `token`"] = "token", ["field of a list"] = "list",
    ["field of a filter"] = "filter", ["field of `next`"] = "next", ["field of `sign`"] = "sign",
  }) do
    it("has every " .. first, function()
      local names = {}
      for name in pairs(schema.fields[part]) do
        names[#names + 1] = type(name) == "string" and name or nil
      end
      assert.same(sorted.list(names), names_of(page, first))
    end)
  end

  it("has every operation, id form, form of codes, action and placeholder", function()
    assert.same(sorted.keys(schema.operations), names_of(page, "operation"))
    assert.same(sorted.keys(ids.forms), names_of(page, "id form"))
    assert.same(sorted.keys(errors.forms), names_of(page, "form"))
    assert.same(sorted.keys(schema.actions), names_of(page, "action"))
    for name in pairs(schema.made) do
      assert.message(name).is_truthy(page:find("| `{" .. name .. "}` |", 1, true))
    end
    for name in pairs(schema.placeholders) do
      assert.message(name).is_truthy(page:find("`{" .. name .. "}`", 1, true))
    end
  end)

  it("has the words that fields may be", function()
    for _, words in ipairs({ schema.escapes, schema.paging, schema.lists, schema.times }) do
      for word in pairs(words) do
        assert.message(word).is_truthy(page:find('`"?' .. word .. '"?`'))
      end
    end
  end)
end)

for _, name in ipairs(providers.names()) do
  describe("docs/providers/" .. name .. ".md", function()
    local page = markdown.read("docs/providers/" .. name .. ".md")
    local definition = stopmsg.definition(name)

    it("has every operation as it is", function()
      local found, operations = {}, {}
      for operation in pairs(schema.operations) do
        operations[#operations + 1] = definition[operation] and operation or nil
      end
      for _, row in ipairs(markdown.rows(page, "operation")) do
        local word = markdown.codes(row[1])[1]
        local operation = definition[word]
        found[#found + 1] = word
        assert.message(word).is_truthy(operation)
        assert.equal(operation.request, markdown.codes(row[2])[1])
        if schema.operations[word].has_no_ids then
          assert.equal("–", row[3])
        else
          local limit = operation.many and operation.many.limit or operation.limit or 1
          limit = type(limit) == "table" and limit[2] or limit
          assert.equal(limit, tonumber(row[3]))
        end
        if not operation.undocumented then
          assert.message(word).is_truthy(row[4]:find(operation.docs or definition.docs, 1, true))
        end
      end
      assert.same(sorted.list(operations), sorted.list(found))
    end)

    it("has its address, its name, its settings and where the token stands", function()
      assert.is_truthy(page:find("`" .. definition.url .. "`", 1, true))
      assert.is_truthy(page:find(('`provider = "%s"`'):format(name), 1, true))
      for setting in pairs(definition.settings or {}) do
        assert.message(setting).is_truthy(page:find("`" .. setting, 1, true))
      end
      for header, value in pairs(definition.headers or {}) do
        if value:find("{token}", 1, true) then
          local before = header .. ": " .. value:match("^(.-) ?{token}")
          assert.message(before).is_truthy(page:find("`" .. before, 1, true))
        end
      end
    end)

    it("has the outcome of every code, refusal and state", function()
      local row_of = {}
      for line in page:gmatch("\n(|[^\n]*)") do
        for word in line:match("^|([^|]*)"):gmatch("[%w_]+") do
          row_of[word] = row_of[word] or {}
          table.insert(row_of[word], line)
        end
      end
      local function has(code, entry)
        local rows = row_of[code] or row_of[code:upper()] or {}
        assert.message(code .. " " .. entry.word).is_truthy(table.concat(rows):find(
          "`" .. entry.word .. "`", 1, true))
      end
      for _, operation in pairs(providers.load(name).operations) do
        if not operation.undocumented and not operation.is_list then
          for status, reading in pairs(operation.readings) do
            if reading.entry and status ~= 200 then
              has(tostring(status), reading.entry)
            end
            while reading do
              for code, entry in pairs(reading.means or {}) do
                if not schema.actions[entry.word] then
                  has(code, entry)
                end
              end
              reading = reading.otherwise
            end
          end
          for key, entry in pairs(operation.refused or {}) do
            if not schema.actions[entry.word] then
              has(key:match("[^/]+$"), entry)
            end
          end
        end
      end
    end)
  end)
end

describe("docs/troubleshooting.md", function()
  local page = markdown.read("docs/troubleshooting.md")

  -- What it quotes of our own messages, and where these are made.
  local QUOTED = {
    ["no headers of"] = "tools/headers.sh",
    ["has no C core for"] = "lua/stopmsg/needs.lua",
    ["was built for another Lua"] = "lua/stopmsg/needs.lua",
    ["was built with another build of libcurl"] = "lua/stopmsg/needs.lua",
    ["contains another version of"] = "lua/stopmsg/needs.lua",
    ["is plain http to another host"] = "csrc/request.c",
    ["cannot wait in the"] = "lua/stopmsg/wait/nginx.lua",
    ["no terminal to ask for confirmation; pass --yes"] = "lua/stopmsg/cli/question.lua",
    ["belongs to another run"] = "lua/stopmsg/journal.lua",
  }

  it("has our messages in their own words", function()
    for words, path in pairs(QUOTED) do
      assert.message(words).is_truthy(page:find(words, 1, true))
      assert.message(path .. ": " .. words).is_truthy(markdown.read(path):find(words, 1, true))
    end
  end)

  it("has what TLS says where we have advice for it", function()
    local tls = require("stopmsg.tls")
    local general = tls.advise("x"):match("; (.*)$")
    for _, row in ipairs(markdown.rows(page, "message")) do
      local advice = tls.advise(row[1]):match("; (.*)$")
      assert.message(row[1]).not_equal(general, advice)
    end
  end)

  it("has reasons that there are", function()
    local reference = {}
    for _, name in ipairs(names_of(markdown.read("docs/reference.md"), "reason")) do
      reference[name] = true
    end
    for _, name in ipairs(names_of(page, "reason")) do
      assert.message(name).is_true(reference[name:gsub("^http_%d+$", "http_<status>")]
        or stopmsg.outcomes[name] ~= nil or name == "ambiguous")
    end
  end)
end)

describe("docs/architecture.md", function()
  local page = markdown.read("docs/architecture.md")

  -- "cli/stop" and "stopmsg.cli.stop" are of the part `cli`.
  local function part_of(name)
    return name:match("^[^/.]+")
  end

  local function files(folder, ending)
    local list = {}
    local pipe = io.popen(("cd %s && find . -name '*%s'"):format(folder, ending))
    for path in pipe:lines() do
      list[#list + 1] = path:sub(3, -#ending - 1)
    end
    pipe:close()
    return list
  end

  it("has every file in a layer, and each requires only what is below it", function()
    local layer_of = {}
    for layer, row in ipairs(markdown.rows(page, "layer")) do
      for _, part in ipairs(markdown.codes(row[2])) do
        layer_of[part] = layer
      end
    end
    for _, file in ipairs(files("lua/stopmsg", ".lua")) do
      local part = part_of(file)
      assert.message(file .. " is in no layer").is_truthy(layer_of[part])
      local text = markdown.read("lua/stopmsg/" .. file .. ".lua")
      for name in text:gmatch('require%("stopmsg%.?([^"]*)"%)') do
        local other = part_of(name) or "init"
        assert.message(("%s requires %s"):format(file, name))
          .is_true(other == part or (layer_of[other] or 0) > layer_of[part])
      end
    end
  end)

  it("has the C module that only the command needs required by no part of the library", function()
    local requires = {}
    for _, file in ipairs(files("lua/stopmsg", ".lua")) do
      if markdown.read("lua/stopmsg/" .. file .. ".lua"):find('"stopmsg.command"', 1, true) then
        requires[part_of(file)] = true
      end
    end
    assert.same({ "cli", "journal", "needs", "record" }, sorted.keys(requires))
    for _, file in ipairs(files("lua/stopmsg", ".lua")) do
      local text = markdown.read("lua/stopmsg/" .. file .. ".lua")
      -- Only the command runs workers.
      local is_command = part_of(file) == "cli" or file == "fleet/worker"
      if not is_command and part_of(file) ~= "journal" then
        assert.message(file).is_nil(text:find('require%("stopmsg%.journal"%)')
          or text:find('require%("stopmsg%.record"%)'))
      end
    end
  end)

  it("names specs that there are for what is relied on in libcurl", function()
    local rows = markdown.rows(page, "habit")
    assert.is_true(#rows > 10)
    for _, row in ipairs(rows) do
      local specs = markdown.codes(row[2])
      assert.message(row[1]).is_true(#specs > 0)
      for _, path in ipairs(specs) do
        assert.message(path).is_true(exists(path))
      end
    end
  end)

  it("has every file of the core", function()
    local known = {}
    for _, row in ipairs(markdown.rows(page, "files")) do
      for _, name in ipairs(markdown.codes(row[1])) do
        known[name] = true
      end
    end
    for _, name in ipairs(files("csrc", ".c")) do
      assert.message(name).is_true(known[name])
      known[name] = nil
    end
    assert.same({}, known)
  end)
end)

describe("README.md", function()
  local page = markdown.read("README.md")

  it("can be read in two minutes", function()
    local _, count = page:gsub("\n", "\n")
    assert.is_true(count <= 150)
  end)

  it("has the outcomes as the reference has them", function()
    local reference = markdown.rows(markdown.read("docs/reference.md"), "outcome")
    local rows = markdown.rows(page, "outcome")
    assert.equal(#reference, #rows)
    for i, row in ipairs(rows) do
      for column = 1, 3 do
        assert.equal(reference[i][column], row[column])
      end
    end
  end)
end)

describe("links", function()
  local pages = {}
  local pipe = io.popen("find . -name '*.md' -not -path './build/*' -not -path './.*/*'"
    .. " -not -path '*/node_modules/*'")
  for path in pipe:lines() do
    pages[path:sub(3)] = markdown.read(path)
  end
  pipe:close()

  -- The links of a page, without those in code: path and anchor, from the root.
  local function links(path)
    local list = {}
    local folder = path:match("^(.*/)") or ""
    local text = pages[path]:gsub("```.-\n```", ""):gsub("`[^`\n]*`%]", "x]")
    for target in text:gmatch("%]%(([^)%s]+)%)") do
      if not target:find("^%a+:") then
        local file, anchor = target:match("^([^#]*)#?(.*)$")
        file = file == "" and path or folder .. file
        repeat
          local count
          file, count = file:gsub("[^/]+/%.%./", "", 1)
        until count == 0
        list[#list + 1] = { file = file, anchor = anchor }
      end
    end
    return list
  end

  it("lead to files and headings that are there", function()
    for path in pairs(pages) do
      for _, link in ipairs(links(path)) do
        assert.message(("%s leads to %s"):format(path, link.file)).is_true(exists(link.file))
        if link.anchor ~= "" then
          local has_anchor = false
          for _, heading in ipairs(markdown.headings(pages[link.file])) do
            has_anchor = has_anchor or markdown.anchor(heading.text) == link.anchor
          end
          assert.message(("%s: %s#%s"):format(path, link.file, link.anchor)).is_true(has_anchor)
        end
      end
    end
  end)

  it("lead from README to every page of docs/", function()
    local reached, queue = {}, { "README.md" }
    while queue[1] do
      local path = table.remove(queue)
      if pages[path] and not reached[path] then
        reached[path] = true
        for _, link in ipairs(links(path)) do
          queue[#queue + 1] = link.file
        end
      end
    end
    for path in pairs(pages) do
      if path:find("^docs/") then
        assert.message(path .. " cannot be found from README").is_true(reached[path])
      end
    end
  end)
end)
