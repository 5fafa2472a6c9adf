local core = require("stopmsg.core")

describe("stopmsg.core.secret", function()
  for what, token in pairs({
    ["an empty token"] = "",
    ["a line feed"] = "abc\nX-Evil: 1",
    ["a line break at the end"] = "abc\r\n",
    ["a NUL"] = "ab\0c",
    ["a DEL"] = "ab\127c",
    ["a space around it"] = " abc",
    ["8193 bytes"] = ("x"):rep(8193),
  }) do
    it("refuses " .. what .. ", and does not repeat the token", function()
      local secret, message = core.secret(token)
      assert.is_nil(secret)
      assert.is_string(message)
      assert.is_nil(message:find("abc", 1, true))
    end)
  end

  it("takes what a header can hold", function()
    assert.is_truthy(core.secret("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="))
    assert.is_truthy(core.secret(("x"):rep(8192)))
    assert.is_truthy(core.secret("with space inside"))
  end)

  it("hides the token wherever it stands in a text", function()
    local secret = core.secret("canary")
    assert.equal("[token], [token][token] canar", secret:redact("canary, canarycanary canar"))
    assert.equal("nothing here", secret:redact("nothing here"))
    assert.equal("", secret:redact(""))
    assert.equal("\0[token]\0", secret:redact("\0canary\0"))
  end)

  it("leaves the words that a token of a letter or three is a part of", function()
    for token, expected in pairs({
      a = "Failed, at 'a_[token]': [token]=[token], a1 A",
      ["1"] = "1st [token]-11",
      abc = 'x-[token], abcd, {"key":"[token]"}',
      ["+a"] = "b[token] [token]",
      sand = "thou[token]s",
    }) do
      local given = expected:gsub("%[token%]", (token:gsub("%%", "%%%%")))
      assert.equal(expected:gsub("'a_", "'[token]_"), core.secret(token):redact(given))
    end
  end)

  it("hides the Base64 of a short token", function()
    local secret = core.secret("a")
    secret:hide("user:", "")
    assert.equal("Basic [token]", secret:redact("Basic dXNlcjph"))
  end)

  it("tells nobody what it is", function()
    local secret = core.secret("canary")
    assert.equal("stopmsg.secret", tostring(secret))
    assert.equal("stopmsg.secret", getmetatable(secret))
  end)

  it("is wiped by close, which may be called twice", function()
    local secret = core.secret("canary")
    secret:close()
    secret:close()
    assert.equal("canary", secret:redact("canary"))
    local engine = core.engine({ slots = 1, max_response = 1, connect_timeout = 1 })
    local operation = engine:prepare({
      method = "GET",
      base = "http://127.0.0.1:1",
      url = { "/" },
      headers = { { "Authorization: Basic ", { "token" } } },
    })
    assert.has_error(function()
      engine:authorize(operation, secret)
    end, "attempt to use a wiped token")
    engine:close()
  end)
end)
