-- A new provider is three files: its definition, its recorded answers and its page. With these
-- alone the module, the command, the completions and the sandbox have it.

local files = require("spec.support.files")
local json = require("stopmsg.json")
local server = require("spec.support.server")

local DEFINITION = [[
return {
  name = "acme",
  about = "Acme: cancels a message",
  docs = "https://acme.example/docs",
  url = "https://{region}.acme.example/v9",
  settings = {
    region = { one_of = { "eu", "us" }, default = "eu", about = "where the account is" },
  },
  headers = { ["X-Key"] = "{token}" },
  id = { pattern = "^m%d+$", about = "an id like m0000000001" },
  error = { code = "code", form = "string" },
  stop = {
    request = "POST /messages/{id}/cancel",
    [200] = { id = "id", code = "state", means = { cancelled = "stopped" } },
    refused = { GONE = "too_late", NONE = "not_found" },
  },
}
]]

local ANSWERS = [[
return {
  id = "m%010d",
  stop = {
    scheduled = { status = 200, body = '{"id":"<id>","state":"cancelled"}', says = "stopped" },
    stopped = { status = 200, body = '{"id":"<id>","state":"cancelled"}', says = "stopped" },
    sent = { status = 409, body = '{"code":"GONE"}', says = "too_late" },
    missing = { status = 404, body = '{"code":"NONE"}', says = "not_found" },
  },
  credentials = { status = 401, body = '{"code":"KEY"}' },
}
]]

local PAGE = "# Acme\n\n`provider = \"acme\"`.\n"

describe("a provider of three files", function()
  local folder, run

  setup(function()
    folder = files.folder()
    assert(os.execute("cp -r lua bin tools docs '" .. folder .. "'"))
    files.write(folder .. "/lua/stopmsg/provider/acme.lua", DEFINITION)
    files.write(folder .. "/lua/stopmsg/sandbox/answers/acme.lua", ANSWERS)
    files.write(folder .. "/docs/providers/acme.md", PAGE)
    local path = ("%s/lua/?.lua;%s/lua/?/init.lua;;"):format(folder, folder)
    function run(command)
      local pipe = io.popen(("env LUA_PATH='%s' LUA_PATH_5_2='%s' LUA_PATH_5_3='%s' "
        .. "LUA_PATH_5_4='%s' STOPMSG_TOKEN=sandbox %s 2>&1"):format(path, path, path, path,
        command))
      local text = pipe:read("*a")
      pipe:close()
      return text
    end
  end)

  teardown(function()
    files.remove(folder)
  end)

  local function stopmsg(arguments)
    return run(("'%s' bin/stopmsg %s"):format(server.interpreter(), arguments))
  end

  it("is listed by the module and by the command, with all that it can do", function()
    assert.matches("\nacme +Acme: cancels a message\n", "\n" .. stopmsg("providers"))
    local shown = stopmsg("providers acme")
    for _, word in ipairs({ "STOPMSG_ACME_TOKEN", "region=", "POST /messages/{id}/cancel",
      "one of eu, us", "an id like m0000000001" }) do
      assert.matches(word, shown, 1, true)
    end
    assert.matches("acme", run(("'%s' -e 'print(table.concat(require(\"stopmsg\").providers()))'")
      :format(server.interpreter())), 1, true)
  end)

  it("is offered by the completion", function()
    local offered = run(("bash -c 'source <(\"%s\" tools/papers.lua bash); "
      .. "COMP_WORDS=(stopmsg stop -p a) COMP_CWORD=3; _stopmsg; echo \"${COMPREPLY[@]}\"'")
      :format(server.interpreter()))
    assert.matches("acme", offered, 1, true)
  end)

  it("is served by the sandbox, and stopped there by the command", function()
    local script = ([[
      '%s' bin/stopmsg sandbox > '%s/out' &
      while ! grep -q listening '%s/out' 2>/dev/null; do sleep 0.02; done
      url=$(sed 's/.* //' '%s/out')
      '%s' bin/stopmsg stop -p acme --base-url "$url" --format csv \
        m0000000001 m0000000409 m0000000404
      kill $!
    ]]):format(server.interpreter(), folder, folder, folder, server.interpreter())
    files.write(folder .. "/script", script)
    local shown = run("bash '" .. folder .. "/script'")
    for _, line in ipairs({ "m0000000001,stopped,", "m0000000409,too_late,",
      "m0000000404,not_found," }) do
      assert.matches(line, shown, 1, true)
    end
  end)
end)

-- The same of one whose tokens end, without files: the sandbox gives them.
describe("a provider whose tokens are fetched", function()
  local memory = require("stopmsg.sandbox.memory")
  local providers = require("stopmsg.provider")
  local recorded = require("stopmsg.sandbox.recorded")

  local function read(source)
    return assert((rawget(_G, "loadstring") or load)(source))()
  end

  it("gets one from the sandbox for the user's, and no answer with another", function()
    local definition = read(DEFINITION)
    definition.headers = { Authorization = "Bearer {token}" }
    definition.token = { request = "POST https://auth.acme.example/oauth2/token",
      auth = { basic = "me:{token}" }, form = { grant_type = "client_credentials" },
      value = "data.access_token", lasts = "expires_in" }
    local platform = recorded.of(providers.check(definition), read(ANSWERS),
      memory.new(os.time, 0))

    local function ask(path, authorization, body)
      local answer = platform:answer({ method = "POST", path = path, query = "",
        headers = { authorization = authorization }, body = body or "" })
      return answer.status, answer.body
    end
    local status, body = ask("/oauth2/token", "Basic bWU6c2FuZGJveA==",
      "grant_type=client_credentials")
    assert.equal(200, status)
    local given = json.decode(body)
    assert.same({ data = { access_token = "sandbox-fetched" }, expires_in = 3600 }, given)
    assert.equal(401, (ask("/oauth2/token", "Basic bWU6d3Jvbmc=", "grant_type=client_credentials")))
    assert.equal(401, (ask("/v9/messages/m0000000001/cancel", "Bearer sandbox")))
    assert.equal(200, (ask("/v9/messages/m0000000001/cancel", "Bearer sandbox-fetched")))
  end)
end)
