-- Every fenced block of README.md, CONTRIBUTING.md, docs/ and examples/ is what it says it is: Lua
-- compiles, shell parses, and what needs nothing but stopmsg is run against the sandbox, as a
-- reader would who goes through the page from its top. `-->`, and a block of text after one of
-- shell, are what has to come out.

local examples = require("spec.support.examples")
local json = require("stopmsg.json")
local markdown = require("spec.support.markdown")
local providers = require("stopmsg.provider")

local load_text = rawget(_G, "loadstring") or load

-- Blocks of shell with one of these words are not run: they install, or run for long.
local NOT_RUN = {
  "apt%-get", "make", "luarocks", "git", "nginx", "openresty", "curl", "find", "cron%.sh",
  "stand_in%.py",
}

local FILES = {
  ["ids.txt"] = "2a28d557-22a1-4be6-8908-148172300001\nno-uuid\n"
    .. "811c27e3-3bc4-406a-9fcd-44435a820403\n",
  ["export.csv"] = "name,message_code\nx,C3F8-C3863ED4-334AD4F1\n",
  ["app.log"] = "sent uuid=063464ec-a34f-4558-90c5-984395010001 ok\n",
  ["revicom.token"] = "sandbox\n",
  ["own_provider.lua"] = examples.contents("examples/own_provider.lua"),
}

-- The address of the sandbox where a block gives none.
local PRELUDE = [[
local stopmsg = require("stopmsg")
local function with_base(f)
  return function(options, ...)
    if type(options.provider) == "string" and not options.base_url then
      options.base_url = os.getenv("STOPMSG_BASE_URL")
    end
    return f(options, ...)
  end
end
stopmsg.new, stopmsg.stop = with_base(stopmsg.new), with_base(stopmsg.stop)
]]

local COMMAND = [[
#!/bin/sh
case $1 in
sandbox) test "${2-}" = --help || exit 0 ;;
stop | status | check)
  case " $* " in
  *" --base-url "*) ;;
  *)
    command=$1
    shift
    set -- "$command" --base-url "$STOPMSG_BASE_URL" "$@"
    ;;
  esac
  ;;
esac
code=0
stopmsg.real "$@" || code=$?
echo "$code $*" >>%s
exit "$code"
]]

local function pages()
  local list = {}
  local pipe = io.popen("find *.md docs examples -name '*.md' | sort")
  for path in pipe:lines() do
    list[#list + 1] = path
  end
  pipe:close()
  return list
end

-- What differs from run to run, made the same.
local function plain(text, place)
  return (text:gsub(place.sandbox.url:gsub("%p", "%%%0"), "http://127.0.0.1:8080")
    :gsub(place.sandbox.url:match("//(.*)"):gsub("%p", "%%%0"), "127.0.0.1:8080")
    :gsub("%d+%.%d+ s%)", "0.01 s)"):gsub("[ \t]+", " "):gsub(" \n", "\n"))
end

local function with_port(text, place)
  return (text:gsub("http://127%.0%.0%.1:8080", (place.sandbox.url:gsub("%%", "%%%%"))))
end

-- Whether nothing but stopmsg is needed.
local function is_complete(script)
  for _, word in ipairs(NOT_RUN) do
    if script:find("%f[%w]" .. word .. "%f[^%w]") then
      return false
    end
  end
  return script:find("stopmsg", 1, true) ~= nil
end

local function is_definition(text)
  return text:find("^return ") or text:find("\nreturn ")
end

local function check_lua(place, path, blocks)
  local program, expected = { PRELUDE }, {}
  for _, block in ipairs(blocks) do
    if block.language == "lua" then
      local where = path .. ":" .. block.line
      local chunk, message = load_text(block.text, "@" .. where)
      assert.message(message).is_truthy(chunk)
      if is_definition(block.text) then
        assert.message(where).is_truthy(providers.check(chunk()))
      elseif not block.info:find("fragment") then
        program[#program + 1] = with_port(block.text, place)
        for said in block.text:gmatch("%-%-> ([^\n]*)") do
          expected[#expected + 1] = said
        end
      end
    end
  end
  if #program == 1 then
    return
  end
  place:write("page.lua", table.concat(program, "\n"))
  local code, out, err = place:run("$lua page.lua")
  assert.message(path .. ": " .. err).equal(0, code)
  out = plain("\n" .. out, place)
  local at = 1
  for _, line in ipairs(expected) do
    local wanted = "\n" .. plain(line .. "\n", place)
    local from, to = out:find(wanted, at, true)
    assert.message(("%s: expected '%s' in%s"):format(path, line, out:sub(at))).is_truthy(from)
    at = to
  end
end

local function check_sh(place, path, blocks)
  for i, block in ipairs(blocks) do
    if block.language == "sh" then
      local where = path .. ":" .. block.line
      local script = with_port(block.text, place)
      place:write("block.sh", script)
      local code, _, err = place:run("sh -n block.sh")
      assert.message(where .. ": " .. err).equal(0, code)
      if is_complete(block.text) then
        place:write("codes", "")
        -- What waits for a sandbox need not.
        local out
        code, out, err = place:run("sleep() { :; }; . ./block.sh")
        assert.message(where .. ": " .. err).is_true(code < 126)
        for line in place:read("codes"):gmatch("[^\n]+") do
          assert.message(("%s: exit code %s\n%s"):format(where, line, err))
            .is_true(not line:find("^[126] "))
        end
        local text = blocks[i + 1] and blocks[i + 1].language == "text" and blocks[i + 1].text
        if text then
          assert.message(where).equal(plain(text, place), plain(out, place))
        end
      end
    end
  end
end

describe("the blocks of", function()
  local place

  setup(function()
    place = examples.open(FILES)
    place:run("mv bin/stopmsg bin/stopmsg.real")
    place:write("bin/stopmsg", COMMAND:format(place.dir .. "/codes"))
    place:run("chmod 700 bin/stopmsg")
  end)

  teardown(function()
    place:stop()
  end)

  for _, path in ipairs(pages()) do
    local blocks = markdown.blocks(markdown.read(path))
    if #blocks > 0 then
      it(path .. " are right, and do what the page says", function()
        for _, block in ipairs(blocks) do
          assert.message(("%s:%d"):format(path, block.line)).is_true(block.language ~= "")
          if block.language == "json" then
            assert.is_truthy(json.decode(block.text))
          end
        end
        check_lua(place, path, blocks)
        check_sh(place, path, blocks)
      end)
    end
  end
end)
