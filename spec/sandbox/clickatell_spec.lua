local json = require("stopmsg.json")
local sandbox = require("stopmsg.sandbox")

local function id_of(ending)
  return "a55b8f8d56f33440e993aa614c68" .. ending
end

local function ask(served, method, id, headers)
  local sent = {
    authorization = "Bearer sandbox",
    ["x-version"] = "1",
    accept = "application/json",
  }
  for name, value in pairs(headers or {}) do
    sent[name] = value or nil
  end
  local path = "/rest/message/" .. id
  return served:answer({ method = method, path = path, headers = sent, body = "" })
end

local function data(answer)
  return json.decode(answer.body).data
end

describe("stopmsg.sandbox.clickatell", function()
  local served

  before_each(function()
    served = sandbox.new()
  end)

  local refused = {
    { "no token", { authorization = false }, 401, "001" },
    { "a wrong token", { authorization = "Bearer x" }, 401, "001" },
    { "a token of another type", { authorization = "Bearer sandbox-type-2" }, 401, "001" },
    { "another scheme", { authorization = "Basic sandbox" }, 401, "001" },
    { "no version", { ["x-version"] = false }, 400, "165" },
    { "another version", { ["x-version"] = "2" }, 400, "165" },
    { "another Accept", { accept = "text/html" }, 400, "166" },
  }
  for _, case in ipairs(refused) do
    it(("%s gets %d/%s"):format(case[1], case[3], case[4]), function()
      for _, method in ipairs({ "DELETE", "GET" }) do
        local answer = ask(served, method, id_of("bf8b"), case[2])
        assert.equal(case[3], answer.status)
        assert.equal(case[4], json.decode(answer.body).error.code)
      end
    end)
  end

  it("stops, as often as asked", function()
    local id = id_of("bf8b")
    assert.equal("011", data(ask(served, "GET", id)).messageStatus)
    for _ = 1, 2 do
      local answer = ask(served, "DELETE", id)
      assert.equal(200, answer.status)
      assert.equal(1, answer.ids)
      assert.same({
        messageStatus = "006",
        description = "User cancelled message delivery",
        apiMessageId = id,
      }, data(answer))
    end
    assert.equal("006", data(ask(served, "GET", id:upper())).messageStatus)
  end)

  it("answers a fate from 0001 to 0015 with that status", function()
    for i = 1, 15 do
      local status = ("%03d"):format(i)
      for _, method in ipairs({ "GET", "DELETE", "GET" }) do
        local answer = ask(served, method, id_of("0" .. status))
        assert.equal(200, answer.status)
        assert.equal(status, data(answer).messageStatus)
      end
    end
    assert.equal("006", data(ask(served, "DELETE", id_of("0016"))).messageStatus)
  end)

  it("does not know an id that ends in 0404", function()
    for _, method in ipairs({ "GET", "DELETE" }) do
      local answer = ask(served, method, id_of("0404"))
      assert.equal(404, answer.status)
      assert.equal("161", json.decode(answer.body).error.code)
    end
  end)

  it("names another id in the answer to a stop of 0999", function()
    local id = id_of("0999")
    assert.not_equal(id, data(ask(served, "DELETE", id)).apiMessageId)
    local now = data(ask(served, "GET", id))
    assert.equal(id, now.apiMessageId)
    assert.equal("006", now.messageStatus)
  end)

  it("fails once or always", function()
    local first = ask(served, "DELETE", id_of("0429"))
    assert.equal(429, first.status)
    assert.equal("1", first.headers["Retry-After"])
    assert.equal("006", data(ask(served, "DELETE", id_of("0429"))).messageStatus)
    assert.equal(500, ask(served, "DELETE", id_of("0500")).status)
    assert.equal(200, ask(served, "DELETE", id_of("0500")).status)
    for _ = 1, 3 do
      assert.equal(503, ask(served, "DELETE", id_of("0503")).status)
    end
  end)

  it("answers in XML where that is asked for", function()
    local headers = { accept = "application/xml" }
    local answer = ask(served, "DELETE", id_of("bf8b"), headers)
    assert.equal("application/xml", answer.headers["Content-Type"])
    assert.truthy(answer.body:find("<response><data><messageStatus>006</messageStatus><description>"
      .. "User cancelled message delivery</description><apiMessageId>" .. id_of("bf8b")
      .. "</apiMessageId></data></response>", 1, true))
    answer = ask(served, "DELETE", id_of("0404"), headers)
    assert.equal(404, answer.status)
    assert.truthy(answer.body:find("<response><error><code>161</code>", 1, true))
    answer = ask(served, "DELETE", "%3Ca%26b", headers)
    assert.truthy(answer.body:find("<apiMessageId>&lt;a&amp;b</apiMessageId>", 1, true))
  end)

  it("answers in JSON where nothing or anything is asked for", function()
    for _, accept in ipairs({ false, "*/*", "text/html, application/json;q=0.9" }) do
      local answer = ask(served, "GET", id_of("bf8b"), { accept = accept })
      assert.equal("application/json", answer.headers["Content-Type"])
    end
  end)

  it("has no other methods and wants an id", function()
    assert.equal("160", json.decode(ask(served, "POST", id_of("bf8b")).body).error.code)
    assert.equal("109", json.decode(ask(served, "DELETE", "").body).error.code)
    assert.equal("161", json.decode(ask(served, "DELETE", "a/b").body).error.code)
  end)
end)
