-- The holes of a request: where ids, their parts, a UUID and the token stand in it.

local core = require("stopmsg.core")
local engines = require("spec.support.engines")
local server = require("spec.support.server")

local TOKEN = "can/ary+7 f3\"a"

describe("stopmsg.core.template", function()
  local echo, base

  setup(function()
    echo = server.echo()
    base = echo.first_line
  end)

  teardown(function()
    echo:stop()
  end)

  local function new_engine()
    return assert(engines.new({ slots = 2, max_response = 100000, connect_timeout = 120,
      user_agent = "spec", proxy = "" }))
  end

  local function prepare(engine, fields)
    local all = { method = "POST", base = base, url = { "/" }, headers = { "Expect:" } }
    for name, value in pairs(fields) do
      all[name] = value
    end
    local operation = engine:prepare(all)
    engine:authorize(operation, (core.secret(TOKEN)))
    return operation
  end

  local function collect(engine)
    for _ = 1, 12000 do
      engine:step()
      local slot, _, body = engine:collect()
      if slot then
        return body
      end
      engine:wait(0.01)
    end
  end

  -- The bytes of one request as a server gets them.
  local function sent(fields, ids, uuid)
    local engine = new_engine()
    local operation = prepare(engine, fields)
    assert(engine:submit(operation, ids, 1, #ids, 120, uuid))
    local body = collect(engine)
    engine:close()
    return body
  end

  local function line_of(request)
    return request:match("^[^\r]*")
  end

  local function body_of(request)
    return request:match("\r\n\r\n(.*)$")
  end

  it("writes the first id wherever it is asked for, each time escaped for its place", function()
    local request = sent({
      url = { "/a/", { "id", "percent" }, "?x=", { "id", "percent" } },
      headers = { "Expect:", { "X-Id: ", { "id", "header" }, ";" } },
      body = { '{"id":"', { "id", "json" }, '","n":', { "id", "raw" }, "}" },
    }, { 'a"/b' })
    assert.equal("POST /a/a%22%2Fb?x=a%22%2Fb HTTP/1.1", line_of(request))
    assert.matches('\r\nX-Id: a"/b;\r\n', request, 1, true)
    assert.equal('{"id":"a\\"/b","n":a"/b}', body_of(request))
  end)

  it("writes the parts of an id, what divides them standing again in the last", function()
    local fields = {
      split = { "/", ":" },
      url = { "/", { "id", "percent", 1 }, "/", { "id", "percent", 2 } },
      body = { { "id", "xml", 3 } },
    }
    local request = sent(fields, { "a/b:c/d:e&" })
    assert.equal("POST /a/b HTTP/1.1", line_of(request))
    assert.equal("c/d:e&amp;", body_of(request))
  end)

  it("writes lists of ids, or of a part, and texts that hold for all of them", function()
    local request = sent({
      split = { "/" },
      url = { "/", { "id", "percent", 1 }, "?m=", { "ids", "percent", 2, "&m=" }, "&z=1" },
      body = { '["', { "ids", "json", 0, '","' }, '"]' },
    }, { "c/1", "c/2", "c/3/4" })
    assert.equal("POST /c?m=1&m=2&m=3%2F4&z=1 HTTP/1.1", line_of(request))
    assert.equal('["c/1","c/2","c/3/4"]', body_of(request))
  end)

  it("writes a UUID", function()
    local request = sent({
      url = { "/", { "uuid" } },
      headers = { { "Idempotency-Key: ", { "uuid" } } },
      body = { { "uuid" } },
    }, {}, "1-2-3")
    assert.equal("POST /1-2-3 HTTP/1.1", line_of(request))
    assert.matches("\r\nIdempotency-Key: 1-2-3\r\n", request, 1, true)
    assert.equal("1-2-3", body_of(request))
  end)

  for title, case in pairs({
    ["a header"] = { { headers = { { "X-Key: ", { "token", "header" } } } },
      "\r\nX-Key: " .. TOKEN .. "\r\n" },
    ["a second header"] = { { headers = { { "A: ", { "token" } }, { "B: x", { "token" }, "y" } } },
      "\r\nB: x" .. TOKEN .. "y\r\n" },
    ["a header that differs by request"] = {
      { headers = { { "A: ", { "id", "header" }, ":", { "token" } } } },
      "\r\nA: id:" .. TOKEN .. "\r\n" },
    ["the path"] = { { url = { "/bot", { "token", "percent" }, "/x" } },
      "POST /botcan%2Fary%2B7%20f3%22a/x HTTP" },
    ["the path, as its maker writes it"] = {
      { url = { "/bot", { "token", "path" }, "/x" } }, "POST /botcan%2Fary+7%20f3%22a/x HTTP" },
    ["the query"] = { { url = { "/x?key=", { "token", "percent" } } },
      "POST /x?key=can%2Fary%2B7%20f3%22a HTTP" },
    ["the body"] = { { body = { '{"key":"', { "token", "json" }, '"}' } },
      '{"key":"can/ary+7 f3\\"a"}' },
    ["Basic, as password"] = { { headers = { { "Authorization: Basic ",
      { "basic", "user:", "" } } } }, "\r\nAuthorization: Basic dXNlcjpjYW4vYXJ5KzcgZjMiYQ==\r\n" },
    ["Basic, as user"] = { { headers = { { "Authorization: Basic ", { "basic", "", ":" } } } },
      "\r\nAuthorization: Basic Y2FuL2FyeSs3IGYzImE6\r\n" },
  }) do
    it("fills the token into " .. title .. ", and hides it from who looks", function()
      local engine = new_engine()
      local operation = prepare(engine, case[1])
      local function look()
        local _, origin, target, headers, body = engine:preview(operation, { "id" }, 1, 1, "")
        assert.equal(base, origin)
        local shown = target .. "\n" .. table.concat(headers, "\n") .. "\n" .. tostring(body)
        assert.matches("[token]", shown, 1, true)
        for _, word in ipairs({ "can", "dXNlcjpjYW4", "Y2FuL2" }) do
          assert.is_nil(shown:find(word, 1, true))
        end
      end
      look()
      -- Twice: the second time nothing of the first is left to be sent.
      for _ = 1, 2 do
        assert(engine:submit(operation, { "id" }, 1, 1, 120))
        assert.matches(case[2], collect(engine), 1, true)
      end
      look()
      engine:close()
    end)

    it("needs a token for " .. title, function()
      local engine = new_engine()
      local all = { method = "POST", base = base, url = { "/" }, headers = {} }
      for name, value in pairs(case[1]) do
        all[name] = value
      end
      local operation = engine:prepare(all)
      assert.error_matches(function()
        engine:submit(operation, { "id" }, 1, 1, 120)
      end, "no token yet")
      engine:close()
    end)
  end

  it("shows what it would send", function()
    local engine = new_engine()
    local operation = prepare(engine, {
      method = "PUT",
      base = base .. "/pre/",
      url = { "/a/", { "id", "percent" } },
      headers = { "X-A: 1", { "X-B: ", { "uuid" } }, { "X-C: ", { "token" } } },
      body = { "[", { "ids", "raw", 0, "," }, "]" },
    })
    local method, origin, target, headers, body = engine:preview(operation, { "1", "2" }, 1, 2,
      "u")
    engine:close()
    assert.equal("PUT", method)
    assert.equal(base, origin)
    assert.equal("/pre/a/1", target)
    table.sort(headers)
    assert.same({ "X-A: 1", "X-B: u", "X-C: [token]" }, headers)
    assert.equal("[1,2]", body)
  end)

  for title, case in pairs({
    ["an id without its parts"] = { { split = { "/" }, url = { "/", { "id", "raw", 2 } } }, "a" },
    ["a line break in a header"] = { { headers = { { "A: ", { "id", "header" } } } }, "a\r\nB: c" },
  }) do
    it("sends nothing for " .. title, function()
      local engine = new_engine()
      local operation = prepare(engine, case[1])
      assert.error_matches(function()
        engine:submit(operation, { case[2] }, 1, 1, 120)
      end, "could not be written")
      assert.error_matches(function()
        engine:preview(operation, { case[2] }, 1, 1, "")
      end, "could not be written")
      engine:close()
    end)
  end
end)

describe("stopmsg.core.secret", function()
  it("hides the token as URLs, JSON and XML write it", function()
    local secret = core.secret('a/"b&')
    for _, text in ipairs({ 'a/"b&', "a%2F%22b%26", "a%2f%22b%26", 'a/\\"b&',
      "a/&quot;b&amp;" }) do
      assert.equal("<[token]>", secret:redact("<" .. text .. ">"))
    end
  end)

  it("hides Base64 of it and what stands around it, with padding and without", function()
    local secret = core.secret("secret")
    secret:hide("user:", "")
    secret:hide("", ":")
    for _, text in ipairs({ "dXNlcjpzZWNyZXQ=", "dXNlcjpzZWNyZXQ", "dXNlcjpzZWNyZXQ%3D",
      "c2VjcmV0Og==" }) do
      assert.is_nil(secret:redact("<" .. text .. ">"):find("dXN", 1, true))
      assert.matches("^<%[token%]", secret:redact("<" .. text .. ">"))
    end
    secret:close()
  end)
end)
