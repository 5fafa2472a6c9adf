-- docs/openresty.md: what it gives for nginx.conf compiles, and stops a message in a real nginx.

local files = require("spec.support.files")
local fetch = require("spec.support.fetch")
local markdown = require("spec.support.markdown")
local nginx = require("spec.support.nginx")
local server = require("spec.support.server")
local uv = require("luv")

local load_text = rawget(_G, "loadstring") or load

describe("docs/openresty.md", function()
  local blocks = {}
  for _, block in ipairs(markdown.blocks(markdown.read("docs/openresty.md"))) do
    if block.language == "nginx" then
      blocks[#blocks + 1] = block.text
    end
  end

  it("has Lua that compiles in its blocks", function()
    local count = 0
    for _, text in ipairs(blocks) do
      for body in text:gmatch("_by_lua_block (%b{})") do
        count = count + 1
        assert.is_truthy(load_text(body:sub(2, -2)))
      end
    end
    assert.is_true(count >= 3)
  end)

  local whole
  for i, text in ipairs(blocks) do
    if text:find("\nevents {}", 1, true) then
      whole = table.remove(blocks, i)
    end
  end

  if nginx.is_due() then
    it("has a whole configuration that runs as it is", function()
      local sandbox = server.start()
      -- Modules are loaded by what starts it here, and the module is not installed.
      local changes = {
        { "load_module %S+;\n", "", 2 },
        { "pid nginx%.pid;", "pid $dir/pid;", 1 },
        { "127%.0%.0%.1:8000", "127.0.0.1:$port", 1 },
        { "/usr/local/share/lua/5%.1", uv.cwd() .. "/lua", 2 },
        { "/usr/local/lib/lua/5%.1", uv.cwd() .. "/" .. os.getenv("BUILD_DIR"), 1 },
      }
      local config = whole
      for _, change in ipairs(changes) do
        local count
        config, count = config:gsub(change[1], change[2])
        assert.message(change[1]).equal(change[3], count)
      end
      local worker = nginx.start({ config = config, environment = { STOPMSG_TOKEN = "sandbox",
        STOPMSG_BASE_URL = sandbox.url, LUA_PATH = ";;", LUA_CPATH = ";;" } })
      local said = fetch.one(worker.port, "/stop", "2a28d557-22a1-4be6-8908-1481723043dd\nnone\n")
      local _, status = fetch.one(worker.port, "/stop", " \n")
      local log = server.wait(function()
        local text = files.read(worker.dir .. "/access.log")
        return text:find("400", 1, true) and text
      end)
      worker:stop()
      sandbox:stop()
      assert.equal("2a28d557-22a1-4be6-8908-1481723043dd stopped 200\nnone invalid malformed_id\n",
        said)
      assert.equal(400, status)
      assert.is_truthy(log:find('"2 ids: 1 stopped, 1 invalid', 1, true))
    end)

    it("stops a message in a request, and from a phase that cannot wait", function()
      local sandbox = server.start()
      local made = ('provider = "revicom", base_url = "%s"'):format(sandbox.url)
      local first, count = blocks[1]:gsub('provider = "revicom"', made)
      assert.equal(1, count)
      local worker = nginx.start({
        main = first:match("^(env [^\n]*\n)"),
        http = first:match("\n(  init_by_lua_block %b{})"),
        server = first:match("server {\n(.*)\n  }\n}\n$")
          .. "\nlocation = /logged { return 200 ok;\n" .. blocks[2] .. "}",
        environment = { STOPMSG_TOKEN = "sandbox" },
      })
      local said = fetch.one(worker.port, "/stop?id=2a28d557-22a1-4be6-8908-1481723043dd")
      local logged = fetch.one(worker.port, "/logged?id=2a28d557-22a1-4be6-8908-1481723043de")
      local bare, answer = fetch.one(worker.port, "/stop")
      server.wait(function() return #sandbox:log() == 2 end)
      worker:stop()
      sandbox:stop()
      assert.equal("stopped\n", said)
      assert.equal("ok", logged)
      assert.equal(400, answer, bare)
      assert.equal(2, #sandbox:log())
    end)
  end
end)
