-- docs/openresty.md: what it gives for nginx.conf compiles, and stops a message in a real nginx.

local fetch = require("spec.support.fetch")
local markdown = require("spec.support.markdown")
local nginx = require("spec.support.nginx")
local server = require("spec.support.server")

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

  if nginx.is_due() then
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
